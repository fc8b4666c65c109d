// SPDX-License-Identifier: Apache-2.0
/* Registrations of this node at relays. */
#include "api.h"

#include "object.h"

#include <stdlib.h>

static json_t *addresses_json(const struct registration *r)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < r->addresses_n; i++)
		json_array_append_new(list, json_string(r->addresses[i]));
	return list;
}

static json_t *peer_json(const struct registration *r)
{
	char text[IDENTIFIER_TEXT];
	if (!r->channel || r->channel->state != CHANNEL_UP)
		return json_null();
	return json_string(identifier_format(&r->channel->peer.id, text));
}

static json_t *relay_json(const struct registration *r)
{
	const char *error = r->last_error.exit ? r->last_error.text : NULL;
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s?, s:o}", "name", r->name, "remote_address",
		r->printed, "addresses", addresses_json(r), "at", api_route_json(&r->at), "state",
		r->state, "last_error", error, "peer_identifier", peer_json(r));
}

json_t *api_relays_json(struct program *p)
{
	json_t *list = json_array();
	for (struct registration *r = relays_first(p->node); r; r = r->next)
		json_array_append_new(list, relay_json(r));
	return list;
}

void api_relays_list(struct api_request *rq)
{
	api_reply(rq, api_relays_json(rq->p));
}

/* By its name, or an address that it holds. */
static struct registration *find(struct api_request *rq)
{
	const char *name = api_address(rq);
	for (struct registration *r = relays_first(rq->p->node); r; r = r->next) {
		if (!strcmp(r->name, name) || !strcmp(r->printed, name))
			return r;
		for (unsigned i = 0; i < r->addresses_n; i++)
			if (!strcmp(r->addresses[i], name))
				return r;
	}
	api_failf(rq, EXIT_NOT_FOUND, "NotFound: node %s has no relay %.80s", rq->p->name, name);
	return NULL;
}

void api_relay_show(struct api_request *rq)
{
	struct registration *r = find(rq);
	if (r)
		api_reply(rq, relay_json(r));
}

void api_relay_delete(struct api_request *rq)
{
	struct reason why;
	struct registration *r = find(rq);
	if (!r)
		return;
	json_t *doc = relay_json(r);
	if (object_del(rq->p, OBJECT_RELAY, r->name, &why) < 0) {
		json_decref(doc);
		api_fail(rq, &why);
		return;
	}
	relay_delete(rq->p->node, r->name);
	api_reply(rq, doc);
}

struct creating {
	struct api_request *rq;
	char name[WIRE_NAME_MAX + 1];
};

/* The record is written once the relay stands, or when nobody waits for that. */
static int keep(struct program *p, const char *name, const json_t *in, struct reason *why)
{
	json_t *o = json_deep_copy(in);
	if (o) {
		json_object_set_new(o, "name", json_string(name));
		json_object_del(o, "wait");
		json_object_del(o, "timeout_ms");
	}
	return object_put(p, OBJECT_RELAY, name, o, why);
}

static void on_registered(
	struct node *n, void *ctx, struct registration *r, const struct reason *failed)
{
	struct creating *c = ctx;
	struct api_request *rq = c->rq;
	struct reason why;
	free(c);
	if (!r) {
		api_fail(rq, failed);
	} else if (keep(rq->p, r->name, rq->in, &why) < 0) {
		relay_delete(n, r->name);
		api_fail(rq, &why);
	} else {
		api_reply(rq, relay_json(r));
	}
}

static void creating_cancel(void *ctx)
{
	struct creating *c = ctx;
	relay_forget_fn(c->rq->p->node, c);
	relay_delete(c->rq->p->node, c->name);
	free(c);
}

void api_relay_create(struct api_request *rq)
{
	struct reason why;
	struct registration *r;
	uint64_t timeout_ms = api_ms(rq, API_CHANNEL_MS);
	struct creating *c = calloc(1, sizeof *c);
	if (!c) {
		api_failf(rq, EXIT_INTERNAL, "out of memory");
		return;
	}
	c->rq = rq;
	if (object_make_relay(rq->p, rq->in, api_bool(rq, "wait", true), timeout_ms, on_registered,
		    c, &r, &why) < 0) {
		free(c);
		api_fail(rq, &why);
		return;
	}
	memcpy(c->name, r->name, sizeof c->name);
	api_wait(rq, timeout_ms + API_SEAM_MS, creating_cancel, c);
}
