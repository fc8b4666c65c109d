/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node for one command: in a private temporary directory, bound to this command's life by a pipe,
 * gone on every exit that a program can see. Nothing is written to the home.
 */
#ifndef OCKAM_TEMP_NODE_H
#define OCKAM_TEMP_NODE_H

#include "node_call.h"
#include "spawn.h"

struct temp_node {
	struct node_ref ref;
	struct spawn spawn;
	char dir[PATH_MAX];
};

/* CLI_OK, or an exit code with its error sentence written. temp_node_stop in both cases. */
int temp_node_start(
	const struct cli *c, const char *identity, int64_t timeout_ms, struct temp_node *out);
void temp_node_stop(const struct cli *c, struct temp_node *t);

#endif
