// SPDX-License-Identifier: Apache-2.0
/* Secure channels. Their counters are the data plane's. */
#include "api.h"

#include "channel.h"
#include "gather.h"
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const state_names[] = {
	[CHANNEL_OPENING] = "opening",
	[CHANNEL_UP] = "up",
	[CHANNEL_BROKEN] = "broken",
	[CHANNEL_CLOSING] = "closing",
};

static const char *suite_name(uint8_t suite)
{
	return suite == SUITE_AESGCM ? "AESGCM" : suite == SUITE_CHACHAPOLY ? "ChaChaPoly" : NULL;
}

static json_t *peer_json(const struct channel *ch)
{
	static const struct identifier nobody;
	char text[IDENTIFIER_TEXT];
	if (identifier_equal(&ch->peer.id, &nobody))
		return json_null();
	return json_string(identifier_format(&ch->peer.id, text));
}

static json_t *address_json(const char *address)
{
	char text[WIRE_NAME_MAX + sizeof "/service/"];
	snprintf(text, sizeof text, "/service/%s", address);
	return json_string(text);
}

/* One that is being opened is known only to the request that opens it. */
static bool is_listed(const struct channel *ch)
{
	return !ch->hidden && !(ch->role == SEAM_INITIATOR && ch->state == CHANNEL_OPENING);
}

/* All but the counters. */
static json_t *channel_json(struct program *p, const struct channel *ch)
{
	uint64_t age_ms = ch->opened_ms ? p->node->now_ms - ch->opened_ms : 0;
	return json_pack("{s:o, s:s, s:o, s:o, s:s?, s:o, s:s, s:I, s:s?, s:i}", "address",
		address_json(ch->address), "role",
		ch->role == SEAM_INITIATOR ? "initiator" : "responder", "peer_identifier",
		peer_json(ch), "route", api_route_json(&ch->route), "listener",
		ch->listener[0] ? ch->listener : NULL, "authorized", api_trust_json(&ch->trust),
		"state", state_names[ch->state], "age_s", (json_int_t)(age_ms / 1000), "suite",
		suite_name(ch->suite), "path_max", (int)ch->frame_max);
}

static void add_counters(json_t *o, const struct seam_msg *m)
{
	json_object_set_new(o, "epoch", json_integer(m->epoch_tx));
	json_object_set_new(o, "frames_rx", json_integer((json_int_t)m->frames_rx));
	json_object_set_new(o, "frames_tx", json_integer((json_int_t)m->frames_tx));
	json_object_set_new(o, "bytes_rx", json_integer((json_int_t)m->bytes_rx));
	json_object_set_new(o, "bytes_tx", json_integer((json_int_t)m->bytes_tx));
	json_object_set_new(o, "replay_drops", json_integer((json_int_t)m->replays));
	json_object_set_new(o, "auth_drops", json_integer((json_int_t)m->auth_failures));
}

json_t *api_channels_json(struct program *p)
{
	json_t *list = json_array();
	for (struct channel *ch = channels_first(p->node); ch; ch = ch->next)
		if (is_listed(ch))
			json_array_append_new(list, channel_json(p, ch));
	return list;
}

static void gather_channel(struct gather *g, struct program *p, const struct channel *ch)
{
	static const struct seam_msg zero;
	const struct seam_msg m = {
		.cmd = SEAM_SESSION_GET,
		.has = SEAM_HAS(SEAM_A_SESSION),
		.session = ch->session,
		.fd = -1,
	};
	json_t *o = channel_json(p, ch);
	add_counters(o, &zero); /* they stand when it has just ended */
	gather_add(g, o, ch->session ? &m : NULL, add_counters);
}

/* only NULL: all that are listed. */
static void gather_start(struct api_request *rq, const struct channel *only)
{
	unsigned n = 0;
	for (struct channel *ch = channels_first(rq->p->node); ch; ch = ch->next)
		n++;
	struct gather *g = gather_new(rq, n, only);
	if (!g)
		return;
	if (only)
		gather_channel(g, rq->p, only);
	else
		for (struct channel *ch = channels_first(rq->p->node); ch; ch = ch->next)
			if (is_listed(ch))
				gather_channel(g, rq->p, ch);
	gather_reply(g);
}

void api_channels_list(struct api_request *rq)
{
	gather_start(rq, NULL);
}

static struct channel *find(struct api_request *rq)
{
	struct channel *ch = channel_by_address(rq->p->node, api_address(rq));
	if (ch && is_listed(ch))
		return ch;
	api_failf(rq, EXIT_NOT_FOUND, "NotFound: node %s has no secure channel %.64s", rq->p->name,
		api_address(rq));
	return NULL;
}

void api_channel_show(struct api_request *rq)
{
	struct channel *ch = find(rq);
	if (ch)
		gather_start(rq, ch);
}

void api_channel_delete(struct api_request *rq)
{
	struct channel *ch = find(rq);
	if (!ch)
		return;
	json_t *doc = json_pack("{s:o}", "address", address_json(ch->address));
	channel_close(rq->p->node, ch);
	api_reply(rq, doc);
}

struct opening {
	struct api_request *rq;
	struct channel *ch;
};

static void on_opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct opening *op = ctx;
	struct api_request *rq = op->rq;
	free(op);
	if (ch)
		api_reply(rq, json_pack("{s:o, s:o}", "address", address_json(ch->address),
				      "peer_identifier", peer_json(ch)));
	else
		api_fail(rq, why);
}

static void opening_cancel(void *ctx)
{
	struct opening *op = ctx;
	channel_open_cancel(op->rq->p->node, op->ch);
	free(op);
}

static bool ends_in_listener(const struct route *r)
{
	return r->n &&
	       (r->e[r->n - 1].code == ROUTE_SERVICE || r->e[r->n - 1].code == ROUTE_WORKER);
}

static bool leads_through_secure(const struct route *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->e[i].code == ROUTE_SECURE)
			return true;
	return false;
}

void api_channel_create(struct api_request *rq)
{
	struct route to;
	struct trust trust;
	struct reason why;
	struct handshake_keys *keys;
	uint64_t timeout_ms = api_ms(rq, API_CHANNEL_MS);
	if (api_get_route(rq, "to", &to) < 0 || api_get_trust(rq, &trust) < 0)
		return;
	if (!ends_in_listener(&to)) {
		api_failf(rq, EXIT_USAGE,
			"the route to a secure channel listener ends in its name, as /service/api");
		return;
	}
	if (leads_through_secure(&to)) {
		api_failf(rq, EXIT_USAGE,
			"the route of a secure channel has no /secure in it: create that channel "
			"first "
			"and go on from its address");
		return;
	}
	if (keys_load_other(rq->p, api_string(rq, "identity"), &keys, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	struct channel_options o = {.to = &to,
		.trust = &trust,
		.keys = keys,
		.identity = keys ? api_string(rq, "identity") : NULL,
		.timeout_ms = timeout_ms};
	struct opening *op = calloc(1, sizeof *op);
	if (op) {
		op->rq = rq;
		op->ch = channel_open(rq->p->node, &o, on_opened, op);
	}
	if (op && op->ch) {
		api_wait(rq, timeout_ms + API_SEAM_MS, opening_cancel, op);
		return;
	}
	free(op);
	api_failf(rq, EXIT_INTERNAL, "the secure channel cannot be opened: out of memory");
}
