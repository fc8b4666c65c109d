/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serials of SESSION_ADD that this data plane has seen: a key installed twice would restart its
 * nonces at 0. Shared by all workers of a node; any thread.
 */
#ifndef OCKAM_SERIAL_H
#define OCKAM_SERIAL_H

#include <pthread.h>
#include <stdint.h>

enum { SERIAL_WINDOW = 4096 };

struct serials {
	pthread_mutex_t lock;
	uint64_t top; /* one above the highest seen */
	uint64_t seen[SERIAL_WINDOW / 64];
};

void serials_init(struct serials *s);
void serials_fini(struct serials *s);
/* 0 the first time, then -ESTALE; -ESTALE too for one so old that nobody knows. */
int serials_take(struct serials *s, uint64_t serial);

/* The highest seen; 0: none. */
uint64_t serials_highest(struct serials *s);

#endif
