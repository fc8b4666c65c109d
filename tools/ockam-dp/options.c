// SPDX-License-Identifier: Apache-2.0
#include "dp.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum id {
	STATS,
	DETAILS,
	JSON,
	PRETTY,
	ONELINE,
	NODE,
	ALL,
	TIME,
	COLOUR,
	BATCH,
	FORCE,
	WATCH,
	COUNT,
	HELP,
	VERSION
};

/* An option may be shortened, as a word may; the first that fits is meant. */
static const struct option {
	enum id id;
	const char *names[4];
	const char *arg, *help;
} table[] = {
	{STATS, {"s", "stats", "statistics"}, NULL, "with counters"},
	{DETAILS, {"d", "details"}, NULL, "with everything; counters of each worker"},
	{JSON, {"j", "json"}, NULL, "one JSON array; of monitor, one object per line"},
	{PRETTY, {"p", "pretty"}, NULL, "JSON for people"},
	{ONELINE, {"o", "oneline"}, NULL, "one line for each row, with names"},
	{NODE, {"n", "node"}, "NODE", "which node; else the default one"},
	{ALL, {"a", "all"}, NULL, "all nodes of this home that run"},
	{TIME, {"ts", "timestamp"}, NULL, "with the time"},
	{COLOUR, {"c", "color", "colour"}, "=WHEN", "always, auto or never"},
	{BATCH, {"b", "batch"}, "FILE", "commands from a file, one a line; - is stdin"},
	{FORCE, {"f", "force"}, NULL, "a batch goes on after a command that failed"},
	{WATCH, {"w", "watch"}, "SECONDS", "again and again, with rates, the busiest first"},
	{COUNT, {"count"}, "N", "so many times, of -watch"},
	{HELP, {"h", "help"}, NULL, "the grammar"},
	{VERSION, {"V", "Version"}, NULL, "which version this is"},
};
enum { OPTIONS = sizeof table / sizeof *table };

void options_each(
	void (*fn)(void *ctx, const char *const *names, const char *arg, const char *help),
	void *ctx)
{
	for (unsigned i = 0; i < OPTIONS; i++)
		fn(ctx, table[i].names, table[i].arg, table[i].help);
}

static const struct option *option_of(const char *name, size_t len)
{
	for (unsigned i = 0; i < OPTIONS; i++)
		for (unsigned k = 0; table[i].names[k]; k++)
			if (len == strlen(table[i].names[k]) &&
				!memcmp(name, table[i].names[k], len))
				return &table[i];
	for (unsigned i = 0; len > 1 && i < OPTIONS; i++)
		for (unsigned k = 0; table[i].names[k]; k++)
			if (!strncmp(name, table[i].names[k], len))
				return &table[i];
	return NULL;
}

static bool colour_of(const char *when, enum dp_colour *colour)
{
	static const char *const names[] = {
		[COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"};
	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(when, names[i])) {
			*colour = (enum dp_colour)i;
			return true;
		}
	return false;
}

static bool seconds_of(const char *text, double *s)
{
	char *end;
	*s = strtod(text, &end);
	return end != text && !*end && *s >= 0.05 && *s <= 86400;
}

static bool count_of(const char *text, unsigned *n)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	*n = (unsigned)v;
	return *text >= '0' && *text <= '9' && !*end && v >= 1 && v <= 1000000;
}

/* Applies one; false: its argument is none. */
static bool apply(struct dp_options *o, enum id id, const char *arg)
{
	switch (id) {
	case STATS:
		return o->stats = true;
	case DETAILS:
		return o->details = true;
	case JSON:
		return o->json = true;
	case PRETTY:
		return o->pretty = true;
	case ONELINE:
		return o->oneline = true;
	case ALL:
		return o->all = true;
	case TIME:
		return o->time = true;
	case FORCE:
		return o->force = true;
	case HELP:
		return o->help = true;
	case VERSION:
		return o->version = true;
	case NODE:
		o->node = arg;
		return *arg;
	case BATCH:
		o->batch = arg;
		return *arg;
	case COLOUR:
		return colour_of(arg ? arg : "always", &o->colour);
	case WATCH:
		return seconds_of(arg, &o->watch_s);
	case COUNT:
		return count_of(arg, &o->count);
	}
	return false;
}

/* One option at argv[i]; how many words it takes, 0: *err is set. */
static int option_take(struct dp_options *o, int i, int argc, char **argv, char *err, size_t cap)
{
	const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1), *eq = strchr(name, '=');
	const struct option *t = option_of(name, eq ? (size_t)(eq - name) : strlen(name));
	if (!t || (eq && !t->arg)) {
		snprintf(err, cap, "there is no option %s; `ockam-dp help` lists them", argv[i]);
		return 0;
	}
	const char *arg = eq ? eq + 1 : NULL;
	double seconds;
	int words = 1;
	if (t->id == WATCH && !arg && (i + 1 >= argc || !seconds_of(argv[i + 1], &seconds)))
		arg = "1";
	if (t->arg && t->arg[0] != '=' && !arg) {
		if (i + 1 >= argc) {
			snprintf(err, cap, "the option %s needs %s", argv[i], t->arg);
			return 0;
		}
		arg = argv[i + 1];
		words = 2;
	}
	if (apply(o, t->id, arg))
		return words;
	snprintf(err, cap, "\"%s\" is no %s for the option %s", arg ? arg : "",
		t->arg ? t->arg + (t->arg[0] == '=') : "argument", argv[i]);
	return 0;
}

int options_parse(struct dp_options *o, int *argc, char **argv, char *err, size_t cap)
{
	int kept = 1;
	for (int i = 1; i < *argc;) {
		if (argv[i][0] != '-' || !argv[i][1]) {
			argv[kept++] = argv[i++];
			continue;
		}
		int words = option_take(o, i, *argc, argv, err, cap);
		if (!words)
			return DP_USAGE;
		i += words;
	}
	*argc = kept;
	return 0;
}
