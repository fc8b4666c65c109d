// SPDX-License-Identifier: Apache-2.0
/*
 * Life of streams and their share of memory. A window grows only while its reader keeps up, so
 * that stopped readers hold what they had; the session's window always covers all that its streams
 * were granted, so that a stopped reader takes nothing from the others.
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>

enum {
	SESSION_STEP = 1 << 20,	   /* the session's WINDOW goes out for so much */
	SESSION_MARGIN = 2 << 20,  /* streams that the peer opens before it hears of more */
	SESSION_RESERVE = 4 << 20, /* not for growing windows */
};

void stream_hub_init(
	struct stream_hub *hub, struct bufpool *pool, size_t held_max, uint64_t grown_max)
{
	*hub = (struct stream_hub){.pool = pool,
		.held_max = held_max,
		.grown_max = grown_max,
		.streams_max = WIRE_STREAMS_MAX};
	TAILQ_INIT(&hub->news);
}

int streams_init(struct streams *st, struct stream_hub *hub, uint32_t session, bool initiator,
	bool lossy, uint16_t frame_max, uint64_t seed)
{
	uint32_t most = frame_max - (uint32_t)WIRE_STREAM_OVERHEAD;
	*st = (struct streams){
		.hub = hub,
		.session = session,
		.initiator = initiator,
		.lossy = lossy,
		.payload_max = most < STREAM_PAYLOAD_MAX ? most : STREAM_PAYLOAD_MAX,
		.next_id = initiator ? 1 : 2,
		.tx_limit = WIRE_SESSION_CREDIT,
		.beside = UINT64_MAX,
	};
	credit_init(&st->rx, WIRE_SESSION_CREDIT, WIRE_SESSION_CREDIT, SESSION_STEP);
	TAILQ_INIT(&st->due);
	TAILQ_INIT(&st->small);
	TAILQ_INIT(&st->bulk);
	TAILQ_INIT(&st->waiting);
	return label_table_init(&st->table, seed ^ session);
}

void streams_end(struct streams *st)
{
	struct label_iter it = {0};
	st->over = true;
	if (!st->table.slots)
		return;
	for (struct label_node *n; (n = label_each(&st->table, &it));)
		stream_end(LABEL_ENTRY(n, struct stream, node), true, 0);
}

void streams_fini(struct streams *st)
{
	streams_end(st);
	label_table_fini(&st->table);
}

struct stream *stream_find(const struct streams *st, uint32_t id)
{
	struct label_node *n = label_find(&st->table, id, 0);
	return n ? LABEL_ENTRY(n, struct stream, node) : NULL;
}

static unsigned *count_of(struct streams *st, uint32_t id)
{
	return (id & 1) == st->initiator ? &st->own : &st->peers;
}

/* What a window may grow to: half of what is left, so that some is left for the next. */
static uint64_t share(const struct stream *s)
{
	const struct streams *st = s->all;
	uint64_t own = s->rx.limit - s->rx.consumed, others = st->granted - own;
	const uint64_t most = WIRE_SESSION_CREDIT_MAX - SESSION_RESERVE;
	uint64_t session = others < most ? (most - others) / 2 : 0;
	uint64_t grown = s->hub->grown - (s->rx.window - WIRE_STREAM_FIRST);
	uint64_t node = grown < s->hub->grown_max ? (s->hub->grown_max - grown) / 2 : 0;
	return session < node + WIRE_STREAM_FIRST ? session : node + WIRE_STREAM_FIRST;
}

void stream_widen(struct stream *s, uint64_t want)
{
	uint64_t most = share(s);
	if (want > WIRE_STREAM_CREDIT_MAX)
		want = WIRE_STREAM_CREDIT_MAX;
	if (want > most)
		want = most;
	if (want <= s->rx.window)
		return;
	s->hub->grown += want - s->rx.window;
	credit_widen(&s->rx, want);
}

void stream_tell(struct stream *s, struct record_window *out)
{
	uint64_t before = s->rx.limit;
	out->limit = s->fin_came ? before : credit_tell(&s->rx);
	out->consumed = s->rx.consumed;
	s->all->granted += out->limit - before;
	streams_session_window(s->all);
}

void streams_session_window(struct streams *st)
{
	uint64_t want = st->granted + SESSION_MARGIN;
	if (want < WIRE_SESSION_CREDIT)
		want = WIRE_SESSION_CREDIT;
	if (want > WIRE_SESSION_CREDIT_MAX)
		want = WIRE_SESSION_CREDIT_MAX;
	st->rx.window = want;
}

struct stream *stream_new(struct streams *st, uint32_t id, uint64_t tx_limit)
{
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->node.link = id;
	s->all = st;
	s->hub = st->hub;
	s->session = st->session;
	s->tx_limit = tx_limit;
	credit_init(&s->rx, 0, WIRE_STREAM_FIRST, 0);
	label_insert(&st->table, &s->node);
	++*count_of(st, id);
	return s;
}

int stream_open(struct streams *st, const char *name, struct stream **out)
{
	size_t len = strlen(name);
	if (st->over)
		return -EPIPE;
	if (st->lossy)
		return -EOPNOTSUPP;
	if (!len || len > WIRE_NAME_MAX)
		return -EINVAL;
	if (st->own >= st->hub->streams_max)
		return -EMFILE;
	if (st->next_id > UINT32_MAX - 2)
		return -EOVERFLOW;
	struct stream *s = stream_new(st, st->next_id, WIRE_STREAM_FIRST);
	if (!s)
		return -ENOMEM;
	st->next_id += 2;
	s->state = STREAM_OPENING;
	memcpy(s->name, name, len + 1);
	s->name_len = (uint8_t)len;
	stream_widen(s, WIRE_STREAM_CREDIT);
	stream_due(s, DUE_OPEN);
	*out = s;
	return 0;
}

int stream_accept(struct stream *s)
{
	if (s->state != STREAM_ASKED)
		return -EALREADY;
	s->state = STREAM_OPEN;
	stream_widen(s, WIRE_STREAM_CREDIT);
	stream_due(s, DUE_ACCEPT);
	stream_news(s);
	return 0;
}

int stream_refuse(struct stream *s, uint8_t code)
{
	if (s->state != STREAM_ASKED)
		return -EALREADY;
	s->state = STREAM_LEAVING;
	s->code = code;
	stream_due(s, DUE_REFUSE);
	return 0;
}

static void leave_lists(struct stream *s)
{
	struct streams *st = s->all;
	stream_busy(s, false);
	if (s->in_due)
		TAILQ_REMOVE(&st->due, s, due_at);
	if (s->in_small)
		TAILQ_REMOVE(&st->small, s, ready_at);
	if (s->in_bulk)
		TAILQ_REMOVE(&st->bulk, s, ready_at);
	if (s->in_wait)
		TAILQ_REMOVE(&st->waiting, s, wait_at);
	s->in_due = s->in_small = s->in_bulk = s->in_wait = false;
}

/* What is held and not being written or filled just now. */
static void let_go(struct stream *s)
{
	for (unsigned i = 0; i < s->n_ready; i++)
		buf_put(s->ready[i].b);
	if (s->all)
		s->all->slots -= s->n_ready;
	s->n_ready = 0;
	if (s->taken)
		return;
	for (unsigned i = 0; i < s->n_spans; i++)
		buf_put(s->span[i].b);
	s->n_spans = 0;
	s->hub->held -= s->held.bytes;
	spool_clear(&s->held);
}

void stream_reset(struct stream *s)
{
	if (s->state == STREAM_ENDED || s->state == STREAM_LEAVING)
		return;
	if (s->due & DUE_OPEN) { /* the peer never hears of it */
		stream_end(s, true, 0);
		return;
	}
	s->state = STREAM_LEAVING;
	s->due = 0;
	leave_lists(s);
	let_go(s);
	streams_wake(s->all);
	stream_due(s, DUE_RST);
	stream_news(s);
}

void stream_end(struct stream *s, bool reset, uint8_t code)
{
	struct streams *st = s->all;
	if (s->state == STREAM_ENDED)
		return;
	leave_lists(s);
	label_remove(&st->table, &s->node);
	--*count_of(st, s->node.link);
	let_go(s);
	st->slots -= s->n_given;
	streams_wake(st);
	st->granted -= (s->fin_came ? s->rx.received : s->rx.limit) - s->rx.consumed;
	s->hub->grown -= s->rx.window - WIRE_STREAM_FIRST;
	/* what was not consumed never will be */
	credit_consume(&st->rx, s->rx.received - s->rx.consumed);
	credit_consume(&s->rx, s->rx.received - s->rx.consumed);
	streams_session_window(st);
	s->state = STREAM_ENDED;
	s->reset = reset;
	s->code = code;
	s->all = NULL;
	stream_news(s);
}

void stream_check_end(struct stream *s)
{
	if (s->state == STREAM_OPEN && s->fin_sent && s->tx_acked == s->tx_next && s->fin_done &&
		!s->due)
		stream_end(s, false, 0);
}

void stream_free(struct stream *s)
{
	if (s->in_news)
		TAILQ_REMOVE(&s->hub->news, s, news_at);
	s->taken = false;
	let_go(s);
	for (unsigned i = 0; i < s->n_given; i++)
		buf_put(s->given[i]);
	free(s);
}

void stream_news(struct stream *s)
{
	if (s->in_news)
		return;
	s->in_news = true;
	TAILQ_INSERT_TAIL(&s->hub->news, s, news_at);
}

struct stream *stream_next_news(struct stream_hub *hub)
{
	struct stream *s = TAILQ_FIRST(&hub->news);
	if (s) {
		TAILQ_REMOVE(&hub->news, s, news_at);
		s->in_news = false;
	}
	return s;
}
