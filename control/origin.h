/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where links come from that others dialled: an IPv4 address, a /64 of IPv6, or this machine. What
 * they have under way counts together, so that who has many links gets no more than who has one;
 * links by which a peer came that was authenticated count by themselves. An origin lives while
 * links are of it. Owned by the table of links.
 */
#ifndef OCKAM_ORIGIN_H
#define OCKAM_ORIGIN_H

#include "crowd.h"
#include "turns.h"

#include <sys/socket.h>

enum { ORIGIN_SLOTS = 1024, ORIGIN_SECRET = 16 };

struct origin {
	uint64_t key; /* 0: this machine */
	struct origin *next;
	unsigned links;
	struct turn_source source;
	struct crowd_group half_open, paths, half_ends, tombs, handles;
	struct crowd_member accepted, mute; /* its links themselves; link.c */
};

struct origins {
	uint8_t secret[ORIGIN_SECRET]; /* nobody shall choose whom to share a slot with */
	struct origin *slots[ORIGIN_SLOTS];
};

void origins_init(struct origins *os);
/* The one of this address, for one more link; NULL: no memory. */
struct origin *origin_get(struct origins *os, const struct sockaddr_storage *from, uint64_t now_ms);
void origin_put(struct origins *os, struct origin *o);

#endif
