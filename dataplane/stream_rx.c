// SPDX-License-Identifier: Apache-2.0
/*
 * Records of streams as they come. Everything is checked before anything changes: an offset that is
 * not the next one, a number that was never opened or does not rise, bytes behind the end, a limit
 * or an acknowledgement that falls or runs ahead are faults of the peer, since what carries the
 * records loses and reorders nothing. Records for a stream that has gone are not: they crossed its
 * end on the way.
 */
#include "stream.h"

#include <errno.h>

/* Was a stream of this number ever opened, by whoever may? */
static bool known(const struct streams *st, uint32_t id)
{
	if ((id & 1) == st->initiator)
		return id && id < st->next_id;
	return id && id <= st->peer_id;
}

static bool is_own(const struct streams *st, uint32_t id)
{
	return (id & 1) == st->initiator;
}

static int take_open(struct streams *st, const struct record *rec)
{
	struct record_open o;
	if (record_open_decode(rec, &o) < 0)
		return -EPROTO;
	if (st->lossy || !rec->stream || is_own(st, rec->stream) || rec->stream <= st->peer_id)
		return -EPROTO;
	if (st->peers >= st->hub->streams_max + STREAM_REFUSALS_MAX)
		return -EDQUOT;
	bool full = st->peers >= st->hub->streams_max;
	struct stream *s = stream_new(st, rec->stream, o.limit);
	if (!s)
		return -EDQUOT;
	st->peer_id = rec->stream;
	s->state = STREAM_ASKED;
	s->rx.limit = WIRE_STREAM_FIRST; /* as the peer knows without being told */
	st->granted += s->rx.limit;
	streams_session_window(st);
	memcpy(s->name, o.name, o.name_len);
	s->name_len = o.name_len;
	if (full)
		stream_refuse(s, REFUSE_BUSY);
	else
		stream_news(s);
	return 0;
}

/* The stream of an answer to our OPEN. *s NULL: it has gone. */
static int answered(struct streams *st, uint32_t id, struct stream **out)
{
	struct stream *s = stream_find(st, id);
	if (!is_own(st, id) || !known(st, id))
		return -EPROTO;
	if (s && s->state != STREAM_OPENING && s->state != STREAM_LEAVING)
		return -EPROTO;
	if (s && s->due & DUE_OPEN) /* it cannot have heard of it */
		return -EPROTO;
	*out = s && s->state == STREAM_OPENING ? s : NULL;
	return 0;
}

static void may_send_again(struct stream *s)
{
	if (s->in_wanted) {
		s->in_wanted = false;
		stream_news(s);
	}
	stream_make_ready(s);
}

static int take_accept(struct streams *st, const struct record *rec)
{
	uint64_t limit;
	struct stream *s;
	if (record_accept_decode(rec, &limit) < 0 || answered(st, rec->stream, &s) < 0)
		return -EPROTO;
	if (!s)
		return 0;
	if (limit < s->tx_limit)
		return -EPROTO;
	s->state = STREAM_OPEN;
	s->tx_limit = limit;
	may_send_again(s);
	stream_news(s);
	return 0;
}

static int take_refuse(struct streams *st, const struct record *rec)
{
	uint8_t code;
	struct stream *s;
	if (record_refuse_decode(rec, &code) < 0 || answered(st, rec->stream, &s) < 0)
		return -EPROTO;
	if (s)
		stream_end(s, true, code ? code : REFUSE_OTHER);
	return 0;
}

static int take_session_window(struct streams *st, const struct record_window *w)
{
	if (w->consumed < st->tx_acked || w->consumed > st->tx_sent || w->limit < st->tx_limit)
		return -EPROTO;
	st->tx_acked = w->consumed;
	st->tx_limit = w->limit;
	return 0;
}

static int take_window(struct streams *st, const struct record *rec)
{
	struct record_window w;
	if (record_window_decode(rec, &w) < 0)
		return -EPROTO;
	if (!rec->stream)
		return take_session_window(st, &w);
	if (!known(st, rec->stream))
		return -EPROTO;
	struct stream *s = stream_find(st, rec->stream);
	if (!s || s->state == STREAM_LEAVING)
		return 0;
	if (w.consumed < s->tx_acked || w.consumed > s->tx_next || w.limit < s->tx_limit)
		return -EPROTO;
	s->tx_acked = w.consumed;
	s->tx_limit = w.limit;
	may_send_again(s);
	stream_check_end(s);
	return 0;
}

/* The session that holds most, and in it the stream that does. What is being written goes soon. */
static struct stream *most_held(const struct stream_hub *hub)
{
	struct streams *most = NULL, *st;
	struct stream *s = NULL;
	struct label_iter it = {0};
	LIST_FOREACH(st, &hub->sessions, of_hub)
	if (st->held > (most ? most->held : 0))
		most = st;
	for (struct label_node *n; most && (n = label_each(&most->table, &it));) {
		struct stream *t = LABEL_ENTRY(n, struct stream, node);
		if (!t->taken && t->held.bytes > (s ? s->held.bytes : 0))
			s = t;
	}
	return s;
}

/* A node's memory is worth more than its slowest reader. False: that is s. */
static bool make_room(struct stream *s, size_t len)
{
	if (s->hub->held + len > s->hub->held_max) {
		struct stream *most = most_held(s->hub);
		if (most)
			stream_reset(most);
	}
	if (s->hub->held + len > s->hub->held_max)
		stream_reset(s);
	return s->state != STREAM_LEAVING && s->state != STREAM_ENDED;
}

/* Copies what cannot go straight on. */
static void hold(struct stream *s, const uint8_t *p, uint32_t len)
{
	if (!make_room(s, len))
		return;
	size_t before = s->held.bytes;
	int rc = spool_push(&s->held, s->hub->pool, p, len);
	stream_held(s, s->held.bytes, before);
	if (rc < 0)
		stream_reset(s);
}

static void deliver(struct stream *s, const struct record_stream *r, struct buf *b)
{
	bool straight =
		b && s->app && !s->taken && !s->full && !s->held.bytes && s->n_spans < STREAM_SPANS;
	if (!straight) {
		hold(s, r->data, r->len);
		return;
	}
	s->span[s->n_spans++] = (struct stream_span){
		.b = buf_get(b), .p = (uint8_t *)(uintptr_t)r->data, .len = r->len};
}

/* Bytes, or the end, of a stream that has gone count for the session alone. */
static int take_late(struct streams *st, const struct record_stream *r)
{
	uint64_t len = (uint64_t)r->len + r->fin;
	if (credit_receive(&st->rx, len) < 0)
		return -EDQUOT;
	credit_consume(&st->rx, len);
	return 0;
}

static int check_stream(
	const struct streams *st, const struct stream *s, const struct record_stream *r)
{
	uint64_t len = (uint64_t)r->len + r->fin;
	if (s->state == STREAM_OPENING || s->fin_came || r->offset != s->rx.received)
		return -EPROTO;
	if (len > s->rx.limit - s->rx.received || len > st->rx.limit - st->rx.received)
		return -EDQUOT;
	return 0;
}

static int take_stream(struct streams *st, const struct record *rec, struct buf *b)
{
	struct record_stream r;
	if (record_stream_decode(rec, &r) < 0 || !known(st, rec->stream))
		return -EPROTO;
	struct stream *s = stream_find(st, rec->stream);
	if (!s)
		return take_late(st, &r);
	if (r.rst) {
		if (s->state == STREAM_OPENING)
			return -EPROTO;
		stream_end(s, true, 0);
		return 0;
	}
	int rc = check_stream(st, s, &r);
	if (rc < 0)
		return rc;
	credit_receive(&s->rx, (uint64_t)r.len + r.fin);
	credit_receive(&st->rx, (uint64_t)r.len + r.fin);
	s->rx.stopped = r.at_limit;
	if (r.fin) { /* what it was granted beyond is of no use any more */
		s->fin_came = true;
		st->granted -= s->rx.limit - s->rx.received;
	}
	if (s->state == STREAM_LEAVING)
		return 0;
	if (r.len)
		deliver(s, &r, b);
	stream_news(s);
	return 0;
}

int streams_take(struct streams *st, const struct record *rec, struct buf *b)
{
	if (st->over)
		return 0;
	switch (rec->kind) {
	case REC_OPEN:
		return take_open(st, rec);
	case REC_ACCEPT:
		return take_accept(st, rec);
	case REC_REFUSE:
		return take_refuse(st, rec);
	case REC_STREAM:
		return take_stream(st, rec, b);
	case REC_WINDOW:
		return take_window(st, rec);
	default:
		return -EPROTO;
	}
}

unsigned stream_out_take(struct stream *s, struct iovec *iov, unsigned max, bool *end)
{
	unsigned n = 0;
	*end = false;
	if (s->taken || s->full || s->state == STREAM_ENDED || s->state == STREAM_LEAVING)
		return 0;
	while (n < s->n_spans && n < max) {
		iov[n] = (struct iovec){s->span[n].p, s->span[n].len};
		n++;
	}
	if (n == s->n_spans)
		n += spool_peek(&s->held, iov + n, max - n);
	s->offered = 0;
	for (unsigned i = 0; i < n; i++)
		s->offered += iov[i].iov_len;
	s->taken = n > 0;
	*end = !n && s->fin_came && !s->fin_done;
	return n;
}

static size_t in_spans(const struct stream *s)
{
	size_t all = 0;
	for (unsigned i = 0; i < s->n_spans; i++)
		all += s->span[i].len;
	return all;
}

/*
 * Lets go of what was written; what is left of the spans is copied, in front of what came since. 0,
 * or negative: there is no memory for that, the stream is reset.
 */
static int written(struct stream *s, size_t n)
{
	struct spool rest = {0};
	size_t all = in_spans(s);
	int rc = 0;
	if (n < all && !make_room(s, all - n))
		return -ENOBUFS;
	for (unsigned i = 0; i < s->n_spans; i++) {
		struct stream_span *sp = &s->span[i];
		size_t skip = n < sp->len ? n : sp->len;
		n -= skip;
		if (skip < sp->len && rc == 0)
			rc = spool_push(&rest, s->hub->pool, sp->p + skip, sp->len - skip);
		buf_put(sp->b);
	}
	s->n_spans = 0;
	stream_held(s, rest.bytes, n);
	spool_drop(&s->held, n);
	spool_append(&rest, &s->held);
	s->held = rest;
	if (rc < 0)
		stream_reset(s);
	return rc;
}

static void consumed(struct stream *s, uint64_t n)
{
	struct streams *st = s->all;
	s->delivered += n;
	credit_consume(&s->rx, n);
	credit_consume(&st->rx, n);
	st->granted -= n;
	streams_session_window(st);
	if (credit_narrow(&s->rx))
		stream_widen(s, 2 * s->rx.window);
	if (s->state != STREAM_OPEN || s->fin_came)
		return;
	/* an ACCEPT that waits for company will tell of more, unless the peer needs to know */
	bool told_soon = s->in_later && s->due & DUE_ACCEPT;
	if (told_soon ? s->rx.received >= WIRE_STREAM_FIRST / 2 : credit_due(&s->rx))
		stream_due(s, told_soon ? DUE_ACCEPT : DUE_WINDOW);
}

void stream_out_done(struct stream *s, int64_t n)
{
	s->taken = false;
	if (s->state == STREAM_ENDED || s->state == STREAM_LEAVING)
		return;
	if (n < 0 && n != -EAGAIN) {
		stream_reset(s);
		return;
	}
	size_t took = n < 0 ? 0 : (size_t)n;
	s->full = took < s->offered;
	if (written(s, took) < 0)
		return;
	consumed(s, took);
	if (!s->full && (s->held.bytes || (s->fin_came && !s->fin_done)))
		stream_news(s);
}

void stream_out_room(struct stream *s)
{
	s->full = false;
	stream_news(s);
}

void stream_out_end(struct stream *s)
{
	if (s->state != STREAM_OPEN || s->fin_done)
		return;
	s->fin_done = true;
	credit_consume(&s->rx, 1);
	credit_consume(&s->all->rx, 1);
	s->all->granted -= 1;
	stream_due_later(s, DUE_WINDOW); /* the peer's stream ends by it */
}
