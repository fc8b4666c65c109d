// SPDX-License-Identifier: Apache-2.0
#include "ratio.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 160, ROUNDS_MAX = 1000 };

static double of_contestant(
	const struct bench *b, const char *contestant, const char *metric, unsigned round)
{
	const struct result *w = results_find(b->results, b->scenario->name, contestant, metric);
	return w ? result_of_round(w, round) : NAN;
}

/* Of peers the least, or the greatest where more is better. */
static double of_figure(const struct bench *b, const struct figure *f, unsigned round)
{
	if (f->contestant)
		return of_contestant(b, f->contestant, f->metric, round);
	double best = NAN;
	for (const char *const *p = b->scenario->peers; p && *p; p++) {
		const struct result *w = results_find(b->results, b->scenario->name, *p, f->metric);
		double v = w ? result_of_round(w, round) : NAN;
		best = w && w->better == BETTER_HIGHER ? fmax(best, v) : fmin(best, v);
	}
	return best;
}

/* One for each round that has both figures. How many. */
static size_t ratios_of(const struct bench *b, const struct ratio *r, double v[static ROUNDS_MAX],
	unsigned round[static ROUNDS_MAX])
{
	size_t n = 0;
	for (unsigned i = 0; i < b->round && n < ROUNDS_MAX; i++) {
		double x = of_figure(b, &r->of, i) / of_figure(b, &r->to, i);
		if (!isfinite(x) || x <= 0)
			continue;
		round[n] = i;
		v[n++] = x;
	}
	return n;
}

static bool settled(const struct bench *b, const struct ratio *r)
{
	double v[ROUNDS_MAX];
	unsigned round[ROUNDS_MAX];
	size_t n = ratios_of(b, r, v, round);
	if (!n)
		return true;
	struct interval i = ratio_interval(v, n, CONFIDENCE);
	return i.confidence > 0 && interval_half_width(&i) <= b->bound;
}

bool ratios_settled(struct bench *b)
{
	for (const struct ratio *r = b->scenario->ratios; r->of.metric; r++)
		if (r->decides && !settled(b, r))
			return false;
	return true;
}

static void names(const struct ratio *r, char contestant[static NAME_MAX_LEN],
	char metric[static NAME_MAX_LEN])
{
	const char *to = r->to.contestant ? r->to.contestant : "best peer";
	const char *of = r->of.contestant ? r->of.contestant : "best peer";
	if (!strcmp(r->of.metric, r->to.metric))
		snprintf(contestant, NAME_MAX_LEN, "%s / %s", of, to);
	else if (r->of.contestant && r->to.contestant && !strcmp(of, to))
		snprintf(contestant, NAME_MAX_LEN, "%s / %s", of, r->to.metric);
	else
		snprintf(contestant, NAME_MAX_LEN, "%s / %s, %s", of, to, r->to.metric);
	if (r->goal == GOAL_NONE)
		snprintf(metric, NAME_MAX_LEN, "ratio: %s", r->of.metric);
	else
		snprintf(metric, NAME_MAX_LEN, "ratio, goal %s %g: %s",
			r->goal == GOAL_AT_LEAST ? ">=" : "<=", r->bound, r->of.metric);
}

static void say(const struct bench *b, const struct ratio *r, const struct result *w)
{
	struct interval i = result_interval(w);
	double v = result_median(w);
	char interval[96] = "one round";
	bool known = i.confidence > 0;
	if (known)
		snprintf(interval, sizeof interval, "%.3g to %.3g", i.low, i.high);
	if (r->goal != GOAL_NONE) {
		bool met = r->goal == GOAL_AT_LEAST ? v >= r->bound : v <= r->bound;
		bool inside = known && i.low <= r->bound && r->bound <= i.high;
		bench_say("%s  %.3g (%s)  %s, %s%s", met ? "met   " : "MISSED", v, interval,
			w->contestant, w->metric,
			inside ? "; the bound is inside the interval" : "");
	}
	if (!r->decides || settled(b, r))
		return;
	if (known)
		snprintf(interval, sizeof interval, "± %.0f %%", 100 * interval_half_width(&i));
	bench_say("NOT SETTLED after %u rounds: %s, %s is known to %s, wanted ± %.0f %%", b->round,
		w->contestant, w->metric, interval, 100 * b->bound);
}

void ratios_add(struct bench *b)
{
	double v[ROUNDS_MAX];
	unsigned round[ROUNDS_MAX];
	char contestant[NAME_MAX_LEN], metric[NAME_MAX_LEN];
	for (const struct ratio *r = b->scenario->ratios; r->of.metric; r++) {
		size_t n = ratios_of(b, r, v, round);
		const struct result *of = r->of.contestant
						  ? results_find(b->results, b->scenario->name,
							    r->of.contestant, r->of.metric)
						  : NULL;
		if (!n || !of)
			continue;
		names(r, contestant, metric);
		struct result *w = results_get(
			b->results, b->scenario->name, contestant, metric, "ratio", of->better);
		w->is_ratio = true;
		for (size_t i = 0; i < n; i++)
			result_add(w, round[i], v[i]);
		say(b, r, w);
	}
}
