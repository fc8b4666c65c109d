/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that send mostly what is dropped are read less often. A frame is dropped only after it was
 * read, so a flood that every limit turns away still takes a worker's time, and whoever shares the
 * worker waits for it. Such a link has to pay for what it costs beyond a little: it is not read for
 * a while, so that all of them together take at most one part in WASTE_PRICE + 1 of the worker, and
 * TCP holds the sender back. A link half of whose frames are of use is never held. What a
 * stranger's link wastes for nothing comes out of a pool for all of them, so that new links do not
 * bring new time. Pure; one worker.
 */
#ifndef OCKAM_WASTE_H
#define OCKAM_WASTE_H

#include <stddef.h>
#include <stdint.h>

enum {
	WASTE_FREE_NS = 1000000,  /* that a link may waste for nothing */
	WASTE_FORGIVEN = 1000,	  /* and one part in so many of the time that passes */
	WASTE_POOL_NS = 50000000, /* the same of all links of strangers together */
	WASTE_POOL_FORGIVEN = 20,
	WASTE_PRICE = 8,   /* each further ns holds it for so many, times the links that are held */
	WASTE_BYTE_NS = 2, /* of the kernel for a byte, which is not seen here */
	WASTE_COST_MAX_NS = 2000000,	/* of one read: beyond it the CPU was taken away */
	WASTE_HOLD_MAX_NS = 2000000000, /* at a time */
};

struct waste {
	uint64_t spent_ns, at_ns; /* not forgiven; when that was so */
	uint64_t till_ns;	  /* not to be read before */
	uint64_t pending_ns;	  /* what the frame cost that is not whole yet */
	uint64_t all, useless;	  /* frames, when it was looked at last */
};

struct waste_pool {
	uint64_t spent_ns, at_ns;
};

/*
 * `len` bytes were read, which took took_ns; `all` and `useless` count the frames of the link until
 * now, `held` the links that are held. `pool` NULL: the link is no stranger's. When the link may be
 * read again: 0, or what has passed, is at once.
 */
uint64_t waste_count(struct waste *w, struct waste_pool *pool, uint64_t all, uint64_t useless,
	size_t len, uint64_t took_ns, unsigned held, uint64_t now_ns);

#endif
