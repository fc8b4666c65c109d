/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source and a sink of frames with something in between, over TCP or UDP. Through a relay node
 * both speak the protocol: HELLO on their links, INIT and RESP for each path, a first DATA either
 * way. What the frames carry is not sealed: a relay cannot tell. Through anything else the same
 * frames go as plain bytes. Errors are negative errno. One thread for each end.
 */
#ifndef OCKAM_BENCH_PAIR_H
#define OCKAM_BENCH_PAIR_H

#include "via.h"
#include "wire.h"

enum { PAIR_PATHS_MAX = 256, PAIR_PREFIX_MAX = 4 };

enum pair_end { PAIR_SOURCE, PAIR_SINK };

struct pair {
	const struct via *via;
	int fd[2];	 /* of both ends */
	uint64_t tag[2]; /* UDP: what each end puts into seq of all but DATA */
	unsigned paths;
	uint32_t label[2][PAIR_PATHS_MAX]; /* of what each end sends */
	int paused;			   /* labels that the relay asked the source to rest */
};

int pair_open(struct pair *p, const struct via *v, const struct via_set *s, unsigned paths);
void pair_close(struct pair *p);
static inline bool pair_is_udp(const struct pair *p)
{
	return p->via->kind->carrier == VIA_UDP;
}
/* Bytes in front of each frame that this end sends and receives. */
static inline unsigned pair_prefix(const struct pair *p, enum pair_end end)
{
	return end == PAIR_SOURCE && p->via->kind->speech == VIA_TURN ? PAIR_PREFIX_MAX : 0;
}
/* One frame. `f` has room for the prefix in front of it. */
int pair_send(struct pair *p, enum pair_end end, uint8_t *f, size_t len);
/* The next frame of this type, its length; the others are heeded. -EAGAIN: none for so long as the
 * socket waits; -ECONNRESET: a path was reset. */
int pair_receive(
	struct pair *p, enum pair_end end, enum wire_type type, uint8_t f[static WIRE_FRAME_MAX]);
/* Does what a frame that is no DATA asks for. */
int pair_heed(struct pair *p, enum pair_end end, const uint8_t *f, size_t len);
/* Sends numbered frames from source to sink and checks that each path's come whole and in order;
 * over UDP also that more than half of them come. */
int pair_check(struct pair *p, uint32_t frame_len, size_t frames);

/* For pair.c: speaks the protocol of nodes (pair_path.c). */
int pair_paths_open(struct pair *p);

#endif
