// SPDX-License-Identifier: Apache-2.0
#include "pair.h"

#include "socket.h"
#include "turn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ANSWER_SECONDS = 20,
	LOST_MS = 200,	    /* nor is one waited for before others are sent */
	LOST_SECONDS = 1,   /* a datagram that has not come after so long does not */
	UNSENT = 256 << 10, /* what the protocol lets a sender keep unsent in a shared socket */
	CHECK_WINDOW = 128 << 10, /* bytes under way over UDP while frames are checked */
};

int pair_send(struct pair *p, enum pair_end end, uint8_t *f, size_t len)
{
	unsigned prefix = pair_prefix(p, end);
	if (prefix)
		turn_prefix(f - prefix, (uint16_t)len);
	if (!pair_is_udp(p))
		return socket_send(p->fd[end], f, len);
	ssize_t n = send(p->fd[end], f - prefix, len + prefix, MSG_NOSIGNAL);
	return n < 0 ? -errno : n == (ssize_t)(len + prefix) ? 0 : -EIO;
}

/* Its length. */
static int frame_read(struct pair *p, enum pair_end end, uint8_t f[static WIRE_FRAME_MAX])
{
	if (pair_is_udp(p)) {
		uint8_t prefix[PAIR_PREFIX_MAX];
		struct iovec v[] = {{prefix, pair_prefix(p, end)}, {f, WIRE_FRAME_MAX}};
		struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
		ssize_t n = recvmsg(p->fd[end], &m, 0);
		return n < 0 ? -errno : (int)n - (int)v[0].iov_len;
	}
	int rc = socket_receive(p->fd[end], f, WIRE_HEADER);
	if (rc < 0)
		return rc;
	struct frame_header h = frame_header_decode(f);
	if (h.version != WIRE_VERSION || h.len < WIRE_HEADER)
		return -EPROTO;
	rc = socket_receive(p->fd[end], f + WIRE_HEADER, h.len - WIRE_HEADER);
	return rc < 0 ? rc : h.len;
}

int pair_heed(struct pair *p, enum pair_end end, const uint8_t *f, size_t len)
{
	struct frame_header h = frame_header_decode(f);
	uint8_t pong[PAIR_PREFIX_MAX + WIRE_HEADER + 8];
	if (h.type == WIRE_RESET) {
		bench_say("%s reset a path with code %u", p->via->kind->name, h.sub & 0x7f);
		return -ECONNRESET;
	}
	if (h.type != WIRE_LINK)
		return 0;
	if (h.sub == LINK_PAUSE && end == PAIR_SOURCE)
		p->paused++;
	if (h.sub == LINK_RESUME && end == PAIR_SOURCE)
		p->paused--;
	if (h.sub != LINK_PING || len != WIRE_HEADER + 8)
		return 0;
	memcpy(pong + PAIR_PREFIX_MAX, f, len);
	frame_header_encode(
		pong + PAIR_PREFIX_MAX, WIRE_LINK, LINK_PONG, (uint16_t)len, 0, p->tag[end]);
	return pair_send(p, end, pong + PAIR_PREFIX_MAX, len);
}

int pair_receive(
	struct pair *p, enum pair_end end, enum wire_type type, uint8_t f[static WIRE_FRAME_MAX])
{
	for (;;) {
		int len = frame_read(p, end, f);
		if (len < WIRE_HEADER)
			return len < 0 ? len : -EPROTO;
		struct frame_header h = frame_header_decode(f);
		if (h.version != WIRE_VERSION || h.len != len)
			return -EPROTO;
		if (h.type == type)
			return len;
		int rc = pair_heed(p, end, f, (size_t)len);
		if (rc < 0)
			return rc;
	}
}

static void labels_make(struct pair *p)
{
	for (unsigned end = 0; end < 2; end++)
		for (unsigned i = 0; i < p->paths; i++) {
			randombytes_buf(&p->label[end][i], sizeof p->label[end][i]);
			p->label[end][i] |= 1; /* 0 is no label */
		}
}

static int open_tcp(struct pair *p, const struct via_set *s)
{
	int unsent = UNSENT, fd = p->fd[PAIR_SOURCE] = socket_connect(p->via->port);
	if (fd < 0)
		return fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	socket_timeout(fd, ANSWER_SECONDS);
	if (p->via->kind->speech == VIA_FRAMES)
		return pair_paths_open(p);
	fd = p->fd[PAIR_SINK] = socket_accept(s->listener);
	if (fd < 0)
		return fd;
	socket_timeout(fd, ANSWER_SECONDS);
	return 0;
}

static int open_udp(struct pair *p)
{
	uint16_t source, sink, relayed;
	p->fd[PAIR_SOURCE] = socket_udp(&source);
	p->fd[PAIR_SINK] = socket_udp(&sink);
	for (unsigned i = 0; i < 2; i++) {
		if (p->fd[i] < 0)
			return p->fd[i];
		socket_timeout(p->fd[i], LOST_SECONDS);
	}
	bool bare = p->via->kind->speech == VIA_PLAIN;
	int rc = socket_udp_connect(p->fd[PAIR_SOURCE], bare ? sink : p->via->port);
	if (rc < 0)
		return rc;
	if (p->via->kind->speech == VIA_FRAMES)
		return pair_paths_open(p);
	relayed = source;
	if (!bare)
		rc = turn_open(p->fd[PAIR_SOURCE], sink, &relayed);
	return rc < 0 ? rc : socket_udp_connect(p->fd[PAIR_SINK], relayed);
}

int pair_open(struct pair *p, const struct via *v, const struct via_set *s, unsigned paths)
{
	*p = (struct pair){.via = v, .fd = {-1, -1}, .paths = paths};
	labels_make(p);
	int rc = pair_is_udp(p) ? open_udp(p) : open_tcp(p, s);
	if (rc < 0) {
		bench_say("no way through: %s: %s", v->kind->name, strerror(-rc));
		pair_close(p);
	}
	return rc;
}

void pair_close(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		if (p->fd[i] >= 0)
			close(p->fd[i]);
		p->fd[i] = -1;
	}
}

/* Numbers of checked frames, so that those of a load before, which may still come over UDP, are
 * told apart. */
#define CHECK_SEQ (1ULL << 32)

/* What frame `seq` of path `path` consists of. */
static void frame_make(const struct pair *p, uint8_t *f, uint32_t len, unsigned path, uint64_t seq)
{
	frame_header_encode(f, WIRE_DATA, 0, (uint16_t)len, p->label[PAIR_SOURCE][path], seq);
	memset(f + WIRE_HEADER, (int)(seq * 31 + path), len - WIRE_HEADER);
}

struct check {
	struct pair *p;
	uint32_t frame_len;
	size_t frames;
	_Atomic size_t arrived;
	atomic_bool over, sent;
	int rc;
};

/* Over UDP no more than a window is under way, so that little has a reason to be lost; what does
 * not come in time is not waited for. */
static void wait_window(struct check *c, size_t *accounted, size_t sent)
{
	size_t window = CHECK_WINDOW / c->frame_len + 1;
	uint64_t end = now_ns() + (uint64_t)LOST_MS * 1000000;
	while (!c->over && sent - *accounted >= window) {
		if (c->arrived > *accounted)
			*accounted = c->arrived;
		else if (now_ns() > end)
			*accounted = sent;
		else
			sleep_seconds(20e-6);
	}
}

static void *check_send(void *arg)
{
	struct check *c = arg;
	size_t accounted = 0;
	uint8_t *f = malloc(PAIR_PREFIX_MAX + c->frame_len);
	c->rc = f ? 0 : -ENOMEM;
	for (size_t i = 0; i < c->frames && c->rc == 0 && !c->over; i++) {
		if (pair_is_udp(c->p))
			wait_window(c, &accounted, i);
		frame_make(c->p, f + PAIR_PREFIX_MAX, c->frame_len, (unsigned)(i % c->p->paths),
			CHECK_SEQ + i / c->p->paths);
		c->rc = pair_send(c->p, PAIR_SOURCE, f + PAIR_PREFIX_MAX, c->frame_len);
	}
	c->sent = true;
	free(f);
	return NULL;
}

/* One that came: its path's next, or over UDP a later one. */
static int check_frame(
	struct check *c, const uint8_t *got, uint8_t *want, uint64_t next[static PAIR_PATHS_MAX])
{
	struct pair *p = c->p;
	struct frame_header h = frame_header_decode(got);
	unsigned path = 0;
	while (path < p->paths && p->label[PAIR_SOURCE][path] != h.label)
		path++;
	if (path == p->paths || h.len != c->frame_len || h.seq < CHECK_SEQ + next[path] ||
		(!pair_is_udp(p) && h.seq != CHECK_SEQ + next[path]))
		return -EILSEQ;
	frame_make(p, want, c->frame_len, path, h.seq);
	next[path] = h.seq - CHECK_SEQ + 1;
	c->arrived++;
	return memcmp(got, want, c->frame_len) ? -EILSEQ : 0;
}

static int check_receive(struct check *c)
{
	uint8_t *got = malloc(WIRE_FRAME_MAX), *want = malloc(c->frame_len);
	uint64_t next[PAIR_PATHS_MAX] = {0};
	int rc = got && want ? 0 : -ENOMEM;
	while (rc >= 0 && c->arrived < c->frames) {
		rc = pair_receive(c->p, PAIR_SINK, WIRE_DATA, got);
		if (rc == -EAGAIN && pair_is_udp(c->p) && c->arrived && !c->sent) {
			rc = 0;
			continue;
		}
		if (rc >= 0 && !(pair_is_udp(c->p) && frame_header_decode(got).seq < CHECK_SEQ))
			rc = check_frame(c, got, want, next);
	}
	free(got);
	free(want);
	return rc == -EAGAIN && c->arrived > c->frames / 2 ? 0 : rc;
}

int pair_check(struct pair *p, uint32_t frame_len, size_t frames)
{
	struct check c = {.p = p, .frame_len = frame_len, .frames = frames};
	pthread_t t;
	int rc = -pthread_create(&t, NULL, check_send, &c);
	if (rc < 0)
		return rc;
	rc = check_receive(&c);
	c.over = true;
	if (rc < 0)
		shutdown(p->fd[PAIR_SOURCE], SHUT_RDWR);
	pthread_join(t, NULL);
	return rc < 0 ? rc : c.rc;
}
