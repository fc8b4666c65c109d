/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By what a node's relays forward: what an operator may pin, and what a path is on. `auto` is the
 * cheapest that is possible. A pinned path that is not possible is forwarded by io_uring all the
 * same, which is the reference.
 */
#ifndef OCKAM_FORWARD_PATH_H
#define OCKAM_FORWARD_PATH_H

#include <stddef.h>
#include <string.h>

enum forward_path { FORWARD_AUTO, FORWARD_URING, FORWARD_TC, FORWARD_PATHS };

static const char *const forward_path_names[FORWARD_PATHS] = {"auto", "uring", "tc"};

/* The number of a name; -1: there is none. */
static inline int forward_path_of(const char *name)
{
	for (int i = 0; i < FORWARD_PATHS; i++)
		if (name && !strcmp(name, forward_path_names[i]))
			return i;
	return -1;
}

#endif
