// SPDX-License-Identifier: Apache-2.0
#include "plot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n<title>ockam-bench</title>\n<style>\n"
	":root { --paper: #fff; --card: #f6f7f9; --ink: #1c2024; --dim: #5b636d; --line: #d9dde2; "
	"--other: #66788c;\n"
	"  --ours: #0b62c4; --goal: #b3261e; }\n"
	"@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --card: #1d2125; --ink: "
	"#e7eaed;\n"
	"  --dim: #9ba5af; --line: #363c43; --other: #9fb0c2; --ours: #62aaff; --goal: #ff8a80; } "
	"}\n"
	"body { margin: 0 auto; max-width: 1340px; padding: 16px 20px 48px; background: "
	"var(--paper); color: var(--ink);\n"
	"  font: 15px/1.45 system-ui, -apple-system, \"Segoe UI\", \"DejaVu Sans\", sans-serif; }\n"
	"h1 { font-size: 24px; margin: 8px 0; } h2 { font-size: 20px; margin: 36px 0 8px; }\n"
	"h3 { font-size: 15px; margin: 0 0 4px; } h3 small { font-weight: normal; color: "
	"var(--dim); }\n"
	"p, dl, summary { color: var(--dim); }\n"
	"dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 8px 0; "
	"font-size: 13px; }\n"
	"dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }\n"
	".grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 520px), "
	"1fr)); gap: 14px; align-items: start; }\n"
	"figure { margin: 0; padding: 12px 12px 6px; background: var(--card); border-radius: 8px; "
	"min-width: 0; }\n"
	"svg { display: block; width: 100%; height: auto; }\n"
	"svg text { fill: var(--ink); font-size: 12px; } svg .tick { text-anchor: middle; fill: "
	"var(--dim); font-size: 11px; }\n"
	"svg .label, svg .value { text-anchor: end; } svg .value { font-variant-numeric: "
	"tabular-nums; }\n"
	"svg .small { font-size: 10.5px; fill: var(--dim); }\n"
	"svg .grid { stroke: var(--line); } svg .one { stroke: var(--dim); stroke-width: 1.5; }\n"
	"svg .hit { fill: transparent; } svg .row:hover .hit { fill: var(--line); opacity: .4; }\n"
	"svg .row { --c: var(--other); } svg .ours { --c: var(--ours); }\n"
	"svg .ours .value { font-weight: 600; } svg .ours .label { fill: var(--ours); }\n"
	"svg .ours .small { fill: var(--dim); }\n"
	"svg .dot { fill: var(--c); opacity: .45; }\n"
	"svg .bar { stroke: var(--c); stroke-width: 1.6; fill: none; } svg .median { stroke: "
	"var(--c); stroke-width: 3; }\n"
	"svg .goal { stroke: var(--goal); stroke-width: 1.6; fill: none; }\n"
	"table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }\n"
	"td, th { padding: 2px 10px 2px 0; text-align: left; white-space: nowrap; }\n"
	"td.n { text-align: right; font-variant-numeric: tabular-nums; }\n"
	"</style>\n</head>\n<body>\n<h1>ockam-bench</h1>\n";

static const char legend[] = "<p>Each dot is a sample, the thick mark the median, the bar the "
			     "interval in which the true value lies "
			     "(95&nbsp;%, or what so few samples give). Blue is the project "
			     "itself. In ratios red is the goal, which "
			     "the mark shall be on the side that the arrow points to. Figures of "
			     "one run compare; those of two do not "
			     "without <code>ockam-bench compare</code>.</p>\n";

/* An object goes on lines of its own. */
static void value_write(FILE *f, json_t *v)
{
	const char *key;
	json_t *part;
	char *text = json_is_object(v) || json_is_string(v)
			     ? NULL
			     : json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(3));
	if (json_is_string(v))
		html_text(f, json_string_value(v));
	else if (text)
		html_text(f, text);
	free(text);
	json_object_foreach(v, key, part)
	{
		html_text(f, key);
		fputs(": ", f);
		html_text(f, json_is_string(part) ? json_string_value(part) : "");
		fputs("<br>", f);
	}
}

static void machine_write(FILE *f, json_t *machine)
{
	const char *key;
	json_t *v;
	fputs("<dl>", f);
	json_object_foreach(machine, key, v)
	{
		fputs("<dt>", f);
		html_text(f, key);
		fputs("</dt><dd>", f);
		value_write(f, v);
		fputs("</dd>", f);
	}
	fputs("</dl>\n", f);
}

static bool in_chart(const struct chart *c, const struct result *w)
{
	const struct result *first = c->rows[0];
	return c->n < CHART_ROWS && !strcmp(first->scenario, w->scenario) &&
	       first->is_ratio == w->is_ratio &&
	       (w->is_ratio ||
		       (!strcmp(first->metric, w->metric) && !strcmp(first->unit, w->unit)));
}

static void figure(FILE *f, const struct chart *c)
{
	const struct result *w = c->rows[0];
	fputs("<figure><h3>", f);
	html_text(f, w->is_ratio ? "ratios within a round" : w->metric);
	if (!w->is_ratio) {
		fputs(" <small>", f);
		html_text(f, w->unit);
		fputs(w->better == BETTER_HIGHER    ? ", more is better"
			: w->better == BETTER_LOWER ? ", less is better"
						    : "",
			f);
		fputs("</small>", f);
	}
	fputs("</h3>\n", f);
	chart_write(f, c);
	fputs("</figure>\n", f);
}

static void table(FILE *f, const struct results *r, const char *scenario)
{
	char text[24];
	fputs("<details><summary>all "
	      "figures</summary>\n<table><tr><th>metric<th>contestant<th>unit<th>median"
	      "<th>least<th>greatest<th>n<th colspan=2>interval</tr>\n",
		f);
	for (size_t i = 0; i < r->n; i++) {
		const struct result *w = &r->rows[i];
		if (strcmp(w->scenario, scenario))
			continue;
		struct interval v = result_interval(w);
		const char *words[] = {w->metric, w->contestant, w->unit};
		fputs("<tr>", f);
		for (unsigned k = 0; k < 3; k++) {
			fputs("<td>", f);
			html_text(f, words[k]);
		}
		fprintf(f, "<td class=n>%s", number_text(text, result_median(w)));
		fprintf(f, "<td class=n>%s", number_text(text, result_least(w)));
		fprintf(f, "<td class=n>%s<td class=n>%zu", number_text(text, result_greatest(w)),
			w->n);
		if (v.confidence > 0) {
			fprintf(f, "<td class=n>%s", number_text(text, v.low));
			fprintf(f, "<td class=n>%s", number_text(text, v.high));
		}
		fputs("</tr>\n", f);
	}
	fputs("</table></details>\n", f);
}

/* Ratios first, then a figure for each metric, in the order in which they were taken. */
static void scenario_write(FILE *f, const struct results *r, const char *scenario, bool ratios)
{
	for (size_t i = 0; i < r->n; i++) {
		struct chart c = {.rows = {&r->rows[i]}, .n = 1};
		bool seen = false;
		if (strcmp(r->rows[i].scenario, scenario) || r->rows[i].is_ratio != ratios)
			continue;
		for (size_t k = 0; k < i; k++)
			seen |= in_chart(&c, &r->rows[k]);
		for (size_t k = i + 1; k < r->n && !seen; k++)
			if (in_chart(&c, &r->rows[k]))
				c.rows[c.n++] = &r->rows[k];
		if (!seen)
			figure(f, &c);
	}
}

static bool is_first(const struct results *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(r->rows[k].scenario, r->rows[i].scenario))
			return false;
	return true;
}

int plot_write(FILE *f, json_t *machine, const struct results *r)
{
	fputs(head, f);
	machine_write(f, machine);
	fputs(legend, f);
	for (size_t i = 0; i < r->n; i++) {
		const char *scenario = r->rows[i].scenario;
		if (!is_first(r, i))
			continue;
		fputs("<h2>", f);
		html_text(f, scenario);
		fputs("</h2>\n<div class=\"grid\">\n", f);
		scenario_write(f, r, scenario, true);
		scenario_write(f, r, scenario, false);
		fputs("</div>\n", f);
		table(f, r, scenario);
	}
	fputs("</body>\n</html>\n", f);
	return fflush(f) || ferror(f) ? -EIO : 0;
}
