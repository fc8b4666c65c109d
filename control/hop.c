// SPDX-License-Identifier: Apache-2.0
#include "hop.h"

#include "channel.h"
#include "listener.h"
#include "relay.h"
#include "service.h"
#include "transit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Who asks, and for what. */
struct asker {
	struct node *n;
	enum hop_rights rights;
	struct link *ingress;
	const struct route *r;
};

__attribute__((format(printf, 3, 4))) static void refuse(
	struct hop *out, uint8_t code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(out->text, sizeof out->text, fmt, ap);
	va_end(ap);
	out->kind = HOP_REFUSE;
	out->code = code;
	out->why = reason_from_reset(code, 0xff, out->text);
}

/*
 * What comes in on a link that this node dialled, or a channel that it initiated, came from whom
 * this node chose to talk to, not to serve: it reaches only what was registered there.
 */
static bool admitted(const struct asker *a, const char *service)
{
	return a->rights != HOP_PLAIN || relay_accepts(a->n, a->ingress, service);
}

/* Using a connection that exists is dialling its other end; under a channel that is its link's. */
static bool transit_by_link(const struct asker *a, const struct link *l)
{
	if (a->rights == HOP_OWN)
		return true;
	while (l && l->kind == LINK_CHANNEL)
		l = l->channel ? l->channel->link : NULL;
	return l && transit_admits(a->n, &l->target);
}

static void to_link(const struct asker *a, struct link *l, struct hop *out)
{
	if (!transit_by_link(a, l)) {
		refuse(out, RESET_TRANSIT, "%s", l->peer);
	} else if (l->state != LINK_UP) {
		refuse(out, RESET_NO_ROUTE, "%s has not said hello", l->peer);
	} else {
		out->kind = HOP_LINK;
		out->link = l;
	}
}

static void to_channel(const struct asker *a, struct channel *ch, struct hop *out)
{
	bool up = ch->link && ch->state == CHANNEL_UP;
	if (!up && a->rights == HOP_OWN && ch->role == SEAM_INITIATOR) {
		out->kind = HOP_CHANNEL; /* who asks may wait for it */
		out->channel = ch;
	} else if (!up) {
		refuse(out, RESET_NO_ROUTE, "the channel is not up");
	} else if (!transit_by_link(a, ch->link)) {
		refuse(out, RESET_TRANSIT, "%s", ch->link->peer);
	} else {
		out->kind = HOP_CHANNEL;
		out->channel = ch;
	}
}

/* A neighbour that registered is reached over its own link, another through its channel. */
static void to_registrant(const struct asker *a, struct channel *ch, struct hop *out)
{
	bool neighbour =
		ch->init_hops_left == WIRE_HOPS_MAX && ch->link && ch->link->kind != LINK_CHANNEL;
	struct link *l = neighbour ? ch->link : channel_link(a->n, ch);
	out->cost++;
	if (!l || l->state != LINK_UP) {
		refuse(out, RESET_NO_ROUTE, "the node behind the relay name is not connected");
		return;
	}
	out->kind = HOP_LINK;
	out->link = l;
}

static void to_service(const struct asker *a, const struct service *s, struct hop *out)
{
	if (a->rights == HOP_PLAIN && !s->plain) {
		refuse(out, RESET_REFUSED, "%s is reached only through a secure channel", s->addr);
		return;
	}
	out->kind = HOP_SERVICE;
	memcpy(out->service, s->addr, sizeof out->service);
}

/* An element that names something of this node; `last`: nothing follows it. */
static void to_name(const struct asker *a, const char *name, bool last, struct hop *out)
{
	struct node *n = a->n;
	struct listener *listener = listener_get(n, name);
	struct service *service = service_get(n, name);
	struct channel *ch;
	struct link *l;
	if (!admitted(a, name)) {
		refuse(out, RESET_NOT_FOUND, "%s", name);
	} else if ((listener || service) && !last) {
		refuse(out, RESET_NOT_FOUND, "the route goes on after %s", name);
	} else if (listener) {
		out->kind = HOP_LISTENER;
		memcpy(out->service, listener->name, sizeof out->service);
	} else if (service) {
		to_service(a, service, out);
	} else if (last && relay_name_channel(n, name)) {
		refuse(out, RESET_NOT_FOUND, "a service must follow the relay name %s", name);
	} else if ((ch = relay_name_channel(n, name))) {
		to_registrant(a, ch, out);
	} else if (last && (links_by_address(n, name) || channel_by_address(n, name))) {
		refuse(out, RESET_NOT_FOUND, "a service must follow %s", name);
	} else if ((ch = channel_by_address(n, name)) && (!ch->hidden || a->rights == HOP_OWN)) {
		to_channel(a, ch, out);
	} else if ((l = links_by_address(n, name)) && l->kind != LINK_CHANNEL) {
		to_link(a, l, out);
	} else {
		refuse(out, RESET_NOT_FOUND, "%s", name);
	}
}

static void to_host(const struct asker *a, unsigned at, struct hop *out)
{
	int used = link_target_from_route(&out->target, a->r, at);
	if (used < 0) {
		refuse(out, RESET_NO_ROUTE, "a host must be followed by tcp or udp and a port");
	} else if (!admitted(a, NULL)) {
		refuse(out, RESET_NOT_FOUND,
			"a node serves only what it registered on a link it dialled");
	} else if (at + (unsigned)used >= a->r->n) {
		refuse(out, RESET_NOT_FOUND, "a service must follow the host");
	} else {
		out->kind = HOP_DIAL;
		out->used = at + (unsigned)used;
		out->for_other = a->rights != HOP_OWN;
	}
}

static bool is_hop(const struct asker *a, const struct route_element *e)
{
	if ((e->code != ROUTE_SERVICE && e->code != ROUTE_WORKER) || e->is_handle)
		return false;
	const struct service *s = service_get(a->n, e->text);
	return s && !s->fn && admitted(a, e->text);
}

void hop_decide(struct node *n, enum hop_rights rights, struct link *ingress, struct channel *via,
	const struct route *r, struct hop *out)
{
	struct asker a = {.n = n, .rights = rights, .ingress = ingress, .r = r};
	*out = (struct hop){.kind = HOP_REFUSE};
	unsigned i = 0;
	for (; i < r->n && is_hop(&a, &r->e[i]); i++)
		out->cost++;
	if (i == r->n) {
		refuse(out, RESET_NOT_FOUND, "the route ends before a service");
		return;
	}
	const struct route_element *e = &r->e[i];
	out->used = i + 1;
	switch (e->code) {
	case ROUTE_SERVICE:
	case ROUTE_WORKER:
		if (!e->is_handle) {
			to_name(&a, e->text, i + 1 == r->n, out);
		} else if (i || r->n > 1) {
			refuse(out, RESET_NOT_FOUND, "a reply handle stands alone");
		} else {
			out->kind = HOP_HANDLE;
			memcpy(out->handle, e->addr, WIRE_HANDLE);
		}
		break;
	case ROUTE_IP4:
	case ROUTE_IP6:
	case ROUTE_DNSADDR:
	case ROUTE_UNIX:
		to_host(&a, i, out);
		break;
	case ROUTE_NODE:
	case ROUTE_SECURE:
		refuse(out, RESET_NOT_FOUND, "%s is resolved before a route is sent",
			e->code == ROUTE_NODE ? "node" : "secure");
		break;
	default:
		refuse(out, RESET_NO_ROUTE, "the route has no host before its port");
		break;
	}
}
