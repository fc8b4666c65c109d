/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, made from the table. */
#ifndef OCKAM_HELP_H
#define OCKAM_HELP_H

#include "parse.h"

#include <stdio.h>

/* group or command NULL: the help of what holds it. `typed` is the group's name as the user wrote
 * it. */
void help_print(FILE *f, const struct group *group, const struct command *cmd, const char *typed,
	bool is_long);

#endif
