// SPDX-License-Identifier: Apache-2.0
/*
 * Configurations in YAML: the first byte says of one node or of a machine, and how it was called.
 * What is taken is a list of commands, each of which the command line takes as well; what is not has
 * a line of the file.
 */
#include "cli.h"
#include "config.h"
#include "fuzz.h"

#include <string.h>

static void check_step(const struct config_step *s)
{
	static struct cli c;
	struct args a;
	char why[512];
	CHECK(s->argc >= 3 && !strcmp(s->argv[0], "ockam") && !s->argv[s->argc]);
	c.mute = true;
	CHECK(parse_line(&c, s->argc, s->argv, &a, why, sizeof why) == CLI_OK);
	parse_fini(&a);
}

static void tree(const struct yaml_value *v, unsigned depth, unsigned *values)
{
	CHECK(depth <= YAML_TREE_DEPTH_MAX && v->line > 0);
	for (; v; v = v->next) {
		CHECK(++*values <= YAML_TREE_VALUES_MAX + 1);
		CHECK((v->kind == YAML_TEXT) == (v->text != NULL));
		if (v->first) {
			CHECK(v->kind == YAML_MAP || v->kind == YAML_LIST);
			CHECK((v->first->key != NULL) == (v->kind == YAML_MAP));
			tree(v->first, depth + 1, values);
		}
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	clearenv(); /* variables come from there, too */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cli c;
	struct rd in = rd_init(data, size);
	uint8_t how = rd_u8(&in);
	size_t len = rd_left(&in);
	char *text = fuzz_text(&in, len);
	struct variable given = {"GIVEN=1", "1"};
	struct config_source source = {.name = "fuzz.yaml",
		.text = text,
		.len = len,
		.scope = how & 1 ? CONFIG_RUN : CONFIG_NODE,
		.given = &given,
		.given_n = how & 2 ? 1 : 0,
		.node_name = how & 4 && !(how & 1) ? "typed" : NULL};
	struct config out;
	struct yaml_value *v;
	struct yaml_fault fault = {.line = 0};
	unsigned values = 0;
	int rc = yaml_tree_read(text, len, &v, &fault);
	if (rc == 0) {
		tree(v, 0, &values);
		yaml_tree_free(v);
	} else {
		CHECK(fault.line > 0 && *fault.why);
	}
	c.mute = true;
	rc = config_load(&c, &source, &out);
	CHECK(rc == CLI_OK || rc == CLI_DATA);
	for (size_t i = 0; rc == CLI_OK && i < out.n; i++) {
		CHECK(!i || out.steps[i - 1].rank <= out.steps[i].rank);
		check_step(&out.steps[i]);
	}
	if (rc == CLI_OK)
		config_fini(&out);
	free(text);
	return 0;
}
