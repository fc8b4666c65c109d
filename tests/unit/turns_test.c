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
	unsigned sent;
};

static struct from link[LINKS + 1];
static struct turns ts;

static int setup(void **state)
{
	turns_init(&ts, RATE, BURST, 0);
	for (unsigned i = 0; i <= LINKS; i++) {
		link[i] = (struct from){0};
		bucket_init(&link[i].source.inits, 50, 100, 0);
	}
	return 0;
}

/* One INIT: true when it goes at once. */
static bool ask(struct from *f, uint64_t now)
{
	assert_true(bucket_take(&f->source.inits, now));
	f->load.n++;
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
		link[LINKS].load.n--; /* its handshake is through */
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
			link[i].load.n = 1;
			if (t->back || !bucket_take(&link[i].source.inits, now))
				continue;
			t->again = now > 1000;
			turns_enter(&ts, t, &link[i].source, &link[i].load, now);
		}
	for (uint64_t now = 3000; now < 5000; now += 100) {
		while (turns_next(&ts, now))
			;
		assert_true(ask(&link[LINKS], now));
		link[LINKS].load.n--;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_asks_for_little_does_not_wait, setup),
		cmocka_unit_test_setup(even_with_nothing_left_it_is_the_next, setup),
		cmocka_unit_test_setup(what_is_new_comes_before_what_is_repeated, setup),
		cmocka_unit_test_setup(the_rate_is_never_passed_and_equals_take_turns, setup),
		cmocka_unit_test_setup(what_leaves_does_not_come_up, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
