/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration file may hold, in terms of the table of commands: a node's options are those
 * of `node create`, a part's those of its create command. Keys are written with - or _.
 */
#ifndef OCKAM_CONFIG_PART_H
#define OCKAM_CONFIG_PART_H

#include "table.h"

/* What a configuration may hold besides a node's own options: the group in plural, and how its
 * objects are created. */
struct config_part {
	const char *key; /* "relays" */
	const char *group, *command;
	const char *node; /* the option that names the node; NULL: it belongs to the home */
	const char *name; /* the option that takes the object's name; NULL: the first argument */
};
extern const struct config_part config_parts[];
extern const size_t config_parts_n;

/* In what follows a NULL part means the node itself. */
const struct command *config_command(const struct config_part *part);
/* True for an option that may stand in a file. */
bool config_takes(const struct config_part *part, const struct option *o);
bool config_key_is(const char *key, const char *name);
/* By key, or NULL. */
const struct option *config_option(const struct config_part *part, const char *key);
const struct config_part *config_part_of(const char *key);
/* The keys that would have been right, for an error sentence. */
void config_keys(const struct config_part *part, char *dst, size_t cap);

#endif
