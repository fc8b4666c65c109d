/* SPDX-License-Identifier: Apache-2.0 */
/* What a command does, once it is understood. Exit codes. */
#ifndef OCKAM_DP_RUN_H
#define OCKAM_DP_RUN_H

#include "client.h"
#include "words.h"

int run_command(const struct dp *d, struct dp_command *c);
/* run.c: the rows of a show, of one node. */
int run_dump(
	const struct dp *d, const struct dp_command *c, const char *node, row_fn *fn, void *ctx);
/* watch.c: show, again and again. */
int run_watch(const struct dp *d, const struct dp_command *c);
/* monitor.c */
int run_monitor(const struct dp *d, const struct dp_command *c);
/* help.c: the grammar, of an object or (ADMIN_OBJECTS_END) of all. */
void help_print(enum admin_object o);
/* sum.c: adds up rows that are of several workers; ctx: struct sum. */
struct sum;
struct sum *sum_new(void);
int sum_row(void *ctx, const char *node, const struct admin_msg *row);
int sum_each(struct sum *s, const char *node, row_fn *fn, void *ctx);
void sum_free(struct sum *s);
/* Calls fn for the node that is meant, or each (-a). */
int run_nodes(const struct dp *d, int (*fn)(void *ctx, const char *node), void *ctx);

#endif
