/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine in a box, for tests: sockets are byte arrays with a limit on what they take, control's
 * events and other workers' mail are kept in lists.
 */
#ifndef OCKAM_ENGINE_BOX_H
#define OCKAM_ENGINE_BOX_H

#include "through.h"
#include "wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

#define H(a) SEAM_HAS(SEAM_A_##a)
enum { BOX_EVENTS = 4096, BOX_MAILS = 4096, BOX_LINKS = 64 };

struct box_socket {
	struct link *l;
	uint8_t *out; /* what was sent */
	size_t out_len, out_cap;
	size_t room; /* what it still takes */
	unsigned sends, pieces, conduits;
	bool closed, blocked;
};

struct box_event {
	struct seam_msg m;
	uint8_t *frame;
};

struct box {
	struct engine *e;
	struct serials *serials;
	struct box *other; /* another worker of the same node, at index 1 - worker */
	unsigned worker;
	uint64_t now;
	struct box_socket s[BOX_LINKS]; /* by link id */
	struct box_event ev[BOX_EVENTS];
	unsigned evs;
	struct engine_mail mail[BOX_MAILS];
	unsigned mails;
	bool hold_msgs;		      /* deliveries to control wait */
	const uint8_t *rx_lo, *rx_hi; /* the last receive buffer */
	bool copied;		      /* a piece was seen outside of it */
	struct portal *portal;	      /* the last one that was opened */
	unsigned portals_closed;
	void *(*app_new)(struct box *b, struct stream *s); /* for a stream that is accepted */
};

static bool box_event(void *ctx, const struct seam_msg *m)
{
	struct box *b = ctx;
	assert_true(b->evs < BOX_EVENTS);
	struct box_event *ev = &b->ev[b->evs++];
	ev->m = *m;
	ev->frame = NULL;
	uint8_t enc[1024]; /* every event must be one that the seam can carry */
	if (m->frame_len < 512)
		assert_true(seam_encode(m, enc, sizeof enc) > 0);
	if (m->frame) {
		ev->frame = malloc(m->frame_len + 1);
		memcpy(ev->frame, m->frame, m->frame_len);
	}
	return b->hold_msgs;
}

static void box_post(void *ctx, unsigned worker, const struct engine_mail *m)
{
	struct box *b = ctx;
	assert_true(b->mails < BOX_MAILS);
	(void)worker;
	b->mail[b->mails++] = *m;
}

static void *box_open(void *ctx, struct link *l, int fd)
{
	struct box *b = ctx;
	struct box_socket *s = &b->s[fd];
	s->l = l;
	return s;
}

static void box_close(void *ctx, struct link *l)
{
	struct box_socket *s = link_io(l);
	(void)ctx;
	s->closed = true;
	s->l = NULL;
}

static void *box_app_open(void *ctx, struct stream *s, int fd)
{
	struct box *b = ctx;
	(void)fd;
	return b->app_new ? b->app_new(b, s) : NULL;
}

static void *box_portal_open(void *ctx, struct portal *p, int fd)
{
	struct box *b = ctx;
	(void)fd;
	b->portal = p;
	return b;
}

static void box_portal_close(void *ctx, void *io)
{
	struct box *b = ctx;
	assert_ptr_equal(io, b);
	b->portals_closed++;
}

static const struct engine_ops box_ops = {
	.event = box_event,
	.post = box_post,
	.link_open = box_open,
	.link_close = box_close,
	.app_open = box_app_open,
	.portal_open = box_portal_open,
	.portal_close = box_portal_close,
};

static inline struct box *box_new(
	struct serials *serials, unsigned worker, unsigned workers, size_t queue_max)
{
	struct box *b = calloc(1, sizeof *b);
	b->now = 1000000;
	b->worker = worker;
	b->serials = serials;
	for (unsigned i = 0; i < BOX_LINKS; i++)
		b->s[i].room = SIZE_MAX;
	const struct engine_config cfg = {.worker = worker,
		.workers = workers,
		.seed = 0x1234567 + worker,
		.queue_max = queue_max,
		.serials = serials,
		.ops = &box_ops,
		.ctx = b};
	b->e = engine_new(&cfg);
	assert_non_null(b->e);
	return b;
}

/* Every frame that came is accounted for. */
static inline void box_books(const struct box *b)
{
	assert_int_equal(stats_missing(engine_stats(b->e)), 0);
}

static inline void box_free(struct box *b)
{
	box_books(b);
	engine_free(b->e);
	for (unsigned i = 0; i < b->evs; i++)
		free(b->ev[i].frame);
	for (unsigned i = 0; i < b->mails; i++)
		engine_mail_drop(&b->mail[i]);
	for (unsigned i = 0; i < BOX_LINKS; i++)
		free(b->s[i].out);
	free(b);
}

static inline int box_apply_out(struct box *b, struct seam_msg *m, int out_worker)
{
	struct seam_msg answer;
	int rc = engine_apply(b->e, m, out_worker, &answer, b->now);
	box_books(b);
	return rc;
}

static inline int box_apply(struct box *b, struct seam_msg m)
{
	return box_apply_out(b, &m, ENGINE_LOCAL);
}

static inline int box_link_add(struct box *b, uint32_t link)
{
	return box_apply(
		b, (struct seam_msg){
			   .cmd = SEAM_LINK_ADD, .has = H(LINK), .link = link, .fd = (int)link});
}

static inline void box_link(struct box *b, uint32_t link)
{
	assert_int_equal(box_link_add(b, link), 0);
	assert_int_equal(box_apply(b, (struct seam_msg){.cmd = SEAM_LINK_SET,
					      .fd = -1,
					      .has = H(LINK) | H(UP) | H(FRAME_MAX),
					      .link = link,
					      .up = 1,
					      .frame_max = 65535}),
		0);
}

static inline struct seam_msg box_label_msg(
	uint16_t cmd, uint32_t link, uint32_t label, uint32_t out)
{
	return (struct seam_msg){.cmd = cmd,
		.fd = -1,
		.link = link,
		.label = label,
		.out_link = out,
		.has = H(LINK) | H(LABEL) | (out ? H(OUT_LINK) : 0)};
}

static inline void box_row(struct box *b, uint32_t link, uint32_t label, uint32_t out)
{
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_ADD, link, label, out)), 0);
}

static inline uint8_t *box_out_room(struct box_socket *s, size_t n)
{
	if (s->out_len + n > s->out_cap) {
		s->out_cap = 2 * (s->out_len + n);
		s->out = realloc(s->out, s->out_cap);
		assert_non_null(s->out);
	}
	return s->out + s->out_len;
}

/* What lies in a conduit is next, or nothing. */
static inline void box_flush_conduit(struct box *b, struct box_socket *s, struct link *l)
{
	size_t len, take;
	struct conduit *c = engine_tx_conduit(b->e, l, &len);
	if (!c)
		return;
	take = len < s->room ? len : s->room;
	if (take)
		assert_true(c->read(c, box_out_room(s, take), take));
	s->conduits++;
	s->out_len += take;
	s->room -= take;
	s->blocked = take < len;
	engine_tx_done(b->e, l, take ? (int64_t)take : -EAGAIN, b->now);
}

/* Sends what is ready, as far as the sockets take it. */
static inline void box_flush(struct box *b)
{
	for (struct link *l; (l = engine_next_ready(b->e, b->now));) {
		struct box_socket *s = link_io(l);
		const struct iovec *iov;
		unsigned n = engine_tx_take(b->e, l, &iov, b->now);
		size_t all = 0, sent = 0;
		if (!n) {
			box_flush_conduit(b, s, l);
			continue;
		}
		s->sends++;
		for (unsigned i = 0; i < n; i++) {
			const uint8_t *p = iov[i].iov_base;
			size_t len = iov[i].iov_len, take = len < s->room ? len : s->room;
			if (p < b->rx_lo || p + len > b->rx_hi)
				b->copied = true;
			s->pieces++;
			all += len;
			if (take)
				memcpy(box_out_room(s, take), p, take);
			s->out_len += take;
			sent += take;
			s->room -= take;
		}
		s->blocked = sent < all;
		engine_tx_done(b->e, l, sent ? (int64_t)sent : -EAGAIN, b->now);
		box_books(b);
	}
}

static inline void box_room(struct box *b, uint32_t link, size_t room)
{
	struct box_socket *s = &b->s[link];
	s->room = room;
	if (s->blocked && room) {
		s->blocked = false;
		engine_tx_room(b->e, s->l);
	}
	box_flush(b);
}

/* Bytes come in on a link, in a buffer of their own. */
static inline void box_rx_only(struct box *b, uint32_t link, const void *p, size_t n)
{
	struct buf *buf = buf_plain((uint32_t)n + 1);
	memcpy(buf->data, p, n);
	b->rx_lo = buf->data;
	b->rx_hi = buf->data + n;
	if (b->s[link].l)
		engine_rx(b->e, b->s[link].l, buf, buf->data, n, b->now);
	box_books(b);
	buf_put(buf);
}

static inline void box_rx(struct box *b, uint32_t link, const void *p, size_t n)
{
	box_rx_only(b, link, p, n);
	box_flush(b);
}

static inline void box_tick(struct box *b, uint64_t now)
{
	b->now = now;
	engine_tick(b->e, now);
	box_flush(b);
}

static inline struct box_event *box_find(struct box *b, uint16_t cmd)
{
	for (unsigned i = 0; i < b->evs; i++)
		if (b->ev[i].m.cmd == cmd)
			return &b->ev[i];
	return NULL;
}

static inline unsigned box_count(struct box *b, uint16_t cmd)
{
	unsigned n = 0;
	for (unsigned i = 0; i < b->evs; i++)
		n += b->ev[i].m.cmd == cmd;
	return n;
}

/* Writes one frame whose body is a pattern; its length. */
static inline size_t box_frame(
	uint8_t *p, enum wire_type type, uint8_t sub, uint32_t label, uint64_t seq, size_t len)
{
	frame_header_encode(p, type, sub, (uint16_t)len, label, seq);
	for (size_t i = WIRE_HEADER; i < len; i++)
		p[i] = (uint8_t)(seq + i * 7);
	return len;
}

/* Frames of a type in what a socket sent, and where the first is. */
static inline unsigned box_sent(
	struct box *b, uint32_t link, enum wire_type type, uint8_t sub, const uint8_t **first)
{
	unsigned n = 0;
	const struct box_socket *s = &b->s[link];
	for (size_t off = 0; off + WIRE_HEADER <= s->out_len;) {
		struct frame_header h = frame_header_decode(s->out + off);
		assert_true(h.len >= WIRE_HEADER);
		if (h.type == type && h.sub == sub && !n++ && first)
			*first = s->out + off;
		off += h.len;
	}
	return n;
}

#endif
