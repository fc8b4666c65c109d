// SPDX-License-Identifier: Apache-2.0
#include "waste.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

enum { READ = 16 << 10, FRAMES = 500, TOOK_NS = 100000, COST_NS = TOOK_NS + READ * WASTE_BYTE_NS };
static const uint64_t second = 1000000000;

struct reader {
	struct waste w;
	uint64_t all, useless;
	struct waste_pool *pool;
};

/* One read, of whose frames so many were useless. */
static uint64_t reads(struct reader *r, unsigned useless, unsigned held, uint64_t now)
{
	r->all += FRAMES;
	r->useless += useless;
	return waste_count(&r->w, r->pool, r->all, r->useless, READ, TOOK_NS, held, now);
}

static void what_is_of_use_is_never_held(void **state)
{
	struct reader r = {0};
	for (uint64_t now = second; now < 2 * second; now += TOOK_NS)
		assert_int_equal(reads(&r, FRAMES / 2, 100, now), 0);
}

static void a_little_waste_is_free_and_forgiven(void **state)
{
	struct reader r = {0};
	unsigned n = 0;
	while (!reads(&r, FRAMES, 0, second))
		n++;
	assert_int_equal(n, WASTE_FREE_NS / COST_NS);
	/* the free part comes back in time, a read at a time */
	uint64_t now = second + (uint64_t)COST_NS * WASTE_FORGIVEN;
	assert_int_equal(reads(&r, FRAMES, 0, now), 0);
	assert_true(reads(&r, FRAMES, 0, now) > now);
}

/* Many who send nothing but waste, each as soon as it may. */
static void all_together_get_a_small_part(void **state)
{
	enum { LINKS = 40 };
	static struct reader r[LINKS];
	uint64_t till[LINKS] = {0}, used = 0, now = second;
	const uint64_t begin = now;
	while (now < begin + 5 * second) {
		unsigned held = 0, next = 0;
		for (unsigned i = 0; i < LINKS; i++) {
			held += till[i] > now;
			if (till[i] < till[next])
				next = i;
		}
		if (till[next] > now)
			now = till[next];
		now += COST_NS;
		used += COST_NS;
		till[next] = reads(&r[next], FRAMES, held, now);
	}
	assert_true(used < (now - begin) / WASTE_PRICE + LINKS * (uint64_t)WASTE_FREE_NS);
	assert_true(used > (now - begin) / WASTE_PRICE / 2);
}

static void a_frame_in_parts_is_judged_when_it_is_whole(void **state)
{
	struct waste w = {0};
	uint64_t free_ns = 0, all = 0, till = 0;
	while (!till) {
		for (unsigned part = 0; part < 3; part++) {
			assert_int_equal(
				waste_count(&w, NULL, all, all, READ, TOOK_NS, 0, second), 0);
			free_ns += COST_NS;
		}
		all++;
		till = waste_count(&w, NULL, all, all, READ, TOOK_NS, 0, second);
		free_ns += COST_NS;
	}
	assert_true(free_ns >= WASTE_FREE_NS && free_ns <= WASTE_FREE_NS + 4 * COST_NS);
	assert_int_equal(till, second + 4 * (uint64_t)COST_NS * WASTE_PRICE);
}

/* Each wastes what is free, and leaves: what is free is free once. */
static void links_that_come_and_go_share_what_is_free(void **state)
{
	struct waste_pool pool = {0};
	uint64_t now = second, used = 0;
	const uint64_t begin = now;
	unsigned held = 0;
	for (unsigned i = 0; i < 5000; i++) {
		struct reader r = {.pool = &pool};
		while (!reads(&r, FRAMES, 0, now)) {
			now += COST_NS;
			used += COST_NS;
		}
		held++;
		now += COST_NS;
	}
	assert_true(held == 5000);
	assert_true(used <= WASTE_POOL_NS + (now - begin) / WASTE_POOL_FORGIVEN);
	assert_true(used >= WASTE_POOL_NS / 2);
	/* who is no stranger has his own */
	struct reader known = {0};
	assert_int_equal(reads(&known, FRAMES, 0, now), 0);
}

static void no_hold_is_long(void **state)
{
	struct reader r = {0};
	uint64_t till = 0;
	for (unsigned i = 0; i < 100; i++)
		till = reads(&r, FRAMES, 100000, second);
	assert_int_equal(till, second + WASTE_HOLD_MAX_NS);
	/* a thread that was not run for a while pays no more than for a busy read */
	struct waste w = {.spent_ns = WASTE_FREE_NS, .at_ns = second};
	till = waste_count(&w, NULL, 1, 1, 0, 10 * second, 0, second);
	assert_int_equal(till, second + (uint64_t)WASTE_COST_MAX_NS * WASTE_PRICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_of_use_is_never_held),
		cmocka_unit_test(a_little_waste_is_free_and_forgiven),
		cmocka_unit_test(all_together_get_a_small_part),
		cmocka_unit_test(a_frame_in_parts_is_judged_when_it_is_whole),
		cmocka_unit_test(links_that_come_and_go_share_what_is_free),
		cmocka_unit_test(no_hold_is_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
