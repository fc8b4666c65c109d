/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by message.c (this node's own requests), message_route.c (what comes in: served,
 * forwarded, or a reply) and secure_route.c (requests with `secure` in their route). Nobody else
 * includes it.
 */
#ifndef OCKAM_MESSAGE_PRIVATE_H
#define OCKAM_MESSAGE_PRIVATE_H

#include "handle.h"
#include "message.h"
#include "message_codec.h"
#include "reassembly.h"

struct secure_route;
struct forward;

struct message_request {
	message_fn *fn;
	void *ctx;
	uint64_t deadline_ms;
	uint64_t timeout_ms;
	bool *finished; /* set by message_finish while the call that made it is still running */
	struct link_wait *wait;	 /* its link is dialled */
	struct channel *awaits;	 /* not up yet, or not again */
	struct message *message; /* until sent; heap, with the payload behind it */
	unsigned used;		 /* elements that led to the link */
	struct secure_route *secure;
	char to[200]; /* for the errors */
	struct message_request *next, **link_back;
};

struct messages {
	struct message_request *requests;
	struct handles handles;
	struct reassembly reassembly;
	struct forward *forwards; /* requests of others whose link is dialled */
	unsigned forwards_n;
	struct secure_route *secure_done; /* their channels are closed at the next tick */
	uint32_t next_message;
};

/* message.c */
struct message_request *message_request_new(
	struct node *n, const struct route *to, uint64_t timeout_ms, message_fn *fn, void *ctx);
/* Frees it and calls fn, once. */
void message_finish(struct node *n, struct message_request *r, const struct reason *why,
	const uint8_t *payload, size_t len);
/* The message with a copy of its payload in one piece of heap. */
struct message *message_copy(const struct message *m);
/* As MSG records. 0, -EMSGSIZE (also: too large for a lossy path), or what channel_send says. */
int message_to_channel(struct node *n, struct channel *ch, const struct message *m, unsigned from);

/* message_route.c */
void message_arrived(struct node *n, const struct message_peer *from, const struct message *m);
/* Tells where h's request came from that no reply will come, and drops h. */
void message_handle_lost(struct node *n, struct handle *h, const struct reason *why);
/* Forgets what waits for a link on behalf of that neighbour (NULL: all). */
void message_forwards_drop(struct node *n, const struct message_peer *from);

/* secure_route.c */
bool secure_route_needed(const struct route *r);
/* Runs under r, which it finishes. */
void secure_route_start(struct node *n, struct message_request *r, const struct route *to,
	const struct trust *trust, const uint8_t *payload, size_t len);
void secure_route_abandon(struct node *n, struct secure_route *s);
/* Closes the channels of those that are done. */
void secure_routes_tick(struct node *n);
void secure_routes_fini(struct node *n);

#endif
