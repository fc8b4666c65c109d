// SPDX-License-Identifier: Apache-2.0
#include "delete.h"

#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int delete_confirm(const struct cli *c, const struct args *a, const char *what)
{
	char line[16];
	if (args_flag(a, "yes"))
		return CLI_OK;
	if (!cli_may_ask(c))
		return cli_fail(c, CLI_USAGE, "to %s without a terminal, add --yes", what);
	fprintf(stderr, "Really %s? [y/N] ", what);
	if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return CLI_OK;
	return cli_fail(c, CLI_USAGE, "nothing was done");
}

static int delete_one(
	const struct cli *c, const struct delete_ops *ops, void *ctx, const char *name)
{
	json_t *shown = NULL;
	char text[256];
	int rc = ops->remove(c, ctx, name, &shown);
	if (rc)
		return rc;
	const char *value = json_string_value(json_object_get(shown, ops->key));
	char *bare = strdup(value ? value : name);
	if (!bare) {
		json_decref(shown);
		return cli_fail(c, CLI_INTERNAL, "out of memory");
	}
	snprintf(text, sizeof text, "%s %s was deleted", ops->noun, bare);
	rc = output_value(c, shown, bare, text);
	free(bare);
	return rc;
}

/* Goes on after a failure; the first one counts. */
static int delete_all(const struct cli *c, const struct delete_ops *ops, void *ctx, json_t *names)
{
	int rc = CLI_OK;
	size_t i;
	json_t *name, *done = json_array();
	json_array_foreach(names, i, name)
	{
		json_t *shown = NULL;
		int one = ops->remove(c, ctx, json_string_value(name), &shown);
		if (!one)
			json_array_append_new(done, shown);
		rc = rc ? rc : one;
	}
	if (output_is_json(c)) {
		int out = output_record(c, done);
		return rc ? rc : out;
	}
	json_array_foreach(done, i, name)
	{
		const char *value = json_string_value(json_object_get(name, ops->key));
		int out = output_value(c, NULL, value ? value : "", NULL);
		rc = rc ? rc : out;
	}
	json_decref(done);
	return rc;
}

static int choose(const struct cli *c, const struct delete_ops *ops, void *ctx, json_t *names)
{
	char line[128];
	size_t i, n = json_array_size(names);
	json_t *name;
	json_array_foreach(names, i, name)
		fprintf(stderr, "%3zu  %s\n", i + 1, json_string_value(name));
	fprintf(stderr, "Delete which %s? [1-%zu] ", ops->noun, n);
	if (!fgets(line, sizeof line, stdin))
		return cli_fail(c, CLI_USAGE, "nothing was chosen");
	unsigned long k = strtoul(line, NULL, 10);
	if (k < 1 || k > n)
		return cli_fail(c, CLI_USAGE, "nothing was chosen");
	return delete_one(c, ops, ctx, json_string_value(json_array_get(names, k - 1)));
}

int delete_run(const struct cli *c, const struct args *a, const struct delete_ops *ops, void *ctx)
{
	char what[64];
	json_t *names = NULL;
	bool all = args_flag(a, "all");
	if (a->pos_n && all)
		return cli_fail(c, CLI_USAGE, "give a name or --all, not both");
	if (a->pos_n)
		return delete_one(c, ops, ctx, a->pos[0]);
	int rc = ops->names(c, ctx, &names);
	if (rc)
		return rc;
	size_t n = json_array_size(names);
	if (n == 0) {
		cli_note(c, "there are no %s to delete", ops->plural);
		if (output_is_json(c) || (!all && !c->out_tty))
			rc = output_record(c, json_array());
	} else if (all) {
		snprintf(what, sizeof what, "delete all %s", ops->plural);
		rc = delete_confirm(c, a, what);
		if (!rc)
			rc = delete_all(c, ops, ctx, names);
	} else if (cli_may_ask(c)) {
		rc = choose(c, ops, ctx, names);
	} else {
		rc = cli_fail(c, CLI_USAGE, "name the %s to delete, or give --all", ops->noun);
	}
	json_decref(names);
	return rc;
}
