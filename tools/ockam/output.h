/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of a command, once: human text on a terminal, the bare machine value (or JSON where
 * there is none) elsewhere, one JSON document with --output json or --jq. Each function takes `doc`
 * over and returns an exit code.
 */
#ifndef OCKAM_OUTPUT_H
#define OCKAM_OUTPUT_H

#include "cli.h"

#include <jansson.h>

struct column {
	const char *key; /* NULL ends the list */
	const char *title;
};

/* True when the result will be JSON: the caller need not make the other forms. */
bool output_is_json(const struct cli *c);
/* A command with a machine value; `text` (may be NULL: `bare`) is the sentence for a terminal. */
int output_value(const struct cli *c, json_t *doc, const char *bare, const char *text);
/* A list of objects; a terminal gets a table, or `no NOUN`. */
int output_list(const struct cli *c, json_t *doc, const struct column *columns, const char *plural);
/* One object without a machine value; a terminal gets its members, one per line. */
int output_record(const struct cli *c, json_t *doc);
/* Bytes as they are. */
int output_bytes(const struct cli *c, const void *bytes, size_t len);

/* The document as text, with a space after each colon unless compact; freed by the caller. NULL: no
 * memory. */
char *output_render(const struct cli *c, const json_t *doc);

#endif
