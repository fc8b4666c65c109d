/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node has several of and the control API shows in one way: list, show and delete of
 * channels, listeners, relays, connections and services.
 */
#ifndef OCKAM_OBJECT_H
#define OCKAM_OBJECT_H

#include "node_call.h"
#include "output.h"
#include "parse.h"
#include "retry.h"

struct object {
	const char *noun, *plural;
	const char *path;      /* "/v1/relays" */
	const char *key;       /* the member that names it in a path */
	const char *shown;     /* the member that is printed when it is deleted */
	const char *const *at; /* the options that name the node, ending with NULL */
	const struct column *columns;
};

int object_list(const struct cli *c, const struct args *a, const struct object *o);
int object_show(const struct cli *c, const struct args *a, const struct object *o);
int object_delete(const struct cli *c, const struct args *a, const struct object *o);

/* Posts `body` (taken) to the collection and prints the answer's member `key` behind `prefix`. */
int object_create(const struct cli *c, const struct node_ref *node, const struct object *o,
	json_t *body, int64_t timeout_ms, const struct retry *retry, const char *key,
	const char *prefix, const char *made);
/* The values of an option that may be given several times, as a new array of strings. */
json_t *object_strings(const struct args *a, const char *option);

#endif
