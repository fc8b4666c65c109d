// SPDX-License-Identifier: Apache-2.0
#include "supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_first_at_once(void **state)
{
	struct supervisor s = {0};
	assert_int_equal(supervisor_on_death(&s, 1000, 77), 0);
	/* rare ends are always a first one */
	for (uint64_t i = 1; i < 20; i++)
		assert_int_equal(
			supervisor_on_death(&s, 1000 + i * SUPERVISOR_WINDOW_MS, 77), 0);
}

static void test_back_off_doubles(void **state)
{
	for (uint32_t random = 0; random < 5000; random += 7) {
		struct supervisor s = {0};
		uint64_t now = 5000;
		int least = SUPERVISOR_BACKOFF_MS / 2;
		assert_int_equal(supervisor_on_death(&s, now, random), 0);
		for (unsigned i = 2; i < SUPERVISOR_DEATHS; i++, least *= 2) {
			int wait = supervisor_on_death(&s, ++now, random);
			assert_in_range(wait, least, 3 * least - 1);
		}
		assert_int_equal(supervisor_on_death(&s, ++now, random), -1);
	}
}

static void test_dice_count(void **state)
{
	struct supervisor a = {0}, b = {0};
	supervisor_on_death(&a, 1, 0);
	supervisor_on_death(&b, 1, 0);
	assert_int_not_equal(supervisor_on_death(&a, 2, 1), supervisor_on_death(&b, 2, 100));
}

static void test_window_slides(void **state)
{
	struct supervisor s = {0};
	const uint64_t step = SUPERVISOR_WINDOW_MS / (SUPERVISOR_DEATHS - 1);
	/* four in each window, for ever: it goes on */
	for (uint64_t i = 0; i < 50; i++)
		assert_true(supervisor_on_death(&s, 1 + i * step, 3) >= 0);
	/* one more in between: a loop */
	assert_int_equal(supervisor_on_death(&s, 1 + 49 * step + 1, 3), -1);
}

static void test_clock_at_zero(void **state)
{
	struct supervisor s = {0};
	assert_int_equal(supervisor_on_death(&s, 0, 1), 0);
	assert_true(supervisor_on_death(&s, 0, 1) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_at_once),
		cmocka_unit_test(test_back_off_doubles),
		cmocka_unit_test(test_dice_count),
		cmocka_unit_test(test_window_slides),
		cmocka_unit_test(test_clock_at_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
