// SPDX-License-Identifier: Apache-2.0
#include "replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

static void in_order(void **state)
{
	struct replay r = {0};
	for (uint64_t s = 0; s < 40000; s++) {
		assert_true(replay_check(&r, s));
		assert_true(replay_commit(&r, s));
		assert_false(replay_check(&r, s));
		assert_false(replay_commit(&r, s));
		assert_true(r.next == s + 1);
	}
}

static void checking_changes_nothing(void **state)
{
	struct replay r = {0}, before;
	replay_commit(&r, 5);
	before = r;
	assert_true(replay_check(&r, UINT64_C(1) << 60));
	assert_true(replay_check(&r, 4));
	assert_false(replay_check(&r, 5));
	assert_memory_equal(&r, &before, sizeof r);
}

static void edges_of_the_window(void **state)
{
	struct replay r = {0};
	uint64_t top = 100000;
	assert_true(replay_commit(&r, top));
	assert_false(replay_check(&r, top - WIRE_REPLAY_WINDOW));
	assert_false(replay_commit(&r, top - WIRE_REPLAY_WINDOW));
	assert_true(replay_commit(&r, top - WIRE_REPLAY_WINDOW + 1));
	assert_false(replay_commit(&r, top - WIRE_REPLAY_WINDOW + 1));
	assert_true(replay_commit(&r, top + 1));
	assert_false(replay_check(&r, top - WIRE_REPLAY_WINDOW + 1));
	assert_true(replay_check(&r, top - WIRE_REPLAY_WINDOW + 2));
}

static bool among(const uint64_t *list, unsigned n, uint64_t seq)
{
	for (unsigned i = 0; i < n; i++) {
		if (list[i] == seq)
			return true;
	}
	return false;
}

static void far_jumps(void **state)
{
	static const uint64_t jumps[] = {63, 64, 65, 8191, 8192, 8193, 16383, 16384, 16385, 1 << 20,
		UINT64_C(1) << 40, UINT64_MAX / 2, UINT64_MAX - 1};
	struct replay r = {0};
	for (unsigned i = 0; i < sizeof jumps / sizeof *jumps; i++) {
		uint64_t top = jumps[i];
		assert_true(replay_commit(&r, top));
		/* what lies below is new where the window reaches it, and only there */
		for (uint64_t back = 0; back < 3 * WIRE_REPLAY_WINDOW && back <= top; back++) {
			bool fresh = back < WIRE_REPLAY_WINDOW && !among(jumps, i + 1, top - back);
			assert_int_equal(replay_check(&r, top - back), fresh);
		}
	}
	assert_false(replay_check(&r, UINT64_MAX));
	assert_false(replay_commit(&r, UINT64_MAX));
}

/* Against a table of all numbers, with random steps in both directions. */
static void random_walk(void **state)
{
	enum { SPACE = 1 << 18 };
	struct replay r = {0};
	bool *seen = calloc(SPACE, sizeof *seen);
	uint64_t next = 0;
	uint32_t x = 12345;
	assert_non_null(seen);
	for (unsigned i = 0; i < 300000; i++) {
		x = x * 1664525 + 1013904223;
		uint64_t reach = (x >> 28) == 0 ? 20000 : (x >> 28) < 4 ? 9000 : 40;
		uint64_t base = next > reach ? next - reach : 0;
		uint64_t s = base + (x >> 8 & 0xfffff) % (reach + reach / 16 + 4);
		if (s >= SPACE)
			break;
		bool want = !seen[s] && (s >= next || next - s <= WIRE_REPLAY_WINDOW);
		assert_int_equal(replay_check(&r, s), want);
		if (x & 64) /* the others fail to authenticate */
			continue;
		assert_int_equal(replay_commit(&r, s), want);
		if (want)
			seen[s] = true;
		if (s >= next)
			next = s + 1;
	}
	assert_true(next > 3 * WIRE_REPLAY_WINDOW);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(checking_changes_nothing),
		cmocka_unit_test(edges_of_the_window),
		cmocka_unit_test(far_jumps),
		cmocka_unit_test(random_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
