// SPDX-License-Identifier: Apache-2.0
/* The requests of a world: each knows what has to come back, and by when. */
#include "world.h"

#include "sim_alloc.h"

#include "message.h"
#include "relay.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLACK_MS = 1500 }; /* what an answer may be later than its time-out */

static struct ask *ask_new(
	struct world *w, unsigned who, uint64_t timeout_ms, const char *what, const char *to)
{
	struct ask *a = sim_alloc(sizeof *a);
	a->w = w;
	a->id = ++w->asked;
	a->who = who;
	a->life = sim_node_life(w->n[who]);
	a->deadline_ms = sim_now(w->s) + timeout_ms + SLACK_MS;
	snprintf(a->what, sizeof a->what, "%s: %s %s", sim_node_name(w->n[who]), what, to);
	a->next = w->asks;
	w->asks = a;
	sim_trace(w->s, "[%u] %s", a->id, a->what);
	return a;
}

/* Invariant: once. */
static void answered(struct ask *a, const struct reason *why)
{
	if (a->done)
		sim_fault(a->w->s, "%s: answered twice", a->what);
	a->done = true;
	if (why)
		a->why = *why;
	sim_trace(a->w->s, "[%u] answered: %d %s", a->id, a->why.exit, a->why.text);
	if (a->why.exit && a->must)
		sim_fault(a->w->s, "%s: %d %s", a->what, a->why.exit, a->why.text);
	if (a->why.exit && !a->why.text[0])
		sim_fault(a->w->s, "%s: failed and does not say why", a->what);
}

static struct route route_of(const char *text)
{
	struct route r;
	char err[200];
	if (route_parse(&r, text, err, sizeof err) < 0) {
		fprintf(stderr, "route %s: %s\n", text, err);
		abort();
	}
	return r;
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct ask *a = ctx;
	if (!ch != (why != NULL))
		sim_fault(a->w->s, "%s: neither a channel nor a reason", a->what);
	answered(a, why);
}

struct ask *ask_open(struct world *w, unsigned who, const char *to, bool any, uint64_t timeout_ms)
{
	struct ask *a = ask_new(w, who, timeout_ms, "open", to);
	struct trust trust = {.any = any};
	struct route r = route_of(to);
	struct channel_options o = {.to = &r, .trust = &trust, .timeout_ms = timeout_ms};
	if (!channel_open(sim_node_control(w->n[who]), &o, opened, a))
		sim_fault(w->s, "%s: no channel was made", a->what);
	sim_wake(w->s, w->n[who], sim_now(w->s));
	return a;
}

/* A text that is of this request alone; the first half is what is looked for on the wires. */
static void fill(uint8_t *dst, size_t len, unsigned id, bool secret, bool capitals)
{
	char text[32];
	unsigned n = (unsigned)snprintf(text, sizeof text, "%s %c%c%c%c%c%c%c ",
		secret ? "secret marker" : "public letter", 'a' + (id & 15), 'a' + (id >> 4 & 15),
		'a' + (id >> 8 & 15), 'a' + (id >> 12 & 15), 'a' + (id >> 16 & 15),
		'a' + (id >> 20 & 15), 'a' + (id >> 24 & 15));
	for (unsigned i = 0; capitals && i < n; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 32);
	for (size_t at = 0; at < len; at += n)
		memcpy(dst + at, text, len - at < n ? len - at : n);
}

/* Invariant: a reply is the whole answer to this very request. */
static void replied(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct ask *a = ctx;
	if (!why) {
		uint8_t *want = sim_alloc(a->len + 1);
		fill(want, a->len, a->id, a->secret, true);
		if (len != a->len || (len && memcmp(payload, want, len)))
			sim_fault(a->w->s, "%s: %zu bytes that are not the reply", a->what, len);
		sim_drop(want);
	}
	answered(a, why);
}

struct ask *ask_message(
	struct world *w, unsigned who, const char *to, size_t len, bool secret, uint64_t timeout_ms)
{
	char what[64];
	snprintf(what, sizeof what, "send %zu bytes to", len);
	struct ask *a = ask_new(w, who, timeout_ms, what, to);
	a->secret = secret;
	a->len = len;
	struct trust own = {0};
	struct route r = route_of(to);
	uint8_t *body = sim_alloc(len + 1);
	fill(body, len, a->id, secret, false);
	message_send(sim_node_control(w->n[who]), &r, &own, body, len, timeout_ms, replied, a);
	sim_drop(body);
	sim_wake(w->s, w->n[who], sim_now(w->s));
	return a;
}

static void registered(struct node *n, void *ctx, struct registration *r, const struct reason *why)
{
	answered(ctx, why);
}

struct ask *ask_register(struct world *w, unsigned who, const char *name, const char *at)
{
	struct trust any = {.any = true};
	struct route r = route_of(at);
	struct relay_options o = {
		.name = name, .at = &r, .trust = &any, .wait = true, .timeout_ms = 10000};
	struct ask *a = ask_new(w, who, 10000, "register", name);
	if (relay_create(sim_node_control(w->n[who]), &o, registered, a, NULL) < 0)
		a->done = true; /* it has that one */
	sim_wake(w->s, w->n[who], sim_now(w->s));
	return a;
}

static void connected(
	struct node *n, void *ctx, struct link *l, uint8_t reset_code, const struct reason *why)
{
	answered(ctx, why);
	if (l)
		link_release(n, l);
}

struct ask *ask_connect(struct world *w, unsigned who, uint16_t port)
{
	char to[64];
	snprintf(to, sizeof to, "127.0.0.1:%u", port);
	struct ask *a = ask_new(w, who, 5000, "connect", to);
	struct link_target t;
	if (link_target_parse(&t, to) < 0)
		abort();
	links_connect(sim_node_control(w->n[who]), &t, sim_now(w->s) + 5000, connected, a);
	sim_wake(w->s, w->n[who], sim_now(w->s));
	return a;
}

static bool is_done(void *ctx)
{
	return ((struct ask *)ctx)->done;
}

void ask_wait(struct ask *a)
{
	if (!a->done)
		sim_run(a->w->s, a->deadline_ms - sim_now(a->w->s), is_done, a);
}

/* Who asked is not there any more to be answered. */
static bool orphan(const struct ask *a)
{
	return sim_node_life(a->w->n[a->who]) != a->life;
}

void asks_check(struct world *w)
{
	for (struct ask *a = w->asks; a; a = a->next)
		if (!a->done && !orphan(a) && sim_now(w->s) > a->deadline_ms) {
			sim_fault(w->s, "[%u] %s: not answered within its time", a->id, a->what);
			a->done = true;
		}
}

void asks_free(struct world *w, struct world_result *out)
{
	while (w->asks) {
		struct ask *a = w->asks;
		w->asks = a->next;
		out->asks++;
		out->succeeded += a->done && !a->why.exit && !orphan(a);
		sim_drop(a);
	}
}
