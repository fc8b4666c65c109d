// SPDX-License-Identifier: Apache-2.0
/*
 * Life of streams and their share of memory. A window grows only while its reader keeps up, so
 * that stopped readers hold what they had; the session's window covers all that its streams were
 * granted, or all that may be held for readers that stop, so that these take nothing from the
 * others. What a stream gets before it has shown that it needs it comes from another purse, so that
 * very many streams at rest leave room for those that work.
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>

enum {
	SESSION_STEP = 1 << 20,	   /* the session's WINDOW goes out for so much */
	SESSION_MARGIN = 2 << 20,  /* streams that the peer opens before it hears of more */
	SESSION_TRANSIT = 8 << 20, /* not held: on their way through receive buffers */
	SESSION_GIVEN = 32 << 20,
	SESSION_TUNED = 60 << 20,
};

void stream_hub_init(
	struct stream_hub *hub, struct bufpool *pool, size_t held_max, uint64_t grown_max)
{
	*hub = (struct stream_hub){.pool = pool,
		.held_max = held_max,
		.grown_max = grown_max,
		.streams_max = WIRE_STREAMS_MAX};
	TAILQ_INIT(&hub->news);
	TAILQ_INIT(&hub->later);
	LIST_INIT(&hub->sessions);
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
	TAILQ_INIT(&st->later);
	TAILQ_INIT(&st->small);
	TAILQ_INIT(&st->bulk);
	TAILQ_INIT(&st->waiting);
	int rc = label_table_init(&st->table, seed ^ session);
	if (rc == 0)
		LIST_INSERT_HEAD(&hub->sessions, st, of_hub);
	return rc;
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
	if (st->table.slots)
		LIST_REMOVE(st, of_hub);
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

/* Half of what is left, so that some is left for the next. */
static uint64_t half_of(uint64_t most, uint64_t used)
{
	return used < most ? (most - used) / 2 : 0;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What a stream begins with. */
static void give(struct stream *s)
{
	uint64_t more = min_u64(WIRE_STREAM_CREDIT - WIRE_STREAM_FIRST,
		min_u64(half_of(SESSION_GIVEN, s->all->given),
			half_of(s->hub->grown_max / 4, s->hub->given)));
	s->all->given += more;
	s->hub->given += more;
	credit_widen(&s->rx, s->rx.window + more);
}

void stream_widen(struct stream *s, uint64_t want)
{
	uint64_t most = min_u64(half_of(SESSION_TUNED, s->all->tuned - s->tuned),
		half_of(s->hub->grown_max / 2, s->hub->tuned - s->tuned));
	want = min_u64(want, WIRE_STREAM_CREDIT_MAX);
	want = min_u64(want, s->rx.window - s->tuned + most);
	if (want <= s->rx.window)
		return;
	uint64_t more = want - s->rx.window;
	s->tuned += more;
	s->all->tuned += more;
	s->hub->tuned += more;
	credit_widen(&s->rx, want);
}

static void take_back(struct stream *s)
{
	uint64_t given = s->rx.window - s->tuned - WIRE_STREAM_FIRST;
	s->all->given -= given;
	s->hub->given -= given;
	s->all->tuned -= s->tuned;
	s->hub->tuned -= s->tuned;
}

void stream_held(struct stream *s, size_t more, size_t less)
{
	s->hub->held += more - less;
	if (s->all)
		s->all->held += more - less;
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
	uint64_t most = WIRE_SESSION_CREDIT + st->hub->held_max + SESSION_TRANSIT;
	st->rx.window = min_u64(want, most);
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
	st->hub->count++;
	st->hub->changes++;
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
	give(s);
	stream_due(s, DUE_OPEN);
	*out = s;
	return 0;
}

int stream_accept(struct stream *s)
{
	if (s->state != STREAM_ASKED)
		return -EALREADY;
	s->state = STREAM_OPEN;
	give(s);
	if (s->rx.received < WIRE_STREAM_FIRST / 2)
		stream_due_later(s, DUE_ACCEPT);
	else /* its peer may be stopped */
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
	stream_later_leave(s);
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
	stream_held(s, 0, s->held.bytes);
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
	s->due &= DUE_ACCEPT; /* RST is of what was accepted */
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
	st->hub->count--;
	st->hub->changes++;
	--*count_of(st, s->node.link);
	let_go(s);
	st->slots -= s->n_given;
	streams_wake(st);
	st->granted -= (s->fin_came ? s->rx.received : s->rx.limit) - s->rx.consumed;
	st->held -= s->held.bytes; /* of one that is being written */
	take_back(s);
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
