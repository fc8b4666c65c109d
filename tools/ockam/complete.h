/* SPDX-License-Identifier: Apache-2.0 */
/* Completions for shells, made from the table. */
#ifndef OCKAM_COMPLETE_H
#define OCKAM_COMPLETE_H

#include "table.h"

#include <stdio.h>

/* What is offered for a value: the same for every shell. */
enum complete_value {
	COMPLETE_FILES, /* also when nothing is known */
	COMPLETE_NODES,
	COMPLETE_PLACES, /* nodes, and routes to them */
	COMPLETE_ROUTES, /* routes to nodes */
	COMPLETE_WORDS,	 /* those of complete_words */
	COMPLETE_NOTHING,
};

enum complete_value complete_value(enum value_kind kind);
/* The words of a kind that has only these, or NULL. */
const char *complete_words(enum value_kind kind);

void complete_fish(FILE *f);

#endif
