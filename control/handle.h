/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reply handles: where the one reply to a request goes. A request that passes through gets a fresh
 * random handle of this node; the handle of the hop before is kept here. Bound to the neighbour
 * that the request was sent to: a reply from elsewhere does not count. At most HANDLES_PER_PEER
 * that came from one neighbour, HANDLES_MAX in all; the oldest of the busiest is given up.
 */
#ifndef OCKAM_HANDLE_H
#define OCKAM_HANDLE_H

#include "link.h"

enum { HANDLES_PER_PEER = 256, HANDLES_MAX = 8192, HANDLES_SLOTS = 4096 };

struct channel;
struct message_request;

/* A neighbour: a link, or the other end of a channel's session; whoever is gone is reported. */
struct message_peer {
	struct link *link;
	struct channel *channel;
};
bool message_peer_equal(const struct message_peer *a, const struct message_peer *b);

struct handle {
	uint8_t id[WIRE_HANDLE];
	struct message_request *request; /* this node's own; else: */
	struct message_peer ingress;
	uint8_t back[WIRE_HANDLE];  /* the handle of the hop before */
	uint8_t hops_left;	    /* of the request as it came */
	struct message_peer egress; /* its link is held */
	uint64_t expire_ms;
	struct handle *next, **link_back; /* of all, oldest first */
	struct handle *next_slot;
	struct crowd_item place; /* among those of the ingress */
};

struct handles {
	struct handle *first, **last;
	struct handle *slots[HANDLES_SLOTS]; /* ids are random */
	struct crowd crowd;
	uint64_t due_ms; /* nothing expires before */
};

int handles_init(struct handles *hs); /* 0 or -ENOMEM */
void handles_fini(struct node *n, struct handles *hs);
/* Random id; from the fields of `like`. NULL: no memory. */
struct handle *handle_add(struct node *n, struct handles *hs, const struct handle *like);
/* The handle with this id whose reply may come from `from`; NULL. */
struct handle *handle_find(
	struct handles *hs, const uint8_t id[static WIRE_HANDLE], const struct message_peer *from);
void handle_drop(struct node *n, struct handles *hs, struct handle *h);
void handle_drop_request(struct node *n, struct handles *hs, const struct message_request *r);
/* Drops what came from there: nobody waits for these replies any more. */
void handles_drop_ingress(struct node *n, struct handles *hs, const struct message_peer *peer);
/* One whose reply can not come any more, since its egress is gone; NULL. */
struct handle *handle_by_egress(struct handles *hs, const struct message_peer *peer);
void handles_tick(struct node *n, struct handles *hs);

#endif
