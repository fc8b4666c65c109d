/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the data plane: its seam socket, its process, and the greeting. It ends by itself when
 * the seam closes; however it ends, respawn.h is told.
 */
#ifndef OCKAM_SPAWN_H
#define OCKAM_SPAWN_H

#include "adopt.h"
#include "program.h"

/* Its answer to the greeting. */
struct dataplane_info {
	uint32_t workers, suites, missing;
	struct adopt_highest highest;
};

/* Another program of this installation: beside this one, or where a build directory has it. 0, -ENOENT,
 * ... */
int program_beside(const char *name, const char *build_dir, char *dst, size_t cap);
/* Where its program is: beside this one, or where a build directory has it. 0, -ENOENT, ... */
int dataplane_program(char *dst, size_t cap);
/* Ends a data plane that an earlier control process has left; waits for that. 0 or negative errno
 * and why. */
int dataplane_end_earlier(struct program *p, struct reason *why);
/* Starts it and connects: the seam's descriptor; or negative errno and why. */
int dataplane_start(struct program *p, unsigned workers /* 0: its default */, struct reason *why);
/* Connects to the one that an earlier control process has left: the seam; -ESRCH: there is none. */
int dataplane_adopt(struct program *p, struct reason *why);
/* Does not look after it any more, but leaves it alone. */
void dataplane_let_go(struct program *p);
/* Greets it and waits for the answer. */
int dataplane_greet(
	struct program *p, int seam, struct dataplane_info *info, struct reason *why);
int dataplane_pid(const struct program *p); /* 0: none runs */
/* The node is ready: the data plane shall go on when this process is killed, unless a command or a
 * terminal waits for the node to end with it. */
void dataplane_outlive(struct program *p);
/* After the seam was closed: kills it when it does not end within the grace time. */
void dataplane_expect_end(struct program *p);
void dataplane_kill(struct program *p);

#endif
