// SPDX-License-Identifier: Apache-2.0
/* The waiting rule, in a world whose clock only the test moves. */
#include "spin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

struct world {
	uint64_t now, yield_ns;
	unsigned yields, work_after; /* yields */
};

static uint64_t world_now(void *ctx)
{
	return ((struct world *)ctx)->now;
}

static bool world_work(void *ctx)
{
	const struct world *w = ctx;
	return w->yields >= w->work_after;
}

static void world_yield(void *ctx)
{
	struct world *w = ctx;
	w->yields++;
	w->now += w->yield_ns;
}

static const struct spin_ops ops = {world_now, world_work, world_yield};
enum { NEVER = 1000000 };

static void work_that_comes_soon_is_found(void **state)
{
	struct spin s = {0};
	struct world w = {.now = 1, .yield_ns = 1000, .work_after = 20};
	(void)state;
	assert_true(spin_wanted(&s, w.now));
	assert_true(spin_wait(&s, SPIN_NS, &ops, &w));
	assert_int_equal(w.now, 20001);
	w.work_after = 0;
	w.yields = 0;
	assert_true(spin_wait(&s, SPIN_NS, &ops, &w)); /* what is there already costs no yield */
	assert_int_equal(w.yields, 0);
}

static void it_sleeps_when_nothing_comes(void **state)
{
	struct spin s = {0};
	struct world w = {.now = 1, .yield_ns = 1000, .work_after = NEVER};
	(void)state;
	assert_false(spin_wait(&s, SPIN_NS, &ops, &w));
	assert_in_range(w.now, 1 + SPIN_NS, 1 + SPIN_NS + 1000);
}

static void spins_that_never_pay_become_rare(void **state)
{
	struct spin s = {0};
	struct world w = {.now = 1, .yield_ns = 1000, .work_after = NEVER};
	unsigned spins = 0;
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		if (spin_wanted(&s, w.now)) {
			spins++;
			spin_wait(&s, SPIN_NS, &ops, &w);
		}
	assert_in_range(spins, SPIN_MISSES, SPIN_MISSES + 1000 / SPIN_RETRY);
	/* one that pays brings them back */
	w.work_after = 0;
	while (!spin_wanted(&s, w.now))
		;
	assert_true(spin_wait(&s, SPIN_NS, &ops, &w));
	assert_true(spin_wanted(&s, w.now));
	assert_true(spin_wanted(&s, w.now));
}

static void it_rests_when_others_need_the_cpu(void **state)
{
	struct spin s = {0};
	struct world w = {.now = 1, .yield_ns = SPIN_YIELD_LONG_NS + 1, .work_after = NEVER};
	uint64_t rest = SPIN_REST_NS;
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		assert_true(spin_wanted(&s, w.now));
		w.yields = 0;
		assert_false(spin_wait(&s, SPIN_NS, &ops, &w));
		assert_int_equal(w.yields, 1);
		assert_false(spin_wanted(&s, w.now + rest - 1));
		w.now += rest;
		rest = 2 * rest < SPIN_REST_MAX_NS ? 2 * rest : SPIN_REST_MAX_NS;
	}
	/* a quick yield forgives all */
	w.yield_ns = 1000;
	assert_false(spin_wait(&s, SPIN_NS, &ops, &w));
	w.yield_ns = SPIN_YIELD_LONG_NS + 1;
	assert_false(spin_wait(&s, SPIN_NS, &ops, &w));
	assert_false(spin_wanted(&s, w.now + SPIN_REST_NS - 1));
	assert_true(spin_wanted(&s, w.now + SPIN_REST_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_that_comes_soon_is_found),
		cmocka_unit_test(it_sleeps_when_nothing_comes),
		cmocka_unit_test(spins_that_never_pay_become_rare),
		cmocka_unit_test(it_rests_when_others_need_the_cpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
