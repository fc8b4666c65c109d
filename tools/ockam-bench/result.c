// SPDX-License-Identifier: Apache-2.0
#include "result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
	if (!p) {
		fputs("ockam-bench: out of memory\n", stderr);
		exit(70);
	}
	return p;
}

struct results *results_new(void)
{
	return need(calloc(1, sizeof(struct results)));
}

void results_free(struct results *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct result *w = &r->rows[i];
		free(w->scenario);
		free(w->contestant);
		free(w->metric);
		free(w->unit);
		free(w->samples);
		free(w->rounds);
	}
	free(r->rows);
	free(r);
}

struct result *results_find(
	const struct results *r, const char *scenario, const char *contestant, const char *metric)
{
	for (size_t i = 0; i < r->n; i++) {
		struct result *w = &r->rows[i];
		if (!strcmp(w->scenario, scenario) && !strcmp(w->contestant, contestant) &&
			!strcmp(w->metric, metric))
			return w;
	}
	return NULL;
}

struct result *results_get(struct results *r, const char *scenario, const char *contestant,
	const char *metric, const char *unit, enum better better)
{
	struct result *w = results_find(r, scenario, contestant, metric);
	if (w)
		return w;
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->rows = need(realloc(r->rows, r->cap * sizeof *r->rows));
	}
	r->rows[r->n] = (struct result){
		.scenario = need(strdup(scenario)),
		.contestant = need(strdup(contestant)),
		.metric = need(strdup(metric)),
		.unit = need(strdup(unit)),
		.better = better,
	};
	return &r->rows[r->n++];
}

void result_add(struct result *w, unsigned round, double sample)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 8;
		w->samples = need(realloc(w->samples, w->cap * sizeof *w->samples));
		w->rounds = need(realloc(w->rounds, w->cap * sizeof *w->rounds));
	}
	w->rounds[w->n] = round;
	w->samples[w->n++] = sample;
}

double result_of_round(const struct result *w, unsigned round)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->rounds[i] == round)
			return w->samples[i];
	return NAN;
}

/* A copy to sort, so that the order stays that of the rounds. */
static double *copy_of(const struct result *w)
{
	double *v = need(malloc(w->n * sizeof *v));
	memcpy(v, w->samples, w->n * sizeof *v);
	return v;
}

double result_median(const struct result *w)
{
	if (!w->n)
		return NAN;
	double *v = copy_of(w), m = median_of(v, w->n);
	free(v);
	return m;
}

double result_least(const struct result *w)
{
	double least = NAN;
	for (size_t i = 0; i < w->n; i++)
		least = fmin(least, w->samples[i]);
	return least;
}

double result_greatest(const struct result *w)
{
	double greatest = NAN;
	for (size_t i = 0; i < w->n; i++)
		greatest = fmax(greatest, w->samples[i]);
	return greatest;
}

struct interval result_interval(const struct result *w)
{
	if (w->is_ratio)
		return ratio_interval(w->samples, w->n, CONFIDENCE);
	if (w->n < 2)
		return (struct interval){0};
	double *v = copy_of(w);
	struct interval i = median_interval(v, w->n, CONFIDENCE);
	free(v);
	return i;
}

const char *number_text(char dst[static 24], double v)
{
	double size = fabs(v);
	int decimals = size >= 1000 || v == 0 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
	snprintf(dst, 24, "%.*f", decimals, v);
	return dst;
}

static void widen(int *width, const char *text)
{
	int n = (int)strlen(text);
	if (n > *width)
		*width = n;
}

static void interval_text(char dst[static 64], const struct result *w)
{
	char low[24], high[24];
	struct interval i = result_interval(w);
	if (i.confidence > 0)
		snprintf(dst, 64, "%s..%s", number_text(low, i.low), number_text(high, i.high));
	else
		snprintf(dst, 64, "-");
}

void results_table(const struct results *r)
{
	int a = 8, b = 10, c = 6, d = 4;
	char median[24], min[24], max[24], interval[64];
	for (size_t i = 0; i < r->n; i++) {
		widen(&a, r->rows[i].scenario);
		widen(&b, r->rows[i].contestant);
		widen(&c, r->rows[i].metric);
		widen(&d, r->rows[i].unit);
	}
	printf("%-*s  %-*s  %-*s  %-*s  %10s  %10s  %10s  %3s  %s\n", a, "SCENARIO", c, "METRIC", b,
		"CONTESTANT", d, "UNIT", "MEDIAN", "MIN", "MAX", "N", "INTERVAL");
	for (size_t i = 0; i < r->n; i++) {
		const struct result *w = &r->rows[i];
		interval_text(interval, w);
		printf("%-*s  %-*s  %-*s  %-*s  %10s  %10s  %10s  %3zu  %s\n", a, w->scenario, c,
			w->metric, b, w->contestant, d, w->unit,
			number_text(median, result_median(w)), number_text(min, result_least(w)),
			number_text(max, result_greatest(w)), w->n, interval);
	}
}
