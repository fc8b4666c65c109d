// SPDX-License-Identifier: Apache-2.0
#include "result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	char *scenario, *contestant, *metric, *unit;
	double *samples;
	size_t n, cap;
};

struct results {
	struct row *rows;
	size_t n, cap;
};

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
		struct row *w = &r->rows[i];
		free(w->scenario);
		free(w->contestant);
		free(w->metric);
		free(w->unit);
		free(w->samples);
	}
	free(r->rows);
	free(r);
}

static struct row *row_find(
	const struct results *r, const char *scenario, const char *contestant, const char *metric)
{
	for (size_t i = 0; i < r->n; i++) {
		struct row *w = &r->rows[i];
		if (!strcmp(w->scenario, scenario) && !strcmp(w->contestant, contestant) &&
			!strcmp(w->metric, metric))
			return w;
	}
	return NULL;
}

static struct row *row_get(struct results *r, const char *scenario, const char *contestant,
	const char *metric, const char *unit)
{
	struct row *w = row_find(r, scenario, contestant, metric);
	if (w)
		return w;
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->rows = need(realloc(r->rows, r->cap * sizeof *r->rows));
	}
	r->rows[r->n] = (struct row){
		.scenario = need(strdup(scenario)),
		.contestant = need(strdup(contestant)),
		.metric = need(strdup(metric)),
		.unit = need(strdup(unit)),
	};
	return &r->rows[r->n++];
}

void results_add(struct results *r, const char *scenario, const char *contestant,
	const char *metric, const char *unit, double sample)
{
	struct row *w = row_get(r, scenario, contestant, metric, unit);
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 8;
		w->samples = need(realloc(w->samples, w->cap * sizeof *w->samples));
	}
	w->samples[w->n++] = sample;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double median_of(double *v, size_t n)
{
	qsort(v, n, sizeof *v, ascending);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double quantile_of(double *v, size_t n, double share)
{
	qsort(v, n, sizeof *v, ascending);
	size_t i = (size_t)(share * (double)n);
	return v[i < n ? i : n - 1];
}

double results_sample(struct results *r, const char *scenario, const char *contestant,
	const char *metric, size_t n)
{
	const struct row *w = row_find(r, scenario, contestant, metric);
	return w && n < w->n ? w->samples[n] : NAN;
}

/* Of a copy, so that the order stays that of the runs. */
double results_median(
	struct results *r, const char *scenario, const char *contestant, const char *metric)
{
	const struct row *w = row_find(r, scenario, contestant, metric);
	if (!w)
		return NAN;
	double *v = need(malloc(w->n * sizeof *v));
	memcpy(v, w->samples, w->n * sizeof *v);
	double m = median_of(v, w->n);
	free(v);
	return m;
}

json_t *results_json(struct results *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n; i++) {
		struct row *w = &r->rows[i];
		double median = median_of(w->samples, w->n);
		json_array_append_new(
			all, need(json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:I}", "scenario",
				     w->scenario, "contestant", w->contestant, "metric", w->metric,
				     "unit", w->unit, "median", median, "min", w->samples[0], "max",
				     w->samples[w->n - 1], "n", (json_int_t)w->n)));
	}
	return all;
}

/* Four digits that mean something. */
static const char *number(char dst[static 24], double v)
{
	int decimals = v >= 1000 || v == 0 ? 0 : v >= 100 ? 1 : v >= 10 ? 2 : 3;
	snprintf(dst, 24, "%.*f", decimals, v);
	return dst;
}

static void widen(int *width, const char *text)
{
	int n = (int)strlen(text);
	if (n > *width)
		*width = n;
}

void results_table(struct results *r)
{
	int a = 8, b = 10, c = 6, d = 4;
	char median[24], min[24], max[24];
	for (size_t i = 0; i < r->n; i++) {
		widen(&a, r->rows[i].scenario);
		widen(&b, r->rows[i].contestant);
		widen(&c, r->rows[i].metric);
		widen(&d, r->rows[i].unit);
	}
	printf("%-*s  %-*s  %-*s  %-*s  %10s  %10s  %10s  %3s\n", a, "SCENARIO", c, "METRIC", b,
		"CONTESTANT", d, "UNIT", "MEDIAN", "MIN", "MAX", "N");
	for (size_t i = 0; i < r->n; i++) {
		struct row *w = &r->rows[i];
		number(median, median_of(w->samples, w->n));
		printf("%-*s  %-*s  %-*s  %-*s  %10s  %10s  %10s  %3zu\n", a, w->scenario, c,
			w->metric, b, w->contestant, d, w->unit, median, number(min, w->samples[0]),
			number(max, w->samples[w->n - 1]), w->n);
	}
}
