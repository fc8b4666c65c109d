/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures: samples of (scenario, contestant, metric), each of a round. Shown as the median, least
 * and greatest, and the interval in which the true median lies; figures that are ratios have that
 * of their geometric mean. A sample of one is shown as what it is, with n = 1. One thread. Out of
 * memory ends the program.
 */
#ifndef OCKAM_BENCH_RESULT_H
#define OCKAM_BENCH_RESULT_H

#include "stat.h"

#include <stdbool.h>
#include <stddef.h>

#define CONFIDENCE .95

enum better { BETTER_NEITHER, BETTER_HIGHER, BETTER_LOWER };

struct result {
	char *scenario, *contestant, *metric, *unit;
	enum better better;
	bool is_ratio;
	double *samples; /* in the order of the rounds */
	unsigned *rounds;
	size_t n, cap;
};

struct results {
	struct result *rows;
	size_t n, cap;
};

struct results *results_new(void);
void results_free(struct results *r);
/* NULL: there is none. Valid until something is added. */
struct result *results_find(
	const struct results *r, const char *scenario, const char *contestant, const char *metric);
/* That one, made if it is new; the strings are copied. */
struct result *results_get(struct results *r, const char *scenario, const char *contestant,
	const char *metric, const char *unit, enum better better);
void result_add(struct result *w, unsigned round, double sample);
/* Of that round, the first if there are several; NAN: there is none. */
double result_of_round(const struct result *w, unsigned round);
double result_median(const struct result *w); /* NAN without samples */
double result_least(const struct result *w);
double result_greatest(const struct result *w);
struct interval result_interval(const struct result *w);

void results_table(const struct results *r); /* to standard output */
/* Four digits that mean something. */
const char *number_text(char dst[static 24], double v);

#endif
