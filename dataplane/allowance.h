/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link may take of a node that relays for it, by the operator's choice: bytes a second, by a
 * token bucket, and bytes of its frames that wait to leave by others. Links with the same tenant,
 * an identity that a node has proved, have one allowance together, on whichever workers they are.
 * Any thread: allowances are found and left under a lock, and count in atomics.
 */
#ifndef OCKAM_ALLOWANCE_H
#define OCKAM_ALLOWANCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* 0: no limit. Set by the thread of the seam, read by workers. */
struct limits {
	_Atomic uint64_t rate, burst; /* bytes a second, and saved up */
	_Atomic uint64_t queue;	      /* bytes */
	_Atomic uint32_t busy_poll_us;
};

enum {
	LIMITS_BURST_LEAST = 64 << 10, /* when burst is 0, or less: a frame must fit */
	LIMITS_RATE_MAX = 1 << 30,     /* a KiB a second; more is no limit */
};

void limits_init(struct limits *l);

struct allowance {
	LIST_ENTRY(allowance) next; /* of tenants */
	uint64_t tenant;	    /* 0: of one link */
	_Atomic unsigned links;	    /* of a tenant: under the lock, but for allowance_ref */
	_Atomic uint64_t paid_ns;   /* when all that was taken is paid for (GCRA) */
	_Atomic uint64_t queued;
	_Atomic uint64_t limited; /* how often it was less than what was wanted */
};

struct allowances;

struct allowances *allowances_new(struct limits *l);
void allowances_free(struct allowances *a);
const struct limits *allowances_limits(const struct allowances *a);
/* Of a tenant, or for one link (0). NULL: no memory, and so no limit. */
struct allowance *allowance_join(struct allowances *a, uint64_t tenant);
void allowance_leave(struct allowances *a, struct allowance *w);

/*
 * Takes up to n bytes of what may be received at now_ns: how many. 0: none before *at_ns. What was
 * not used is given back.
 */
size_t allowance_take(
	struct allowance *w, const struct limits *l, size_t n, uint64_t now_ns, uint64_t *at_ns);
void allowance_give(struct allowance *w, const struct limits *l, size_t n);

/* Whether bytes that wait are limited; one more who counts in w, to leave it. */
bool allowance_counts(const struct limits *l);
struct allowance *allowance_ref(struct allowance *w);
/* More waits: false when that is more than there may be. */
bool allowance_queue(struct allowance *w, const struct limits *l, size_t n);
/* More than half of what may wait does. */
bool allowance_is_near(const struct allowance *w, const struct limits *l);
void allowance_unqueue(struct allowance *w, size_t n);

#endif
