/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a node's processes. The control process is whoever holds the lock on run/NAME/pid. */
#ifndef OCKAM_NODE_END_H
#define OCKAM_NODE_END_H

#include "cli.h"
#include "node_config.h"

#include <stdint.h>

enum { NODE_END_GRACE_MS = 5000, NODE_DELETE_GRACE_MS = 2500 };

/*
 * SIGTERM, at most grace_ms, SIGKILL; then the data plane, if it has outlived its control process.
 * 1: one of them was running and both have ended; 0: none was; negative errno.
 */
int node_end(const struct cli *c, const char *name, int64_t grace_ms);
/* Waits for a control process that is ending by itself: the status then, or at the deadline. */
enum node_status node_await_end(const struct cli *c, const char *name, int64_t deadline_ms);
/* Removes the directories of a node that does not run. */
void node_remove_dirs(const struct cli *c, const char *name);

#endif
