/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INITs that go one way (out by a link, or to this node's own listeners) at a limited rate. When
 * more wait than may go, that goes first whose origin has fewest half-open, and then whose ingress
 * link has; part of the rate is kept for origins with few of them, so that they do not wait at all.
 * What goes again comes behind what is new; equals take turns.
 */
#ifndef OCKAM_TURNS_H
#define OCKAM_TURNS_H

#include "bucket.h"
#include "crowd.h"

#include <stddef.h>

/* One link that INITs come by, or all the links of one origin. */
struct turn_source {
	struct bucket inits;	/* that it may send; of an origin: that are few */
	uint64_t served;	/* number of its last turn */
	struct turn_source *of; /* of the link's origin; NULL: the link is alone */
};

struct turn {
	struct turn *next, **back; /* back NULL: does not wait */
	struct turn_source *from;
	const struct crowd_member *load; /* what is half-open of it */
	bool again; /* set by the caller: it has gone before */
};

struct turns {
	struct bucket bucket;
	struct turn *first, **last;
	uint64_t served;
};

#define TURN_ENTRY(turn, type, field) ((type *)(void *)((char *)(turn)-offsetof(type, field)))

void turns_init(struct turns *ts, uint32_t rate, uint32_t burst, uint64_t now_ms);
/* True: it goes now. False: it waits. */
bool turns_enter(struct turns *ts, struct turn *t, struct turn_source *from,
	const struct crowd_member *load, uint64_t now_ms);
void turns_leave(struct turns *ts, struct turn *t); /* nothing when it does not wait */
/* The next that may go, which waits no more; NULL: none now. */
struct turn *turns_next(struct turns *ts, uint64_t now_ms);
/* When to look again; UINT64_MAX: nothing waits. */
uint64_t turns_deadline(const struct turns *ts, uint64_t now_ms);

#endif
