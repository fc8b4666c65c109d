// SPDX-License-Identifier: Apache-2.0
#include "duration.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void units_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"0", 0},
		{"10", 10000},
		{"500ms", 500},
		{"10s", 10000},
		{"2m", 120000},
		{"1h", 3600000},
		{"1d", 86400000},
		{"365d", 365ll * 86400000},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t ms = -1;
		assert_int_equal(duration_parse(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {"", "s", "ms", "-1", "+1", " 1", "1 s", "1.5s", "1x",
		"1S", "1m30s", "366d", "99999999999999999999", "9223372036854775807d"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t ms = 7;
		assert_int_equal(duration_parse(bad[i], &ms), -EINVAL);
		assert_int_equal(ms, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_told_apart),
		cmocka_unit_test(nonsense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
