/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and starting nodes. Functions return CLI_OK, or an exit code with the error sentence
 * written; what was made before a failure is removed again.
 */
#ifndef OCKAM_NODE_START_H
#define OCKAM_NODE_START_H

#include "cli.h"
#include "home.h"
#include "wire.h"

#include <jansson.h>
#include <stdint.h>

enum { NODE_READY_MS = 30000 };

struct node_plan {
	const char *name;
	const char *identity; /* NULL: one of `vault`, else the default */
	const char *vault;    /* NULL: any */
	json_t *config;	      /* docs/api.md; borrowed */
	int64_t timeout_ms;
	bool foreground;
	bool exit_on_eof; /* a foreground node ends with our stdin */
	/* A foreground node is ready: an exit code; if it is not CLI_OK the node ends. Or NULL. */
	int (*on_ready)(void *ctx);
	void *ctx;
};

/* Creates and starts; a background node is ready on return, a foreground node has ended. */
int node_create(const struct cli *c, const struct node_plan *plan);
/* Starts a node that is stored and does not run, in the background; the caller holds its guard. */
int node_boot(const struct cli *c, const char *name, int64_t timeout_ms);
/* The same in this process, for a service manager: returns only when that failed. */
int node_become(const struct cli *c, const char *name);
/* Creates node `default` and says so; another command that just does the same is as good. */
int node_start_default(const struct cli *c, char name[static WIRE_NAME_MAX + 1]);
/* What a plan's config is when no option says otherwise; new reference. */
json_t *node_default_config(void);

/*
 * The identity that `identity` and `vault` (each may be NULL) mean; one is made in a vault that has
 * none, and *made tells so. CLI_OK, or ...
 */
int identity_choose(const struct cli *c, struct home *h, const char *identity, const char *vault,
	char out[static WIRE_NAME_MAX + 1], bool *made);

#endif
