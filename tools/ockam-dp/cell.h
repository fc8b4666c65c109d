/* SPDX-License-Identifier: Apache-2.0 */
/* One value as text, one row as JSON. */
#ifndef OCKAM_DP_CELL_H
#define OCKAM_DP_CELL_H

#include "admin.h"
#include "dp.h"

enum { CELL_MAX = ADMIN_TEXT_MAX };

#define CELL_BOLD "\033[1m"
#define CELL_GREEN "\033[32m"
#define CELL_RED "\033[31m"
#define CELL_PLAIN "\033[0m"

/* The value, or "-"; what a terminal would take for a command is made visible. Its length. */
unsigned cell_text(const struct admin_msg *row, enum admin_attr a, char dst[CELL_MAX]);
const char *cell_colour(const struct admin_msg *row, enum admin_attr a); /* "": none */
/* The row as a JSON object on stdout; `more`: others are in front of it. node NULL: it is not said.
 */
void cell_json(const struct dp *d, const char *node, const struct admin_msg *row, bool more);
/* An event as one JSON line, or one line of text. */
void cell_event(const struct dp *d, const char *node, const struct admin_msg *row);

#endif
