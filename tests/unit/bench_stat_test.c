// SPDX-License-Identifier: Apache-2.0
/* What samples say: against values of tables, and by how often an interval holds what it should. */
#include "stat.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void quantiles_of_t_are_those_of_tables(void **state)
{
	static const struct {
		double confidence, degrees, t;
	} table[] = {{.95, 1, 12.7062}, {.95, 4, 2.7764}, {.95, 9, 2.2622}, {.95, 30, 2.0423},
		{.99, 4, 4.6041}, {.99, 8, 3.3554}, {.99, 100, 2.6259}, {.9, 2.5, 2.5582}};
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
		assert_float_equal(
			t_quantile(table[i].confidence, table[i].degrees), table[i].t, 5e-4);
}

static void medians_and_quantiles(void **state)
{
	double v[] = {3, 1, 2}, w[] = {4, 1, 3, 2};
	assert_float_equal(median_of(v, 3), 2, 0);
	assert_float_equal(median_of(w, 4), 2.5, 0);
	assert_float_equal(quantile_of(w, 4, .99), 4, 0);
	assert_float_equal(quantile_of(w, 4, 0), 1, 0);
}

static void intervals_of_medians_are_order_statistics(void **state)
{
	double v[20], one = 1;
	for (unsigned i = 0; i < 20; i++)
		v[i] = 20 - i;
	struct interval i = median_interval(v, 5, .95);
	assert_float_equal(i.confidence, .9375, 1e-9); /* with five there is no more */
	assert_float_equal(i.low, 16, 0);
	assert_float_equal(i.high, 20, 0);
	i = median_interval(v, 20, .95); /* all 20 again: sorted above, still 1 to 20 */
	assert_float_equal(i.low, 6, 0);
	assert_float_equal(i.high, 15, 0);
	assert_float_equal(i.confidence, .9586, 1e-3);
	assert_float_equal(median_interval(&one, 1, .95).confidence, 0, 0);
}

/* Repeatable noise: the sum of twelve uniform numbers is nearly normal. */
static double noise(uint64_t *seed)
{
	double sum = -6;
	for (unsigned i = 0; i < 12; i++) {
		*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
		sum += (double)(*seed >> 11) / (double)(1ULL << 53);
	}
	return sum;
}

static void intervals_of_ratios_hold_the_truth_as_often_as_they_say(void **state)
{
	enum { TRIES = 4000, N = 6 };
	unsigned paired = 0, apart = 0;
	uint64_t seed = 1;
	for (unsigned t = 0; t < TRIES; t++) {
		double ratio[N], a[N], b[N];
		for (unsigned i = 0; i < N; i++) {
			ratio[i] = 2 * exp(.2 * noise(&seed));
			a[i] = 5 * exp(.1 * noise(&seed));
			b[i] = 10 * exp(.3 * noise(&seed));
		}
		struct interval p = ratio_interval(ratio, N, .95),
				w = welch_interval(a, N, b, N, .95);
		paired += p.low <= 2 && 2 <= p.high;
		apart += w.low <= 2 && 2 <= w.high;
	}
	assert_in_range(paired, TRIES * .935, TRIES * .965);
	assert_in_range(apart, TRIES * .935, TRIES * .97);
}

static void intervals_of_what_does_not_vary_are_points(void **state)
{
	double v[] = {2, 2, 2};
	struct interval i = ratio_interval(v, 3, .95);
	assert_float_equal(i.low, 2, 1e-9);
	assert_float_equal(i.high, 2, 1e-9);
	assert_float_equal(interval_half_width(&i), 0, 1e-9);
	i = welch_interval(v, 3, v, 3, .95);
	assert_float_equal(i.low, 1, 1e-9);
	assert_float_equal(i.high, 1, 1e-9);
	assert_float_equal(ratio_interval(v, 1, .95).confidence, 0, 0);
	assert_float_equal(welch_interval(v, 1, v, 3, .95).confidence, 0, 0);
	i = (struct interval){.low = .5, .high = 2, .confidence = .95};
	assert_float_equal(interval_half_width(&i), 1, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_of_t_are_those_of_tables),
		cmocka_unit_test(medians_and_quantiles),
		cmocka_unit_test(intervals_of_medians_are_order_statistics),
		cmocka_unit_test(intervals_of_ratios_hold_the_truth_as_often_as_they_say),
		cmocka_unit_test(intervals_of_what_does_not_vary_are_points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
