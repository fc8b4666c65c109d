// SPDX-License-Identifier: Apache-2.0
/* Records that wait for others to share a frame with: how many frames a short connection takes. */
#include "stream_pair.h"

#include "aead.h"

static struct pair *collecting_pair(void)
{
	struct pair *p = pair_new(65535);
	run(p);
	for (unsigned i = 0; i < 2; i++)
		p->side[i]->e->hub.collects = true;
	return p;
}

static uint64_t frames(struct pair *p, unsigned side)
{
	return engine_link(p->side[side]->e, 2)->frames_tx;
}

static void hurry(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++)
		engine_hurry(p->side[i]->e, p->side[i]->now);
	run(p);
}

static bool any_waits(struct pair *p)
{
	return engine_waits(p->side[0]->e) || engine_waits(p->side[1]->e);
}

static void end(struct pair *p, struct app *a)
{
	a->then_end = true;
	app_write(a);
	run(p);
}

/* OPEN with a question; ACCEPT with the answer; an end each way; the last confirmation. */
static void a_short_connection_takes_five_frames(void **state)
{
	(void)state;
	struct pair *p = collecting_pair();
	uint64_t before[2] = {frames(p, 0), frames(p, 1)};
	struct app *a = app_open(p, 0);
	a->to_write = 1;
	app_write(a);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	assert_int_equal(b->got, 1);
	assert_true(engine_waits(p->side[1]->e));
	assert_int_equal(frames(p, 1), before[1]);
	b->to_write = 1;
	app_write(b);
	run(p);
	assert_int_equal(a->got, 1);
	assert_false(any_waits(p));
	end(p, a);
	assert_true(b->ended_out && !b->gone);
	end(p, b);
	assert_true(a->ended_out && !b->gone);
	assert_int_equal(frames(p, 0), before[0] + 2);
	assert_int_equal(frames(p, 1), before[1] + 2);
	hurry(p);
	assert_true(a->gone && b->gone && !a->reset && !b->reset);
	assert_int_equal(frames(p, 0), before[0] + 3);
	assert_int_equal(frames(p, 1), before[1] + 2);
	assert_false(any_waits(p));
	check_sums(p, 0);
	check_sums(p, 1);
	pair_free(p);
}

/* Who says nothing is accepted all the same, and what waits goes with what is next. */
static void nothing_waits_for_ever(void **state)
{
	(void)state;
	struct pair *p = collecting_pair();
	struct app *a = app_open(p, 0);
	run(p);
	assert_int_equal(a->s->state, STREAM_OPENING);
	hurry(p);
	assert_int_equal(a->s->state, STREAM_OPEN);
	struct app *c = app_open(p, 0);
	run(p);
	uint64_t before = frames(p, 1);
	struct app *b = app_of(p, 1, a->id);
	b->to_write = 5;
	app_write(b);
	run(p);
	assert_int_equal(c->s->state, STREAM_OPEN);
	assert_int_equal(frames(p, 1), before + 1);
	pair_free(p);
}

/* Large records have frames of their own: not in front of the ACCEPT of their stream. */
static void bulk_comes_behind_its_accept(void **state)
{
	(void)state;
	struct pair *p = collecting_pair();
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	b->to_write = 40000;
	app_write(b);
	run(p);
	assert_int_equal(a->s->state, STREAM_OPEN);
	assert_int_equal(a->got, 40000);
	pair_free(p);
}

/* A peer that may be stopped by the first limit hears of more at once. */
static void a_full_first_window_is_accepted_at_once(void **state)
{
	(void)state;
	struct pair *p = collecting_pair();
	p->hold_answers = true;
	struct app *a = app_open(p, 0);
	a->to_write = 1000000;
	app_write(a);
	run(p);
	assert_int_equal(a->wrote, WIRE_STREAM_FIRST);
	struct seam_msg m = {.cmd = SEAM_STREAM_ACCEPT,
		.fd = 1,
		.has = H(SESSION) | H(STREAM),
		.session = 1,
		.stream = a->id};
	assert_int_equal(box_apply(p->side[1], m), 0);
	run(p);
	app_write(a);
	run(p);
	assert_true(a->wrote > WIRE_STREAM_FIRST);
	pair_free(p);
}

/* What ends while something of it waits leaves nothing behind. */
static void what_waits_ends_with_its_stream(void **state)
{
	(void)state;
	struct pair *p = collecting_pair();
	struct app *a = app_open(p, 0), *c = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	assert_true(engine_waits(p->side[1]->e));
	stream_reset(b->s);
	engine_stream_told(p->side[1]->e, b->s, p->side[1]->now);
	run(p);
	assert_true(a->gone && a->reset);
	assert_int_equal(c->s->state, STREAM_OPEN); /* its ACCEPT went with the RST */
	app_open(p, 0);
	run(p);
	assert_true(engine_waits(p->side[1]->e));
	engine_streams_end(p->side[1]->e, p->side[1]->now);
	assert_false(engine_waits(p->side[1]->e));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_connection_takes_five_frames),
		cmocka_unit_test(nothing_waits_for_ever),
		cmocka_unit_test(bulk_comes_behind_its_accept),
		cmocka_unit_test(a_full_first_window_is_accepted_at_once),
		cmocka_unit_test(what_waits_ends_with_its_stream),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
