/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outlets: services that take streams. A stream that a peer opens to one, in a channel that the
 * peer opened, is connected to the outlet's target: the name is resolved for each, its addresses
 * are tried in turn, and the socket goes to the data plane. While an outlet whose target is an
 * address is asked for often, the data plane has some sockets that are aimed at it already,
 * connects them when a stream is opened, and control hears nothing. Control sees none of the bytes.
 */
#ifndef OCKAM_OUTLET_H
#define OCKAM_OUTLET_H

#include "link.h"

enum {
	OUTLET_DIAL_MS = 10000,	 /* for all addresses of a target together */
	OUTLET_DIALS_MAX = 1024, /* connections that are being made, per node */
	OUTLETS_MAX = 1024,
	OUTLET_OFTEN_MS = 1000, /* asked again within so long is often; */
	OUTLET_AIMED = 16,	/* then the data plane gets so many sockets, */
	OUTLET_AIM_MS = 10000,	/* and keeps them for so long after it wanted some last */
};

struct outlet {
	char name[WIRE_NAME_MAX + 1];
	struct link_target to;
	unsigned dialling; /* connections that control makes */
	uint64_t failures;
	uint64_t asked_ms; /* when a peer asked last; 0: none has */
	uint64_t aim_ms;   /* when the sockets that are aimed at its target go; 0: there are none */
	struct reason last_error; /* exit 0: none */
	struct outlet *next;
};

struct outlets *outlets_new(void);
void outlets_free(struct node *n);
/* -EEXIST: the address is taken on this node; -EINVAL: no name; -EMFILE; -ENOMEM. */
int outlet_add(struct node *n, const char *name, const struct link_target *to, struct outlet **out);
int outlet_del(struct node *n, const char *name); /* -ENOENT; its connections go on */
struct outlet *outlet_get(struct node *n, const char *name);
struct outlet *outlets_first(struct node *n);

/* From the seam. */
void outlets_on_asked(struct node *n, uint32_t session, uint32_t stream, const char *service);
void outlets_on_closed(struct node *n, uint32_t session, uint32_t stream);
void outlets_on_wanted(struct node *n, const char *service);
void outlets_on_dataplane_lost(struct node *n);
/* From node_on_resolved and node_on_connected. */
void outlets_on_resolved(struct node *n, uint32_t id, const struct sockaddr_storage *addrs,
	unsigned count, int error);
void outlets_on_connected(struct node *n, uint32_t id, int fd, int error); /* takes fd */
void outlets_tick(struct node *n);
uint64_t outlets_deadline(const struct node *n);

#endif
