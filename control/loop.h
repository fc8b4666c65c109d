/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's door to the world: the seam's socket, name resolution, connecting, timers and signals,
 * on the program's libuv loop. Everything that calls into the node from the loop calls loop_enter
 * first.
 */
#ifndef OCKAM_LOOP_H
#define OCKAM_LOOP_H

#include "program.h"

extern const struct node_io loop_io; /* io_ctx: the struct program */

/* Watches the seam (taken) and the signals. 0 or negative errno. */
int loop_open(struct program *p, int seam);
/* The seam of another data plane (taken). 0 or negative errno. */
int loop_attach(struct program *p, int seam);
/* Closes the seam and forgets what waits to be sent. False when there was none. */
bool loop_detach(struct program *p);
/* Closes the seam and drops what is being resolved or connected. end_dataplane: tells it to end. */
void loop_close(struct program *p, bool end_dataplane);
/* Sets the node's clocks. */
void loop_enter(struct program *p);
uint64_t loop_now_ms(void);

#endif
