// SPDX-License-Identifier: Apache-2.0
#include "compare.h"

#include "bench.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_MAX = 4096, VERDICTS = VERDICT_UNKNOWN + 1 };

static const char *const verdict_names[VERDICTS] = {[VERDICT_SAME] = "no difference",
	[VERDICT_BETTER] = "better",
	[VERDICT_WORSE] = "worse",
	[VERDICT_OTHER] = "changed",
	[VERDICT_UNKNOWN] = "cannot be told"};

static bool all_positive(const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(v[i] > 0))
			return false;
	return n > 0;
}

enum verdict compare_samples(const double *before, size_t nb, const double *after, size_t na,
	enum better better, double least, double *ratio, struct interval *interval)
{
	*ratio = NAN;
	*interval = (struct interval){0};
	if (!all_positive(before, nb) || !all_positive(after, na))
		return VERDICT_UNKNOWN;
	*ratio = geometric_mean(after, na) / geometric_mean(before, nb);
	*interval = welch_interval(before, nb, after, na, COMPARE_CONFIDENCE);
	if (interval->confidence <= 0)
		return VERDICT_UNKNOWN;
	bool outside = interval->low > 1 || interval->high < 1;
	if (!outside || fabs(log(*ratio)) < log1p(least))
		return VERDICT_SAME;
	if (better == BETTER_NEITHER)
		return VERDICT_OTHER;
	return (*ratio > 1) == (better == BETTER_HIGHER) ? VERDICT_BETTER : VERDICT_WORSE;
}

/* The figure of the scenario's first contestant for the same metric; NULL: there is none. */
static const struct result *base_of(const struct results *r, const struct result *w)
{
	for (unsigned i = 0; i < scenarios_count; i++) {
		const char *first = scenarios[i]->contestants[0];
		if (strcmp(scenarios[i]->name, w->scenario))
			continue;
		for (size_t k = 0; k < r->n; k++)
			if (!strcmp(r->rows[k].scenario, w->scenario) &&
				!strcmp(r->rows[k].metric, w->metric) &&
				!strncmp(r->rows[k].contestant, first, strlen(first)))
				return &r->rows[k];
	}
	return NULL;
}

/* The samples of a figure, or what they are of the base's; 0: it has none. */
static size_t samples_of(const struct results *r, const struct result *w, bool relative,
	double v[static SAMPLES_MAX])
{
	const struct result *base = relative && !w->is_ratio ? base_of(r, w) : NULL;
	size_t n = 0;
	if (relative && !w->is_ratio && (!base || base == w))
		return 0;
	for (size_t i = 0; i < w->n && n < SAMPLES_MAX; i++) {
		double x =
			base ? w->samples[i] / result_of_round(base, w->rounds[i]) : w->samples[i];
		if (isfinite(x))
			v[n++] = x;
	}
	return n;
}

struct tally {
	unsigned of[VERDICTS], before_only;
	json_t *rows; /* NULL: a table is wanted */
	int width[3];
};

static void row_print(struct tally *t, const struct result *w, double before, double after,
	double ratio, const struct interval *i, enum verdict verdict)
{
	char a[24], b[24], interval[64] = "-";
	if (t->rows) {
		json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:s}", "scenario",
			w->scenario, "contestant", w->contestant, "metric", w->metric, "unit",
			w->unit, "before", before, "after", after, "verdict",
			verdict_names[verdict]);
		json_object_set_new(j, "ratio", isfinite(ratio) ? json_real(ratio) : json_null());
		json_object_set_new(j, "interval",
			i->confidence > 0 ? json_pack("[f, f]", i->low, i->high) : json_null());
		json_array_append_new(t->rows, j);
		return;
	}
	if (i->confidence > 0)
		snprintf(interval, sizeof interval, "%.3f..%.3f", i->low, i->high);
	printf("%-*s  %-*s  %-*s  %10s  %10s  %7.3f  %-16s  %s\n", t->width[0], w->scenario,
		t->width[1], w->metric, t->width[2], w->contestant, number_text(a, before),
		number_text(b, after), ratio, interval, verdict_names[verdict]);
}

static void compare_row(struct tally *t, const struct results *before, const struct result *w,
	const struct results *after, const struct compare_how *how)
{
	double a[SAMPLES_MAX], b[SAMPLES_MAX], ratio;
	struct interval interval;
	const struct result *other = results_find(after, w->scenario, w->contestant, w->metric);
	if (!other || strcmp(other->unit, w->unit)) {
		t->before_only++;
		return;
	}
	size_t na = samples_of(before, w, how->relative, a),
	       nb = samples_of(after, other, how->relative, b);
	if (!na || !nb)
		return;
	enum verdict v = compare_samples(a, na, b, nb, w->better, how->least, &ratio, &interval);
	t->of[v]++;
	row_print(t, w, median_of(a, na), median_of(b, nb), ratio, &interval, v);
}

static void widths(struct tally *t, const struct results *r)
{
	t->width[0] = 8;
	t->width[1] = 6;
	t->width[2] = 10;
	for (size_t i = 0; i < r->n; i++) {
		const char *text[] = {
			r->rows[i].scenario, r->rows[i].metric, r->rows[i].contestant};
		for (unsigned k = 0; k < 3; k++)
			if ((int)strlen(text[k]) > t->width[k])
				t->width[k] = (int)strlen(text[k]);
	}
}

static void finish(struct tally *t, unsigned told, unsigned after_only)
{
	if (t->rows) {
		json_t *doc = json_pack("{s:f, s:o, s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i}}",
			"confidence", COMPARE_CONFIDENCE, "compared", t->rows, "summary", "better",
			t->of[VERDICT_BETTER], "worse", t->of[VERDICT_WORSE], "no difference",
			t->of[VERDICT_SAME], "changed", t->of[VERDICT_OTHER], "cannot be told",
			t->of[VERDICT_UNKNOWN], "only before", t->before_only, "only after",
			after_only);
		json_dumpf(doc, stdout, JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(doc);
		return;
	}
	printf("\n%u better, %u worse, %u no difference, %u changed, %u cannot be told; %u only "
	       "before, %u only "
	       "after.\nIntervals are of %g %% confidence: of %u figures about %.1f seem to differ "
	       "by chance.\n",
		t->of[VERDICT_BETTER], t->of[VERDICT_WORSE], t->of[VERDICT_SAME],
		t->of[VERDICT_OTHER], t->of[VERDICT_UNKNOWN], t->before_only, after_only,
		100 * COMPARE_CONFIDENCE, told, told * (1 - COMPARE_CONFIDENCE));
}

unsigned compare_print(
	const struct results *before, const struct results *after, const struct compare_how *how)
{
	struct tally t = {.rows = how->json ? json_array() : NULL};
	unsigned after_only = 0;
	widths(&t, before);
	if (!how->json)
		printf("%-*s  %-*s  %-*s  %10s  %10s  %7s  %-16s  %s\n", t.width[0], "SCENARIO",
			t.width[1], "METRIC", t.width[2], "CONTESTANT", "BEFORE", "AFTER", "RATIO",
			"INTERVAL", "VERDICT");
	for (size_t i = 0; i < before->n; i++)
		compare_row(&t, before, &before->rows[i], after, how);
	for (size_t i = 0; i < after->n; i++) {
		const struct result *w = &after->rows[i];
		after_only += !results_find(before, w->scenario, w->contestant, w->metric);
	}
	finish(&t,
		t.of[VERDICT_BETTER] + t.of[VERDICT_WORSE] + t.of[VERDICT_SAME] +
			t.of[VERDICT_OTHER],
		after_only);
	return t.of[VERDICT_WORSE];
}
