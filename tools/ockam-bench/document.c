// SPDX-License-Identifier: Apache-2.0
#include "document.h"

#include "bench.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { ROWS_MAX = 100000, ROUND_MAX = 1000000 };

static const char *const better_names[] = {
	[BETTER_NEITHER] = "neither", [BETTER_HIGHER] = "higher", [BETTER_LOWER] = "lower"};

const char *better_name(enum better b)
{
	return better_names[b];
}

static json_t *interval_json(const struct result *w)
{
	struct interval i = result_interval(w);
	if (i.confidence <= 0)
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:s}", "low", i.low, "high", i.high, "confidence",
		i.confidence, "of", w->is_ratio ? "geometric mean" : "median");
}

static json_t *row_json(const struct result *w)
{
	json_t *samples = json_array(), *rounds = json_array();
	for (size_t i = 0; i < w->n; i++) {
		json_array_append_new(samples, json_real(w->samples[i]));
		json_array_append_new(rounds, json_integer(w->rounds[i]));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:I, s:o, s:o, s:o}", "scenario",
		w->scenario, "contestant", w->contestant, "metric", w->metric, "unit", w->unit,
		"better", better_names[w->better], "median", result_median(w), "min",
		result_least(w), "max", result_greatest(w), "n", (json_int_t)w->n, "interval",
		interval_json(w), "samples", samples, "rounds", rounds);
}

int document_write(FILE *f, json_t *machine, const struct results *r)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(rows, row_json(&r->rows[i]));
	json_t *doc = json_pack("{s:O, s:o}", "machine", machine, "results", rows);
	int rc = doc && json_dumpf(doc, f, JSON_REAL_PRECISION(6)) == 0 && fputc('\n', f) != EOF &&
				 fflush(f) == 0
			 ? 0
			 : -EIO;
	json_decref(doc);
	return rc;
}

static int samples_read(struct result *w, const json_t *samples, const json_t *rounds)
{
	size_t n = json_array_size(samples);
	if (!n || n != json_array_size(rounds))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(samples, i), *k = json_array_get(rounds, i);
		json_int_t round = json_integer_value(k);
		if (!json_is_number(v) || !json_is_integer(k) || round < 0 || round > ROUND_MAX ||
			!isfinite(json_number_value(v)) || json_number_value(v) < 0)
			return -EBADMSG;
		result_add(w, (unsigned)round, json_number_value(v));
	}
	return 0;
}

static int row_read(struct results *r, json_t *row)
{
	const char *scenario, *contestant, *metric, *unit, *better;
	json_t *samples, *rounds;
	if (json_unpack(row, "{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "scenario", &scenario,
		    "contestant", &contestant, "metric", &metric, "unit", &unit, "better", &better,
		    "samples", &samples, "rounds", &rounds) < 0)
		return -EBADMSG;
	enum better b = BETTER_NEITHER;
	while (b <= BETTER_LOWER && strcmp(better, better_names[b]))
		b++;
	if (b > BETTER_LOWER)
		return -EBADMSG;
	struct result *w = results_get(r, scenario, contestant, metric, unit, b);
	if (w->n) /* rounds of two runs are not of one mood */
		return -EEXIST;
	w->is_ratio = !strcmp(unit, "ratio");
	return samples_read(w, samples, rounds);
}

static int read_rows(const json_t *doc, json_t **machine, struct results *r)
{
	size_t i;
	json_t *row, *m = json_object_get(doc, "machine"), *rows = json_object_get(doc, "results");
	if (!json_is_object(m) || !json_is_array(rows) || json_array_size(rows) > ROWS_MAX)
		return -EBADMSG;
	json_array_foreach(rows, i, row)
	{
		int rc = row_read(r, row);
		if (rc < 0)
			return rc;
	}
	if (machine)
		*machine = json_incref(m);
	return 0;
}

int document_read(const char *path, json_t **machine, struct results *r)
{
	json_error_t e;
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!f) {
		int rc = -errno;
		bench_say("cannot read %s: %s", path, strerror(errno));
		return rc;
	}
	json_t *doc = json_loadf(f, JSON_REJECT_DUPLICATES, &e);
	if (f != stdin)
		fclose(f);
	if (!doc) {
		bench_say("%s is not JSON: line %d: %s", path, e.line, e.text);
		return -EBADMSG;
	}
	int rc = read_rows(doc, machine, r);
	if (rc == -EEXIST)
		bench_say("%s has a figure that was there before; compare takes two documents", path);
	else if (rc < 0)
		bench_say("%s is not a document of ockam-bench", path);
	json_decref(doc);
	return rc;
}
