// SPDX-License-Identifier: Apache-2.0
/*
 * What leaves. Small amounts go first and share a frame; large ones take turns by deficit round
 * robin, each record where it was received. Bytes are read from an application only as far as its
 * stream may send them, and few per session wait, so that a small write never stands behind much.
 */
#include "stream.h"

#include <errno.h>

enum {
	QUANTUM = STREAM_PAYLOAD_MAX,
	DUE_ROOM = WIRE_RECORD_HEADER +
		   RECORD_OPEN_MAX, /* the longest of what is due, for one stream */
};
static_assert(
	STREAM_HEADROOM + STREAM_PAYLOAD_MAX + WIRE_TAG <= STREAM_BLOCK, "a record in a block");
static_assert(STREAM_HEADROOM + WIRE_TAG == WIRE_STREAM_OVERHEAD, "header, record, offset, tag");

void stream_later_leave(struct stream *s)
{
	struct streams *st = s->all;
	if (!s->in_later)
		return;
	s->in_later = false;
	TAILQ_REMOVE(&st->later, s, due_at);
	if (TAILQ_EMPTY(&st->later))
		TAILQ_REMOVE(&st->hub->later, st, later_at);
}

/* What waited for company has found some. */
static void later_due(struct streams *st)
{
	for (struct stream *s; (s = TAILQ_FIRST(&st->later));) {
		stream_later_leave(s);
		s->in_due = true;
		TAILQ_INSERT_TAIL(&st->due, s, due_at);
	}
}

void stream_due(struct stream *s, enum stream_due what)
{
	s->due |= (uint8_t)what;
	if (s->in_later)
		later_due(s->all);
	if (s->in_due)
		return;
	s->in_due = true;
	TAILQ_INSERT_TAIL(&s->all->due, s, due_at);
}

void stream_due_later(struct stream *s, enum stream_due what)
{
	struct streams *st = s->all;
	struct stream_hub *hub = st->hub;
	if (!hub->collects || s->in_due) {
		stream_due(s, what);
		return;
	}
	s->due |= (uint8_t)what;
	if (s->in_later)
		return;
	if (TAILQ_EMPTY(&st->later))
		TAILQ_INSERT_TAIL(&hub->later, st, later_at);
	s->in_later = true;
	TAILQ_INSERT_TAIL(&st->later, s, due_at);
}

void stream_hub_hurry(
	struct stream_hub *hub, void (*told)(void *ctx, struct streams *st), void *ctx)
{
	for (struct streams *st; (st = TAILQ_FIRST(&hub->later));) {
		later_due(st);
		told(ctx, st);
	}
}

static uint64_t session_room(const struct streams *st)
{
	return st->tx_limit - st->tx_sent;
}

static bool may_fin(const struct stream *s)
{
	return s->fin_wanted && !s->fin_sent && s->tx_limit > s->tx_queued;
}

void stream_make_ready(struct stream *s)
{
	struct streams *st = s->all;
	if (!st || s->state == STREAM_LEAVING || (!s->n_ready && !may_fin(s)))
		return;
	if (s->in_later)
		later_due(st);
	bool small = s->tx_queued - s->tx_next <= STREAM_SMALL && s->n_ready <= 1;
	if (s->in_bulk || (s->in_small && small))
		return;
	if (s->in_small)
		TAILQ_REMOVE(&st->small, s, ready_at);
	s->in_small = small;
	s->in_bulk = !small;
	if (small)
		TAILQ_INSERT_TAIL(&st->small, s, ready_at);
	else
		TAILQ_INSERT_TAIL(&st->bulk, s, ready_at);
}

/* When none is left in use nothing else will happen: then all are told. */
void streams_wake(struct streams *st)
{
	unsigned n = st->slots ? 1 : UINT32_MAX;
	for (struct stream *s; n && st->slots < STREAM_SESSION_SLOTS; n--) {
		s = TAILQ_FIRST(&st->waiting);
		if (!s)
			return;
		TAILQ_REMOVE(&st->waiting, s, wait_at);
		s->in_wait = false;
		stream_news(s);
	}
}

static void wait_for_slots(struct stream *s)
{
	if (s->in_wait)
		return;
	s->in_wait = true;
	TAILQ_INSERT_TAIL(&s->all->waiting, s, wait_at);
}

static bool reads(const struct stream *s)
{
	return s->app && !s->fin_wanted && !s->n_given &&
	       (s->state == STREAM_OPENING || s->state == STREAM_OPEN);
}

uint32_t stream_in_room(struct stream *s)
{
	if (!reads(s))
		return 0;
	uint64_t room = s->tx_limit - s->tx_queued;
	if (!room || s->n_ready == STREAM_SLOTS) {
		s->in_wanted = true;
		return 0;
	}
	if (s->all->slots >= 2 * STREAM_SESSION_SLOTS) { /* one block is always soon free */
		wait_for_slots(s);
		return 0;
	}
	return room < s->all->payload_max ? (uint32_t)room : s->all->payload_max;
}

void stream_busy(struct stream *s, bool busy)
{
	if (busy != s->busy)
		s->all->busy += busy ? 1 : UINT32_MAX;
	s->busy = busy;
}

/* Streams that fill all they get share the session's blocks alike. */
static unsigned may_have(const struct stream *s)
{
	unsigned share = STREAM_SESSION_SLOTS / (s->all->busy + !s->busy);
	return share > STREAM_SLOTS ? STREAM_SLOTS : share ? share : 1;
}

unsigned stream_in_slots(struct stream *s, struct iovec *iov, unsigned max)
{
	struct streams *st = s->all;
	uint64_t room = stream_in_room(s) ? s->tx_limit - s->tx_queued : 0;
	if (!room)
		return 0;
	if (st->slots >= STREAM_SESSION_SLOTS) {
		wait_for_slots(s);
		return 0;
	}
	unsigned n = 0, most = may_have(s);
	if (s->n_ready >= most) {
		s->in_wanted = true;
		return 0;
	}
	while (n < max && n + s->n_ready < most && room &&
		(!n || st->slots + n < STREAM_SESSION_SLOTS)) {
		struct buf *b = buf_new(s->hub->pool, STREAM_BLOCK);
		if (!b)
			break;
		uint32_t len = room < st->payload_max ? (uint32_t)room : st->payload_max;
		iov[n] = (struct iovec){b->data + STREAM_HEADROOM, len};
		s->given[n++] = b;
		b->head = len; /* how much fits */
		room -= len;
	}
	s->n_given = n;
	st->slots += n;
	if (!n)
		wait_for_slots(s);
	return n;
}

/* Few bytes join those in front of them, if these have not left. */
static bool join(struct stream *s, const struct buf *b, uint32_t len)
{
	struct stream_slot *last = s->n_ready ? &s->ready[s->n_ready - 1] : NULL;
	if (!last || len > STREAM_SMALL || last->len + len > s->all->payload_max ||
		last->len + len + STREAM_HEADROOM + WIRE_TAG > last->b->cap)
		return false;
	memcpy(last->b->data + STREAM_HEADROOM + last->len, b->data + STREAM_HEADROOM, len);
	last->len += len;
	return true;
}

static void add(struct stream *s, struct buf *b, uint32_t len)
{
	s->tx_queued += len;
	if (join(s, b, len)) {
		s->all->slots--;
		buf_put(b);
		return;
	}
	s->ready[s->n_ready++] = (struct stream_slot){b, len};
}

void stream_in_done(struct stream *s, int64_t n)
{
	struct streams *st = s->all;
	bool alive = st && s->state != STREAM_LEAVING;
	size_t left = n > 0 ? (size_t)n : 0, room = 0;
	for (unsigned i = 0; i < s->n_given; i++) {
		struct buf *b = s->given[i];
		uint32_t len = left < b->head ? (uint32_t)left : b->head;
		left -= len;
		room += b->head;
		b->head = 0;
		if (alive && len) {
			add(s, b, len);
			continue;
		}
		buf_put(b);
		if (st)
			st->slots--;
	}
	s->n_given = 0;
	if (!alive)
		return;
	stream_busy(s, n > 0 && (size_t)n == room);
	streams_wake(st);
	if (n == 0)
		s->fin_wanted = true;
	else if (n < 0 && n != -EAGAIN)
		stream_reset(s);
	stream_make_ready(s);
}

void stream_in_adopt(struct stream *s, struct buf *b, uint32_t len)
{
	if (!s->all || s->state == STREAM_LEAVING) {
		buf_put(b);
		return;
	}
	assert(len <= s->tx_limit - s->tx_queued && s->n_ready < STREAM_SLOTS);
	s->all->slots++;
	add(s, b, len);
	stream_make_ready(s);
}

/* Its peer does not take bytes of it before what is due. */
static bool is_unknown(const struct stream *s)
{
	return s->due & (DUE_OPEN | DUE_ACCEPT);
}

static bool head_fits(const struct streams *st, const struct stream_list *list)
{
	const struct stream *s = TAILQ_FIRST(list);
	return s && !is_unknown(s) && (s->n_ready ? s->ready[0].len : 1) <= session_room(st);
}

static bool recent(uint64_t at_ms, uint64_t now_ms)
{
	return at_ms && now_ms < at_ms + STREAM_BESIDE_MS;
}

bool streams_shared(const struct streams *st)
{
	return recent(st->little_ms, st->now_ms) && recent(st->large_ms, st->now_ms);
}

/*
 * What the peer has not consumed lies in front of the small records of others, most of it where it
 * cannot be overtaken: in its socket. More than a WINDOW is given for always may be there.
 */
static struct stream *bulk_first(const struct streams *st)
{
	struct stream *s = TAILQ_FIRST(&st->bulk);
	bool shared = streams_shared(st);
	while (s && (is_unknown(s) || (shared && s->tx_next - s->tx_acked >= st->beside)))
		s = TAILQ_NEXT(s, ready_at);
	return s;
}

bool streams_bulk_ready(const struct streams *st)
{
	const struct stream *s = st->over ? NULL : bulk_first(st);
	return s && s->ready[0].len <= session_room(st);
}

bool streams_frame_ready(const struct streams *st, bool paused)
{
	if (st->over)
		return false;
	if (!TAILQ_EMPTY(&st->due) || credit_due(&st->rx))
		return true;
	return !paused && head_fits(st, &st->small);
}

static void session_window_put(struct streams *st, struct wr *w)
{
	struct record_window win = {.consumed = st->rx.consumed, .limit = credit_tell(&st->rx)};
	record_window_encode(w, 0, &win);
}

/* RST and REFUSE end it. */
static void due_put(struct stream *s, struct wr *w)
{
	struct record_window win;
	uint32_t id = s->node.link;
	if (s->due & (DUE_REFUSE | DUE_RST)) {
		const struct record_stream rst = {.offset = s->tx_next, .rst = true};
		if (s->due & DUE_ACCEPT)
			record_accept_encode(w, id, s->rx.limit);
		if (s->due & DUE_REFUSE)
			record_refuse_encode(w, id, s->code);
		else
			record_stream_encode(w, id, &rst);
		stream_end(s, true, s->code);
		return;
	}
	stream_tell(s, &win);
	if (s->due & DUE_OPEN)
		record_open_encode(w, id,
			&(struct record_open){win.limit, (const uint8_t *)s->name, s->name_len});
	if (s->due & DUE_ACCEPT)
		record_accept_encode(w, id, win.limit);
	if (s->due & DUE_WINDOW)
		record_window_encode(w, id, &win);
	s->due = 0;
	stream_check_end(s);
}

static void dues_put(struct streams *st, struct wr *w)
{
	for (struct stream *s; (s = TAILQ_FIRST(&st->due));) {
		if ((size_t)(w->end - w->p) < DUE_ROOM)
			return;
		TAILQ_REMOVE(&st->due, s, due_at);
		s->in_due = false;
		due_put(s, w);
	}
}

/* The first slot of s leaves as a record, with the end when that is all: what the record says. */
static struct record_stream slot_leaves(struct stream *s)
{
	struct record_stream r = {.offset = s->tx_next};
	struct streams *st = s->all;
	if (s->n_ready) {
		r.data = s->ready[0].b->data + STREAM_HEADROOM;
		r.len = s->ready[0].len;
		s->n_ready--;
		memmove(s->ready, s->ready + 1, s->n_ready * sizeof s->ready[0]);
		st->slots--;
	}
	r.fin = !s->n_ready && may_fin(s) && session_room(st) > r.len;
	s->fin_sent |= r.fin;
	s->tx_queued += r.fin;
	s->tx_next += r.len + r.fin;
	st->tx_sent += r.len + r.fin;
	r.at_limit = s->tx_next == s->tx_limit;
	if (s->in_wanted) {
		s->in_wanted = false;
		stream_news(s);
	}
	streams_wake(st);
	return r;
}

static void smalls_put(struct streams *st, struct wr *w)
{
	while (head_fits(st, &st->small)) {
		struct stream *s = TAILQ_FIRST(&st->small);
		uint32_t len = s->n_ready ? s->ready[0].len : 0;
		if ((size_t)(w->end - w->p) < RECORD_STREAM_HEAD + len)
			return;
		struct buf *b = s->n_ready ? s->ready[0].b : NULL;
		TAILQ_REMOVE(&st->small, s, ready_at);
		s->in_small = false;
		if (len && !recent(s->large_ms, st->now_ms))
			st->little_ms = st->now_ms;
		struct record_stream r = slot_leaves(s);
		record_stream_encode(w, s->node.link, &r);
		buf_put(b);
		stream_make_ready(s); /* an end that found no room */
	}
}

void streams_put(struct streams *st, struct wr *w, bool paused)
{
	if (st->over)
		return;
	later_due(st);
	if (credit_due(&st->rx) && (size_t)(w->end - w->p) >= DUE_ROOM)
		session_window_put(st, w);
	dues_put(st, w);
	if (!paused)
		smalls_put(st, w);
}

/* Whose turn it is. */
static struct stream *bulk_turn(struct streams *st)
{
	for (;;) {
		struct stream *s = bulk_first(st);
		if (s->deficit >= s->ready[0].len)
			return s;
		s->deficit += QUANTUM;
		if (s->deficit >= s->ready[0].len)
			return s;
	}
}

static void bulk_rotate(struct stream *s)
{
	struct streams *st = s->all;
	if (s->n_ready && s->deficit >= s->ready[0].len)
		return;
	TAILQ_REMOVE(&st->bulk, s, ready_at);
	s->in_bulk = false;
	if (!s->n_ready)
		s->deficit = 0;
	if (s->n_ready) {
		s->in_bulk = true;
		TAILQ_INSERT_TAIL(&st->bulk, s, ready_at);
	} else {
		stream_make_ready(s);
	}
}

struct buf *streams_next(struct streams *st, uint32_t *len)
{
	if (!streams_bulk_ready(st))
		return NULL;
	struct stream *s = bulk_turn(st);
	struct buf *b = s->ready[0].b;
	struct record_stream r = slot_leaves(s);
	s->large_ms = st->large_ms = st->now_ms;
	s->deficit -= r.len;
	record_stream_head(b->data + WIRE_HEADER, s->node.link, &r);
	*len = STREAM_HEADROOM + r.len + WIRE_TAG;
	bulk_rotate(s);
	return b;
}
