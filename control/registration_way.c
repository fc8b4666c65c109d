// SPDX-License-Identifier: Apache-2.0
/*
 * As registrant: further ways. What comes for a name shares the registration's link, however many
 * links its senders have; so the node opens some more channels to the relay, each on a link of its
 * own, and joins its names with them. The relay sends each new path by the one with least. They
 * join when they are up and each time that the registration is renewed. Without them everything
 * goes on.
 */
#include "relay_private.h"

#include "adopt.h"
#include "inlet.h"
#include "log.h"

#include <stdlib.h>

enum { JOIN_TIMEOUT_MS = 10000, ATTEMPT_MS = 10000 };

static unsigned wanted(const struct node *n)
{
	return n->workers + 1 < RELAY_WAYS_MAX ? n->workers : RELAY_WAYS_MAX - 1;
}

/* Room for the ways; false: none are wanted, or no memory. */
static bool prepare(struct node *n, struct registration *r)
{
	if (r->ways)
		return true;
	unsigned count = wanted(n);
	r->ways = count ? calloc(count, sizeof *r->ways) : NULL;
	if (!r->ways)
		return false;
	r->ways_n = count;
	for (unsigned i = 0; i < count; i++)
		r->ways[i] = (struct registration_way){.r = r, .number = i + 1};
	return true;
}

static void quiet(struct node *n, struct registration_way *w)
{
	if (w->request)
		message_cancel(n, w->request);
	w->request = NULL;
}

static void join_next(struct node *n, struct registration_way *w);

static void joined(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct registration_way *w = ctx;
	uint8_t status;
	uint32_t lease_s;
	w->request = NULL;
	if (why || relay_answer_decode(payload, len, &status, &lease_s) < 0 || status != RELAY_OK) {
		log_info("relay %s: way %u does not join: %s", w->r->name, w->number,
			why ? why->text : "the relay does not take it");
		return;
	}
	w->step++;
	join_next(n, w);
}

static void join_next(struct node *n, struct registration_way *w)
{
	struct relay_request q = {
		.op = RELAY_JOIN, .lease_s = WIRE_LEASE_MS / 1000, .way = w->number};
	uint8_t buf[RELAY_REQUEST_MAX];
	struct route to = {0};
	if (w->step >= w->r->addresses_n)
		return;
	memcpy(q.name, w->r->addresses[w->step], sizeof q.name);
	int len = relay_request_encode(&q, buf, sizeof buf);
	if (len < 0 || route_append_text(&to, ROUTE_SERVICE, "forwarding_service") < 0)
		return;
	/* may call back before it returns */
	struct message_request *request =
		message_send_in(n, w->channel, &to, buf, (size_t)len, JOIN_TIMEOUT_MS, joined, w);
	if (request)
		w->request = request;
}

static void join(struct node *n, struct registration_way *w)
{
	quiet(n, w);
	w->step = 0;
	if (registration_is_up(w->r) && w->channel && w->channel->state == CHANNEL_UP)
		join_next(n, w);
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	if (ch)
		join(n, ctx);
}

static void way_open(struct node *n, struct registration_way *w)
{
	struct route to = w->r->at;
	if (route_append_text(&to, ROUTE_SERVICE, "api") < 0)
		return;
	struct channel_options o = {
		.to = &to,
		.trust = &w->r->trust,
		.timeout_ms = ATTEMPT_MS,
		.hidden = true,
		.persistent = true,
		.lane = inlets_lane(n),
	};
	w->channel = channel_open(n, &o, opened, w);
}

void ways_claim(struct node *n, struct registration *r)
{
	struct route to = r->at;
	if (!prepare(n, r) || route_append_text(&to, ROUTE_SERVICE, "api") < 0)
		return;
	for (unsigned i = 0; i < r->ways_n; i++)
		r->ways[i].channel = adopt_claim(n, &to, &r->trust, true);
}

void ways_join(struct node *n, struct registration *r)
{
	if (!prepare(n, r))
		return;
	for (unsigned i = 0; i < r->ways_n; i++) {
		if (r->ways[i].channel)
			join(n, &r->ways[i]);
		else
			way_open(n, &r->ways[i]);
	}
}

void ways_quiet(struct node *n, struct registration *r)
{
	for (unsigned i = 0; i < r->ways_n; i++)
		quiet(n, &r->ways[i]);
}

void ways_close(struct node *n, struct registration *r)
{
	for (unsigned i = 0; i < r->ways_n; i++) {
		struct channel *ch = r->ways[i].channel;
		r->ways[i].channel = NULL;
		if (ch)
			channel_close(n, ch);
	}
}

bool ways_have(const struct registration *r, const struct channel *ch)
{
	for (unsigned i = 0; i < r->ways_n; i++)
		if (r->ways[i].channel == ch)
			return true;
	return false;
}

void ways_on_channel_up(struct node *n, struct registration *r, struct channel *ch)
{
	for (unsigned i = 0; i < r->ways_n; i++)
		if (r->ways[i].channel == ch)
			join(n, &r->ways[i]);
}

/* A channel that is gone for good is opened again when the registration is renewed. */
void ways_on_channel_gone(struct node *n, struct registration *r, struct channel *ch)
{
	for (unsigned i = 0; i < r->ways_n; i++) {
		struct registration_way *w = &r->ways[i];
		if (w->channel != ch)
			continue;
		quiet(n, w);
		if (ch->state == CHANNEL_CLOSING)
			w->channel = NULL;
	}
}
