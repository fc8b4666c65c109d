/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration: a YAML file that says which nodes a machine runs and what each has. It is read
 * into a list of commands of the table, each checked as if it had been typed, so that a file knows
 * what the command line knows and nothing else. Nothing is done while it is read.
 */
#ifndef OCKAM_CONFIG_H
#define OCKAM_CONFIG_H

#include "parse.h"
#include "variables.h"

enum config_scope {
	CONFIG_NODE, /* one node: its `name`, options and parts */
	CONFIG_RUN,  /* `nodes`: NAME -> the same */
};

struct config_source {
	const char *name; /* for error sentences */
	const char *text;
	size_t len;
	enum config_scope scope;
	const struct variable *given;
	size_t given_n;
	const char *node_name; /* CONFIG_NODE: overrides the file's `name`; or NULL */
	const struct args
		*overrides; /* CONFIG_NODE: options of `node create` that were typed; or NULL */
};

struct config_step {
	unsigned rank, seq; /* the order in which steps are done */
	unsigned line;
	char **argv; /* of one command, `ockam` first; owned */
	int argc;
	bool is_node; /* it makes the node that argv[3] names */
	bool is_foreground;
	bool is_home; /* what it makes may be there already */
};

struct config {
	struct config_step *steps;
	size_t n;
};

/* CLI_OK and the steps, sorted; or an exit code, with the error sentence `NAME:LINE: ...` written.
 */
int config_load(struct cli *c, const struct config_source *source, struct config *out);
void config_fini(struct config *config);

#endif
