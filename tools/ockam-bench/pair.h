/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source and a sink of frames with something in between. Through a relay node both speak the
 * protocol: HELLO on their links, INIT and RESP for each path, a first DATA either way. What the
 * frames carry is not sealed: a relay cannot tell. Through anything else the same bytes go over a
 * plain connection. Errors are negative errno.
 */
#ifndef OCKAM_BENCH_PAIR_H
#define OCKAM_BENCH_PAIR_H

#include "via.h"

enum { PAIR_PATHS_MAX = 64 };

struct pair {
	int a, b; /* the source's socket, the sink's */
	unsigned paths;
	uint32_t to_b[PAIR_PATHS_MAX], to_a[PAIR_PATHS_MAX]; /* labels */
};

/* `listener`: of the via_set. */
int pair_open(struct pair *p, const struct via *v, int listener, unsigned paths);
void pair_close(struct pair *p);
/* Sends numbered frames from a to b and checks that each path's come whole and in order. */
int pair_check(struct pair *p, uint32_t frame_len, size_t frames);

#endif
