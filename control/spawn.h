/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the data plane: its seam socket, its process, and the greeting. It ends by itself when
 * the seam closes; when it ends first, the node ends.
 */
#ifndef OCKAM_SPAWN_H
#define OCKAM_SPAWN_H

#include "program.h"

/* Starts it and connects: the seam's descriptor, the greeting already sent; or negative errno and
 * why. */
int dataplane_start(struct program *p, unsigned workers /* 0: its default */, struct reason *why);
/* Waits for the answer to the greeting and takes workers and suites from it. */
int dataplane_greet(
	struct program *p, int seam, uint32_t *workers, uint32_t *suites, struct reason *why);
int dataplane_pid(const struct program *p);
/* After the seam was closed: kills it when it does not end within the grace time. */
void dataplane_expect_end(struct program *p);
void dataplane_kill(struct program *p);
/* Frees what is left, after the loop has run out. */
void dataplane_free(struct program *p);

#endif
