/* SPDX-License-Identifier: Apache-2.0 */
/* Filters a document with jq. The library is loaded only when it is asked for: it costs 17 ms. */
#ifndef OCKAM_JSON_FILTER_H
#define OCKAM_JSON_FILTER_H

#include "cli.h"

#include <jansson.h>

/*
 * `in` is borrowed. One result is given as it is, none or several as a list, so that the output
 * stays one document. CLI_OK, or an exit code with its error sentence written.
 */
int json_filter(const struct cli *c, const char *filter, const json_t *in, json_t **out);

#endif
