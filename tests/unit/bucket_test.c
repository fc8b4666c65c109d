// SPDX-License-Identifier: Apache-2.0
#include "bucket.h"

#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static unsigned take_all(struct bucket *b, uint64_t now_ms)
{
	unsigned n = 0;
	while (bucket_take(b, now_ms))
		n++;
	return n;
}

static void a_burst_then_the_rate(void **state)
{
	struct bucket b;
	bucket_init(&b, 50, 100, 1000);
	assert_int_equal(take_all(&b, 1000), 100);
	assert_int_equal(take_all(&b, 1019), 0);
	assert_int_equal(take_all(&b, 1020), 1);
	assert_int_equal(take_all(&b, 2020), 50);
}

static void fractions_add_up(void **state)
{
	struct bucket b;
	unsigned n = 0;
	bucket_init(&b, 50, 100, 0);
	take_all(&b, 0);
	for (uint64_t t = 1; t <= 1000; t++)
		n += bucket_take(&b, t);
	assert_int_equal(n, 50);
}

static void no_more_than_the_burst_is_saved(void **state)
{
	struct bucket b;
	bucket_init(&b, 50, 100, 0);
	take_all(&b, 0);
	assert_int_equal(take_all(&b, UINT64_MAX), 100);
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
	struct bucket b;
	bucket_init(&b, 50, 1, 5000);
	assert_true(bucket_take(&b, 5000));
	assert_false(bucket_take(&b, 10));
	assert_false(bucket_take(&b, 5010));
	assert_true(bucket_take(&b, 5020));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_then_the_rate),
		cmocka_unit_test(fractions_add_up),
		cmocka_unit_test(no_more_than_the_burst_is_saved),
		cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
