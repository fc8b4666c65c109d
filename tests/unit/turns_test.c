// SPDX-License-Identifier: Apache-2.0
#include "turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

enum { RATE = 50, BURST = 40, LINKS = 20 };

struct from {
	struct turn_source source;
	struct crowd_member load;
	struct turn turn[200];
	struct crowd_item item[200];
	unsigned sent;
};

static struct from link[LINKS + 1];
static struct turns ts;
static struct crowd half_open;

static int setup(void **state)
{
	turns_init(&ts, RATE, BURST, 0);
	assert_int_equal(crowd_init(&half_open, 200 * (LINKS + 1), 200), 0);
	for (unsigned i = 0; i <= LINKS; i++) {
		link[i] = (struct from){0};
		bucket_init(&link[i].source.inits, 50, 100, 0);
	}
	return 0;
}

static int teardown(void **state)
{
	crowd_fini(&half_open);
	return 0;
}

/* Its newest handshake is through. */
static void through(struct from *f)
{
	crowd_leave(&half_open, f->load.newest);
}

/* One INIT: true when it goes at once. */
static bool ask(struct from *f, uint64_t now)
{
	assert_true(bucket_take(&f->source.inits, now));
	crowd_enter(&half_open, &f->load, &f->item[f->sent]);
	return turns_enter(&ts, &f->turn[f->sent++], &f->source, &f->load, now);
}

static unsigned flood(unsigned each, uint64_t now)
{
	unsigned went = 0;
	for (unsigned n = 0; n < each; n++)
		for (unsigned i = 0; i < LINKS; i++)
			went += ask(&link[i], now);
	return went;
}

static void who_asks_for_little_does_not_wait(void **state)
{
	unsigned went = flood(50, 1000);
	assert_true(went <= BURST);
	uint64_t now = 1000;
	for (unsigned i = 0; i < 10; i++) {
		now += 200;
		while (turns_next(&ts, now))
			;
		assert_true(ask(&link[LINKS], now));
		through(&link[LINKS]);
	}
}

static void even_with_nothing_left_it_is_the_next(void **state)
{
	flood(50, 1000);
	while (bucket_take(&ts.bucket, 1000))
		;
	struct from *quiet = &link[LINKS];
	assert_false(ask(quiet, 1000));
	assert_null(turns_next(&ts, 1000));
	assert_ptr_equal(turns_next(&ts, 1020), &quiet->turn[0]);
}

/* One INIT of each link over and over, and nothing else half-open. */
static void what_is_new_comes_before_what_is_repeated(void **state)
{
	for (uint64_t now = 1000; now < 3000; now += 20)
		for (unsigned i = 0; i < LINKS; i++) {
			struct turn *t = &link[i].turn[0];
			if (!link[i].load.n)
				crowd_enter(&half_open, &link[i].load, &link[i].item[0]);
			if (t->back || !bucket_take(&link[i].source.inits, now))
				continue;
			t->again = now > 1000;
			turns_enter(&ts, t, &link[i].source, &link[i].load, now);
		}
	for (uint64_t now = 3000; now < 5000; now += 100) {
		while (turns_next(&ts, now))
			;
		assert_true(ask(&link[LINKS], now));
		through(&link[LINKS]);
	}
}

static void the_rate_is_never_passed_and_equals_take_turns(void **state)
{
	flood(50, 0);
	unsigned count[LINKS] = {0}, all = 0;
	for (uint64_t now = 10; now <= 8000; now += 10)
		for (struct turn *t; (t = turns_next(&ts, now)); all++)
			for (unsigned i = 0; i < LINKS; i++)
				count[i] += t->from == &link[i].source;
	assert_true(all <= RATE * 8 + BURST);
	assert_true(all >= RATE * 8 - BURST / 4 - 1);
	for (unsigned i = 1; i < LINKS; i++)
		assert_true(count[i] + 1 >= count[0] && count[i] <= count[0] + 1);
}

static void what_leaves_does_not_come_up(void **state)
{
	flood(20, 1000);
	unsigned waiting = 0;
	for (struct turn *t = ts.first; t; t = t->next)
		waiting++;
	assert_int_not_equal(waiting, 0);
	assert_true(turns_deadline(&ts, 1000) != UINT64_MAX);
	for (unsigned i = 0; i < LINKS; i++)
		for (unsigned k = 0; k < link[i].sent; k++)
			turns_leave(&ts, &link[i].turn[k]);
	assert_null(turns_next(&ts, 100000));
	assert_true(turns_deadline(&ts, 1000) == UINT64_MAX);
}

/* All the links but the last are of one origin, and each asks for no more than an honest one does.
 */
static void an_origin_of_many_links_is_one(void **state)
{
	struct turn_source of = {0};
	struct crowd_group group = {0};
	bucket_init(&of.inits, 50, 100, 0);
	for (unsigned i = 0; i < LINKS; i++) {
		link[i].source.of = &of;
		crowd_join(&link[i].load, &group);
	}
	for (uint64_t now = 1000; now < 3000; now += 200) {
		for (unsigned i = 0; i < LINKS; i++)
			ask(&link[i], now);
		bucket_take(&of.inits, now);
		assert_true(ask(&link[LINKS], now));
		through(&link[LINKS]);
		while (turns_next(&ts, now))
			;
	}
	/* and with nothing left it is the next, though each of the others has no more than it */
	while (bucket_take(&ts.bucket, 3000))
		;
	assert_false(ask(&link[LINKS], 3000));
	assert_ptr_equal(turns_next(&ts, 3020)->from, &link[LINKS].source);
}

/* Two origins with as many half-open take turns, whatever their links are. */
static void origins_take_turns(void **state)
{
	struct turn_source of[2] = {0};
	struct crowd_group group[2] = {0};
	unsigned went[2] = {0};
	for (unsigned i = 0; i < LINKS; i++) {
		link[i].source.of = &of[i < 2];
		crowd_join(&link[i].load, &group[i < 2]);
	}
	for (unsigned k = 0; k < 90; k++) {
		ask(&link[k % 2], 1000);
		ask(&link[2 + k % (LINKS - 2)], 1000);
	}
	for (uint64_t now = 1020; now < 2000; now += 20)
		for (struct turn *t; (t = turns_next(&ts, now));)
			went[t->from->of == &of[1]]++;
	assert_true(went[0] > 10);
	assert_true(went[0] <= went[1] + 1 && went[1] <= went[0] + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_asks_for_little_does_not_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(
			even_with_nothing_left_it_is_the_next, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_new_comes_before_what_is_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_rate_is_never_passed_and_equals_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(what_leaves_does_not_come_up, setup, teardown),
		cmocka_unit_test_setup_teardown(an_origin_of_many_links_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(origins_take_turns, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
