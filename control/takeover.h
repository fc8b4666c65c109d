/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first moments with a data plane that an earlier control process has left: connecting to its
 * seam socket, the greeting, the dump. What comes meanwhile is kept, and handled when the node is
 * there. Blocks, for at most some seconds: nothing else is served yet.
 */
#ifndef OCKAM_TAKEOVER_H
#define OCKAM_TAKEOVER_H

#include "adopt.h"
#include "spawn.h"

struct takeover;

/* The seam, *out and *info; or a negative errno: there is none, or it cannot be taken over. */
int takeover_start(struct program *p, struct takeover **out, struct dataplane_info *info);
/* Fills the node: before anything is restored, and after. */
void takeover_apply(struct program *p, struct takeover *t, const struct dataplane_info *info);
void takeover_finish(struct program *p, struct takeover *t);
void takeover_free(struct takeover *t); /* NULL allowed */

#endif
