/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What samples say. Medians, quantiles, and the intervals in which the true value lies with a
 * stated confidence. Sources: order statistics (binomial) for a median, Student's t on logarithms
 * for a ratio, Welch's for the ratio of two sets that were not taken in turn. No state.
 */
#ifndef OCKAM_BENCH_STAT_H
#define OCKAM_BENCH_STAT_H

#include <stdbool.h>
#include <stddef.h>

struct interval {
	double low, high;
	double confidence; /* that it really has; 0: there is none */
};

/* Sorts `v`. Of an even number the mean of the two in the middle; n > 0. */
double median_of(double *v, size_t n);
/* The sample below which `share` of all lie. Sorts `v`; n > 0. */
double quantile_of(double *v, size_t n, double share);

/*
 * Of the median of what `v` was taken from, whatever its distribution: the narrowest pair of
 * samples that has this confidence, or with too few the least and the greatest, with the confidence
 * that they have. Sorts `v`.
 */
struct interval median_interval(double *v, size_t n, double confidence);
/* Of the geometric mean of ratios, each of two figures of one round; none with fewer than two. All
 * > 0. */
struct interval ratio_interval(const double *ratios, size_t n, double confidence);
/* Of the ratio of the geometric means of b and a, which were not taken in turn; none with fewer
 * than two of each. All > 0. */
struct interval welch_interval(
	const double *a, size_t na, const double *b, size_t nb, double confidence);
double geometric_mean(const double *v, size_t n); /* n > 0, all > 0 */
/* Half the width of an interval of a ratio, as a share of its middle: 0.1 is ± 10 %. */
double interval_half_width(const struct interval *i);

/* Two-sided: |t| stays below this with the given confidence. */
double t_quantile(double confidence, double degrees);

#endif
