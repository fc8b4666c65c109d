/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relay names, both sides. As relay: names that registrants hold, bound to their identity (reserved on
 * disk for 24 h) and to one live session. As registrant: registrations that this node keeps up at
 * relays, each over a hidden persistent channel, renewed before their lease ends and after every
 * re-establishment.
 */
#ifndef OCKAM_RELAY_H
#define OCKAM_RELAY_H

#include "message.h"

struct registration {
	char name[WIRE_NAME_MAX + 1]; /* the user's name of it */
	char printed[WIRE_NAME_MAX + 1]; /* address to print: forward_to_x */
	char addresses[2][WIRE_NAME_MAX + 1]; /* all that were claimed and are held */
	unsigned addresses_n;
	struct route at;
	char state[24]; /* "up", "connecting", "refused" */
	struct reason last_error;
	unsigned listeners_n;
	char listeners[16][WIRE_NAME_MAX + 1]; /* empty: all of the node */
	struct channel *channel;
	struct registration_way *ways; /* registration_way.c */
	unsigned ways_n;
	struct registration *next;
	/* private */
	struct trust trust;
	bool node_name_first;
	struct message_request *request;
	uint64_t renew_ms;
	void *waiting;
};

typedef void relay_fn(struct node *n, void *ctx, struct registration *r, const struct reason *why);

struct relay_options {
	const char *name;
	const struct route *at; /* the relay node, without listener */
	bool node_name_first;	/* forwarder: print forward_to_<node name> */
	const struct trust *trust;
	unsigned listeners_n;
	const char *const *listeners;
	bool wait;		/* fn after the first registration; else at once */
	uint64_t timeout_ms;
};

struct relays *relays_new(void);
void relays_free(struct node *n);
/* fn once, never before this returns; on failure with `wait` nothing is left. -EEXIST. */
int relay_create(struct node *n, const struct relay_options *o, relay_fn *fn, void *ctx, struct registration **out);
void relay_forget_fn(struct node *n, const void *ctx);
int relay_delete(struct node *n, const char *name); /* -ENOENT; releases the names at the relay */
struct registration *relays_first(struct node *n);

/* Relay side, for hop.c: the registrant's channel behind a name, of several that by which least goes; or NULL. */
struct channel *relay_name_channel(struct node *n, const char *name);
/* Calls fn with each name held here (worker list). */
void relay_names_each(struct node *n, void (*fn)(void *ctx, const char *name), void *ctx);
/* The names that a channel holds, with their leases: how many (at most max were written). */
struct note_name;
unsigned relay_names_of(struct node *n, const struct channel *ch, struct note_name *out, unsigned max);
/* A channel that was adopted holds it. */
void relay_name_adopt(struct node *n, struct channel *ch, const struct note_name *name);
/* Registrant side: on a link this node dialled, or a channel it initiated, only what it registered there. */
bool relay_accepts(struct node *n, struct link *ingress, const char *service);
/* The forwarding_service. */
uint8_t relay_service(struct node *n, struct channel *from, const uint8_t *payload, size_t len, uint8_t **reply, size_t *reply_len,
	char text[static WIRE_ERROR_TEXT_MAX + 1]);

void relays_on_channel_up(struct node *n, struct channel *ch);	 /* an initiator's channel is up (again) */
void relays_on_channel_gone(struct node *n, struct channel *ch); /* either role; its session ended */
void relays_on_listeners_changed(struct node *n);
void relays_tick(struct node *n);
uint64_t relays_deadline(const struct node *n);

#endif
