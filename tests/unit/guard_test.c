// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

enum { LINKS = 500 };

static unsigned takes_of(struct guard *g, struct guard_origin *from, struct guard *all,
	enum guard_class c, unsigned n, uint64_t now)
{
	unsigned took = 0;
	while (n--)
		took += guard_admits(g, from, all, c, 100, now);
	return took;
}

static unsigned takes(
	struct guard *g, struct guard *all, enum guard_class c, unsigned n, uint64_t now)
{
	return takes_of(g, NULL, all, c, n, now);
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
		took += guard_admits(&g, NULL, &all, GUARD_CONTROL, 10 * GUARD_PIECE - 1, 5000);
	assert_int_equal(took, WIRE_CONTROL_BURST / 10);
}

/* One address with many links, each of which sends few, beside another with one. */
static void links_of_an_origin_share_what_is_few(void **state)
{
	static struct guard g[LINKS];
	struct guard all = {0}, quiet = {0};
	struct guard_origin many = {0}, one = {0};
	unsigned went = 0;
	memset(g, 0, sizeof g);
	for (uint64_t now = 1000; now < 3000; now += 100) {
		for (unsigned i = 0; i < LINKS; i++)
			went += takes_of(&g[i], &many, &all, GUARD_INIT, 2, now);
		if (now % 200 == 0)
			assert_int_equal(takes_of(&quiet, &one, &all, GUARD_INIT, 1, now), 1);
	}
	/* the few of one origin, and the shares of all; alone it would be the few of each */
	assert_true(went <= 200 + 2 * 100 + 500 + 2 * 1000 + 2);
	assert_true(went > 2 * 1000);
}

static void within_an_origin_there_is_room_for_who_sends_few(void **state)
{
	static struct guard g[10];
	struct guard all = {0}, quiet = {0};
	struct guard_origin from = {0};
	memset(g, 0, sizeof g);
	for (uint64_t now = 1000; now < 3000; now += 10) {
		for (unsigned i = 0; i < 10; i++)
			takes_of(&g[i], &from, &all, GUARD_INIT, 50, now);
		all.paid_us[GUARD_INIT] = UINT64_MAX; /* others have taken all shares */
		/* once those have had their own few */
		if (now > 2000 && now % 200 == 0)
			assert_int_equal(takes_of(&quiet, &from, &all, GUARD_INIT, 1, now), 1);
	}
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
		cmocka_unit_test(links_of_an_origin_share_what_is_few),
		cmocka_unit_test(within_an_origin_there_is_room_for_who_sends_few),
		cmocka_unit_test(classes_by_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
