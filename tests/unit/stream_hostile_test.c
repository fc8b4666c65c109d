// SPDX-License-Identifier: Apache-2.0
/* Records of a peer that has the keys and no manners: each fault ends the session, none more. */
#include "stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

struct end {
	struct bufpool pool;
	struct stream_hub hub;
	struct streams st;
};

static int app; /* something that serves applications */

/* A responder: the peer's numbers are odd, its own even. */
static struct end *end_new(void)
{
	struct end *e = calloc(1, sizeof *e);
	assert_non_null(e);
	bufpool_init(&e->pool);
	stream_hub_init(&e->hub, &e->pool, 64 << 20, 64 << 20);
	assert_int_equal(streams_init(&e->st, &e->hub, 1, false, false, 65535, 7), 0);
	return e;
}

static void end_free(struct end *e)
{
	streams_fini(&e->st);
	for (struct stream *s; (s = stream_next_news(&e->hub));)
		stream_free(s);
	assert_true(e->hub.held == 0 && e->hub.given == 0 && e->hub.tuned == 0);
	bufpool_fini(&e->pool);
	free(e);
}

static int give(struct end *e, uint8_t kind, uint8_t flags, uint32_t id, const void *body, size_t n)
{
	struct record rec = {
		.kind = kind, .flags = flags, .stream = id, .body = body, .len = (uint16_t)n};
	return streams_take(&e->st, &rec, NULL);
}

static int give_open(struct end *e, uint32_t id, const char *name)
{
	uint8_t body[300] = {0};
	size_t n = strlen(name);
	put_be64(body, WIRE_STREAM_CREDIT);
	body[8] = (uint8_t)n;
	memcpy(body + 9, name, n);
	return give(e, REC_OPEN, 0, id, body, 9 + n);
}

static int give_stream(struct end *e, uint32_t id, uint64_t offset, size_t n, uint8_t flags)
{
	static uint8_t body[65535];
	put_be64(body, offset);
	return give(e, REC_STREAM, flags, id, body, 8 + n);
}

static int give_window(struct end *e, uint32_t id, uint64_t consumed, uint64_t limit)
{
	uint8_t body[16];
	put_be64(body, consumed);
	put_be64(body + 8, limit);
	return give(e, REC_WINDOW, 0, id, body, sizeof body);
}

static int give_u64(struct end *e, uint8_t kind, uint32_t id, uint64_t v)
{
	uint8_t body[8];
	put_be64(body, v);
	return give(e, kind, 0, id, body, sizeof body);
}

/* What waits to leave leaves. */
static void flush(struct end *e)
{
	static uint8_t frame[65535];
	while (streams_frame_ready(&e->st, false)) {
		struct wr w = wr_init(frame, sizeof frame);
		streams_put(&e->st, &w, false);
		assert_true(!w.bad && wr_len(&w));
	}
}

static struct stream *opened(struct end *e, uint32_t id)
{
	assert_int_equal(give_open(e, id, "outlet"), 0);
	struct stream *s = stream_find(&e->st, id);
	s->app = &app;
	assert_int_equal(stream_accept(s), 0);
	flush(e);
	return s;
}

static void read_all(struct stream *s)
{
	struct iovec iov[8];
	bool end;
	unsigned n;
	while ((n = stream_out_take(s, iov, 8, &end)))
		stream_out_done(s, (int64_t)s->offered);
}

static void opens(void **state)
{
	(void)state;
	struct end *e = end_new();
	uint8_t body[80] = {0};
	assert_int_equal(give_open(e, 2, "x"), -EPROTO); /* not its number */
	assert_int_equal(give_open(e, 0, "x"), -EPROTO);
	assert_int_equal(give_open(e, 1, ""), -EPROTO);
	assert_int_equal(give_open(e, 1, "a\nb"), -EPROTO);
	memset(body + 9, 'n', 65);
	body[8] = 65;
	assert_int_equal(give(e, REC_OPEN, 0, 1, body, 9 + 65), -EPROTO); /* too long a name */
	body[8] = 3;
	assert_int_equal(give(e, REC_OPEN, 0, 1, body, 13), -EPROTO); /* something behind it */
	assert_int_equal(give(e, REC_OPEN, 0, 1, body, 11), -EPROTO); /* not all of it */
	assert_int_equal(give(e, REC_OPEN, 1, 1, body, 12), -EPROTO); /* a flag */
	assert_int_equal(give(e, REC_OPEN, 0, 1, body, 12), 0);
	assert_int_equal(give_open(e, 1, "x"), -EPROTO); /* used */
	assert_int_equal(give_open(e, 7, "x"), 0);
	assert_int_equal(give_open(e, 5, "x"), -EPROTO); /* does not rise */
	assert_int_equal(give_open(e, UINT32_MAX, "x"), 0);
	assert_int_equal(give_open(e, 9, "x"), -EPROTO);
	end_free(e);

	e = end_new();
	e->st.lossy = true;
	assert_int_equal(give_open(e, 1, "x"), -EPROTO);
	end_free(e);
}

static void open_flood(void **state)
{
	(void)state;
	struct end *e = end_new();
	uint32_t id = 1, n = 0;
	while (give_open(e, id, "x") == 0) {
		id += 2;
		n++;
	}
	assert_int_equal(n, WIRE_STREAMS_MAX + STREAM_REFUSALS_MAX);
	assert_int_equal(give_open(e, id, "x"), -EDQUOT);
	flush(e); /* the refusals leave: there is room for as many again */
	assert_int_equal(e->st.peers, WIRE_STREAMS_MAX);
	assert_int_equal(give_open(e, id, "x"), 0);
	end_free(e);
}

static void answers(void **state)
{
	(void)state;
	struct end *e = end_new();
	struct stream *s, *t;
	assert_int_equal(give_u64(e, REC_ACCEPT, 2, 1 << 20), -EPROTO); /* never opened */
	assert_int_equal(give_u64(e, REC_ACCEPT, 1, 1 << 20), -EPROTO);
	assert_int_equal(give(e, REC_REFUSE, 0, 2, "\1", 1), -EPROTO);
	assert_int_equal(stream_open(&e->st, "x", &s), 0);
	assert_int_equal(stream_open(&e->st, "x", &t), 0);
	assert_int_equal(give_u64(e, REC_ACCEPT, 2, 1 << 20), -EPROTO); /* has not left */
	flush(e);
	assert_int_equal(give_stream(e, 2, 0, 5, 0), -EPROTO); /* before its ACCEPT */
	assert_int_equal(give_stream(e, 2, 0, 0, REC_F_RST), -EPROTO);
	assert_int_equal(give_u64(e, REC_ACCEPT, 2, WIRE_STREAM_FIRST - 1), -EPROTO);
	assert_int_equal(give(e, REC_ACCEPT, 0, 2, "1234567", 7), -EPROTO);
	assert_int_equal(give_u64(e, REC_ACCEPT, 2, 1 << 20), 0);
	assert_int_equal(give_u64(e, REC_ACCEPT, 2, 1 << 20), -EPROTO); /* twice */
	assert_int_equal(give(e, REC_REFUSE, 0, 2, "\1", 1), -EPROTO);
	assert_int_equal(give(e, REC_REFUSE, 0, 4, "\1\1", 2), -EPROTO);
	assert_int_equal(give(e, REC_REFUSE, 0, 4, "\3", 1), 0);
	assert_int_equal(t->state, STREAM_ENDED);
	assert_int_equal(t->code, REFUSE_CONNECTION);
	assert_int_equal(give(e, REC_REFUSE, 0, 4, "\3", 1), 0); /* gone: as if it had crossed */
	end_free(e);
}

static void offsets(void **state)
{
	(void)state;
	struct end *e = end_new();
	struct stream *s = opened(e, 1);
	assert_int_equal(give_stream(e, 3, 0, 5, 0), -EPROTO); /* never opened */
	assert_int_equal(give_stream(e, 0, 0, 5, 0), -EPROTO);
	assert_int_equal(give_stream(e, 1, 1, 5, 0), -EPROTO); /* a gap */
	assert_int_equal(give_stream(e, 1, 0, 5, 0), 0);
	assert_int_equal(give_stream(e, 1, 0, 5, 0), -EPROTO); /* again */
	assert_int_equal(give_stream(e, 1, 4, 5, 0), -EPROTO);
	assert_int_equal(give_stream(e, 1, 6, 5, 0), -EPROTO);
	assert_int_equal(give_stream(e, 1, UINT64_MAX, 5, 0), -EPROTO);
	assert_int_equal(give_stream(e, 1, 5, 0, 0), -EPROTO); /* says nothing */
	assert_int_equal(give_stream(e, 1, 5, 1, 8), -EPROTO); /* an unknown flag */
	assert_int_equal(give(e, REC_STREAM, 0, 1, "1234567", 7), -EPROTO);
	assert_int_equal(s->rx.received, 5);
	end_free(e);
}

static void ends(void **state)
{
	(void)state;
	struct end *e = end_new();
	struct stream *s = opened(e, 1);
	assert_int_equal(give_stream(e, 1, 0, 5, REC_F_FIN | REC_F_RST), -EPROTO);
	assert_int_equal(give_stream(e, 1, 0, 5, REC_F_RST), -EPROTO);
	assert_int_equal(give_stream(e, 1, 0, 5, REC_F_FIN), 0);
	assert_int_equal(give_stream(e, 1, 6, 1, 0), -EPROTO);	       /* behind the end */
	assert_int_equal(give_stream(e, 1, 5, 0, REC_F_FIN), -EPROTO); /* twice */
	assert_int_equal(give_stream(e, 1, 6, 0, REC_F_FIN), -EPROTO);
	assert_int_equal(give_stream(e, 1, 6, 0, REC_F_RST), 0); /* it may still give up */
	assert_true(s->state == STREAM_ENDED && s->reset);
	assert_int_equal(give_stream(e, 1, 6, 0, REC_F_RST), 0); /* and nothing more happens */
	assert_int_equal(give_stream(e, 1, 6, 100, 0), 0);
	assert_int_equal(e->st.rx.received, 106);
	assert_int_equal(e->st.rx.consumed, 106);
	end_free(e);
}

static void limits(void **state)
{
	(void)state;
	struct end *e = end_new();
	assert_int_equal(give_open(e, 1, "outlet"), 0);
	for (uint64_t at = 0; at < WIRE_STREAM_FIRST; at += 32 << 10)
		assert_int_equal(give_stream(e, 1, at, 32 << 10, 0), 0);
	assert_int_equal(give_stream(e, 1, WIRE_STREAM_FIRST, 1, 0), -EDQUOT); /* no ACCEPT yet */
	assert_int_equal(give_stream(e, 1, WIRE_STREAM_FIRST, 0, REC_F_FIN), -EDQUOT);
	struct stream *s = opened(e, 3);
	uint64_t at = 0;
	while (at < s->rx.limit) {
		uint64_t n = s->rx.limit - at < 60000 ? s->rx.limit - at : 60000;
		assert_int_equal(give_stream(e, 3, at, n, 0), 0);
		at += n;
	}
	assert_int_equal(give_stream(e, 3, at, 1, 0), -EDQUOT);
	read_all(s);
	assert_int_equal(give_stream(e, 3, at, 1, 0), -EDQUOT); /* not before it was told */
	flush(e);
	assert_int_equal(give_stream(e, 3, at, 1, 0), 0);
	end_free(e);

	/* what is sent to streams that are gone counts for the session */
	e = end_new();
	s = opened(e, 1);
	assert_int_equal(give_stream(e, 1, 0, 0, REC_F_RST), 0);
	int rc = 0;
	unsigned n = 0;
	while (rc == 0 && n < 1000) {
		rc = give_stream(e, 1, 0, 60000, 0);
		n++;
	}
	assert_int_equal(rc, -EDQUOT);
	assert_true(n <= WIRE_SESSION_CREDIT / 60000 + 1);
	end_free(e);
}

/* When all that may be held is, the session that holds most pays, not the one that comes last. */
static void who_holds_most_pays(void **state)
{
	(void)state;
	struct end *greedy = end_new();
	struct streams modest;
	struct stream *s[3];
	greedy->hub.held_max = 100000;
	for (unsigned i = 0; i < 3; i++) {
		s[i] = opened(greedy, 2 * i + 1);
		assert_int_equal(give_stream(greedy, 2 * i + 1, 0, 20000 + i * 10000, 0), 0);
	}
	assert_int_equal(streams_init(&modest, &greedy->hub, 2, false, false, 65535, 7), 0);
	uint8_t open[10 + 1] = {[8] = 1, [9] = 'x'};
	static uint8_t bytes[8 + 20000];
	struct record rec = {.kind = REC_OPEN, .stream = 1, .body = open, .len = 10};
	assert_int_equal(streams_take(&modest, &rec, NULL), 0);
	rec = (struct record){.kind = REC_STREAM, .stream = 1, .body = bytes, .len = sizeof bytes};
	assert_int_equal(streams_take(&modest, &rec, NULL), 0);
	assert_int_equal(stream_find(&modest, 1)->state, STREAM_ASKED);
	assert_int_equal(modest.held, 20000);
	assert_int_equal(s[0]->state, STREAM_OPEN);
	assert_int_equal(s[1]->state, STREAM_OPEN);
	assert_int_equal(s[2]->state, STREAM_LEAVING);
	assert_int_equal(greedy->st.held, 50000);
	assert_int_equal(greedy->hub.held, 70000);
	streams_fini(&modest);
	end_free(greedy);
}

static void windows(void **state)
{
	(void)state;
	struct end *e = end_new();
	struct stream *s = opened(e, 1);
	struct buf *b = buf_new(&e->pool, 4096);
	assert_int_equal(give_window(e, 3, 0, 1 << 20), -EPROTO); /* never opened */
	assert_int_equal(give_window(e, 2, 0, 1 << 20), -EPROTO);
	assert_int_equal(give_window(e, 1, 1, 1 << 20), -EPROTO); /* nothing was sent */
	stream_in_adopt(s, b, 1000);
	assert_int_equal(give_window(e, 1, 1, 1 << 20), -EPROTO);
	flush(e);
	assert_int_equal(give_window(e, 1, 1001, 1 << 20), -EPROTO);
	assert_int_equal(give_window(e, 1, 600, (1 << 20) - 1), -EPROTO); /* a limit that falls */
	assert_int_equal(give_window(e, 1, 600, 599), -EPROTO);
	assert_int_equal(give_window(e, 1, 600, 1 << 20), 0);
	assert_int_equal(give_window(e, 1, 500, 1 << 20), -EPROTO); /* taken back */
	assert_int_equal(give_window(e, 1, 1000, UINT64_MAX), 0);
	assert_int_equal(give_u64(e, REC_WINDOW, 1, 5), -EPROTO);
	/* the session's */
	assert_int_equal(give_window(e, 0, 1001, 1 << 30), -EPROTO);
	assert_int_equal(give_window(e, 0, 1000, (4 << 20) - 1), -EPROTO);
	assert_int_equal(give_window(e, 0, 1000, 4 << 20), 0);
	assert_int_equal(give_window(e, 0, 999, 4 << 20), -EPROTO);
	/* late, for a stream that is gone */
	stream_reset(s);
	flush(e);
	assert_int_equal(give_window(e, 1, 0, 0), 0);
	end_free(e);
}

static uint64_t x = 88172645463325252ull;

static uint64_t any(uint64_t n)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % n;
}

/* A record that is right but for what chance makes wrong. */
static int give_any(struct end *e)
{
	uint32_t id = any(40) ? 1 : (uint32_t)any(8);
	const struct stream *s = stream_find(&e->st, id);
	uint64_t at = s ? s->rx.received : 0, off = any(60) ? at : any(3) << 16;
	switch (any(12)) {
	case 0:
		return give_open(e, e->st.peer_id ? e->st.peer_id + 2 : 1, "x");
	case 1:
		return any(8) ? 0 : give_u64(e, REC_ACCEPT, 2, (1 + any(3)) << 16);
	case 2:
		return any(20) ? 0 : give(e, REC_REFUSE, 0, 2, "\4", 1);
	case 3:
		return give_window(e, id, s ? s->tx_next + !any(30) : 0, 4 << 20);
	case 4:
		return any(10) ? 0 : give_stream(e, id, off, 0, REC_F_RST);
	default:
		return give_stream(
			e, id, off, any(100) ? 1 + any(20000) : 0, any(9) ? 0 : REC_F_FIN);
	}
}

static void act_any(struct end *e)
{
	struct stream *s = stream_find(&e->st, (uint32_t)any(8));
	if (!s)
		return;
	s->app = &app;
	if (s->state == STREAM_ASKED)
		stream_accept(s);
	if (any(2))
		read_all(s);
	if (!any(20))
		stream_reset(s);
	else if (stream_in_room(s) > 10)
		stream_in_adopt(s, buf_new(&e->pool, 4096), 10);
}

static void random_records(void **state)
{
	(void)state;
	unsigned taken = 0, longest = 0;
	for (unsigned round = 0; round < 3000; round++) {
		struct end *e = end_new();
		struct stream *s;
		int rc = 0;
		unsigned n = 0;
		opened(e, 1);
		assert_int_equal(stream_open(&e->st, "x", &s), 0);
		flush(e);
		while ((rc = give_any(e)) == 0 && n < 100) {
			n++;
			act_any(e);
			if (any(2))
				flush(e);
		}
		assert_true(rc == 0 || rc == -EPROTO || rc == -EDQUOT);
		taken += n;
		longest = n > longest ? n : longest;
		end_free(e);
	}
	assert_true(taken > 3000 && longest > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens),
		cmocka_unit_test(open_flood),
		cmocka_unit_test(answers),
		cmocka_unit_test(offsets),
		cmocka_unit_test(ends),
		cmocka_unit_test(limits),
		cmocka_unit_test(who_holds_most_pays),
		cmocka_unit_test(windows),
		cmocka_unit_test(random_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
