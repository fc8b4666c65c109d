/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by link.c (table, sharing, life), link_dial.c (resolving and connecting) and link_hello.c
 * (the first frames). Nobody else includes it.
 */
#ifndef OCKAM_LINK_PRIVATE_H
#define OCKAM_LINK_PRIVATE_H

#include "hello.h"
#include "link.h"
#include "seam_client.h"

enum { LINK_ADDRS_MAX = 16 };

enum {
	LINK_SLOTS = 4096,
	PROVED_RATE = 500, /* per second; who is not answered says HELLO again */
	PROVED_BURST = 500,
	ACCEPTED_MAX = 8192,	    /* links that others dialled */
	MUTE_MAX = 1024,	    /* those of them that have not said HELLO */
	IDLE_LOOK = 64,		    /* of the oldest, for one that nothing uses */
	CROWDED = ACCEPTED_MAX / 8, /* of one origin: then one that is used may go for another's */
};

struct links {
	struct link *first;
	struct link *slots[LINK_SLOTS]; /* by number */
	struct link *gone; /* closed, but still held */
	uint32_t next_id;
	uint64_t due_ms; /* nothing of a link or a wait is due before */
	struct origins origins;
	struct crowd accepted, mute; /* accepted ones, by origin */
	struct crowd silent;	     /* the mute ones once more, all together, the oldest first */
	struct crowd_member all_silent;
	struct cookies cookies;
	struct bucket proved; /* HELLOs with a valid cookie: each looks through the table */
};

struct link_wait {
	struct link *link;
	link_ready_fn *fn;
	void *ctx;
	uint64_t deadline_ms;
	bool explicit_; /* of links_connect: done without HELLO too */
	struct link_wait *next;
};

/* The addresses of one dial, tried in turn. */
struct link_dial {
	bool by_name;
	bool for_other; /* only what the transit policy admits */
	bool busy;	/* a resolve or connect is under way */
	unsigned n, i;
	struct link_target addrs[LINK_ADDRS_MAX];
};

/* Something of a link (deadline_ms, udp.resend_ms) or of a wait (deadline_ms) is due then. */
void links_due(struct node *n, uint64_t at_ms);
/* A fresh entry of the table; id 0 picks the next even one. */
struct link *link_new(struct node *n, uint32_t id, enum link_kind kind);
/* Out of the table, everyone who waits or holds is told. */
void link_fail(struct node *n, struct link *l, uint8_t code, const struct reason *why);
/* All waits get the link. */
void link_fire(struct node *n, struct link *l);
/* The waits of `from`, which nobody holds, go over to `to`. */
void link_merge(struct node *n, struct link *from, struct link *to);
/* A dialled link to this resolved address, other than `except`, whose address is settled. */
struct link *link_find_resolved(
	struct node *n, const struct link_target *t, const struct link *except);

/* link_dial.c */
struct link *link_dial_start(struct node *n, const struct link_target *t, bool for_other);
void link_dial_stop(struct node *n, struct link *l);
/* link_target.c */
bool link_target_equal(const struct link_target *a, const struct link_target *b);
struct reason link_transit_reason(const struct link_target *t);

/* One that others dialled, from this address; NULL: no memory, or no room. id as of link_new. */
struct link *link_accept(struct node *n, uint32_t id, const struct link_target *t);

/* link_hello.c */
void link_hello_send(struct node *n, struct link *l);
/* Tells the data plane what it has to know of a link that is up. 0, or negative errno. */
int link_tell(struct node *n, struct link *l, seam_ack_fn *fn);
/* The same of a datagram link that has another address now. */
int link_move(struct node *n, struct link *l, seam_ack_fn *fn);
/* The data plane knows: everybody who waits is told. */
void link_came_up(struct node *n, void *link, int error, const struct seam_msg *answer);
struct reason link_mute_reason(const struct link *l);

#endif
