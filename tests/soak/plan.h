/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one connection of the soak does, all of it a function of the run's seed and the connection's
 * number: how much each side sends, in what pieces, with what pauses, in what order the two ways
 * end, whether and where a side resets. The bytes are a function of key and offset, so that a
 * reader knows each of them. Side 0 connects, side 1 accepts.
 */
#ifndef OCKAM_SOAK_PLAN_H
#define OCKAM_SOAK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan {
	uint64_t id, dice; /* state of what is decided under way */
	uint64_t key[2];   /* of what a side sends */
	uint64_t total[2];
	uint32_t step[2];   /* it sends at most so much at once */
	uint32_t takes[2];  /* and reads */
	uint32_t pauses[2]; /* after one of so many operations comes a pause; 0: never */
	bool waits[2];	    /* it sends when the other's end has come */
	int resets;	    /* the side that does; -1: none */
	uint64_t reset_at;  /* when so much went and came there */
};

void plan_make(struct plan *p, uint64_t seed, uint64_t id);
uint64_t plan_roll(struct plan *p, uint64_t n); /* below n */
/* How long the pause after this operation is; mostly 0. */
unsigned plan_pause_ms(struct plan *p, unsigned side);
void plan_bytes(uint64_t key, uint64_t offset, uint8_t *dst, size_t len);

#endif
