/* SPDX-License-Identifier: Apache-2.0 */
/* Which node a command talks to, and requests to its control API (docs/api.md). */
#ifndef OCKAM_NODE_CALL_H
#define OCKAM_NODE_CALL_H

#include "cli.h"
#include "http_client.h"
#include "node_config.h"
#include "wire.h"

#include <jansson.h>

enum { NODE_CALL_MS = 10000 }; /* for requests that wait for no peer */

struct node_ref {
	char name[WIRE_NAME_MAX + 1]; /* empty: a temporary node */
	char socket_path[108];
};

enum missing_node { MISSING_IS_ERROR, MISSING_IS_MADE, MISSING_IS_EMPTY };

/*
 * `given` is NAME, /node/NAME or NULL for the default node; MISSING_IS_MADE starts node `default`
 * when the home has none. All functions: CLI_OK, or an exit code with its error sentence written.
 */
int node_find(
	const struct cli *c, const char *given, enum missing_node missing, struct node_ref *out);

/* `body` (may be NULL) is taken; *out (may be NULL) is a new reference. `target` is already
 * encoded. */
int node_call(const struct cli *c, const struct node_ref *node, const char *method,
	const char *target, json_t *body, int64_t timeout_ms, json_t **out);
/* Sends bytes; the answer may be an error, which node_call_failed then tells. CLI_OK or an exit
 * code. */
int node_call_raw(const struct cli *c, const struct node_ref *node, const char *target,
	const void *body, size_t len, int64_t timeout_ms, struct http_answer *out);
int node_call_failed(const struct cli *c, const struct http_answer *a);
/* Like node_call, but silent: 0, or negative errno; -EPROTO for an answer that is an error. */
int node_ask(const struct node_ref *node, const char *target, int64_t timeout_ms, json_t **out);

/* Why a node that failed did: adds `reason` to o. Nothing for any other status. */
void node_call_add_reason(
	const struct cli *c, const char *node, enum node_status status, json_t *o);

#endif
