/* SPDX-License-Identifier: Apache-2.0 */
/* Doing what a configuration says, step by step, and undoing it when a step fails. */
#ifndef OCKAM_CONFIG_RUN_H
#define OCKAM_CONFIG_RUN_H

#include "parse.h"

/* `node create` was given a file: its positional argument or --configuration. */
bool config_wanted(const struct args *a);
/* `node create` of such a line: makes the node and its parts, prints its name. An exit code. */
int config_create_node(struct cli *c, const struct args *a);

/* In cmd_node.c: the node of `node create`; on_ready as in struct node_plan. */
int node_create_line(struct cli *c, const struct args *a, int (*on_ready)(void *ctx), void *ctx);

#endif
