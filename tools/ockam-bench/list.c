// SPDX-License-Identifier: Apache-2.0
#include "list.h"

#include "document.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; i < scenarios_count; i++)
		if (!strcmp(scenarios[i]->name, name))
			return scenarios[i];
	bench_say("there is no scenario %s; ockam-bench list shows them all", name);
	return NULL;
}

static const char *goal_sign(enum goal g)
{
	return g == GOAL_AT_LEAST ? ">=" : "<=";
}

static const char *who(const struct figure *f)
{
	return f->contestant ? f->contestant : "the best peer";
}

static void print_ratio(const struct ratio *r)
{
	printf("  %-12s %s: %s / ", r->decides ? "decides" : "ratio", r->of.metric, who(&r->of));
	if (strcmp(r->of.metric, r->to.metric))
		printf("%s of ", r->to.metric);
	printf("%s", who(&r->to));
	if (r->goal != GOAL_NONE)
		printf(" %s %g", goal_sign(r->goal), r->bound);
	putchar('\n');
}

static void print(const struct scenario *s)
{
	printf("%-10s %s\n", s->name, s->help);
	printf("  %-12s %s\n  %-12s %s\n  %-12s %s\n", "topology", s->topology, "load", s->load,
		"checked", s->checked);
	for (const char *const *c = s->contestants; *c; c++)
		printf("  %-12s %s\n", c == s->contestants ? "contestants" : "", *c);
	for (const struct metric *m = s->metrics; m->name; m++)
		printf("  %-12s %s, %s%s\n", m == s->metrics ? "metrics" : "", m->name, m->unit,
			m->better == BETTER_NEITHER  ? ""
			: m->better == BETTER_HIGHER ? ", more is better"
						     : ", less is better");
	for (const struct ratio *r = s->ratios; r->of.metric; r++)
		print_ratio(r);
}

static json_t *ratio_json(const struct ratio *r)
{
	json_t *j = json_pack("{s:[s?, s], s:[s?, s], s:b}", "of", r->of.contestant, r->of.metric,
		"to", r->to.contestant, r->to.metric, "decides", r->decides);
	if (r->goal != GOAL_NONE)
		json_object_set_new(j, "goal", json_pack("[s, f]", goal_sign(r->goal), r->bound));
	return j;
}

static json_t *scenario_json(const struct scenario *s)
{
	json_t *contestants = json_array(), *metrics = json_array(), *ratios = json_array();
	for (const char *const *c = s->contestants; *c; c++)
		json_array_append_new(contestants, json_string(*c));
	for (const struct metric *m = s->metrics; m->name; m++)
		json_array_append_new(metrics, json_pack("{s:s, s:s, s:s}", "name", m->name, "unit",
						       m->unit, "better", better_name(m->better)));
	for (const struct ratio *r = s->ratios; r->of.metric; r++)
		json_array_append_new(ratios, ratio_json(r));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:o, s:o, s:o}", "name", s->name, "help",
		s->help, "topology", s->topology, "load", s->load, "checked", s->checked, "seconds",
		s->seconds, "contestants", contestants, "metrics", metrics, "ratios", ratios);
}

int list_print(char **names, int n, bool json)
{
	json_t *all = json_array();
	int rc = 0;
	for (unsigned i = 0; i < (n ? (unsigned)n : scenarios_count) && rc == 0; i++) {
		const struct scenario *s = n ? scenario_find(names[i]) : scenarios[i];
		if (!s)
			rc = -EINVAL;
		else if (json)
			json_array_append_new(all, scenario_json(s));
		else
			print(s);
	}
	if (json && rc == 0) {
		json_dumpf(all, stdout, JSON_REAL_PRECISION(6));
		putchar('\n');
	}
	json_decref(all);
	return rc;
}
