// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include "human.h"
#include "json_filter.h"
#include "progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool output_is_json(const struct cli *c)
{
	return c->format == OUTPUT_JSON || c->jq;
}

static bool wants_human(const struct cli *c)
{
	return c->format == OUTPUT_PLAIN || (c->format == OUTPUT_AUTO && c->out_tty);
}

static int finish(const struct cli *c)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	return cli_fail(c, CLI_IO, "could not write the result to stdout: %s", strerror(errno));
}

char *output_render(const struct cli *c, const json_t *doc)
{
	size_t flags = JSON_ENCODE_ANY | JSON_PRESERVE_ORDER;
	if (c->compact)
		flags |= JSON_COMPACT;
	else if (c->pretty || c->out_tty)
		flags |= JSON_INDENT(2);
	return json_dumps(doc, flags);
}

static int put_json(const struct cli *c, json_t *doc)
{
	if (c->jq) {
		json_t *filtered = NULL;
		int rc = json_filter(c, c->jq, doc, &filtered);
		json_decref(doc);
		if (rc)
			return rc;
		doc = filtered;
	}
	char *text = output_render(c, doc);
	json_decref(doc);
	if (!text)
		return cli_fail(c, CLI_INTERNAL, "the result is not valid text, or memory ran out");
	progress_stop();
	puts(text);
	free(text);
	return finish(c);
}

static int drop(json_t *doc)
{
	progress_stop();
	json_decref(doc);
	return CLI_OK;
}

int output_value(const struct cli *c, json_t *doc, const char *bare, const char *text)
{
	if (c->silent)
		return drop(doc);
	if (output_is_json(c))
		return put_json(c, doc);
	json_decref(doc);
	progress_stop();
	/* `plain` asks for no decoration: off a terminal it is what a pipe gets anyway */
	puts(c->out_tty && text ? text : bare);
	return finish(c);
}

int output_list(const struct cli *c, json_t *doc, const struct column *columns, const char *plural)
{
	if (c->silent)
		return drop(doc);
	if (output_is_json(c) || !wants_human(c))
		return put_json(c, doc);
	progress_stop();
	human_table(stdout, doc, columns, plural, c->out_tty && !c->no_color);
	json_decref(doc);
	return finish(c);
}

int output_record(const struct cli *c, json_t *doc)
{
	if (c->silent)
		return drop(doc);
	if (output_is_json(c) || !wants_human(c))
		return put_json(c, doc);
	progress_stop();
	human_record(stdout, doc, c->out_tty && !c->no_color);
	json_decref(doc);
	return finish(c);
}

int output_bytes(const struct cli *c, const void *bytes, size_t len)
{
	progress_stop();
	fwrite(bytes, 1, len, stdout);
	return finish(c);
}
