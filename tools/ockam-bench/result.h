/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures: samples of (scenario, contestant, metric), shown as median, least and greatest. A sample
 * of one is shown as what it is, with n = 1. One thread.
 */
#ifndef OCKAM_BENCH_RESULT_H
#define OCKAM_BENCH_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct results;

struct results *results_new(void);
void results_free(struct results *r);
/* The strings are copied. */
void results_add(struct results *r, const char *scenario, const char *contestant,
	const char *metric, const char *unit, double sample);
/* The n-th sample as it was added, or the median of all; NAN: there is none. */
double results_sample(struct results *r, const char *scenario, const char *contestant,
	const char *metric, size_t n);
double results_median(
	struct results *r, const char *scenario, const char *contestant, const char *metric);
/* Sorts `v`. Of an even number the mean of the two in the middle; n > 0. */
double median_of(double *v, size_t n);
/* The sample below which `share` of all lie. Sorts `v`; n > 0. */
double quantile_of(double *v, size_t n, double share);

json_t *results_json(struct results *r); /* an array; a new reference */
void results_table(struct results *r);	 /* to standard output */

#endif
