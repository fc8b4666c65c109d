// SPDX-License-Identifier: Apache-2.0
/* Streams between two engines: whatever applications do, in random order by a seed. */
#include "stream_pair.h"

#include "aead.h"

enum { RANDOM_STREAMS = 60, RANDOM_STEPS = 2000 };

static uint64_t rng;

static uint64_t any(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return n ? rng % n : 0;
}

static void act(struct pair *p, struct app *a)
{
	if (!a->s)
		return;
	switch (any(12)) {
	case 0:
		a->stopped = !a->stopped; /* noticed with the next bytes */
		break;
	case 1:
		a->takes = any(2) ? SIZE_MAX : 1 + any(30000);
		break;
	case 2:
		a->step = any(2) ? SIZE_MAX : 1 + any(1u << any(18));
		break;
	case 3:
		if (!a->told_end && !a->then_end)
			a->to_write += any(1u << any(21));
		break;
	case 4:
		if (!any(6))
			a->then_end = true;
		break;
	case 5:
		if (!any(60)) {
			stream_reset(a->s);
			engine_stream_told(a->b->e, a->s, a->b->now);
			a->reset = true;
		}
		break;
	default:
		if (!a->stopped)
			app_go_on(a);
		app_write(a);
	}
	(void)p;
}

static void move(struct pair *p)
{
	unsigned side = (unsigned)any(2);
	p->side[side]->s[2].room = any(3) ? 1 + any(300000) : SIZE_MAX;
	box_room(p->side[side], 2, p->side[side]->s[2].room);
	carry(p, side);
	serve(p, !side);
	box_flush(p->side[!side]);
}

static void let_finish(struct pair *p)
{
	for (unsigned k = 0; k < 2; k++)
		for (struct app *a = p->apps[k]; a; a = a->next) {
			a->takes = a->step = SIZE_MAX;
			a->then_end = true;
		}
	for (unsigned i = 0; i < 2; i++)
		box_room(p->side[i], 2, SIZE_MAX);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned k = 0; k < 2; k++)
			for (struct app *a = p->apps[k]; a; a = a->next) {
				if (!a->s)
					continue;
				app_go_on(a);
				app_write(a);
			}
		run(p);
	}
}

static void random_streams(void **state)
{
	(void)state;
	unsigned ends = 0, resets = 0;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		rng = seed * 0x9e3779b97f4a7c15ull;
		static const uint16_t frames[] = {65535, 65535, 1024, 9000};
		struct pair *p = pair_new(frames[any(4)]);
		unsigned opened = 0;
		for (unsigned t = 0; t < RANDOM_STEPS; t++) {
			if (opened < RANDOM_STREAMS && !any(20)) {
				app_open(p, (unsigned)any(2));
				opened++;
			}
			for (unsigned k = 0; k < 2; k++)
				for (struct app *a = p->apps[k]; a; a = a->next)
					if (!any(4))
						act(p, a);
			move(p);
			check_sums(p, 0);
			check_sums(p, 1);
		}
		let_finish(p);
		for (unsigned k = 0; k < 2; k++)
			for (struct app *a = p->apps[k]; a; a = a->next) {
				struct app *o = app_of(p, !k, a->id);
				assert_true(a->gone && (!o || o->gone));
				if (!o) {
					assert_true(a->reset);
					continue;
				}
				if (!a->reset || !o->reset) { /* a reset may come too late */
					assert_true(a->got == o->wrote && a->ended_out);
					ends++;
				} else {
					assert_true(a->got <= o->wrote);
					resets++;
				}
			}
		for (unsigned k = 0; k < 2; k++) {
			const struct streams *st = streams_of(p, k);
			check_sums(p, k);
			assert_true(!st->over && !st->own && !st->peers && !st->granted);
			assert_int_equal(p->side[k]->e->hub.held, 0);
		}
		pair_free(p);
	}
	assert_true(ends > 100 && resets > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_streams),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
