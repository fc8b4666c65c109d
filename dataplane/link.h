/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link of the engine: the incomplete frame at its end, what waits to leave by it, its liveness.
 * What leaves is `tx`, pieces of one send in order, then the control queue, then the flows (paths
 * that are behind, sessions that have something to seal), served by deficit round robin in bytes.
 * Pieces that are `direct` still lie in a receive buffer. What the socket did not take of them
 * stays there until the buffer is wanted back (engine_unpin).
 */
#ifndef OCKAM_DATAPLANE_LINK_H
#define OCKAM_DATAPLANE_LINK_H

#include "conduit.h"
#include "engine.h"
#include "guard.h"
#include "label.h"
#include "note.h"
#include "queue.h"
#include "timer.h"

struct endpoint;
struct held;
struct row;

enum {
	LINK_CTL_MAX = 1 << 20,	   /* bytes of frames of control and of LINK that wait */
	LINK_CTL_LEAST = 16 << 10, /* the same when CTL_NODE_MAX wait on all links */
	LINK_QUANTUM = 16 << 10,   /* what a flow may send per turn */
	LINK_TAKE_MAX = 256 << 10, /* taken from queues for one send */
	LINK_SHARED_MAX =
		256 << 10,    /* of a session by itself, with small records beside large ones */
	LINK_RESET_RATE = 10, /* RESET(unknown) per second and link */
	LINK_RESET_BURST = 20,
	LINK_PINGS = 3,
	LINK_RECENT = 128,
};

/* Something that takes turns on a link. */
struct flow {
	struct flow *next;
	struct link *out;
	bool active, is_session, had_turn;
	size_t deficit;
};

/* A path whose egress is behind: keyed by where its frames come in. */
struct backlog {
	struct label_node node; /* (in link, label) */
	struct flow flow;
	struct queue q;
	unsigned in_worker, frames; /* frames: in q */
	size_t in_window; /* what the sender may have had under way */
	struct allowance *from; /* of who sends, where `counted` bytes count; NULL: nowhere */
	size_t counted;
	bool paused;
};

struct tx_piece {
	struct buf *b;	   /* either: iov points into it */
	struct conduit *c; /* or: iov has only a length */
	bool direct;
};

struct link {
	struct label_node node; /* (id, 0) */
	void *io;
	bool up, closing;
	bool datagram, dialled; /* frames are datagrams; this node has dialled */
	uint8_t nesting;
	uint16_t frame_max;
	uint64_t tag_rx, tag_tx; /* of a datagram link: in seq of what is not of a path */

	struct note note;	  /* control's, for the dump */
	char *peer;		  /* its address, for the operator; heap, may be NULL */
	struct endpoint *session; /* a channel as a link: the session that carries it */

	struct buf *partial; /* an incomplete frame: partial_len bytes of it are here */
	uint32_t partial_len;
	size_t kept; /* or they stay with who receives: engine_rx_keep */
	bool passes; /* or they are on their way through: through.h */
	uint64_t partial_since_ms;
	struct link *partial_next, **partial_back; /* those with one, oldest first */
	struct crowd_item partial_item;	   /* among those of its origin, */
	struct crowd_member partial_alone; /* or by itself */

	struct iovec iov[ENGINE_IOV_MAX];
	struct tx_piece piece[ENGINE_IOV_MAX];
	unsigned pieces;
	size_t tx_bytes;
	size_t taken_bytes; /* of the send that is under way */
	bool taken, blocked, ready;
	struct link *next_ready;
	struct queue ctl;
	struct flow *first, *last;
	unsigned backlogs; /* flows that are not sessions */
	struct backlog *recent[LINK_RECENT]; /* some of these, by label */

	struct row *rows; /* of frames that come in by it */

	struct timer timer;
	struct guard guard;
	struct guard_origin *origin;	/* NULL: it is alone */
	struct allowance *allowance;	/* NULL: it has no limits */
	struct held *held, **held_tail; /* labels that its neighbour has paused; held.c */
	unsigned held_n;
	size_t rx_window; /* largest seen, when it mattered */
	uint64_t last_rx_ms, ping_ms;
	unsigned pings;
	uint64_t unheard_ms; /* a datagram link asked something then, and has not heard since; 0: no
			      */
	uint64_t reset_ms;   /* token bucket of RESET(unknown), in virtual time */

	uint64_t frames_handled; /* received, and not just passed on in a run */
	uint64_t useless;	 /* received, and dropped for what they were */
	uint64_t frames_rx, frames_tx, bytes_rx, bytes_tx, dropped;
	uint64_t bytes_through; /* of bytes_rx, those that only passed: through.h */
};

/* Adds to the turns, at the end; removes, with the deficit forgotten. */
void link_flow_add(struct link *l, struct flow *f);
void link_flow_remove(struct link *l, struct flow *f);
void link_flow_rotate(struct link *l); /* the first becomes the last */

static inline bool link_has_work(const struct link *l)
{
	return l->pieces || !queue_empty(&l->ctl) || l->first;
}

/* Nothing waits that frames straight from a receive buffer would overtake. */
static inline bool link_clear(const struct link *l)
{
	return !l->session && !l->backlogs;
}

static inline bool link_full(const struct link *l)
{
	return l->pieces == ENGINE_IOV_MAX;
}

/* Adds a piece; takes over one reference of b. There must be room. */
void link_piece_add(struct link *l, struct buf *b, uint8_t *p, size_t n);
/* The same of n bytes that lie in c. Bytes that follow others of c are one piece with them. */
void link_conduit_add(struct link *l, struct conduit *c, size_t n);
/* Forgets `sent` bytes from the front, and the pieces that are through. */
void link_pieces_sent(struct link *l, size_t sent);
void link_pieces_clear(struct link *l);

/* One token of the bucket; false: none left. */
bool link_reset_allowed(struct link *l, uint64_t now_ms);

#endif
