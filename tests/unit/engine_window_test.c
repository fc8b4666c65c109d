// SPDX-License-Identifier: Apache-2.0
/* Streams between two engines: whose turn it is, and how much memory they take. */
#include "stream_pair.h"

#include "aead.h"
#include "liveness.h"

/* Bulk waits in front of the link; what is small goes first. */
static void small_goes_before_bulk(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *bulk = app_open(p, 0), *little = app_open(p, 0);
	run(p);
	p->side[0]->s[2].room = 0;
	bulk->to_write = 900000;
	app_write(bulk);
	box_flush(p->side[0]); /* taken by the link already */
	bulk->to_write = 900000;
	app_write(bulk);
	little->to_write = 5;
	app_write(little);
	assert_int_equal(little->to_write, 0);
	struct streams *st = streams_of(p, 0);
	assert_true(streams_frame_ready(st, false) && streams_bulk_ready(st));
	box_room(p->side[0], 2, 900000 + 200000);
	size_t sent = p->side[0]->s[2].out_len;
	assert_true(sent >= 900000);
	carry(p, 0);
	serve(p, 1);
	assert_int_equal(app_of(p, 1, little->id)->got, 5);
	box_room(p->side[0], 2, SIZE_MAX);
	run(p);
	assert_int_equal(app_of(p, 1, bulk->id)->got, 1800000);
	pair_free(p);
}

static uint64_t unconsumed(const struct app *a)
{
	return a->s->tx_next - a->s->tx_acked;
}

/* The application writes, and what may leave does, while the other end takes nothing. */
static void write_unheard(struct pair *p, struct app *a)
{
	size_t before;
	do {
		before = p->side[0]->s[2].out_len;
		app_write(a);
		serve(p, 0);
		box_flush(p->side[0]);
	} while (p->side[0]->s[2].out_len > before);
}

/* Much that is not consumed would be in front of what is small, where nothing overtakes it. */
static void bulk_holds_back_beside_small(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *bulk = app_open(p, 0), *other = app_open(p, 0), *little = app_open(p, 0);
	struct streams *st = streams_of(p, 0);
	run(p);
	/* by itself it goes as far as the window */
	bulk->to_write = 4 << 20;
	write_unheard(p, bulk);
	assert_int_equal(unconsumed(bulk), WIRE_STREAM_CREDIT);
	assert_false(streams_shared(st));
	run(p);
	/* how long the path is is found out first */
	p->side[0]->now = p->side[1]->now += LIVENESS_PING_MS;
	bulk->to_write = 4 << 20;
	app_write(bulk);
	for (unsigned i = 0; i < 3; i++) {
		little->to_write = 5;
		app_write(little);
		run(p);
	}
	assert_true(streams_shared(st));
	assert_int_equal(st->beside, STREAM_BESIDE);
	bulk->to_write = other->to_write = 4 << 20;
	write_unheard(p, bulk);
	assert_in_range(unconsumed(bulk), STREAM_BESIDE, STREAM_BESIDE + STREAM_PAYLOAD_MAX);
	/* each for itself, and none less than a WINDOW is given for */
	write_unheard(p, other);
	assert_in_range(unconsumed(other), STREAM_BESIDE, STREAM_BESIDE + STREAM_PAYLOAD_MAX);
	static_assert(STREAM_BESIDE >= 2 * WIRE_WINDOW_STEP, "its sender cannot wait for ever");
	run(p);
	assert_int_equal(bulk->to_write + other->to_write, 0);
	/* a stream that has large records is not held to be small for the end of one */
	p->side[0]->now = p->side[1]->now += STREAM_BESIDE_MS;
	bulk->to_write = 4 << 20;
	write_unheard(p, bulk);
	bulk->to_write = 0;
	run(p);
	bulk->to_write = 100;
	app_write(bulk);
	run(p);
	assert_false(streams_shared(st));
	pair_free(p);
}

/* A path that is long holds more, and is not what small records wait for. */
static void a_long_path_holds_more_beside_small(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *bulk = app_open(p, 0), *little = app_open(p, 0);
	struct streams *st = streams_of(p, 0);
	run(p);
	p->side[0]->now = p->side[1]->now += LIVENESS_PING_MS;
	bulk->to_write = 1 << 20;
	write_unheard(p, bulk);
	for (unsigned i = 0; i < 2; i++) {
		little->to_write = 5;
		app_write(little);
		box_flush(p->side[0]);
	}
	p->side[0]->now = p->side[1]->now += 20; /* there and back */
	run(p);
	little->to_write = 5;
	app_write(little);
	run(p);
	assert_true(streams_shared(st));
	assert_int_equal(st->beside, 21 * STREAM_BESIDE);
	pair_free(p);
}

static void bulk_streams_share_alike(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a[4];
	for (unsigned i = 0; i < 4; i++) {
		a[i] = app_open(p, 0);
		a[i]->to_write = 8 << 20;
	}
	run(p); /* all are moved once: now step by step */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(app_of(p, 1, a[i]->id)->got, 8 << 20);
	uint64_t before[4];
	for (unsigned i = 0; i < 4; i++) {
		before[i] = app_of(p, 1, a[i]->id)->got;
		a[i]->to_write = 12 << 20;
		a[i]->step = i ? SIZE_MAX : 100000; /* one has less ready at a time */
		app_write(a[i]);
	}
	for (unsigned k = 0; k < 10; k++) {
		box_flush(p->side[0]);
		carry(p, 0);
		serve(p, 1);
		box_flush(p->side[1]);
		carry(p, 1);
		serve(p, 0);
	}
	uint64_t least = UINT64_MAX, most = 0;
	for (unsigned i = 1; i < 4; i++) {
		uint64_t n = app_of(p, 1, a[i]->id)->got - before[i];
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	assert_true(least > 1000000 && most < 2 * least);
	run(p);
	pair_free(p);
}

static void a_stopped_reader_stops_only_its_stream(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *slow[100], *fast = app_open(p, 0);
	for (unsigned i = 0; i < 100; i++) {
		slow[i] = app_open(p, 0);
		run(p);
		app_of(p, 1, slow[i]->id)->stopped = true;
		slow[i]->to_write = 1 << 30;
		app_write(slow[i]);
		run(p);
		check_sums(p, 1);
	}
	size_t held = p->side[1]->e->hub.held;
	assert_true(held <= (32 << 20) + 100 * WIRE_STREAM_FIRST);
	for (unsigned i = 0; i < 100; i++)
		assert_true(slow[i]->wrote < 3 << 20);
	fast->to_write = 24 << 20;
	app_write(fast);
	run(p);
	assert_int_equal(app_of(p, 1, fast->id)->got, 24 << 20);
	assert_int_equal(p->side[1]->e->hub.held, held);
	/* they go on where they stopped */
	for (unsigned i = 0; i < 100; i++) {
		struct app *b = app_of(p, 1, slow[i]->id);
		slow[i]->to_write = 100000;
		app_go_on(b);
	}
	run(p);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(app_of(p, 1, slow[i]->id)->got, slow[i]->wrote);
	check_sums(p, 0);
	check_sums(p, 1);
	pair_free(p);
}

/* However many stop. */
static void very_many_stopped_readers(void **state)
{
	enum { STOPPED = 700 };
	(void)state;
	struct pair *p = pair_new(65535);
	for (unsigned i = 0; i < STOPPED; i++) {
		struct app *slow = app_open(p, 0);
		run(p);
		app_of(p, 1, slow->id)->stopped = true;
		slow->to_write = 1 << 30;
		app_write(slow);
		run(p);
	}
	check_sums(p, 1);
	assert_true(p->side[1]->e->hub.held >= STOPPED * WIRE_STREAM_FIRST);
	assert_true(p->side[1]->e->hub.held <= (32 << 20) + STOPPED * WIRE_STREAM_FIRST);
	for (unsigned i = 0; i < 3; i++) {
		struct app *fast = app_open(p, 0);
		run(p);
		fast->to_write = 12 << 20;
		app_write(fast);
		run(p);
		assert_int_equal(app_of(p, 1, fast->id)->got, 12 << 20);
	}
	assert_int_equal(streams_of(p, 1)->peers, STOPPED + 3); /* and none was reset */
	pair_free(p);
}

/* Readers that keep up and stop then must leave room, whatever their windows grew to. */
static void stopped_after_growth(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a[12];
	for (unsigned i = 0; i < 12; i++) {
		a[i] = app_open(p, 0);
		run(p);
		struct app *b = app_of(p, 1, a[i]->id);
		stream_widen(b->s, WIRE_STREAM_CREDIT_MAX); /* as a long path would have it */
		a[i]->to_write = 8 << 20;
		app_write(a[i]);
		run(p);
		b->stopped = true;
		a[i]->to_write = 1 << 30;
		app_write(a[i]);
		run(p);
		check_sums(p, 1);
	}
	struct app *last = app_open(p, 0);
	run(p);
	last->to_write = 12 << 20;
	app_write(last);
	run(p);
	assert_int_equal(app_of(p, 1, last->id)->got, 12 << 20);
	pair_free(p);
}

/* A path of so many steps of delay each way, that carries so much per step. */
static uint64_t long_path(struct pair *p, unsigned steps, size_t per_step, unsigned total)
{
	enum { LINES = 64 };
	static struct {
		uint8_t *p;
		size_t n;
	} line[2][LINES];
	memset(line, 0, sizeof line);
	p->side[0]->s[2].room = 0;
	for (unsigned t = 0; t < total; t++) {
		p->side[0]->now += 1;
		p->side[1]->now += 1;
		box_room(p->side[0], 2, per_step);
		for (unsigned i = 0; i < 2; i++) {
			struct box_socket *s = &p->side[i]->s[2];
			unsigned at = t % steps;
			uint8_t *old = line[i][at].p;
			size_t n = line[i][at].n;
			line[i][at].p = malloc(s->out_len + 1);
			memcpy(line[i][at].p, s->out ? s->out : (uint8_t *)"", s->out_len);
			line[i][at].n = s->out_len;
			s->out_len = 0;
			if (n)
				box_rx_only(p->side[!i], 2, old, n);
			free(old);
			serve(p, !i);
			box_flush(p->side[!i]);
		}
		serve(p, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < steps; k++) {
			if (line[i][k].n)
				box_rx_only(p->side[!i], 2, line[i][k].p, line[i][k].n);
			free(line[i][k].p);
		}
	p->side[0]->s[2].room = SIZE_MAX;
	box_room(p->side[0], 2, SIZE_MAX);
	return streams_of(p, 1)->rx.consumed;
}

static void windows_reach_what_a_long_path_holds(void **state)
{
	(void)state;
	/* 20 steps there and back, 600 KB a step: 12 MB under way */
	struct pair *p = pair_new(65535);
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	assert_int_equal(b->s->rx.window, WIRE_STREAM_CREDIT);
	a->to_write = UINT64_MAX / 2;
	app_write(a);
	long_path(p, 10, 600000, 160);
	assert_int_equal(b->s->rx.window, WIRE_STREAM_CREDIT_MAX);
	uint64_t at = b->got;
	long_path(p, 10, 600000, 40);
	assert_true(b->got - at > 36 * 590000ull); /* it fills the path */
	check_sums(p, 1);
	pair_free(p);

	/* 2 steps, 100 KB a step: what it has is enough */
	p = pair_new(65535);
	a = app_open(p, 0);
	run(p);
	b = app_of(p, 1, a->id);
	a->to_write = UINT64_MAX / 2;
	app_write(a);
	long_path(p, 1, 100000, 200);
	uint64_t wide = b->s->rx.window; /* the sender fills its own link first */
	assert_true(wide <= 2 * WIRE_STREAM_CREDIT);

	/* and a reader that is the bottleneck gets no more either */
	b->takes = 10000;
	for (unsigned i = 0; i < 100; i++) {
		app_go_on(b);
		long_path(p, 1, 3000000, 1);
	}
	assert_int_equal(b->s->rx.window, wide);
	pair_free(p);
}

/* Streams at rest were given windows; one that works gets what its path needs all the same. */
static void windows_grow_beside_many_at_rest(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	for (unsigned i = 0; i < 1200; i++)
		app_open(p, 0);
	run(p);
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	assert_true(b->s->rx.window < 2 * WIRE_STREAM_FIRST);
	a->to_write = UINT64_MAX / 2;
	app_write(a);
	long_path(p, 10, 600000, 400);
	assert_int_equal(b->s->rx.window, WIRE_STREAM_CREDIT_MAX);
	check_sums(p, 1);
	pair_free(p);
}

/* The node's memory is bounded: the slowest reader pays. */
static void held_memory_is_bounded(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	p->side[1]->e->hub.held_max = 2 << 20;
	struct app *a[4];
	for (unsigned i = 0; i < 4; i++) {
		a[i] = app_open(p, 0);
		run(p);
		app_of(p, 1, a[i]->id)->stopped = true;
		a[i]->to_write = 700000;
		app_write(a[i]);
		run(p);
		check_sums(p, 1);
	}
	unsigned lost = 0;
	for (unsigned i = 0; i < 4; i++)
		lost += a[i]->gone;
	assert_int_equal(lost, 2);
	pair_free(p);
}

static void paused_paths_hold_bytes_back(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	uint8_t f[WIRE_HEADER + 4];
	frame_header_encode(f, WIRE_LINK, LINK_PAUSE, sizeof f, 0, 0);
	put_be32(f + WIRE_HEADER, 201);
	box_rx(p->side[0], 2, f, sizeof f);
	a->to_write = 5000;
	app_write(a);
	b->to_write = 900000;
	app_write(b);
	run(p);
	assert_int_equal(b->got, 0);
	assert_int_equal(a->got, 900000); /* WINDOW is not held back */
	f[1] = LINK_RESUME;
	box_rx(p->side[0], 2, f, sizeof f);
	run(p);
	assert_int_equal(b->got, 5000);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_goes_before_bulk),
		cmocka_unit_test(bulk_holds_back_beside_small),
		cmocka_unit_test(a_long_path_holds_more_beside_small),
		cmocka_unit_test(bulk_streams_share_alike),
		cmocka_unit_test(a_stopped_reader_stops_only_its_stream),
		cmocka_unit_test(very_many_stopped_readers),
		cmocka_unit_test(stopped_after_growth),
		cmocka_unit_test(windows_reach_what_a_long_path_holds),
		cmocka_unit_test(windows_grow_beside_many_at_rest),
		cmocka_unit_test(held_memory_is_bounded),
		cmocka_unit_test(paused_paths_hold_bytes_back),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
