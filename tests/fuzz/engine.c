// SPDX-License-Identifier: Apache-2.0
/*
 * The engines of a node with two workers: a program of bytes on several links, commands of control,
 * mail between the workers, full sockets and time. Sessions are behind stub_aead.c. Link N belongs
 * to worker N & 1.
 */
#include "engine.h"
#include "aead.h"
#include "fuzz.h"
#include "stream.h"

#include <errno.h>

enum {
	WORKERS = 2,
	LINKS = 10, /* 1 ... LINKS - 1 */
	SESSIONS = 6,
	LABELS = 6,
	MAILS = 4096,
	PORTALS = 4,
	STEPS_MAX = 400,
	BODY_MAX = 300,
	EVENTS_MAX = 200000,
};

struct sock {
	struct link *l;
	size_t room; /* what it still takes */
	uint8_t head[WIRE_HEADER];
	uint32_t have; /* of the frame that leaves */
	bool blocked, in_call;
};

struct box {
	struct engine *e[WORKERS];
	struct serials serials;
	uint64_t now, serial;
	struct sock s[LINKS];
	unsigned session_worker[SESSIONS];
	uint64_t seq[LINKS][LABELS]; /* of the next DATA that comes in */
	struct engine_mail mail[MAILS];
	unsigned mail_to[MAILS];
	unsigned mails, taken;
	bool hold; /* deliveries to control wait */
	size_t held[SESSIONS];
	unsigned events;
	struct portal *portal[PORTALS];
	unsigned portal_worker[PORTALS];
	size_t writes; /* bytes that applications still have */
};

static struct box b;

static uint32_t label_of(uint8_t i)
{
	return 0x1000u + i % LABELS;
}

static bool on_event(void *ctx, const struct seam_msg *m)
{
	static uint8_t buf[SEAM_MSG_MAX];
	struct seam_msg back;
	CHECK(++b.events < EVENTS_MAX);
	int n = seam_encode(m, buf, sizeof buf);
	CHECK(n > 0 && !seam_decode(&back, buf, (size_t)n, true) && back.cmd == m->cmd);
	if (m->cmd != SEAM_MSG)
		return false;
	CHECK(m->frame_len <= SEAM_BODY_MAX && m->session < SESSIONS);
	if (b.hold)
		b.held[m->session] += m->frame_len;
	return b.hold;
}

static void on_post(void *ctx, unsigned worker, const struct engine_mail *m)
{
	CHECK(worker < WORKERS && b.mails < MAILS);
	b.mail_to[b.mails] = worker;
	b.mail[b.mails++] = *m;
}

static void *on_link_open(void *ctx, struct link *l, int fd)
{
	struct sock *s = &b.s[fd];
	CHECK(!s->l);
	*s = (struct sock){.l = l, .room = SIZE_MAX};
	return s;
}

static void on_link_close(void *ctx, struct link *l)
{
	struct sock *s = link_io(l);
	CHECK(s->l == l);
	s->l = NULL;
}

static void *on_app_open(void *ctx, struct stream *s, int fd)
{
	return &b;
}

static void *on_portal_open(void *ctx, struct portal *p, int fd)
{
	CHECK(!b.portal[fd]);
	b.portal[fd] = p;
	return &b.portal[fd];
}

static void on_portal_close(void *ctx, void *io)
{
	*(struct portal **)io = NULL;
}

static const struct engine_ops ops = {
	.event = on_event,
	.post = on_post,
	.link_open = on_link_open,
	.link_close = on_link_close,
	.app_open = on_app_open,
	.portal_open = on_portal_open,
	.portal_close = on_portal_close,
};

/* Follows the frames that leave: each is whole, of this version, and 16 bytes at least. */
static void follow(struct sock *s, const uint8_t *p, size_t n)
{
	while (n) {
		if (s->have < WIRE_HEADER) {
			s->head[s->have++] = *p++;
			n--;
			struct frame_header h = frame_header_decode(s->head);
			CHECK(s->have < WIRE_HEADER ||
				(h.version == WIRE_VERSION && h.len >= WIRE_HEADER));
			if (s->have == WIRE_HEADER && h.len == WIRE_HEADER)
				s->have = 0;
			continue;
		}
		size_t left = get_be16(s->head + 2) - s->have, take = left < n ? left : n;
		s->have = take == left ? 0 : s->have + (uint32_t)take;
		p += take;
		n -= take;
	}
}

static void send_one(struct engine *e, struct link *l)
{
	struct sock *s = link_io(l);
	const struct iovec *iov;
	size_t all = 0, sent = 0;
	unsigned n = engine_tx_take(e, l, &iov, b.now);
	CHECK(n <= ENGINE_IOV_MAX);
	if (!n)
		return;
	for (unsigned i = 0; i < n; i++) {
		size_t take = iov[i].iov_len < s->room ? iov[i].iov_len : s->room;
		follow(s, iov[i].iov_base, take);
		all += iov[i].iov_len;
		sent += take;
		s->room -= take;
	}
	s->blocked = sent < all;
	engine_tx_done(e, l, sent ? (int64_t)sent : -EAGAIN, b.now);
}

/* An application that reads all, writes what it has, and ends with its peer. */
static void serve(struct engine *e, struct stream *s)
{
	struct iovec iov[STREAM_SLOTS];
	bool end = false;
	unsigned n;
	if (s->state == STREAM_ENDED) {
		stream_free(s);
		return;
	}
	while ((n = stream_out_take(s, iov, STREAM_SLOTS, &end))) {
		size_t all = 0;
		for (unsigned i = 0; i < n; i++)
			all += iov[i].iov_len;
		stream_out_done(s, (int64_t)all);
	}
	if (end)
		stream_out_end(s);
	n = s->fin_wanted || (!b.writes && !end) ? 0 : stream_in_slots(s, iov, STREAM_SLOTS);
	if (n) {
		size_t some = iov[0].iov_len < b.writes ? iov[0].iov_len : b.writes;
		b.writes -= some;
		stream_in_done(s, (int64_t)some);
	}
	engine_stream_told(e, s, b.now);
}

static void applications(void)
{
	struct stream *s;
	for (unsigned w = 0; w < WORKERS; w++)
		while ((s = engine_next_stream(b.e[w], b.now)))
			serve(b.e[w], s);
}

static void flush(void)
{
	struct link *l;
	for (unsigned w = 0; w < WORKERS; w++)
		while ((l = engine_next_ready(b.e[w], b.now)))
			send_one(b.e[w], l);
}

static void deliver_mail(unsigned n)
{
	for (; n && b.taken < b.mails; n--) {
		unsigned i = b.taken++;
		engine_mail(b.e[b.mail_to[i]], &b.mail[i], b.now);
		flush();
	}
	if (b.taken == b.mails)
		b.taken = b.mails = 0;
}

static void receive(unsigned id, const uint8_t *p, size_t n)
{
	struct buf *buf = buf_plain((uint32_t)n + 1);
	CHECK(buf);
	memcpy(buf->data, p, n);
	if (b.s[id].l)
		engine_rx(b.e[id & 1], b.s[id].l, buf, buf->data, n, b.now);
	buf_put(buf);
}

static unsigned pick_link(struct rd *r)
{
	return 1 + rd_u8(r) % (LINKS - 1);
}

/* Up to 8 frames in one piece: type, label and body of the program, DATA in order unless odd. */
static void frames(struct rd *r)
{
	static uint8_t p[8 * (BODY_MAX + WIRE_DATA_MIN)];
	unsigned id = pick_link(r), count = 1 + rd_u8(r) % 8;
	size_t n = 0;
	while (count--) {
		uint8_t type = rd_u8(r), li = rd_u8(r), odd = rd_u8(r);
		size_t len = rd_u8(r);
		uint32_t label = odd & 0x80 ? rd_u32(r) : label_of(li);
		uint8_t sub = odd & 0x40 ? rd_u8(r) : 0;
		uint64_t *seq = &b.seq[id][li % LABELS];
		type = type & 0x80 ? type & 15 : WIRE_DATA;
		const uint8_t *body = rd_bytes(r, len);
		if (!body)
			len = 0;
		size_t tag = type == WIRE_DATA ? WIRE_TAG : 0;
		memset(p + n, 0, WIRE_HEADER + len + tag);
		if (len)
			memcpy(p + n + WIRE_HEADER, body, len);
		frame_header_encode(p + n, type, sub, (uint16_t)(WIRE_HEADER + len + tag),
			type == WIRE_LINK ? 0 : label, odd & 1 ? *seq + (odd & 7) : *seq);
		if (tag && odd & 8)
			p[n + WIRE_HEADER + len] = 0xff;
		if (tag && !(odd & 9))
			++*seq;
		n += WIRE_HEADER + len + tag;
	}
	if (rd_u8(r) & 1 && n > 1) { /* in two pieces */
		size_t at = rd_u16(r) % n;
		receive(id, p, at);
		receive(id, p + at, n - at);
	} else {
		receive(id, p, n);
	}
}

static void raw(struct rd *r)
{
	unsigned id = pick_link(r);
	size_t n = rd_u8(r);
	const uint8_t *p = rd_bytes(r, n);
	if (p)
		receive(id, p, n);
}

/* A large frame of one path: what fills queues. */
static void bulk(struct rd *r)
{
	static uint8_t p[WIRE_FRAME_MAX];
	unsigned id = pick_link(r);
	uint8_t li = rd_u8(r), times = rd_u8(r) % 16;
	uint16_t len = rd_u16(r) | WIRE_DATA_MIN;
	for (unsigned i = 0; i <= times; i++) {
		frame_header_encode(p, WIRE_DATA, 0, len, label_of(li), b.seq[id][li % LABELS]++);
		receive(id, p, len);
	}
}

static int apply(unsigned worker, struct seam_msg *m, int out_worker)
{
	struct seam_msg answer = {.fd = -1};
	int rc = engine_apply(b.e[worker], m, out_worker, &answer, b.now);
	static uint8_t buf[1024];
	CHECK(rc <= 0 && (!answer.cmd || seam_encode(&answer, buf, sizeof buf) > 0));
	return rc;
}

static void link_add(struct rd *r)
{
	unsigned id = pick_link(r);
	uint8_t how = rd_u8(r), session = 1 + rd_u8(r) % (SESSIONS - 1);
	struct seam_msg m = {
		.cmd = SEAM_LINK_ADD, .fd = -1, .has = SEAM_HAS(SEAM_A_LINK), .link = id};
	if (b.s[id].l)
		return;
	unsigned w = id & 1;
	if (how & 1) {
		if ((b.session_worker[session] & 1) != w)
			return; /* the number would tell a wrong worker */
		m.has |= SEAM_HAS(SEAM_A_SESSION);
		m.session = session;
	} else {
		m.fd = (int)id;
	}
	if (apply(w, &m, ENGINE_LOCAL) < 0 || how & 2)
		return;
	m = (struct seam_msg){.cmd = SEAM_LINK_SET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX),
		.link = id,
		.up = 1,
		.frame_max = how & 4 ? WIRE_PATH_MIN : 65535};
	CHECK(apply(w, &m, ENGINE_LOCAL) == 0);
}

static void label_cmd(struct rd *r)
{
	static const uint16_t cmds[] = {
		SEAM_LABEL_ADD, SEAM_LABEL_ADD, SEAM_LABEL_ADD, SEAM_LABEL_DEL, SEAM_LABEL_GET};
	unsigned id = pick_link(r), out = pick_link(r);
	uint8_t how = rd_u8(r);
	struct seam_msg m = {.cmd = cmds[how % 5],
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL),
		.link = id,
		.label = label_of(rd_u8(r))};
	int out_worker = ENGINE_LOCAL;
	if (how & 0x80) {
		m.has |= SEAM_HAS(SEAM_A_OUT_LINK);
		m.out_link = out;
		if ((out & 1) != (id & 1))
			out_worker = out & 1;
	}
	apply(id & 1, &m, out_worker);
}

static void session_add(struct rd *r)
{
	unsigned id = pick_link(r), session = 1 + rd_u8(r) % (SESSIONS - 1);
	uint8_t how = rd_u8(r), rx = rd_u8(r), tx = rd_u8(r);
	struct seam_msg m = {.cmd = SEAM_SESSION_ADD,
		.fd = -1,
		.link = id,
		.session = session,
		.serial = how & 0x40 ? b.serial : ++b.serial,
		.role = how & 1 ? SEAM_INITIATOR : SEAM_RESPONDER,
		.suite = SUITE_CHACHAPOLY,
		.label = label_of(rx),
		.label_tx = label_of(tx),
		.frame_max = how & 2 ? 65535 : WIRE_PATH_MIN,
		.path_flags = how & 4 ? PATH_LOSSY : 0,
		.close = CLOSE_NOT_AUTHORIZED,
		.has = SEAM_HAS(SEAM_A_PATH_FLAGS)};
	if ((how & 0x38) == 0x38)
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
	unsigned other = b.session_worker[session] & 1;
	struct seam_msg get = {.cmd = SEAM_SESSION_GET, .fd = -1, .session = session};
	if (other != (id & 1) && apply(other, &get, ENGINE_LOCAL) == 0)
		return; /* the number is in use */
	if (apply(id & 1, &m, ENGINE_LOCAL) == 0) {
		b.session_worker[session] = id & 1;
		b.seq[id][rx % LABELS] = 0;
	}
}

static void session_cmd(struct rd *r)
{
	static const uint16_t cmds[] = {SEAM_SESSION_DEL, SEAM_SESSION_PING, SEAM_SESSION_GET};
	unsigned session = 1 + rd_u8(r) % (SESSIONS - 1);
	uint8_t how = rd_u8(r);
	struct seam_msg m = {.cmd = cmds[how % 3],
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION),
		.session = session,
		.close = (how >> 4) & 7};
	if (how & 0x80)
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
	apply(b.session_worker[session] & 1, &m, ENGINE_LOCAL);
}

static void msg_cmd(struct rd *r)
{
	static uint8_t body[SEAM_BODY_MAX];
	unsigned session = 1 + rd_u8(r) % (SESSIONS - 1);
	struct seam_msg m = {.cmd = SEAM_MSG,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_MORE),
		.session = session,
		.message = rd_u8(r),
		.more = rd_u8(r) & 1,
		.frame = body,
		.frame_len = rd_u16(r) % (SEAM_BODY_MAX + 1)};
	int rc = apply(b.session_worker[session] & 1, &m, ENGINE_LOCAL);
	CHECK(rc == 0 || rc == -ENOENT || rc == -EPIPE || rc == -ENOBUFS || rc == -EMSGSIZE);
}

static void stream_cmd(struct rd *r)
{
	static const uint16_t cmds[] = {
		SEAM_STREAM_ACCEPT, SEAM_STREAM_REFUSE, SEAM_PORTAL_ADD, SEAM_PORTAL_DEL};
	unsigned session = 1 + rd_u8(r) % (SESSIONS - 1), worker = b.session_worker[session] & 1;
	uint8_t how = rd_u8(r);
	struct seam_msg m = {.cmd = cmds[how % 4],
		.fd = -1,
		.session = session,
		.stream = rd_u8(r),
		.code = how >> 4,
		.service = "outlet"};
	unsigned slot = m.stream % PORTALS;
	m.portal = slot + 1;
	if (m.cmd == SEAM_PORTAL_ADD && b.portal[slot])
		return;
	if (m.cmd != SEAM_PORTAL_DEL)
		m.fd = (int)slot;
	if (apply(worker, &m, ENGINE_LOCAL) == 0 && m.cmd == SEAM_PORTAL_ADD)
		b.portal_worker[slot] = worker;
}

/* A connection comes to a portal, with something to say. */
static void connection(struct rd *r)
{
	unsigned slot = rd_u8(r) % PORTALS;
	struct stream *s;
	b.writes += 16u * rd_u8(r);
	if (b.portal[slot])
		engine_portal_accept(b.e[b.portal_worker[slot]], b.portal[slot], &b, &s, b.now);
}

static void frame_cmd(struct rd *r)
{
	uint8_t p[WIRE_HEADER + 255];
	unsigned id = pick_link(r);
	uint8_t type = rd_u8(r), sub = rd_u8(r), li = rd_u8(r);
	size_t len = rd_u8(r);
	const uint8_t *body = rd_bytes(r, len);
	if (!body)
		len = 0;
	if (len)
		memcpy(p + WIRE_HEADER, body, len);
	frame_header_encode(p, type & 15, sub, (uint16_t)(WIRE_HEADER + len), label_of(li), 0);
	struct seam_msg m = {.cmd = SEAM_FRAME,
		.fd = -1,
		.link = id,
		.frame = p,
		.frame_len = (uint32_t)(WIRE_HEADER + len)};
	apply(id & 1, &m, ENGINE_LOCAL);
}

static void link_end(struct rd *r)
{
	unsigned id = pick_link(r);
	uint8_t how = rd_u8(r);
	struct seam_msg m = {.cmd = how & 1 ? SEAM_LINK_DEL : SEAM_LINK_GET, .fd = -1, .link = id};
	if (how & 2 && b.s[id].l)
		engine_link_gone(b.e[id & 1], b.s[id].l, how & 4 ? -ECONNRESET : 0, b.now);
	else
		apply(id & 1, &m, ENGINE_LOCAL);
}

static void room(struct rd *r)
{
	unsigned id = pick_link(r);
	uint8_t how = rd_u8(r);
	struct sock *s = &b.s[id];
	s->room = how == 255 ? SIZE_MAX : how * 64u;
	if (s->l && s->blocked && s->room) {
		s->blocked = false;
		engine_tx_room(b.e[id & 1], s->l);
	}
}

static void delivered(struct rd *r)
{
	unsigned session = 1 + rd_u8(r) % (SESSIONS - 1);
	engine_delivered(b.e[b.session_worker[session] & 1], session, b.held[session], b.now);
	b.held[session] = 0;
	b.hold = rd_u8(r) & 1;
}

static void pass(uint64_t ms)
{
	b.now += ms;
	for (unsigned w = 0; w < WORKERS; w++)
		if (engine_deadline(b.e[w]) <= b.now)
			engine_tick(b.e[w], b.now);
}

static void step(struct rd *r)
{
	switch (rd_u8(r) % 18) {
	case 0:
	case 1:
	case 2:
		frames(r);
		break;
	case 3:
		raw(r);
		break;
	case 4:
		bulk(r);
		break;
	case 5:
		link_add(r);
		break;
	case 6:
		label_cmd(r);
		break;
	case 7:
		session_add(r);
		break;
	case 8:
		session_cmd(r);
		break;
	case 9:
		msg_cmd(r);
		break;
	case 10:
		frame_cmd(r);
		break;
	case 11:
		link_end(r);
		break;
	case 12:
		room(r);
		break;
	case 13:
		delivered(r);
		break;
	case 16:
		stream_cmd(r);
		break;
	case 17:
		connection(r);
		break;
	case 14:
		pass(100ull * rd_u8(r));
		break;
	default:
		pass(1000ull * rd_u8(r));
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	aead_init();
	return 0;
}

static void begin(void)
{
	memset(&b, 0, sizeof b);
	b.now = 1000000;
	serials_init(&b.serials);
	for (unsigned w = 0; w < WORKERS; w++) {
		struct engine_config cfg = {.worker = w,
			.workers = WORKERS,
			.seed = 0x1234567 + w,
			.queue_max = 4 << 20,
			.held_max = 1 << 20,
			.streams_max = 8,
			.serials = &b.serials,
			.ops = &ops};
		b.e[w] = engine_new(&cfg);
		CHECK(b.e[w]);
	}
}

static void end(void)
{
	for (; b.taken < b.mails; b.taken++)
		if (b.mail[b.taken].kind == MAIL_FRAMES)
			buf_put(b.mail[b.taken].frames);
	for (unsigned w = 0; w < WORKERS; w++)
		engine_streams_end(b.e[w], b.now);
	applications();
	for (unsigned w = 0; w < WORKERS; w++)
		engine_free(b.e[w]);
	for (unsigned i = 0; i < LINKS; i++)
		CHECK(!b.s[i].l);
	serials_fini(&b.serials);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	begin();
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r); i++) {
		step(&r);
		if (!(i & 1) || b.mails > MAILS / 2) /* the mail is sometimes late */
			deliver_mail(MAILS);
		applications();
		flush();
	}
	end();
	return 0;
}
