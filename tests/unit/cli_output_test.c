// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include "json_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const struct column columns[] = {{"name", "NAME"}, {"on", "ON"}, {NULL, NULL}};

/* What a call of an output function writes to stdout. */
static FILE *capture;
static int saved_stdout;

static void begin(void)
{
	fflush(stdout);
	capture = tmpfile();
	assert_non_null(capture);
	saved_stdout = dup(STDOUT_FILENO);
	dup2(fileno(capture), STDOUT_FILENO);
}

static void end(int rc, const char *want)
{
	char got[1024];
	fflush(stdout);
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
	rewind(capture);
	size_t n = fread(got, 1, sizeof got - 1, capture);
	got[n] = 0;
	fclose(capture);
	assert_int_equal(rc, CLI_OK);
	assert_string_equal(got, want);
}

static json_t *nodes(void)
{
	return json_pack("[{s:s, s:b}]", "name", "n1", "on", 1);
}

static void a_pipe_gets_the_bare_value(void **state)
{
	struct cli c = {0};
	begin();
	end(output_value(&c, json_pack("{s:s}", "name", "n1"), "n1", "node n1 was created"),
		"n1\n");
}

static void a_terminal_gets_the_sentence(void **state)
{
	struct cli c = {.out_tty = true};
	begin();
	end(output_value(&c, json_pack("{s:s}", "name", "n1"), "n1", "node n1 was created"),
		"node n1 was created\n");
}

static void json_has_a_space_behind_colons_unless_compact(void **state)
{
	struct cli c = {.format = OUTPUT_JSON};
	begin();
	end(output_list(&c, nodes(), columns, "nodes"), "[{\"name\": \"n1\", \"on\": true}]\n");
	c.compact = true;
	begin();
	end(output_list(&c, nodes(), columns, "nodes"), "[{\"name\":\"n1\",\"on\":true}]\n");
	c = (struct cli){.format = OUTPUT_JSON, .pretty = true};
	begin();
	end(output_record(&c, json_pack("{s:s}", "name", "n1")), "{\n  \"name\": \"n1\"\n}\n");
}

static void lists_are_json_in_a_pipe_and_tables_on_a_terminal(void **state)
{
	struct cli c = {0};
	begin();
	end(output_list(&c, json_array(), columns, "nodes"), "[]\n");
	c.out_tty = c.no_color = true;
	begin();
	end(output_list(&c, json_array(), columns, "nodes"), "no nodes\n");
	begin();
	end(output_list(&c, nodes(), columns, "nodes"), "NAME  ON\nn1    yes\n");
	c.no_color = false;
	begin();
	end(output_list(&c, nodes(), columns, "nodes"), "\033[1mNAME  ON\033[0m\nn1    yes\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	struct cli c = {.out_tty = true, .no_color = true};
	begin();
	end(output_record(
		    &c, json_pack("{s:s, s:[s, s]}", "name", "a\033[31m\nb", "list", "x", "y")),
		"name: a [31m b\nlist: x,y\n");
}

static void a_filter_gives_one_document(void **state)
{
	struct cli c = {.jq = ".[].name"};
	json_t *out;
	json_t *two = json_pack("[{s:s}, {s:s}]", "name", "a", "name", "b");
	assert_int_equal(json_filter(&c, ".[].name", two, &out), CLI_OK);
	assert_int_equal(json_array_size(out), 2);
	json_decref(out);
	assert_int_equal(json_filter(&c, ".[0].name", two, &out), CLI_OK);
	assert_string_equal(json_string_value(out), "a");
	json_decref(out);
	assert_int_equal(json_filter(&c, ".[] | select(.name == \"z\")", two, &out), CLI_OK);
	assert_int_equal(json_array_size(out), 0);
	json_decref(out);
	assert_int_equal(json_filter(&c, ".[", two, &out), CLI_USAGE);
	assert_int_equal(json_filter(&c, ".[0].name.x", two, &out), CLI_USAGE);
	json_decref(two);
	begin();
	end(output_list(&c, nodes(), columns, "nodes"), "\"n1\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe_gets_the_bare_value),
		cmocka_unit_test(a_terminal_gets_the_sentence),
		cmocka_unit_test(json_has_a_space_behind_colons_unless_compact),
		cmocka_unit_test(lists_are_json_in_a_pipe_and_tables_on_a_terminal),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(a_filter_gives_one_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
