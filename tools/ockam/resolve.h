/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the user wrote as a route to what a node is told: the line from stdin is put in, and
 * each /node/NAME becomes that node's listener address.
 */
#ifndef OCKAM_RESOLVE_H
#define OCKAM_RESOLVE_H

#include "cli.h"

#include <stddef.h>

/*
 * `text` was checked by the parser. Writes the route's canonical text. CLI_OK, or an exit code with
 * its error sentence written. stdin can be taken once per process; a terminal is refused.
 */
int resolve_route(const struct cli *c, const char *text, char *dst, size_t cap);
/* The same for a route or the bare name of a node. */
int resolve_place(const struct cli *c, const char *text, char *dst, size_t cap);

#endif
