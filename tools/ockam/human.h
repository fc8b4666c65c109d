/* SPDX-License-Identifier: Apache-2.0 */
/* JSON for people: a list as a table, an object as indented lines. Control characters never pass.
 */
#ifndef OCKAM_HUMAN_H
#define OCKAM_HUMAN_H

#include "output.h"

#include <stdio.h>

void human_table(
	FILE *f, const json_t *list, const struct column *columns, const char *plural, bool color);
void human_record(FILE *f, const json_t *object, bool color);

#endif
