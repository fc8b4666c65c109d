/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a node's processes. The control process is whoever holds the lock on run/NAME/pid. */
#ifndef OCKAM_NODE_END_H
#define OCKAM_NODE_END_H

#include "cli.h"

#include <stdint.h>

enum { NODE_END_GRACE_MS = 5000, NODE_DELETE_GRACE_MS = 2500 };

/*
 * SIGTERM, at most grace_ms, SIGKILL. 1: it was running and has ended; 0: it was not running;
 * negative errno. Also waits (shortly) for a data plane that outlived its control process.
 */
int node_end(const struct cli *c, const char *name, int64_t grace_ms);
/* Removes the directories of a node that does not run. */
void node_remove_dirs(const struct cli *c, const char *name);

#endif
