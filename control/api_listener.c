// SPDX-License-Identifier: Apache-2.0
/* Secure channel listeners. */
#include "api.h"

#include "object.h"

#include <stdio.h>

static json_t *listener_json(struct program *p, const struct listener *l)
{
	char address[WIRE_NAME_MAX + sizeof "/service/"];
	char id[IDENTIFIER_TEXT];
	const struct handshake_keys *k = l->keys ? l->keys : &p->node->keys;
	snprintf(address, sizeof address, "/service/%s", l->name);
	return json_pack("{s:s, s:o, s:s}", "address", address, "authorized",
		api_trust_json(&l->trust), "identity", identifier_format(&k->identity.id, id));
}

json_t *api_listeners_json(struct program *p)
{
	json_t *list = json_array();
	for (struct listener *l = listeners_first(p->node); l; l = l->next)
		json_array_append_new(list, listener_json(p, l));
	return list;
}

void api_listeners_list(struct api_request *rq)
{
	api_reply(rq, api_listeners_json(rq->p));
}

static struct listener *find(struct api_request *rq)
{
	struct listener *l = listener_get(rq->p->node, api_address(rq));
	if (!l)
		api_failf(rq, EXIT_NOT_FOUND,
			"NotFound: node %s has no secure channel listener %.64s", rq->p->name,
			api_address(rq));
	return l;
}

void api_listener_show(struct api_request *rq)
{
	struct listener *l = find(rq);
	if (l)
		api_reply(rq, listener_json(rq->p, l));
}

void api_listener_delete(struct api_request *rq)
{
	struct reason why;
	struct listener *l = find(rq);
	if (!l)
		return;
	json_t *doc = listener_json(rq->p, l);
	if (object_del(rq->p, OBJECT_CHANNEL_LISTENER, l->name, &why) < 0) {
		json_decref(doc);
		api_fail(rq, &why);
		return;
	}
	listener_del(rq->p->node, l->name);
	api_reply(rq, doc);
}

void api_listener_create(struct api_request *rq)
{
	struct reason why;
	struct listener *l;
	const char *name = api_string(rq, "name");
	if (object_make_channel_listener(rq->p, name, rq->in, &l, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	if (object_put(rq->p, OBJECT_CHANNEL_LISTENER, name, json_incref(rq->in), &why) < 0) {
		listener_del(rq->p->node, name);
		api_fail(rq, &why);
		return;
	}
	api_reply(rq, listener_json(rq->p, l));
}
