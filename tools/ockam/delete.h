/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of every delete: one that names its object just does it; --all asks on a terminal and
 * needs
 * --yes off one; without a name a terminal gets a choice, others `[]` when there is nothing.
 */
#ifndef OCKAM_DELETE_H
#define OCKAM_DELETE_H

#include "parse.h"

#include <jansson.h>

/* Both return CLI_OK, or an exit code with the error sentence written. */
struct delete_ops {
	const char *noun, *plural;
	int (*names)(const struct cli *c, void *ctx, json_t **list); /* a new array of strings */
	/* *shown: what is printed (a new object, and the bare value under `key`). */
	int (*remove)(const struct cli *c, void *ctx, const char *name, json_t **shown);
	const char *key;
};

int delete_run(const struct cli *c, const struct args *a, const struct delete_ops *ops, void *ctx);
/* Asks for a yes on a terminal; off it --yes must have been given. `what`: "delete all nodes". */
int delete_confirm(const struct cli *c, const struct args *a, const char *what);

#endif
