// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

enum { LINKS = 500 };

static unsigned takes(
	struct guard *g, struct guard *all, enum guard_class c, unsigned n, uint64_t now)
{
	unsigned took = 0;
	while (n--)
		took += guard_admits(g, all, c, 100, now);
	return took;
}

static void a_link_has_its_burst_and_its_rate(void **state)
{
	struct guard g = {0}, all = {0};
	assert_int_equal(takes(&g, &all, GUARD_INIT, 1000, 5000), WIRE_INIT_BURST);
	assert_int_equal(takes(&g, &all, GUARD_INIT, 1000, 5000), 0);
	assert_int_equal(takes(&g, &all, GUARD_INIT, 1000, 6000), WIRE_INIT_RATE);
	/* each kind has its own */
	assert_int_equal(takes(&g, &all, GUARD_LINK, 1, 6000), 1);
	assert_int_equal(takes(&g, &all, GUARD_CONTROL, 1, 6000), 1);
}

static void busy_links_leave_room_for_the_others(void **state)
{
	static struct guard g[LINKS];
	struct guard all = {0}, quiet = {0};
	unsigned went = 0;
	for (uint64_t now = 1000; now < 3000; now += 10) {
		for (unsigned i = 0; i < LINKS; i++)
			went += takes(&g[i], &all, GUARD_INIT, 5, now);
		/* five a second */
		if (now % 200 == 0)
			assert_int_equal(takes(&quiet, &all, GUARD_INIT, 1, now), 1);
	}
	/* a few of each, and the shares of all; without those it would be 200 of each */
	assert_true(went < LINKS * (50 + 2 * 25) + 500 + 2 * 1000 + LINKS);
	assert_true(went > LINKS * 50);
}

static void large_frames_count_for_more(void **state)
{
	struct guard g = {0}, all = {0};
	unsigned took = 0;
	for (unsigned i = 0; i < 1000; i++)
		took += guard_admits(&g, &all, GUARD_CONTROL, 10 * GUARD_PIECE - 1, 5000);
	assert_int_equal(took, WIRE_CONTROL_BURST / 10);
}

static void classes_by_type(void **state)
{
	assert_int_equal(guard_class_of(WIRE_INIT), GUARD_INIT);
	assert_int_equal(guard_class_of(WIRE_CONTROL), GUARD_CONTROL);
	assert_int_equal(guard_class_of(WIRE_RESP), GUARD_ANSWER);
	assert_int_equal(guard_class_of(WIRE_FINISH), GUARD_ANSWER);
	assert_int_equal(guard_class_of(WIRE_RESET), GUARD_RESET);
	assert_int_equal(guard_class_of(WIRE_LINK), GUARD_LINK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_has_its_burst_and_its_rate),
		cmocka_unit_test(busy_links_leave_room_for_the_others),
		cmocka_unit_test(large_frames_count_for_more),
		cmocka_unit_test(classes_by_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
