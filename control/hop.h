/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a route leads from here: the one place that says who may go where (docs/protocol.md, "Paths").
 */
#ifndef OCKAM_HOP_H
#define OCKAM_HOP_H

#include "link.h"

enum hop_rights {
	HOP_PLAIN, /* came over a link, or as FRAME: listeners, echo, uppercase, hop, relay names, handles */
	HOP_SESSION, /* MSG in a session: any service, by its policy */
	HOP_OWN,     /* the node's own command: no transit policy */
};

enum hop_kind {
	HOP_LISTENER, /* a channel listener, the last element */
	HOP_SERVICE,  /* another local service, the last element */
	HOP_LINK,     /* leaves by this link (connection address, or relay name) */
	HOP_CHANNEL,  /* names a channel of this node: inside it (MSG), or over it as a link (INIT) */
	HOP_DIAL,     /* leaves by the link to this target */
	HOP_HANDLE,   /* a reply handle, the last element */
	HOP_REFUSE,
};

struct hop {
	enum hop_kind kind;
	unsigned used;	  /* elements consumed from the front; the rest is the onward route */
	unsigned cost;	  /* taken from hops_left for `hop` and relay names, beside the one of the hop itself */
	bool for_other;	  /* HOP_DIAL: ask the transit policy */
	struct link *link;
	struct channel *channel;
	struct link_target target;
	char service[WIRE_NAME_MAX + 1];
	uint8_t handle[WIRE_HANDLE];
	uint8_t code;	  /* HOP_REFUSE: enum reset_code */
	struct reason why; /* for the node's own user */
	char text[WIRE_ERROR_TEXT_MAX + 1]; /* the part of it that an error message carries */
};

/* `ingress`: the link it came by (NULL for own commands and for MSG, then `via` is the session's channel). */
void hop_decide(struct node *n, enum hop_rights rights, struct link *ingress, struct channel *via, const struct route *r,
	struct hop *out);

#endif
