// SPDX-License-Identifier: Apache-2.0
/*
 * Portals: the inlets and outlets of this node. How many connections there were and what they have
 * moved only the data plane knows; list and show ask it.
 */
#include "gather.h"

#include "object.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECT_WAIT_MS = 5000 };

static json_t *error_json(const struct reason *why)
{
	return why->exit ? json_string(why->text) : json_null();
}

static void add_to(json_t *o, const char *key, uint64_t more)
{
	json_t *v = json_object_get(o, key);
	json_integer_set(v, json_integer_value(v) + (json_int_t)more);
}

/* --- outlets --- */

/* Where the data plane is not asked there is nothing that it knows. */
static json_t *without_counters(json_t *o)
{
	static const char *const keys[] = {"open", "connections", "bytes_in", "bytes_out"};
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
		json_object_del(o, keys[i]);
	return o;
}

static json_t *outlet_json(const struct outlet *o)
{
	char address[WIRE_NAME_MAX + sizeof "/service/"], to[160];
	snprintf(address, sizeof address, "/service/%s", o->name);
	link_target_format(&o->to, to, sizeof to);
	return json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:o}", "worker_address", address,
		"to", to, "open", (int)o->dialling, "connections", (json_int_t)0, "failures",
		(json_int_t)o->failures, "bytes_in", (json_int_t)0, "bytes_out", (json_int_t)0,
		"last_error", error_json(&o->last_error));
}

json_t *api_outlets_json(struct program *p)
{
	json_t *list = json_array();
	for (struct outlet *o = outlets_first(p->node); o; o = o->next)
		json_array_append_new(list, without_counters(outlet_json(o)));
	return list;
}

static void add_outlet_counters(json_t *o, const struct seam_msg *m)
{
	add_to(o, "open", m->open);
	add_to(o, "connections", m->streams);
	add_to(o, "bytes_in", m->bytes_rx);
	add_to(o, "bytes_out", m->bytes_tx);
}

void api_gather_outlet(struct gather *g, const struct outlet *o)
{
	const struct seam_msg m = {
		.cmd = SEAM_PORTAL_GET,
		.has = SEAM_HAS(SEAM_A_SERVICE),
		.service = o->name,
		.fd = -1,
	};
	gather_add(g, outlet_json(o), &m, add_outlet_counters);
}

void api_outlets_list(struct api_request *rq)
{
	struct gather *g = gather_new(rq, OUTLETS_MAX, false);
	if (!g)
		return;
	for (struct outlet *o = outlets_first(rq->p->node); o; o = o->next)
		api_gather_outlet(g, o);
	gather_reply(g);
}

static struct outlet *find_outlet(struct api_request *rq)
{
	struct outlet *o = outlet_get(rq->p->node, api_address(rq));
	if (!o)
		api_failf(rq, EXIT_NOT_FOUND, "NotFound: node %s has no outlet %.64s", rq->p->name,
			api_address(rq));
	return o;
}

void api_outlet_show(struct api_request *rq)
{
	struct outlet *o = find_outlet(rq);
	struct gather *g = o ? gather_new(rq, 1, true) : NULL;
	if (!g)
		return;
	api_gather_outlet(g, o);
	gather_reply(g);
}

void api_outlet_create(struct api_request *rq)
{
	struct reason why;
	struct outlet *o;
	if (object_make_outlet(rq->p, rq->in, &o, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	json_t *kept = json_pack("{s:s}", "to", api_string(rq, "to"));
	if (object_put(rq->p, OBJECT_OUTLET, o->name, kept, &why) < 0) {
		outlet_del(rq->p->node, o->name);
		api_fail(rq, &why);
		return;
	}
	api_reply(rq, outlet_json(o));
}

void api_outlet_delete(struct api_request *rq)
{
	struct reason why;
	struct outlet *o = find_outlet(rq);
	if (!o)
		return;
	if (object_del(rq->p, OBJECT_OUTLET, o->name, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	json_t *doc = outlet_json(o);
	outlet_del(rq->p->node, o->name);
	api_reply(rq, doc);
}

/* --- inlets --- */

static json_t *peer_json(const struct inlet *in)
{
	char text[IDENTIFIER_TEXT];
	const struct identifier *id = inlet_peer(in);
	return id ? json_string(identifier_format(id, text)) : json_null();
}

static json_t *inlet_json(const struct inlet *in)
{
	return json_pack(
		"{s:s, s:s, s:o, s:s, s:s, s:o, s:i, s:i, s:o, s:I, s:i, s:I, s:I, s:I, s:I, s:o}",
		"alias", in->alias, "bind_addr", in->bind, "to", api_route_json(&in->route),
		"service", in->to.service, "state", inlet_state(in), "peer_identifier",
		peer_json(in), "channels", (int)in->n, "channels_up", (int)in->ready, "authorized",
		api_trust_json(&in->trust), "retry_wait_ms", (json_int_t)in->retry_wait_ms, "open",
		0, "connections", (json_int_t)0, "failures", (json_int_t)in->failures, "bytes_in",
		(json_int_t)0, "bytes_out", (json_int_t)0, "last_error",
		error_json(inlet_error(in)));
}

json_t *api_inlets_json(struct program *p)
{
	json_t *list = json_array();
	for (struct inlet *in = inlets_first(p->node); in; in = in->next)
		json_array_append_new(list, without_counters(inlet_json(in)));
	return list;
}

static void add_inlet_counters(json_t *o, const struct seam_msg *m)
{
	add_to(o, "open", m->open);
	add_to(o, "connections", m->streams);
	add_to(o, "bytes_in", m->bytes_tx);
	add_to(o, "bytes_out", m->bytes_rx);
}

void api_gather_inlet(struct gather *g, const struct inlet *in)
{
	const struct seam_msg m = {
		.cmd = SEAM_PORTAL_GET,
		.has = SEAM_HAS(SEAM_A_PORTAL),
		.portal = in->portal,
		.fd = -1,
	};
	gather_add(g, inlet_json(in), &m, add_inlet_counters);
}

void api_inlets_list(struct api_request *rq)
{
	struct gather *g = gather_new(rq, INLETS_MAX, false);
	if (!g)
		return;
	for (struct inlet *in = inlets_first(rq->p->node); in; in = in->next)
		api_gather_inlet(g, in);
	gather_reply(g);
}

static struct inlet *find_inlet(struct api_request *rq)
{
	struct inlet *in = inlet_get(rq->p->node, rq->segment);
	if (!in)
		api_failf(rq, EXIT_NOT_FOUND, "NotFound: node %s has no inlet %.128s", rq->p->name,
			rq->segment);
	return in;
}

void api_inlet_show(struct api_request *rq)
{
	struct inlet *in = find_inlet(rq);
	struct gather *g = in ? gather_new(rq, 1, true) : NULL;
	if (!g)
		return;
	api_gather_inlet(g, in);
	gather_reply(g);
}

/* What is written down: the address with the port that it has now. */
static int keep(struct api_request *rq, const struct inlet *in, struct reason *why)
{
	json_t *o = json_deep_copy(rq->in);
	if (o) {
		json_object_set_new(o, "alias", json_string(in->alias));
		json_object_set_new(o, "from", json_string(in->bind));
		json_object_del(o, "wait");
		json_object_del(o, "timeout_ms");
	}
	return object_put(rq->p, OBJECT_INLET, in->alias, o, why);
}

static void on_first_result(struct node *n, void *ctx, struct inlet *in)
{
	api_reply(ctx, inlet_json(in));
}

/* The inlet stands; only who asked does not learn more. */
static void waiting_cancel(void *ctx)
{
	struct api_request *rq = ctx;
	inlet_forget_fn(rq->p->node, rq);
}

void api_inlet_create(struct api_request *rq)
{
	struct reason why;
	struct inlet *in;
	bool wait = api_bool(rq, "wait", true);
	uint64_t wait_ms = api_ms(rq, CONNECT_WAIT_MS);
	if (object_make_inlet(
		    rq->p, rq->in, wait ? on_first_result : NULL, rq, wait_ms, &in, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	if (keep(rq, in, &why) < 0) {
		object_end_inlet(rq->p, in);
		api_fail(rq, &why);
		return;
	}
	if (wait)
		api_wait(rq, wait_ms + API_SEAM_MS, waiting_cancel, rq);
	else
		api_reply(rq, inlet_json(in));
}

void api_inlet_delete(struct api_request *rq)
{
	struct reason why;
	struct inlet *in = find_inlet(rq);
	if (!in)
		return;
	if (object_del(rq->p, OBJECT_INLET, in->alias, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	json_t *doc = inlet_json(in);
	object_end_inlet(rq->p, in);
	api_reply(rq, doc);
}
