/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The waiting rule of a worker: before it sleeps it looks for work for a moment (busy polling, by
 * default 50 us), giving the CPU to whoever else wants it between two looks. Waking a sleeping
 * thread costs more than that, most of all on a virtual CPU. Spinning stops where it does not pay:
 * for a while when a yield took long (others need the CPUs), and after a row of spins that found
 * nothing. One thread.
 */
#ifndef OCKAM_SPIN_H
#define OCKAM_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SPIN_NS = 50000, /* unless the operator has chosen otherwise */
	SPIN_YIELD_LONG_NS = 500000,
	SPIN_REST_NS = 100000000, /* after a long yield; doubles */
	SPIN_REST_MAX_NS = 1000000000,
	SPIN_MISSES = 8, /* in a row: then only each SPIN_RETRY-th wait spins */
	SPIN_RETRY = 64,
};

struct spin {
	uint64_t rest_until_ns, rest_ns;
	unsigned misses, skipped;
};

/* What the rule needs of the world. */
struct spin_ops {
	uint64_t (*now_ns)(void *ctx);
	bool (*work)(void *ctx);
	void (*yield)(void *ctx);
};

/* Whether this wait is one to spin in. */
bool spin_wanted(struct spin *s, uint64_t now_ns);
/* Looks for work until there is some (true) or it is time to sleep. */
bool spin_wait(struct spin *s, uint64_t most_ns, const struct spin_ops *ops, void *ctx);

#endif
