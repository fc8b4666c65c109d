// SPDX-License-Identifier: Apache-2.0
/* Services and workers: what has an address on this node. */
#include "api.h"

#include "channel.h"
#include "object.h"

#include <errno.h>
#include <stdio.h>

static const char listener_type[] = "secure_channel_listener";

static json_t *service_json(const char *addr, const char *type)
{
	char route[WIRE_NAME_MAX + sizeof "/service/"];
	snprintf(route, sizeof route, "/service/%s", addr);
	return json_pack("{s:s, s:s, s:s}", "addr", addr, "type", type, "route", route);
}

json_t *api_services_json(struct program *p)
{
	json_t *list = json_array();
	for (struct listener *l = listeners_first(p->node); l; l = l->next)
		json_array_append_new(list, service_json(l->name, listener_type));
	for (struct service *s = services_first(p->node); s; s = s->next)
		json_array_append_new(list, service_json(s->addr, s->type));
	return list;
}

void api_services_list(struct api_request *rq)
{
	api_reply(rq, api_services_json(rq->p));
}

void api_service_start(struct api_request *rq)
{
	struct reason why;
	struct service *s;
	if (object_make_service(rq->p, api_string(rq, "name"), api_string(rq, "addr"), &s, &why) <
		0) {
		api_fail(rq, &why);
		return;
	}
	if (object_put(rq->p, OBJECT_SERVICE, s->addr, json_pack("{s:s}", "type", s->type), &why) <
		0) {
		service_stop(rq->p->node, s->addr);
		api_fail(rq, &why);
		return;
	}
	api_reply(rq, service_json(s->addr, s->type));
}

/* A stopped one is remembered as such: it may be one that every node starts. */
void api_service_stop(struct api_request *rq)
{
	struct reason why;
	const char *addr = api_address(rq);
	struct service *s = service_get(rq->p->node, addr);
	if (!s && listener_get(rq->p->node, addr)) {
		api_failf(rq, EXIT_USAGE,
			"%s is a secure channel listener: delete it with secure-channel-listener "
			"delete",
			addr);
		return;
	}
	if (!s) {
		api_failf(rq, EXIT_NOT_FOUND, "NotFound: node %s has no service %.64s", rq->p->name,
			addr);
		return;
	}
	if (object_put(rq->p, OBJECT_SERVICE, s->addr, json_pack("{s:b}", "stopped", 1), &why) <
		0) {
		api_fail(rq, &why);
		return;
	}
	json_t *doc = service_json(s->addr, s->type);
	service_stop(rq->p->node, addr);
	api_reply(rq, doc);
}

static void add_worker(json_t *list, const char *addr, const char *type)
{
	json_array_append_new(list, json_pack("{s:s, s:s}", "addr", addr, "type", type));
}

static void add_relay_name(void *ctx, const char *name)
{
	add_worker(ctx, name, "relay");
}

void api_workers_list(struct api_request *rq)
{
	struct node *n = rq->p->node;
	json_t *list = json_array();
	for (struct listener *l = listeners_first(n); l; l = l->next)
		add_worker(list, l->name, listener_type);
	for (struct service *s = services_first(n); s; s = s->next)
		add_worker(list, s->addr, s->type);
	for (struct outlet *o = outlets_first(n); o; o = o->next)
		add_worker(list, o->name, "tcp_outlet");
	for (struct channel *ch = channels_first(n); ch; ch = ch->next)
		if (!ch->hidden)
			add_worker(list, ch->address, "secure_channel");
	for (struct link *l = links_first(n); l; l = l->next)
		if (l->kind != LINK_CHANNEL)
			add_worker(list, l->address, "connection");
	relay_names_each(n, add_relay_name, list);
	api_reply(rq, list);
}
