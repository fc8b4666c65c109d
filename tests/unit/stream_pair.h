/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two engines joined back to back by one session, with applications on both sides: each writes and
 * checks a stream of bytes that follow from its seed. Includes cmocka.
 */
#ifndef OCKAM_STREAM_PAIR_H
#define OCKAM_STREAM_PAIR_H

#include "engine_box.h"
#include "engine_private.h"

struct app {
	struct app *next;
	struct box *b;
	struct stream *s; /* NULL: let go */
	uint32_t id;
	uint64_t seed;	   /* of what it writes; what it reads has seed + 1 on the other side */
	uint64_t to_write; /* how much is left to write */
	uint64_t wrote, got;
	bool then_end;		  /* and end behind it */
	size_t step;		  /* writes at most so much at once */
	size_t takes;		  /* and reads */
	bool stopped;		  /* reads nothing */
	bool blocked;		  /* waits for stream_out_room */
	bool ended_out, told_end; /* the end came; ours was told */
	bool gone, reset;
	uint8_t code;
};

struct pair {
	struct box *side[2];
	struct serials serials[2];
	struct app *apps[2];
	unsigned seen[2]; /* events */
	bool hold_answers;
	uint32_t asked[4096];
	unsigned n_asked;
};

static struct pair *the_pair;

static inline uint8_t byte_at(uint64_t seed, uint64_t offset)
{
	return (uint8_t)(seed * 13 + offset * 31 + (offset >> 8) * 7 + (offset >> 16) * 3);
}

static inline struct app *app_new(struct box *b, struct stream *s)
{
	struct app *a = calloc(1, sizeof *a);
	assert_non_null(a);
	a->b = b;
	a->s = s;
	a->id = s ? s->node.link : 0;
	a->step = a->takes = SIZE_MAX;
	unsigned side = b == the_pair->side[1];
	a->next = the_pair->apps[side];
	the_pair->apps[side] = a;
	return a;
}

static void *app_accepted(struct box *b, struct stream *s)
{
	struct app *a = app_new(b, s);
	a->seed = 2 * (uint64_t)s->node.link + 1;
	return a;
}

static inline struct app *app_of(struct pair *p, unsigned side, uint32_t id)
{
	struct app *a = p->apps[side];
	while (a && a->id != id)
		a = a->next;
	return a;
}

/* Opens a stream from a side. */
static inline struct app *app_open(struct pair *p, unsigned side)
{
	struct box *b = p->side[side];
	struct app *a = app_new(b, NULL);
	assert_int_equal(engine_portal_accept(b->e, b->portal, a, &a->s, b->now), 0);
	a->id = a->s->node.link;
	a->seed = 2 * (uint64_t)a->id;
	return a;
}

/* The application writes what it may. */
static inline void app_write(struct app *a)
{
	struct iovec iov[STREAM_SLOTS];
	while (a->s && a->to_write) {
		uint64_t want = a->to_write < a->step ? a->to_write : a->step;
		if (want <= STREAM_SMALL) { /* as a small receive does */
			uint32_t room = stream_in_room(a->s);
			if (!room)
				return;
			uint32_t n = want < room ? (uint32_t)want : room;
			struct buf *buf = buf_plain(4096);
			for (uint32_t i = 0; i < n; i++)
				buf->data[STREAM_HEADROOM + i] = byte_at(a->seed, a->wrote + i);
			stream_in_adopt(a->s, buf, n);
			a->wrote += n;
			a->to_write -= n;
		} else {
			unsigned n = stream_in_slots(a->s, iov, STREAM_SLOTS);
			size_t done = 0;
			if (!n)
				return;
			for (unsigned i = 0; i < n; i++)
				for (size_t k = 0; k < iov[i].iov_len && done < want; k++, done++)
					((uint8_t *)iov[i].iov_base)[k] =
						byte_at(a->seed, a->wrote + done);
			stream_in_done(a->s, (int64_t)done);
			a->wrote += done;
			a->to_write -= done;
		}
		engine_stream_told(a->b->e, a->s, a->b->now);
		if (a->step != SIZE_MAX)
			return;
	}
	if (a->s && a->then_end && !a->told_end && !a->to_write && a->s->state == STREAM_OPEN) {
		stream_in_done(a->s, 0);
		a->told_end = true;
		engine_stream_told(a->b->e, a->s, a->b->now);
	}
}

static inline void app_read(struct app *a)
{
	struct iovec iov[64];
	bool end;
	for (unsigned n; a->s && !a->blocked;) {
		n = stream_out_take(a->s, iov, 64, &end);
		if (!n)
			break;
		size_t all = 0, took = 0, takes = a->stopped ? 0 : a->takes;
		for (unsigned i = 0; i < n; i++) {
			const uint8_t *q = iov[i].iov_base;
			all += iov[i].iov_len;
			for (size_t k = 0; k < iov[i].iov_len && took < takes; k++, took++)
				if (q[k] != byte_at(a->seed ^ 1, a->got + took))
					fail_msg("stream %u: byte %llu is wrong", a->id,
						(unsigned long long)(a->got + took));
		}
		a->got += took;
		a->blocked = took < all;
		stream_out_done(a->s, took ? (int64_t)took : -EAGAIN);
		engine_stream_told(a->b->e, a->s, a->b->now);
	}
	if (a->s && !a->stopped && !a->blocked && !stream_out_take(a->s, iov, 64, &end) && end) {
		a->ended_out = true;
		stream_out_end(a->s);
		engine_stream_told(a->b->e, a->s, a->b->now);
	}
}

/* It reads again. */
static inline void app_go_on(struct app *a)
{
	a->stopped = false;
	if (a->blocked && a->s) {
		a->blocked = false;
		stream_out_room(a->s);
	}
	app_read(a);
}

/* What a worker does for streams that there is news of, and control for what is asked. */
static inline void serve(struct pair *p, unsigned side)
{
	struct box *b = p->side[side];
	for (struct stream *s; (s = engine_next_stream(b->e, b->now));) {
		struct app *a = s->app;
		if (s->state == STREAM_ENDED) {
			a->gone = true;
			a->reset = s->reset;
			a->code = s->code;
			a->s = NULL;
			stream_free(s);
			continue;
		}
		app_read(a);
		app_write(a);
	}
	for (; p->seen[side] < b->evs; p->seen[side]++) {
		const struct seam_msg *m = &b->ev[p->seen[side]].m;
		if (m->cmd != SEAM_STREAM_ASKED)
			continue;
		if (p->hold_answers) {
			p->asked[p->n_asked++] = m->stream;
			continue;
		}
		struct seam_msg answer = {.cmd = SEAM_STREAM_ACCEPT,
			.fd = 1,
			.has = H(SESSION) | H(STREAM),
			.session = 1,
			.stream = m->stream};
		box_apply(b, answer);
	}
	if (b->evs > BOX_EVENTS / 2) {
		for (unsigned i = 0; i < b->evs; i++)
			free(b->ev[i].frame);
		b->evs = p->seen[side] = 0;
	}
}

static inline bool carry(struct pair *p, unsigned from)
{
	struct box_socket *s = &p->side[from]->s[2];
	size_t n = s->out_len;
	if (!n)
		return false;
	uint8_t *bytes = malloc(n);
	memcpy(bytes, s->out, n);
	s->out_len = 0;
	box_rx_only(p->side[!from], 2, bytes, n);
	free(bytes);
	return true;
}

/* Until nothing moves. */
static inline void run(struct pair *p)
{
	bool moved;
	do {
		moved = false;
		for (unsigned i = 0; i < 2; i++) {
			serve(p, i);
			box_flush(p->side[i]);
			moved |= carry(p, i);
			serve(p, !i);
		}
	} while (moved);
}

static inline struct streams *streams_of(struct pair *p, unsigned side)
{
	struct endpoint *ep = endpoint_find(p->side[side]->e, 1);
	return ep ? session_streams(ep->session) : NULL;
}

static inline struct seam_msg pair_session(bool initiator, uint16_t frame_max, uint8_t path_flags)
{
	struct seam_msg m = {.cmd = SEAM_SESSION_ADD,
		.fd = -1,
		.has = H(SESSION) | H(SERIAL) | H(ROLE) | H(SUITE) | H(LINK) | H(LABEL) |
		       H(LABEL_TX) | H(FRAME_MAX) | H(CHAIN_RX) | H(CHAIN_TX) | H(EXPORTER) |
		       H(PATH_FLAGS),
		.session = 1,
		.serial = 1,
		.role = initiator ? SEAM_INITIATOR : SEAM_RESPONDER,
		.suite = SUITE_AESGCM,
		.link = 2,
		.path_flags = path_flags,
		.frame_max = frame_max};
	if (!aead_best(SUITE_AESGCM))
		m.suite = SUITE_CHACHAPOLY;
	m.label = initiator ? 101 : 201;
	m.label_tx = initiator ? 201 : 101;
	memset(initiator ? &m.chain_tx : &m.chain_rx, 1, 32);
	memset(initiator ? &m.chain_rx : &m.chain_tx, 2, 32);
	return m;
}

static inline int pair_portal(struct pair *p, unsigned side, uint16_t cmd)
{
	return box_apply(p->side[side], (struct seam_msg){.cmd = cmd,
						.fd = 1,
						.has = H(PORTAL) | H(SESSION) | H(SERVICE),
						.portal = 7,
						.session = 1,
						.service = "outlet"});
}

/* Side 0 is the initiator. Both have a portal. */
static inline struct pair *pair_new(uint16_t frame_max)
{
	struct pair *p = calloc(1, sizeof *p);
	assert_non_null(p);
	the_pair = p;
	for (unsigned i = 0; i < 2; i++) {
		serials_init(&p->serials[i]);
		p->side[i] = box_new(&p->serials[i], 0, 1, 0);
		p->side[i]->app_new = app_accepted;
		box_link(p->side[i], 2);
	}
	assert_int_equal(box_apply(p->side[0], pair_session(true, frame_max, 0)), 0);
	assert_int_equal(box_apply(p->side[1], pair_session(false, frame_max, 0)), 0);
	run(p);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pair_portal(p, i, SEAM_PORTAL_ADD), 0);
	return p;
}

static inline void pair_free(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		engine_streams_end(p->side[i]->e, p->side[i]->now);
		serve(p, i);
		box_free(p->side[i]);
		for (struct app *a = p->apps[i], *next; a; a = next) {
			next = a->next;
			assert_null(a->s);
			free(a);
		}
		serials_fini(&p->serials[i]);
	}
	free(p);
}

/* Whether the sums that streams keep are the sums of what they have. */
static inline void check_sums(struct pair *p, unsigned side)
{
	struct streams *st = streams_of(p, side);
	struct stream_hub *hub = &p->side[side]->e->hub;
	uint64_t granted = 0, given = 0, tuned = 0, consumed_gap = 0;
	unsigned slots = 0, n = 0;
	size_t held = 0;
	struct label_iter it = {0};
	for (struct label_node *node; (node = label_each(&st->table, &it)); n++) {
		const struct stream *s = LABEL_ENTRY(node, struct stream, node);
		granted += (s->fin_came ? s->rx.received : s->rx.limit) - s->rx.consumed;
		consumed_gap += s->rx.received - s->rx.consumed;
		given += s->rx.window - s->tuned - WIRE_STREAM_FIRST;
		tuned += s->tuned;
		slots += s->n_ready + s->n_given;
		held += s->held.bytes;
		assert_true(s->rx.consumed <= s->rx.received && s->rx.received <= s->rx.limit);
		assert_true(s->rx.limit - s->rx.consumed <= WIRE_STREAM_CREDIT_MAX);
		assert_true(s->tx_acked <= s->tx_next && s->tx_next <= s->tx_queued);
		assert_true(s->tx_queued <= s->tx_limit);
	}
	assert_true(st->granted == granted && st->held == held);
	assert_true(hub->given == given && hub->tuned == tuned);
	assert_true(st->rx.received - st->rx.consumed == consumed_gap);
	assert_true(st->rx.limit - st->rx.consumed <= hub->held_max + (16 << 20));
	assert_true(st->tx_sent <= st->tx_limit && st->tx_acked <= st->tx_sent);
	assert_int_equal(st->slots, slots);
	assert_int_equal(hub->held, held);
	assert_int_equal(st->own + st->peers, n);
	assert_true(hub->held <= hub->held_max);
}

#endif
