/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inlets: listening sockets whose connections become streams to a service behind a secure channel.
 * An inlet keeps up several hidden channels to the same listener, each over a connection of its own
 * where the first hop allows, and hands its socket to the data plane once for each that is up.
 * While none is, connections wait for a moment and are then reset.
 */
#ifndef OCKAM_INLET_H
#define OCKAM_INLET_H

#include "channel.h"

enum {
	INLET_PARALLEL_MAX = 16,
	INLET_GRACE_MS = 2000, /* so long connections wait for a channel that is coming back */
	INLETS_MAX = 1024,
};

/* Where an inlet leads. */
struct inlet_route {
	struct route channel; /* to a channel listener; or the address of a channel there is */
	bool existing;
	char service[WIRE_NAME_MAX + 1];
};

/*
 * Splits `ROUTE/secure/LISTENER/service/NAME`, where `/secure/api` is put before the last service
 * when there is none, and `/service/HEX/service/NAME` for a channel of this node. 0, or -EINVAL and
 * why.
 */
int inlet_route_parse(
	struct node *n, const struct route *r, struct inlet_route *out, struct reason *why);

struct inlet_session {
	struct inlet *in;
	struct channel *ch; /* NULL: none; owned unless in->to.existing */
	uint32_t lane;
	uint32_t served;   /* the session that has our socket, or is being given it; 0: none */
	bool ready;	   /* the data plane has it */
	uint64_t retry_ms; /* UINT64_MAX: when the channel is up */
};

struct inlet {
	char alias[WIRE_NAME_MAX + 1];
	char bind[128]; /* as it is shown */
	uint32_t portal;
	int fd;		    /* listening */
	struct route route; /* as it was given */
	struct inlet_route to;
	struct trust trust;
	struct handshake_keys *keys; /* NULL: the node's */
	uint64_t retry_wait_ms;	     /* 0: a growing time */
	unsigned n, ready;
	struct inlet_session s[INLET_PARALLEL_MAX];
	bool refusing;
	uint64_t refuse_ms;	  /* when waiting connections are reset; UINT64_MAX: not */
	struct reason last_error; /* exit 0: none */
	uint64_t failures;
	struct inlet *next;
	/* who waits for the first result */
	void (*fn)(struct node *n, void *ctx, struct inlet *in);
	void *ctx;
	uint64_t notify_ms;
};

/* Told once: it is up, or its first attempt failed, or the time is over. Never before this returns.
 */
typedef void inlet_fn(struct node *n, void *ctx, struct inlet *in);

struct inlet_options {
	const char *alias, *bind;
	int fd;		 /* taken over in any case */
	uint32_t portal; /* 0: a new one; else adopted channels serve it already */
	const struct route *route;
	const struct inlet_route *to;
	const struct trust *trust;
	struct handshake_keys *keys; /* of locked_new, taken over in any case; or NULL */
	unsigned parallel;	     /* 0: workers + 1 */
	uint64_t retry_wait_ms;	     /* between attempts that fail; 0: a growing time */
	inlet_fn *fn;		     /* or NULL */
	void *ctx;
	uint64_t wait_ms;
};

struct inlets *inlets_new(void);
void inlets_free(struct node *n);
/* A number for a link of its own (struct link_target). */
uint32_t inlets_lane(struct node *n);
/* Portals and lanes that are in use already (adopt.h). */
void inlets_number_above(struct node *n, uint32_t portal, uint32_t lane);
/* -EEXIST (the alias), -EINVAL, -EMFILE, -ENOMEM. */
int inlet_add(struct node *n, const struct inlet_options *o, struct inlet **out);
/* With its channels: open connections are reset. */
void inlet_del(struct node *n, struct inlet *in);
void inlet_forget_fn(struct node *n, const void *ctx);
struct inlet *inlets_first(struct node *n);
/* By alias or by the address it listens on. */
struct inlet *inlet_get(struct node *n, const char *name);
/* "up", "connecting" or "refused". */
const char *inlet_state(const struct inlet *in);
/* Whom it leads to; NULL while no channel is up. */
const struct identifier *inlet_peer(const struct inlet *in);
/* Why it is not up; exit 0: unknown. */
const struct reason *inlet_error(const struct inlet *in);

void inlets_on_channel_up(struct node *n, struct channel *ch);
void inlets_on_channel_gone(
	struct node *n, struct channel *ch); /* its session; or all of it: CLOSING */
void inlets_on_refused(struct node *n, uint32_t portal, uint8_t code);
void inlets_tick(struct node *n);
uint64_t inlets_deadline(const struct node *n);

#endif
