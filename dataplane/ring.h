/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One io_uring with what this kernel has of what we use: features are tried when the ring is made,
 * and a mask makes it pretend that some are missing, so that every fall-back can be tested.
 * Provided buffers serve links at rest: a buffer goes back to the ring when its last reference
 * goes. A ring takes only the operations that ring.c names, since a system call filter does not see
 * what a ring does. One thread, the one that calls ring_init.
 */
#ifndef OCKAM_RING_H
#define OCKAM_RING_H

#include "ring_bufs.h"

#include <stdbool.h>

enum ring_feature {
	RING_MULTISHOT = 1, /* recv that stays armed; needs RING_BUF_RING */
	RING_BUF_RING = 2,  /* provided buffers in a shared ring */
	RING_DEFER = 4,	    /* SINGLE_ISSUER | DEFER_TASKRUN */
	RING_SPLICE = 8,    /* beside the ring: large frames pass a relay by splice(2) */
};
enum { RING_ENTRIES = 256, RING_ENTRIES_MIN = 4 };
enum { RING_BUFS = 64, RING_BUF_SIZE = 16 << 10, RING_GROUP = 0 };
enum { RING_APP_BUFS = 128, RING_APP_GROUP = 1 };

/* What an operation is, in the low bits of its user_data beside a pointer to whose it is. */
enum ring_op {
	RING_OP_WAKE,
	RING_OP_RECV,
	RING_OP_MULTI,
	RING_OP_SEND,
	RING_OP_ROOM,
	RING_OP_CANCEL,
	RING_OP_APP,
	RING_OP_UDP,
};
enum { RING_OP_BITS = 7 };

struct ring {
	struct io_uring u;
	unsigned features;
	unsigned entries; /* fewer than RING_ENTRIES where the user may lock no more memory */
	bool restricted; /* false: the kernel has no restrictions */
	struct ring_bufs bufs, app_bufs; /* of links, of applications */
};

/* "multishot,buf-ring,defer-taskrun,splice"; -EINVAL on a name that is none. */
int ring_mask_parse(const char *text, unsigned *mask);
/*
 * With as many of `entries` as there is memory for. 0 or a negative errno: -ENOSYS, -EPERM: there
 * is no io_uring here; -ENOMEM: not even for RING_ENTRIES_MIN.
 */
int ring_init(struct ring *r, unsigned mask, unsigned entries);
void ring_fini(struct ring *r);

/* A free submission slot; submits when all are taken. */
struct io_uring_sqe *ring_sqe(struct ring *r);
/* Submits, and waits for a completion until timeout_ms (UINT64_MAX: for ever). */
void ring_wait(struct ring *r, uint64_t timeout_ms);
/* The same without waiting. */
void ring_submit(struct ring *r);
bool ring_ready(struct ring *r); /* there are completions */

#endif
