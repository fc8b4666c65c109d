/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many frames of each kind one link may send that cost more than a look: those for control are
 * turned away here, before they cost a message on the seam. Part of a link; one worker.
 */
#ifndef OCKAM_GUARD_H
#define OCKAM_GUARD_H

#include "crowd.h"
#include "label.h"
#include "wire.h"

enum guard_class {
	GUARD_INIT,
	GUARD_ANSWER, /* RESP, FINISH */
	GUARD_CONTROL,
	GUARD_RESET,
	GUARD_LINK,  /* HELLO, BYE, PING, PONG */
	GUARD_PAUSE, /* each is undone by its RESUME, see held.c */
	GUARD_CLASSES
};

enum { GUARD_PIECE = 4096 };

/* When all that was taken will be paid for (GCRA); 0: nothing was. */
struct guard {
	uint64_t paid_us[GUARD_CLASSES], few_us[GUARD_CLASSES];
};

/* Where links of others come from: what is few is few of all of them together. */
struct guard_origin {
	struct label_node node; /* SEAM_A_ORIGIN in two halves */
	unsigned links;
	struct crowd_member partials; /* those of its links that are in the middle of a frame */
	uint64_t few_us[GUARD_CLASSES];
};

enum guard_class guard_class_of(uint8_t wire_type);
/*
 * `all` is that of the worker: what a link sends beyond a few needs a share of it too, so that many
 * busy links together do not keep control from serving the others. `from` NULL: the few are the
 * link's own; else they are those of its origin, the last part of which is for links that have sent
 * few themselves. A frame counts once for each GUARD_PIECE bytes that it begins.
 */
bool guard_admits(struct guard *g, struct guard_origin *from, struct guard *all, enum guard_class c,
	uint32_t len, uint64_t now_ms);

#endif
