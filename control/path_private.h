/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by path.c (INIT, RESP and RESET of paths) and path_table.c (the table: limits, turns,
 * expiry). Nobody else includes it.
 */
#ifndef OCKAM_PATH_PRIVATE_H
#define OCKAM_PATH_PRIVATE_H

#include "path.h"

enum {
	HALF_OPEN_MAX = 4096, /* paths that no DATA has passed both ways */
	HALF_OPEN_PER_LINK = 512,
	PATHS_MAX = 65536, /* established */
	PATHS_PER_LINK = 16384,
};

enum path_state {
	AWAIT_LINK,	/* the next link is dialled */
	AWAIT_TURN,	/* the egress has had its share of INITs */
	AWAIT_INIT_ROW, /* LABEL_ADD (next, Li) */
	AWAIT_RESP,
	AWAIT_RESP_ROW, /* LABEL_ADD (prev, Lr) */
	AWAIT_DATA,	/* half-open until DATA has passed both rows */
	ESTABLISHED,
};

/* What an INIT says, until the frame that goes on is made of it. */
struct path_onward {
	struct hop_part hop;
	unsigned used; /* elements of the route that led to the next link */
};

struct path {
	enum path_state state;
	struct link *prev, *next_link; /* held */
	uint32_t li, lr;	       /* lr 0: not known yet */
	uint8_t hash[32];	       /* of INIT's end part */
	bool init_row, resp_row;       /* asked for in the data plane */
	bool used_rx, used_tx;	       /* DATA has passed (next, Li), (prev, Lr) */
	bool idle_rx;		       /* while checking: (next, Li) was idle */
	uint8_t hops_left;	       /* as it came */
	uint8_t pieces;		       /* of RESP, behind the first, that were passed on */
	uint16_t path_max;
	uint64_t born_ms, refreshed_ms, check_ms;
	struct link_wait *wait;
	struct path_onward *onward;
	uint8_t *init, *resp; /* frames as they go on, kept while half-open */
	uint16_t init_len, resp_len;
	struct turn turn;
	struct crowd_item place;	   /* among the half-open or the established ones of prev */
	struct path *next, **link_back;	   /* of all half-open, or all established ones */
	struct path *out_next, **out_back; /* of next_link */
};

struct paths {
	struct path *half_open, *established;
	struct crowd half_crowd, crowd;
	uint64_t half_due_ms, check_due_ms, turn_due_ms; /* nothing is due before */
	uint64_t inits_dropped;
	uint64_t limited; /* INITs that were refused because of --max-paths */
};

/* NULL: no memory, or the label is taken. May end another path that is half-open. */
struct path *path_new(struct node *n, struct link *prev, uint32_t li);
void path_free(struct node *n, struct path *p);
/* Tells the sides (but not `except`) and forgets the path. */
void path_end(
	struct node *n, struct path *p, const struct link *except, uint8_t code, uint8_t hops_left);
/* Its next link is known; takes over the caller's hold. */
void path_leads_to(struct path *p, struct link *l);
/* DATA has passed both ways. May end it, when there are too many. */
void path_established(struct node *n, struct path *p);
/* Some INIT waits for its turn, and may have it then. */
void paths_turn_due(struct node *n, uint64_t at_ms);

/* path.c: INIT goes out by the next link now. */
void path_take_turn(struct node *n, struct path *p);

#endif
