/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the data plane as the program sees it: when it ends, the node is told that all its
 * links are gone, another one is started by the supervisor's rule, and gets its listeners,
 * connections and relays again. A crash loop ends the node, in status `failed`.
 */
#ifndef OCKAM_RESPAWN_H
#define OCKAM_RESPAWN_H

#include "program.h"

void respawn_init(struct program *p);
void respawn_close(struct program *p); /* no more starts */
/* The seam broke: what is left of the process is killed. */
void respawn_on_seam_lost(struct program *p, const char *why);
/* The process has ended. */
void respawn_on_exit(struct program *p, const struct reason *why);
/* How often it was started again. */
unsigned respawn_count(const struct program *p);

#endif
