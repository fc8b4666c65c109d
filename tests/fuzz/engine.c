// SPDX-License-Identifier: Apache-2.0
/*
 * The engines of a node with two workers: a program of bytes on several links, commands of control,
 * mail between the workers, full sockets and time. Sessions are behind stub_aead.c; links are in
 * engine_links.c.
 */
#include "engine_box.h"

#include "aead.h"
#include "stream.h"

#include <errno.h>

enum {
	STEPS_MAX = 400,
	EVENTS_MAX = 200000,
};

struct box b;

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
	.link_open_at = on_link_open_at,
	.link_move = on_link_move,
	.link_close = on_link_close,
	.app_open = on_app_open,
	.portal_open = on_portal_open,
	.portal_close = on_portal_close,
};

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

int apply(unsigned worker, struct seam_msg *m, int out_worker)
{
	struct seam_msg answer = {.fd = -1};
	int rc = engine_apply(b.e[worker], m, out_worker, &answer, b.now);
	static uint8_t buf[1024];
	CHECK(rc <= 0 && (!answer.cmd || seam_encode(&answer, buf, sizeof buf) > 0));
	return rc;
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
	switch (rd_u8(r) % 19) {
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
	case 18:
		link_set(r);
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
