/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node has when it starts: by its configuration, and the objects that were made on it since.
 */
#ifndef OCKAM_RESTORE_H
#define OCKAM_RESTORE_H

#include "forward_path.h"
#include "program.h"

/* Reads the node's row: identity, static key and p->config. */
int restore_config(struct program *p, struct reason *why);
/* By what relays shall forward. */
enum forward_path restore_path(const struct program *p);
unsigned restore_workers(const struct program *p);
/* Makes everything. Listeners that cannot listen are an error; the rest is tried again or logged.
 * Listeners count as start-up steps (program_begin). */
int restore_objects(struct program *p, struct reason *why);
/* The node's settings, for its next start. */
int restore_keep_settings(struct program *p, struct reason *why);
/* Makes the connections that were asked for, where they are not. */
void restore_connections(struct program *p);
/* A listener was deleted: it is not in the configuration any more. */
int restore_forget_listener(struct program *p, bool udp, const char *address, struct reason *why);

/* Writes a value of the node's configuration down. Takes value. */
int restore_keep(struct program *p, const char *key, json_t *value, struct reason *why);

#endif
