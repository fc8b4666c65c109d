// SPDX-License-Identifier: Apache-2.0
#include "rounds.h"

#include "profile.h"
#include "ratio.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WARM_UP_SHARE .25 /* of a measurement's length */

static bool begins(const char *text, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(text, name, n) && (!text[n] || !strncmp(text + n, ", ", 2));
}

static const struct metric *declared(
	const struct scenario *s, const char *contestant, const char *metric)
{
	bool known = false;
	for (const char *const *c = s->contestants; *c; c++)
		known |= begins(contestant, *c);
	for (const struct metric *m = s->metrics; known && m->name; m++)
		if (begins(metric, m->name))
			return m;
	bench_say("%s does not declare %s of %s", s->name, metric, contestant);
	return NULL;
}

void bench_add(struct bench *b, const char *contestant, const char *metric, double sample)
{
	const struct metric *m = declared(b->scenario, contestant, metric);
	assert(m);
	if (b->warming)
		return;
	result_add(
		results_get(b->results, b->scenario->name, contestant, metric, m->unit, m->better),
		b->round, sample);
}

static int warm_up(struct bench *b, void *state)
{
	double seconds = b->seconds;
	b->warming = true;
	b->seconds = seconds * WARM_UP_SHARE;
	int rc = b->scenario->ops->round(b, state);
	b->seconds = seconds;
	b->warming = false;
	return rc;
}

/* Whether another round is due, and why not. */
static bool another(struct bench *b, uint64_t start)
{
	unsigned done = b->round;
	double spent = (double)(now_ns() - start) / 1e9;
	if (done < 1)
		return true;
	if (b->limit > 0 && done >= 2 && spent + spent / done > b->limit) {
		bench_say("%s: %.0f s are over after %u rounds", b->scenario->name, b->limit, done);
		return false;
	}
	if (done < b->rounds_least)
		return true;
	return done < b->rounds_most && !ratios_settled(b);
}

static int all(struct bench *b, void *state)
{
	int rc = 0;
	for (b->round = 0; rc == 0 && b->round < b->warm_ups; b->round++) {
		bench_say("%s: warm-up", b->scenario->name);
		rc = warm_up(b, state);
	}
	b->round = 0;
	uint64_t start = now_ns();
	for (; rc == 0 && another(b, start); b->round++) {
		bench_say("%s: round %u", b->scenario->name, b->round + 1);
		rc = b->scenario->ops->round(b, state);
	}
	if (rc == 0 && b->profile)
		rc = profile_round(b, state);
	if (rc == 0 && b->scenario->ops->finish)
		rc = b->scenario->ops->finish(b, state);
	return rc;
}

int rounds_run(struct bench *b, const struct scenario *s)
{
	void *state = NULL;
	double asked = b->seconds;
	b->scenario = s;
	b->round = 0;
	if (asked <= 0)
		b->seconds = s->seconds;
	bench_say("%s: %s", s->name, s->help);
	int rc = s->ops->open(b, &state);
	if (rc == 0) {
		rc = all(b, state);
		s->ops->close(b, state);
	}
	b->seconds = asked;
	if (rc == 0)
		ratios_add(b);
	else
		bench_say("%s broke off: %s", s->name, strerror(-rc));
	return rc;
}
