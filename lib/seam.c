// SPDX-License-Identifier: Apache-2.0
#include "seam.h"

#include "bytes.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { K_U8 = 1, K_U16, K_U32, K_S32, K_U64, K_SECRET, K_ADDRESS, K_BYTES, K_NOTE, K_TEXT };

struct field {
	uint8_t kind; /* 0: no such attribute */
	uint16_t off;
};
#define FIELD(k, member)                                                                           \
	{                                                                                          \
		(k), (uint16_t)offsetof(struct seam_msg, member)                                   \
	}

/* The policy: where each attribute lives in struct seam_msg and what it is. */
static const struct field fields[SEAM_A_END] = {
	[SEAM_A_VERSION] = FIELD(K_U32, version),
	[SEAM_A_WORKERS] = FIELD(K_U32, workers),
	[SEAM_A_SUITES] = FIELD(K_U32, suites),
	[SEAM_A_LISTENER] = FIELD(K_U32, listener),
	[SEAM_A_LINK] = FIELD(K_U32, link),
	[SEAM_A_OUT_LINK] = FIELD(K_U32, out_link),
	[SEAM_A_UP] = FIELD(K_U8, up),
	[SEAM_A_FRAME_MAX] = FIELD(K_U16, frame_max),
	[SEAM_A_LABEL] = FIELD(K_U32, label),
	[SEAM_A_LABEL_TX] = FIELD(K_U32, label_tx),
	[SEAM_A_SESSION] = FIELD(K_U32, session),
	[SEAM_A_SERIAL] = FIELD(K_U64, serial),
	[SEAM_A_ROLE] = FIELD(K_U8, role),
	[SEAM_A_SUITE] = FIELD(K_U8, suite),
	[SEAM_A_PATH_FLAGS] = FIELD(K_U8, path_flags),
	[SEAM_A_CHAIN_RX] = FIELD(K_SECRET, chain_rx),
	[SEAM_A_CHAIN_TX] = FIELD(K_SECRET, chain_tx),
	[SEAM_A_EXPORTER] = FIELD(K_SECRET, exporter),
	[SEAM_A_CLOSE] = FIELD(K_U8, close),
	[SEAM_A_MESSAGE] = FIELD(K_U32, message),
	[SEAM_A_MORE] = FIELD(K_U8, more),
	[SEAM_A_FRAME] = FIELD(K_BYTES, frame),
	[SEAM_A_PEER] = FIELD(K_TEXT, peer),
	[SEAM_A_ERROR] = FIELD(K_S32, error),
	[SEAM_A_CODE] = FIELD(K_U8, code),
	[SEAM_A_IDLE_MS] = FIELD(K_U32, idle_ms),
	[SEAM_A_EPOCH_TX] = FIELD(K_U32, epoch_tx),
	[SEAM_A_EPOCH_RX] = FIELD(K_U32, epoch_rx),
	[SEAM_A_FRAMES_RX] = FIELD(K_U64, frames_rx),
	[SEAM_A_FRAMES_TX] = FIELD(K_U64, frames_tx),
	[SEAM_A_BYTES_RX] = FIELD(K_U64, bytes_rx),
	[SEAM_A_BYTES_TX] = FIELD(K_U64, bytes_tx),
	[SEAM_A_DROPPED] = FIELD(K_U64, dropped),
	[SEAM_A_REPLAYS] = FIELD(K_U64, replays),
	[SEAM_A_AUTH_FAILURES] = FIELD(K_U64, auth_failures),
	[SEAM_A_RTT_US] = FIELD(K_U32, rtt_us),
	[SEAM_A_PORTAL] = FIELD(K_U32, portal),
	[SEAM_A_STREAM] = FIELD(K_U32, stream),
	[SEAM_A_SERVICE] = FIELD(K_TEXT, service),
	[SEAM_A_NOTE] = FIELD(K_NOTE, note),
	[SEAM_A_ORIGIN] = FIELD(K_U64, origin),
	[SEAM_A_MISSING] = FIELD(K_U32, missing),
	[SEAM_A_TAG_RX] = FIELD(K_U64, tag_rx),
	[SEAM_A_TAG_TX] = FIELD(K_U64, tag_tx),
	[SEAM_A_ADDRESS] = FIELD(K_ADDRESS, address),
	[SEAM_A_OPEN] = FIELD(K_U32, open),
	[SEAM_A_WORKER] = FIELD(K_U32, worker),
	[SEAM_A_COUNTERS] = FIELD(K_TEXT, counters),
	[SEAM_A_STREAMS] = FIELD(K_U64, streams),
	[SEAM_A_BUSY_POLL_US] = FIELD(K_U32, busy_poll_us),
	[SEAM_A_MAX_QUEUE] = FIELD(K_U64, max_queue),
	[SEAM_A_MAX_RATE] = FIELD(K_U64, max_rate),
	[SEAM_A_MAX_BURST] = FIELD(K_U64, max_burst),
	[SEAM_A_TENANT] = FIELD(K_U64, tenant),
	[SEAM_A_LIMITED] = FIELD(K_U64, limited),
	[SEAM_A_BYTES_THROUGH] = FIELD(K_U64, bytes_through),
	[SEAM_A_WANTED] = FIELD(K_U32, wanted),
	[SEAM_A_WHY] = FIELD(K_TEXT, why),
};

#define H(a) SEAM_HAS(SEAM_A_##a)
#define NONE (1ull << 63) /* this side never sends it */
static_assert(SEAM_A_END < 63, "attributes fit the mask");

/* What each command must carry: from control, and from the data plane (answers and events). */
struct command {
	const char *name;
	uint64_t need_control, need_dataplane;
};
#define CMD(c) [SEAM_##c - SEAM_CMD_BASE]
static const struct command commands[SEAM_CMD_END - SEAM_CMD_BASE] = {
	CMD(HELLO) = {"HELLO", H(VERSION), H(VERSION) | H(WORKERS) | H(SUITES)},
	CMD(LISTENER_ADD) = {"LISTENER_ADD", H(LISTENER), NONE},
	CMD(LISTENER_DEL) = {"LISTENER_DEL", H(LISTENER), NONE},
	CMD(LINK_ADD) = {"LINK_ADD", H(LINK), NONE},
	CMD(LINK_SET) = {"LINK_SET", H(LINK) | H(UP) | H(FRAME_MAX), NONE},
	CMD(LINK_DEL) = {"LINK_DEL", H(LINK), NONE},
	CMD(LINK_GET) = {"LINK_GET", H(LINK),
		H(LINK) | H(UP) | H(FRAMES_RX) | H(FRAMES_TX) | H(BYTES_RX) | H(BYTES_TX) |
			H(DROPPED) | H(BYTES_THROUGH)},
	CMD(LABEL_ADD) = {"LABEL_ADD", H(LINK) | H(LABEL), NONE},
	CMD(LABEL_DEL) = {"LABEL_DEL", H(LINK) | H(LABEL), NONE},
	CMD(LABEL_GET) = {"LABEL_GET", H(LINK) | H(LABEL), H(LINK) | H(LABEL) | H(IDLE_MS)},
	CMD(SESSION_ADD) = {"SESSION_ADD",
		H(SESSION) | H(SERIAL) | H(ROLE) | H(SUITE) | H(LINK) | H(LABEL) | H(LABEL_TX) |
			H(FRAME_MAX) | H(CHAIN_RX) | H(CHAIN_TX) | H(EXPORTER),
		NONE},
	CMD(SESSION_DEL) = {"SESSION_DEL", H(SESSION), NONE},
	CMD(SESSION_PING) = {"SESSION_PING", H(SESSION), NONE},
	CMD(SESSION_GET) = {"SESSION_GET", H(SESSION),
		H(SESSION) | H(EPOCH_TX) | H(EPOCH_RX) | H(FRAMES_RX) | H(FRAMES_TX) | H(BYTES_RX) |
			H(BYTES_TX) | H(REPLAYS) | H(AUTH_FAILURES) | H(RTT_US) | H(UP)},
	CMD(FRAME) = {"FRAME", H(LINK) | H(FRAME), H(LINK) | H(FRAME)},
	CMD(DGRAM) = {"DGRAM", H(LISTENER) | H(ADDRESS) | H(FRAME),
		H(LISTENER) | H(ADDRESS) | H(FRAME)},
	CMD(SESSION_MTU) = {"SESSION_MTU", NONE, H(SESSION) | H(FRAME_MAX)},
	CMD(KERNEL_GET) = {"KERNEL_GET", 0,
		H(OPEN) | H(WANTED) | H(FRAMES_RX) | H(BYTES_RX) | H(WHY)},
	CMD(LINK_SILENT) = {"LINK_SILENT", NONE, H(LINK)},
	CMD(MSG) = {"MSG", H(SESSION) | H(MESSAGE) | H(FRAME), H(SESSION) | H(MESSAGE) | H(FRAME)},
	CMD(LINK_NEW) = {"LINK_NEW", NONE, H(LINK) | H(LISTENER) | H(PEER)},
	CMD(LINK_LOST) = {"LINK_LOST", NONE, H(LINK) | H(ERROR)},
	CMD(LABEL_USED) = {"LABEL_USED", NONE, H(LINK) | H(LABEL)},
	CMD(SESSION_UP) = {"SESSION_UP", NONE, H(SESSION)},
	CMD(SESSION_BROKEN) = {"SESSION_BROKEN", NONE, H(SESSION) | H(ERROR)},
	CMD(SESSION_CLOSED) = {"SESSION_CLOSED", NONE, H(SESSION) | H(CLOSE)},
	CMD(LABEL_LOST) = {"LABEL_LOST", NONE, H(LINK) | H(LABEL) | H(CODE)},
	CMD(PORTAL_ADD) = {"PORTAL_ADD", H(PORTAL) | H(SESSION) | H(SERVICE), NONE},
	CMD(PORTAL_DEL) = {"PORTAL_DEL", H(PORTAL) | H(SESSION), NONE},
	CMD(PORTAL_GET) = {"PORTAL_GET", 0, H(OPEN) | H(STREAMS) | H(BYTES_RX) | H(BYTES_TX)},
	CMD(STATS_GET) = {"STATS_GET", H(WORKER), H(WORKER) | H(COUNTERS)},
	CMD(STREAM_ACCEPT) = {"STREAM_ACCEPT", H(SESSION) | H(STREAM), NONE},
	CMD(STREAM_REFUSE) = {"STREAM_REFUSE", H(SESSION) | H(STREAM) | H(CODE), NONE},
	CMD(STREAM_ASKED) = {"STREAM_ASKED", NONE, H(SESSION) | H(STREAM) | H(SERVICE)},
	CMD(STREAM_CLOSED) = {"STREAM_CLOSED", NONE,
		H(SESSION) | H(STREAM) | H(ERROR) | H(CODE) | H(PORTAL)},
	CMD(DIAL_ADD) = {"DIAL_ADD", H(SERVICE), NONE},
	CMD(DIAL_DEL) = {"DIAL_DEL", H(SERVICE), NONE},
	CMD(DIAL_WANTED) = {"DIAL_WANTED", NONE, H(SERVICE)},
	CMD(SET) = {"SET", 0, NONE},
	CMD(END) = {"END", 0, NONE},
	CMD(OUTLIVE) = {"OUTLIVE", 0, NONE},
	CMD(SESSION_SET) = {"SESSION_SET", H(SESSION) | H(NOTE), NONE},
	CMD(DUMP) = {"DUMP", 0, NONE},
	CMD(DUMP_LISTENER) = {"DUMP_LISTENER", NONE, H(LISTENER)},
	CMD(DUMP_LINK) = {"DUMP_LINK", NONE, H(LINK) | H(UP) | H(FRAME_MAX)},
	CMD(DUMP_LABEL) = {"DUMP_LABEL", NONE, H(LINK) | H(LABEL)},
	CMD(DUMP_PORTAL) = {"DUMP_PORTAL", NONE, H(SESSION) | H(PORTAL)},
	CMD(DUMP_SESSION) = {"DUMP_SESSION", NONE, H(SESSION) | H(LABEL) | H(LABEL_TX) | H(UP)},
};

static const struct command *command_of(uint16_t cmd)
{
	return cmd >= SEAM_CMD_BASE && cmd < SEAM_CMD_END ? &commands[cmd - SEAM_CMD_BASE] : NULL;
}

const char *seam_cmd_name(uint16_t cmd)
{
	const struct command *c = command_of(cmd);
	return c ? c->name : cmd == SEAM_ACK ? "ACK" : "?";
}

/* No prefix that is routed begins with 32 zeros, so that the two kinds do not meet. */
uint64_t seam_origin(const struct sockaddr_storage *from)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)from;
	if (from->ss_family == AF_INET)
		return ntohl(a4->sin_addr.s_addr);
	if (from->ss_family != AF_INET6)
		return 0;
	const uint8_t *p = a6->sin6_addr.s6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr))
		return get_be32(p + 12);
	if (IN6_IS_ADDR_LOOPBACK(&a6->sin6_addr))
		return 1;
	return get_be64(p);
}

static size_t fixed_size(enum kind k)
{
	switch (k) {
	case K_U8:
		return 1;
	case K_U16:
		return 2;
	case K_U32:
	case K_S32:
		return 4;
	case K_U64:
		return 8;
	case K_SECRET:
		return sizeof(struct secret32);
	case K_ADDRESS:
		return sizeof(struct udp_address);
	default:
		return 0;
	}
}

/* The value of one attribute as bytes. */
static const void *field_value(const struct seam_msg *m, const struct field *f, size_t *len)
{
	switch (f->kind) {
	case K_BYTES:
		*len = m->frame_len;
		return m->frame ? (const void *)m->frame : "";
	case K_NOTE:
		*len = m->note_len;
		return m->note ? (const void *)m->note : "";
	case K_TEXT: {
		const char *text;
		memcpy(&text, (const char *)m + f->off, sizeof text);
		*len = text ? strlen(text) + 1 : 0;
		return text;
	}
	default:
		*len = fixed_size((enum kind)f->kind);
		return (const char *)m + f->off;
	}
}

/* The caller's buffer need not be aligned: our own accesses to the header are copies. */
static size_t msg_len(const void *buf)
{
	uint32_t len;
	memcpy(&len, buf, sizeof len);
	return len;
}

/* The encoder's own room check: mnl_attr_put_check rounds and does not know the u16 limit. */
static int put(void *buf, size_t cap, uint16_t type, const void *v, size_t len)
{
	if (len > UINT16_MAX - MNL_ATTR_HDRLEN ||
		msg_len(buf) + MNL_ATTR_HDRLEN + MNL_ALIGN(len) > cap)
		return -EMSGSIZE;
	mnl_attr_put(buf, type, len, v);
	return 0;
}

static int encode_ack(const struct seam_msg *m, void *buf, size_t cap)
{
	struct nlmsgerr e = {
		.error = m->error, .msg = {.nlmsg_len = sizeof e.msg, .nlmsg_seq = m->seq}};
	if (cap < MNL_NLMSG_HDRLEN + sizeof e)
		return -EMSGSIZE;
	memcpy(mnl_nlmsg_put_extra_header(buf, sizeof e), &e, sizeof e);
	return (int)msg_len(buf);
}

int seam_encode(const struct seam_msg *m, void *buf, size_t cap)
{
	const struct command *c = command_of(m->cmd);
	if (!c && m->cmd != SEAM_ACK)
		return -EINVAL;
	if (cap < MNL_NLMSG_HDRLEN)
		return -EMSGSIZE;
	struct nlmsghdr h = {
		.nlmsg_len = MNL_NLMSG_HDRLEN,
		.nlmsg_type = m->cmd,
		.nlmsg_flags = m->want_ack ? NLM_F_REQUEST | NLM_F_ACK : 0,
		.nlmsg_seq = m->seq,
	};
	memcpy(buf, &h, sizeof h);
	if (!c)
		return encode_ack(m, buf, cap);

	/* What control must send is the least of both tables. */
	uint64_t need = c->need_control != NONE ? c->need_control : c->need_dataplane;
	if ((m->has & need) != need)
		return -EINVAL;
	for (uint16_t a = 1; a < SEAM_A_END; a++) {
		if (!(m->has & SEAM_HAS(a)))
			continue;
		size_t len;
		const void *v = field_value(m, &fields[a], &len);
		if (!v)
			return -EINVAL;
		int rc = put(buf, cap, a, v, len);
		if (rc < 0)
			return rc;
	}
	return (int)msg_len(buf);
}

static int take(struct seam_msg *m, uint16_t type, const uint8_t *v, size_t len)
{
	const struct field *f = &fields[type];
	if (m->has & SEAM_HAS(type))
		return -EBADMSG;
	switch (f->kind) {
	case K_BYTES:
		m->frame = v;
		m->frame_len = (uint32_t)len;
		break;
	case K_NOTE:
		if (len > SEAM_NOTE_MAX)
			return -EBADMSG;
		m->note = v;
		m->note_len = (uint32_t)len;
		break;
	case K_TEXT:
		if (!len || memchr(v, 0, len) != v + len - 1)
			return -EBADMSG;
		memcpy((char *)m + f->off, &v, sizeof v);
		break;
	default:
		if (len != fixed_size((enum kind)f->kind))
			return -EBADMSG;
		memcpy((char *)m + f->off, v, len);
	}
	m->has |= SEAM_HAS(type);
	return 0;
}

static int decode_attrs(struct seam_msg *m, const char *buf, size_t len)
{
	while (len) {
		const struct nlattr *a = (const struct nlattr *)buf;
		if (!mnl_attr_ok(a, (int)len))
			return -EBADMSG;
		uint16_t type = mnl_attr_get_type(a);
		size_t step = MNL_ALIGN(mnl_attr_get_len(a));
		if (step > len)
			return -EBADMSG;
		if (type && type < SEAM_A_END &&
			take(m, type, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) < 0)
			return -EBADMSG;
		buf += step;
		len -= step;
	}
	return 0;
}

static int decode(struct seam_msg *m, const char *buf, size_t len, bool answer)
{
	struct nlmsghdr h;
	if (len < sizeof h)
		return -EBADMSG;
	memcpy(&h, buf, sizeof h);
	if (h.nlmsg_len != len)
		return -EBADMSG;
	m->cmd = h.nlmsg_type;
	m->want_ack = h.nlmsg_flags & NLM_F_ACK;
	m->seq = h.nlmsg_seq;

	if (m->cmd == SEAM_ACK) {
		struct nlmsgerr e;
		if (!answer || len != sizeof h + sizeof e)
			return -EBADMSG;
		memcpy(&e, buf + sizeof h, sizeof e);
		m->error = e.error;
		return e.error <= 0 ? 0 : -EBADMSG;
	}
	const struct command *c = command_of(m->cmd);
	uint64_t need = !c ? NONE : answer ? c->need_dataplane : c->need_control;
	if (need == NONE)
		return -EBADMSG;
	int rc = decode_attrs(m, buf + sizeof h, len - sizeof h);
	return rc < 0 || (m->has & need) != need ? -EBADMSG : 0;
}

static void wipe_keys(struct seam_msg *m)
{
	secret_wipe(&m->chain_rx, sizeof m->chain_rx);
	secret_wipe(&m->chain_tx, sizeof m->chain_tx);
	secret_wipe(&m->exporter, sizeof m->exporter);
}

int seam_decode(struct seam_msg *m, const void *buf, size_t len, bool answer)
{
	*m = (struct seam_msg){.fd = -1};
	int rc = decode(m, buf, len, answer);
	if (rc < 0)
		wipe_keys(m);
	return rc;
}

int seam_send(int sock, const void *buf, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)buf, len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		mh.msg_control = control.b;
		mh.msg_controllen = sizeof control.b;
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	ssize_t n;
	do
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* Keeps the first descriptor of a message and closes any other. */
static int take_fds(struct msghdr *mh)
{
	int first = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (first < 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

int seam_recv(int sock, void *buf, size_t cap, int *fd)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {buf, cap};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.b,
		.msg_controllen = sizeof control.b};
	ssize_t n;
	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	int got = take_fds(&mh);
	/* cut to no descriptor at all: this process may have no more; the message is whole */
	bool cut = mh.msg_flags & MSG_TRUNC || (mh.msg_flags & MSG_CTRUNC && got >= 0);
	if ((cut || !n) && got >= 0) { /* with nothing said it is nobody's */
		close(got);
		got = -1;
	}
	if (cut)
		return -EMSGSIZE;
	*fd = got;
	return (int)n;
}
