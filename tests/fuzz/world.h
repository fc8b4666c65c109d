/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three control planes, a, r and b, over a model of their data planes, for the fuzz target:
 * commands wait until they are let go, news waits until it is delivered, and the target decides
 * what becomes of each. Nothing is encrypted and nothing is timed here; nodes listen on 127.0.0.1,
 * ports 1 to 3.
 */
#ifndef OCKAM_FUZZ_WORLD_H
#define OCKAM_FUZZ_WORLD_H

#include "link.h"

enum { WORLD_NODES = 3, WORLD_QUEUE = 512, WORLD_LINKS = 64, WORLD_SESSIONS = 64 };

struct parcel {
	uint8_t *msg; /* as the seam carries it; NULL: a connect or resolve that waits */
	size_t len;
	int fd;
	uint32_t id;   /* of the link that is dialled */
	uint16_t port; /* to where */
	bool resolve;
};

struct queue {
	struct parcel p[WORLD_QUEUE];
	unsigned head, tail;
};

/* A link of a node: the other end, or the session that it stands on. */
struct world_link {
	uint32_t id; /* 0: free */
	unsigned peer;
	uint32_t peer_id, session;
	bool udp, dialled; /* world_udp.h: this node has dialled it */
	uint16_t port;	   /* of who dials, as the others see it */
};

struct world_session {
	uint32_t id; /* 0: free */
	uint32_t label_rx, label_tx;
	bool up, closed;
};

struct world_node {
	struct node *n;
	unsigned index;
	bool ending;
	struct queue commands; /* of control, waiting for its data plane */
	struct queue news;     /* for control */
	struct world_link links[WORLD_LINKS];
	struct world_session sessions[WORLD_SESSIONS];
	uint32_t next_accepted;
};

struct world {
	struct world_node node[WORLD_NODES];
	uint64_t now;
	uint32_t idle_ms;   /* what LABEL_GET answers */
	bool no_connect;    /* nobody listens any more */
	unsigned udp_ports; /* given out */
};

/* The nodes trust each other and have a listener `api`. */
void world_init(struct world *w);
/* Ends the nodes; everything must have gone. */
void world_fini(struct world *w);
/* The next command runs, or fails with `error` (negative). False: there was none. */
bool world_command(struct world *w, struct world_node *wn, int error);
/* The next news goes to control. */
bool world_news(struct world *w, struct world_node *wn);
/* Commands and news until nothing waits, at most `most`. */
void world_run(struct world *w, unsigned most);
/* The clock moves, everybody ticks. */
void world_pass(struct world *w, uint64_t ms);
/* Until nothing is due within so many ms any more, in steps of 10 s. */
void world_rest(struct world *w, uint64_t ms);
/* The next command or news as bytes, for mutation; NULL: none, or it is no message. */
struct parcel *world_next_command(struct world_node *wn);
struct parcel *world_next_news(struct world_node *wn);
void world_drop(struct queue *q);
void world_repeat(struct queue *q);
/* News of the target's own. */
void world_tell(struct world_node *wn, const struct seam_msg *m);
void world_enter(struct world *w, struct world_node *wn);

#endif
