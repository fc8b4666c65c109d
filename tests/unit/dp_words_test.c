// SPDX-License-Identifier: Apache-2.0
#include "dp.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

static struct dp_command c;
static struct dp_options o;
static char err[256], line[1024];
static char *words[64];

static int split(const char *text)
{
	int n = 0;
	strncpy(line, text, sizeof line - 1);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	return n;
}

static int parse(const char *text)
{
	int n = split(text);
	return words_parse(&c, words, n, err, sizeof err);
}

static void words_may_be_shortened(void **state)
{
	static const struct {
		const char *text;
		enum dp_verb verb;
		enum admin_object object;
	} t[] = {
		{"link show", VERB_SHOW, ADMIN_LINK},
		{"li sh", VERB_SHOW, ADMIN_LINK},
		{"l", VERB_SHOW, ADMIN_LINK},
		{"la", VERB_SHOW, ADMIN_LABEL},
		{"lim", VERB_SHOW, ADMIN_LIMIT},
		{"se sh session 3", VERB_SHOW, ADMIN_SESSION},
		{"str st", VERB_STATS, ADMIN_STREAM},
		{"session m", VERB_MONITOR, ADMIN_SESSION},
		{"link 3", VERB_SHOW, ADMIN_LINK},
		{"link get 3", VERB_GET, ADMIN_LINK},
		{"label get link 3 label 4", VERB_GET, ADMIN_LABEL},
		{"label get 3 4", VERB_GET, ADMIN_LABEL},
		{"session set 3 ping", VERB_SET, ADMIN_SESSION},
		{"link del 3", VERB_DEL, ADMIN_LINK},
		{"counter get 0 used opened", VERB_GET, ADMIN_COUNTER},
		{"monitor", VERB_MONITOR, ADMIN_OBJECTS_END},
		{"mon sess", VERB_MONITOR, ADMIN_SESSION},
		{"mon session 3", VERB_MONITOR, ADMIN_OBJECTS_END},
		{"mon sess event closed", VERB_MONITOR, ADMIN_SESSION},
		{"stats", VERB_STATS, ADMIN_COUNTER},
		{"stats value gt 0", VERB_STATS, ADMIN_COUNTER},
		{"help", VERB_HELP, ADMIN_OBJECTS_END},
		{"help link", VERB_HELP, ADMIN_LINK},
		{"link help", VERB_HELP, ADMIN_LINK},
		{"", VERB_HELP, ADMIN_OBJECTS_END},
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		if (parse(t[i].text))
			fail_msg("\"%s\": %s", t[i].text, err);
		if (c.verb != t[i].verb || c.object != t[i].object)
			fail_msg("\"%s\" is %s %d", t[i].text, verb_name(c.verb), c.object);
	}
	assert_int_equal(parse("label get label 4 link 3"), 0);
	assert_int_equal(c.keys.v[ADMIN_A_LINK].n, 3);
	assert_int_equal(c.keys.v[ADMIN_A_LABEL].n, 4);
	assert_int_equal(parse("label get 3 4"), 0);
	assert_int_equal(c.keys.v[ADMIN_A_LINK].n, 3);
	assert_int_equal(c.keys.v[ADMIN_A_LABEL].n, 4);
}

static void what_is_no_command_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{"colour", "there is no \"colour\"; `ockam-dp help` lists the objects"},
		{"link paint", "\"paint\" is nothing to do with a link; see `ockam-dp help`"},
		{"worker del 1", "a worker has no `del`; see `ockam-dp help`"},
		{"worker monitor", "a worker has no `monitor`; see `ockam-dp help`"},
		{"link get", "which link? its link is missing"},
		{"label get 3", "which label? its label is missing"},
		{"link get three", "\"three\" is no part of what names a link"},
		{"link get link three", "link needs a number, got \"three\""},
		{"link get 4294967296", "link needs a number, got \"4294967296\""},
		{"link get 3 4", "\"4\" is no part of what names a link"},
		{"link get link 3 link 4", "link is given twice"},
		{"session set 3", "what is to be set of the session? see `ockam-dp session help`"},
		{"monitor colour red", "the event has no value \"colour\""},
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		assert_int_equal(parse(t[i].text), DP_USAGE);
		assert_string_equal(err, t[i].says);
	}
}

static int options(const char *text)
{
	int n = split(text);
	o = (struct dp_options){0};
	int rc = options_parse(&o, &n, words, err, sizeof err);
	words[n] = NULL;
	return rc;
}

static void options_stand_anywhere(void **state)
{
	assert_int_equal(options("ockam-dp -s -j link -d show --pretty peer x -ts"), 0);
	assert_true(o.stats && o.json && o.details && o.pretty && o.time && !o.oneline);
	assert_string_equal(words[1], "link");
	assert_string_equal(words[2], "show");
	assert_string_equal(words[3], "peer");
	assert_string_equal(words[4], "x");
	assert_null(words[5]);
	assert_int_equal(options("ockam-dp -n n1 -b - -o -det"), 0);
	assert_string_equal(o.node, "n1");
	assert_string_equal(o.batch, "-");
	assert_true(o.oneline && o.details);
	assert_int_equal(options("ockam-dp --node=n2 -c -w link"), 0);
	assert_string_equal(o.node, "n2");
	assert_int_equal(o.colour, COLOUR_ALWAYS);
	assert_true(o.watch_s == 1);
	assert_string_equal(words[1], "link");
	assert_int_equal(options("ockam-dp -color=never -w 0.5 -count 3 link"), 0);
	assert_int_equal(o.colour, COLOUR_NEVER);
	assert_true(o.watch_s == 0.5 && o.count == 3);
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"x -q", "there is no option -q; `ockam-dp help` lists them"},
		{"x -json=1", "there is no option -json=1; `ockam-dp help` lists them"},
		{"x -n", "the option -n needs NODE"},
		{"x -count 0", "\"0\" is no N for the option -count"},
		{"x -color=pink", "\"pink\" is no WHEN for the option -color=pink"},
		{"x -w=0", "\"0\" is no SECONDS for the option -w=0"},
	};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(options(bad[i].text), DP_USAGE);
		assert_string_equal(err, bad[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_may_be_shortened),
		cmocka_unit_test(what_is_no_command_is_refused),
		cmocka_unit_test(options_stand_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
