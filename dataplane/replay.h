/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay window of one session and direction: which sequence numbers were opened. Check, open
 * the frame, then commit: a forged frame never moves the window. One thread. Source: RFC 6479.
 */
#ifndef OCKAM_REPLAY_H
#define OCKAM_REPLAY_H

#include "wire.h"

/* Twice the window, so that clearing the words ahead never touches one still inside it. */
enum { REPLAY_WORDS = 2 * WIRE_REPLAY_WINDOW / 64 };
static_assert((REPLAY_WORDS & (REPLAY_WORDS - 1)) == 0, "indexed by a mask");

/* All zero is a fresh window. */
struct replay {
	uint64_t next; /* one above the highest number committed */
	uint64_t bits[REPLAY_WORDS];
};

/* True when seq is new and inside the window, or ahead of it. */
bool replay_check(const struct replay *r, uint64_t seq);
/* Marks an authenticated seq; false when it was taken meanwhile (twice in one batch). */
bool replay_commit(struct replay *r, uint64_t seq);

#endif
