/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secure channels of this node, both roles: the ends of paths. A channel keeps its address while
 * sessions under it come and go: when the path breaks, the initiator runs a fresh handshake with
 * back-off. The responder drops its own.
 */
#ifndef OCKAM_CHANNEL_H
#define OCKAM_CHANNEL_H

#include "link.h"
#include "trust.h"

enum channel_state { CHANNEL_OPENING, CHANNEL_UP, CHANNEL_BROKEN, CHANNEL_CLOSING };

struct channel_end;
struct channel;

/* ch NULL: failed, and why. */
typedef void channel_open_fn(struct node *n, void *ctx, struct channel *ch, const struct reason *why);

struct channel {
	char address[33];
	uint8_t role; /* enum seam_role */
	enum channel_state state;
	bool hidden; /* implicit: made for a relay or one message; not listed, not named in routes */
	char listener[WIRE_NAME_MAX + 1];
	struct route route; /* initiator: whole route with the listener */
	struct trust trust;
	uint32_t session;   /* 0: none */
	struct link *link;  /* of the current session; NULL: none */
	uint8_t suite, path_flags;
	uint16_t path_max;  /* what the hops would take */
	uint16_t frame_max; /* what is known to pass: on a LOSSY path that is found out */
	uint8_t init_hops_left; /* responder: of the INIT; 16 = the initiator is the direct neighbour */
	struct identity peer;
	uint8_t peer_static[32];
	uint8_t hash[32]; /* of the handshake */
	char identity[WIRE_NAME_MAX + 1]; /* initiator: whose keys these are; empty: the node's */
	uint64_t opened_ms;
	struct crowd_member handles; /* of requests that came in it; handle.c */
	struct link *as_link; /* this channel as a link; NULL: none, see channel_link */
	struct channel *next;

	/* private to channel.c and initiator.c */
	struct channel_end *end;     /* the session in use */
	struct channel_end *attempt; /* initiator: the one that shall become it */
	struct handshake_keys *keys; /* own, heap; NULL: the node's */
	channel_open_fn *open_fn;    /* until the first result */
	void *open_ctx;
	bool persistent;
	uint64_t give_up_ms; /* of the attempt */
	uint64_t retry_ms;   /* 0: none waits */
	uint64_t timeout_ms;
	uint64_t retry_wait_ms; /* 0: a growing time */
	uint32_t lane; /* of its first link; see struct link_target */
	unsigned failures, restarts;
	uint8_t use_suite; /* of this attempt, after a refusal; 0: the preferred one */
	struct reason last_error; /* of the latest attempt, until one succeeds */
	bool unclaimed;		  /* adopt.c: nobody has asked for it again */
	uint32_t adopted_portal;  /* adopt.c: of an inlet that it served; 0: none */
	bool ending;		  /* program.c: the node ends, and it has to be closed */
};

struct channel_options {
	const struct route *to; /* ends in the listener */
	const struct trust *trust;
	const struct handshake_keys *keys; /* heap, taken over; NULL: the node's */
	const char *identity;		   /* name of what they are of; NULL: the node's */
	uint64_t timeout_ms;
	uint64_t retry_wait_ms; /* between attempts that fail; 0: a growing time */
	bool hidden;
	uint32_t lane;
	/* Keeps trying from the start and stays in the table after a failure; fn is told the first result only. */
	bool persistent;
};

struct channels *channels_new(void);
void channels_free(struct node *n);
/* fn is called once, never before this returns. Returns the channel (owned by the table). */
struct channel *channel_open(struct node *n, const struct channel_options *o, channel_open_fn *fn, void *ctx);
/* The caller's fn will not be called; an opening channel is given up. */
void channel_open_cancel(struct node *n, struct channel *ch);
/* Orderly end; does not wait. ch is gone from the table when this returns. */
void channel_close(struct node *n, struct channel *ch);
struct channel *channel_by_address(struct node *n, const char *hex);
struct channel *channel_by_session(struct node *n, uint32_t session);
struct channel *channels_first(struct node *n);
/* The channel as a link; NULL when it is not up or nested too deep. */
struct link *channel_link(struct node *n, struct channel *ch);
/* A part of a MSG body, at most SEAM_BODY_MAX. */
int channel_send(struct node *n, struct channel *ch, uint32_t message, bool more, const uint8_t *body, size_t len);

/* From paths: an INIT for the local listener, RESP and RESET for an end's label; and from the seam. */
void channels_on_init(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void channels_on_resp(struct node *n, struct link *l, void *end, const uint8_t *frame, size_t len);
void channels_on_finish(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void channels_on_reset(struct node *n, void *end, uint8_t code, uint8_t hops_left);
void channels_on_link_gone(struct node *n, struct link *l);
void channels_on_session_up(struct node *n, uint32_t session);
void channels_on_session_mtu(struct node *n, uint32_t session, uint16_t frame_max);
void channels_on_session_broken(struct node *n, uint32_t session, int error);
void channels_on_session_closed(struct node *n, uint32_t session, uint8_t code);
/* There is a data plane again: attempts that wait are made now. */
void channels_retry(struct node *n);
void channels_tick(struct node *n);
uint64_t channels_deadline(const struct node *n);

#endif
