// SPDX-License-Identifier: Apache-2.0
/*
 * The links of engine.c: stream links, links inside a session, and datagram links, dialled or at a
 * listener; their sockets, full at times; and what comes in through them.
 */
#include "engine_box.h"

#include "datagram.h"

#include <errno.h>

enum {
	BODY_MAX = 300,
	TAG = 0x7461, /* of what comes on a datagram link */
	PLACES = 4,
};

void *on_link_open(void *ctx, struct link *l, int fd)
{
	struct sock *s = &b.s[fd];
	CHECK(!s->l);
	*s = (struct sock){.l = l, .room = SIZE_MAX};
	return s;
}

/* The datagram link at a place of the listener that belongs to worker `listener`; NULL: none. */
static struct sock *sock_at(unsigned listener, uint8_t place)
{
	for (unsigned i = 1; i < LINKS; i++)
		if (b.s[i].l && b.s[i].place == place && (i & 1) == listener)
			return &b.s[i];
	return NULL;
}

void *on_link_open_at(
	void *ctx, struct link *l, uint32_t listener, const struct udp_address *at, int *error)
{
	unsigned id = link_id(l);
	uint8_t place = (uint8_t)at->port;
	*error = listener > 1 ? -ENOENT : -EADDRINUSE;
	if (listener > 1 || sock_at(listener, place))
		return NULL;
	struct sock *s = on_link_open(ctx, l, (int)id);
	s->place = place;
	return s;
}

int on_link_move(void *ctx, struct link *l, const struct udp_address *at)
{
	struct sock *s = link_io(l), *there = sock_at(link_id(l) & 1, (uint8_t)at->port);
	if (!s->place)
		return -EOPNOTSUPP;
	if (there && there != s)
		return -EADDRINUSE;
	s->place = (uint8_t)at->port;
	return 0;
}

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

/* Whole frames only, in runs that are sound. What was sent or lost. */
static size_t send_datagrams(struct sock *s, const struct iovec *iov, unsigned n)
{
	struct datagrams d = {iov, n, 0};
	struct datagram_run run;
	size_t sent = 0;
	while (datagrams_next(&d, DATAGRAM_RUN_MAX, &run) && run.bytes <= s->room) {
		CHECK(run.frames <= DATAGRAM_RUN_MAX &&
			(run.frames == 1 || run.bytes <= DATAGRAM_RUN_BYTES));
		CHECK(run.bytes > (size_t)(run.frames - 1) * run.segment);
		CHECK(run.bytes <= (size_t)run.frames * run.segment);
		for (unsigned i = 0; i < run.pieces; i++)
			follow(s, run.iov[i].iov_base, run.iov[i].iov_len);
		CHECK(!s->have);
		s->room -= run.bytes;
		sent += run.bytes;
	}
	return sent;
}

static size_t send_bytes(struct sock *s, const struct iovec *iov, unsigned n)
{
	size_t sent = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t take = iov[i].iov_len < s->room ? iov[i].iov_len : s->room;
		follow(s, iov[i].iov_base, take);
		sent += take;
		s->room -= take;
	}
	return sent;
}

static void send_one(struct engine *e, struct link *l)
{
	struct sock *s = link_io(l);
	const struct iovec *iov;
	size_t all = 0, sent;
	unsigned n = engine_tx_take(e, l, &iov, b.now);
	CHECK(n <= ENGINE_IOV_MAX);
	if (!n)
		return;
	for (unsigned i = 0; i < n; i++)
		all += iov[i].iov_len;
	sent = (link_is_datagram(l) ? send_datagrams : send_bytes)(s, iov, n);
	s->blocked = sent < all;
	engine_tx_done(e, l, sent ? (int64_t)sent : -EAGAIN, b.now);
}

void on_link_close(void *ctx, struct link *l)
{
	struct sock *s = link_io(l);
	CHECK(s->l == l);
	s->l = NULL;
}

void flush(void)
{
	struct link *l;
	for (unsigned w = 0; w < WORKERS; w++)
		while ((l = engine_next_ready(b.e[w], b.now)))
			send_one(b.e[w], l);
}

/* As the kernel would give it: bytes of a stream, or datagrams of one length but the last. */
static void receive(unsigned id, const uint8_t *p, size_t n, size_t segment)
{
	struct link *l = b.s[id].l;
	struct buf *buf = buf_plain((uint32_t)n + 1);
	CHECK(buf);
	memcpy(buf->data, p, n);
	if (l && link_is_datagram(l))
		engine_rx_datagrams(
			b.e[id & 1], l, buf, buf->data, n, segment ? segment : 1, b.now);
	else if (l)
		engine_rx(b.e[id & 1], l, buf, buf->data, n, b.now);
	buf_put(buf);
}

/* One frame at p, which has room for it. Its length. */
static size_t make_frame(struct rd *r, unsigned id, uint8_t *p)
{
	uint8_t type = rd_u8(r), li = rd_u8(r), odd = rd_u8(r);
	size_t len = rd_u8(r);
	uint32_t label = odd & 0x80 ? rd_u32(r) : label_of(li);
	uint8_t sub = odd & 0x40 ? rd_u8(r) : 0;
	uint64_t *next = &b.seq[id][li % LABELS], seq = odd & 1 ? *next + (odd & 7) : *next;
	type = type & 0x80 ? type & 15 : WIRE_DATA;
	const uint8_t *body = rd_bytes(r, len);
	if (!body)
		len = 0;
	size_t tag = type == WIRE_DATA ? WIRE_TAG : 0;
	memset(p, 0, WIRE_HEADER + len + tag);
	if (len)
		memcpy(p + WIRE_HEADER, body, len);
	if (b.s[id].l && link_is_datagram(b.s[id].l) && type != WIRE_DATA && !(odd & 1))
		seq = TAG;
	frame_header_encode(p, type, sub, (uint16_t)(WIRE_HEADER + len + tag),
		type == WIRE_LINK ? 0 : label, seq);
	if (tag && odd & 8)
		p[WIRE_HEADER + len] = 0xff;
	if (tag && !(odd & 9))
		++*next;
	return WIRE_HEADER + len + tag;
}

void frames(struct rd *r)
{
	static uint8_t p[8 * (BODY_MAX + WIRE_DATA_MIN)];
	unsigned id = pick_link(r), count = 1 + rd_u8(r) % 8;
	size_t n = 0, segment = 0;
	while (count--) {
		size_t len = make_frame(r, id, p + n);
		if (n && len != segment && b.s[id].l &&
			link_is_datagram(b.s[id].l)) { /* the next datagrams */
			if (len > segment) {
				receive(id, p, n, segment);
				memmove(p, p + n, len);
				n = 0;
			}
		}
		segment = n ? segment : len;
		n += len;
	}
	if (rd_u8(r) & 1 && n > 1) { /* in two pieces */
		size_t at = rd_u16(r) % n;
		receive(id, p, at, segment);
		receive(id, p + at, n - at, segment);
	} else {
		receive(id, p, n, segment);
	}
}

void raw(struct rd *r)
{
	unsigned id = pick_link(r);
	size_t n = rd_u8(r);
	const uint8_t *p = rd_bytes(r, n);
	if (p)
		receive(id, p, n, n);
}

void bulk(struct rd *r)
{
	static uint8_t p[WIRE_FRAME_MAX];
	unsigned id = pick_link(r);
	uint8_t li = rd_u8(r), times = rd_u8(r) % 16;
	uint16_t len = rd_u16(r) | WIRE_DATA_MIN;
	for (unsigned i = 0; i <= times; i++) {
		frame_header_encode(p, WIRE_DATA, 0, len, label_of(li), b.seq[id][li % LABELS]++);
		receive(id, p, len, len);
	}
}

/* What the far end is told apart by: four places, none of them 0. */
static struct udp_address place_of(uint8_t how)
{
	return (struct udp_address){.family = 4, .port = (uint16_t)(1 + how % PLACES)};
}

/* A datagram link, dialled or at a listener. */
static void datagram_link(struct seam_msg *m, unsigned id, uint8_t how)
{
	m->has |= SEAM_HAS(SEAM_A_TAG_RX);
	m->tag_rx = TAG;
	if (!(how & 16)) {
		m->fd = (int)id;
		return;
	}
	m->has |= SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_ADDRESS);
	m->listener = how & 32 ? 2 : id & 1;
	m->address = place_of(how >> 6);
}

static int set_up(unsigned id, uint8_t how, uint8_t place)
{
	struct seam_msg m = {.cmd = SEAM_LINK_SET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX),
		.link = id,
		.up = !(how & 1),
		.frame_max = how & 4 ? WIRE_PATH_MIN : 65535};
	if (how & 8) {
		m.has |= SEAM_HAS(SEAM_A_TAG_TX);
		m.tag_tx = TAG + 1;
	}
	if (place) {
		m.has |= SEAM_HAS(SEAM_A_ADDRESS);
		m.address = place_of(place);
	}
	return apply(id & 1, &m, ENGINE_LOCAL);
}

/* how: 1 inside a session, 2 stays down, 4 narrow, 8 of datagrams, 16 at a listener */
void link_add(struct rd *r)
{
	unsigned id = pick_link(r);
	uint8_t how = rd_u8(r), session = 1 + rd_u8(r) % (SESSIONS - 1);
	struct seam_msg m = {
		.cmd = SEAM_LINK_ADD, .fd = -1, .has = SEAM_HAS(SEAM_A_LINK), .link = id};
	if (b.s[id].l)
		return;
	if (how & 1) {
		if ((b.session_worker[session] & 1) != (id & 1))
			return; /* the number would tell a wrong worker */
		m.has |= SEAM_HAS(SEAM_A_SESSION);
		m.session = session;
	} else if (how & 8) {
		datagram_link(&m, id, how);
	} else {
		m.fd = (int)id;
	}
	if (apply(id & 1, &m, ENGINE_LOCAL) == 0 && !(how & 2))
		CHECK(set_up(id, how & ~1u, 0) == 0);
}

void link_set(struct rd *r)
{
	unsigned id = pick_link(r);
	uint8_t how = rd_u8(r);
	int rc = set_up(id, how, how >> 4);
	CHECK(rc == 0 || rc == -ENOENT || (how >> 4 && (rc == -EADDRINUSE || rc == -EOPNOTSUPP)));
}

void link_end(struct rd *r)
{
	unsigned id = pick_link(r);
	uint8_t how = rd_u8(r);
	struct seam_msg m = {.cmd = how & 1 ? SEAM_LINK_DEL : SEAM_LINK_GET, .fd = -1, .link = id};
	if (how & 2 && b.s[id].l)
		engine_link_gone(b.e[id & 1], b.s[id].l, how & 4 ? -ECONNRESET : 0, b.now);
	else
		apply(id & 1, &m, ENGINE_LOCAL);
}

void room(struct rd *r)
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
