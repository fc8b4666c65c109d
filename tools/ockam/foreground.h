/* SPDX-License-Identifier: Apache-2.0 */
/* A node that lives as long as this command: its logs go to our stdout. */
#ifndef OCKAM_FOREGROUND_H
#define OCKAM_FOREGROUND_H

#include "node_start.h"

/*
 * Runs the stored node until it ends, a signal comes, or stdin ends (if asked). The guard is
 * dropped and set to -1 once the node is ready, so that other commands may stop it.
 */
int foreground_run(const struct cli *c, const struct node_plan *plan, int *guard);

#endif
