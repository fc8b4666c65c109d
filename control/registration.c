// SPDX-License-Identifier: Apache-2.0
/*
 * As registrant: a registration is a hidden channel to the relay that is kept up, and one or two
 * names claimed in it, the printed one first. They are claimed again when a third of the lease has
 * passed, when the channel is up again, and when the listeners change.
 */
#include "relay_private.h"

#include "adopt.h"
#include "listener.h"
#include "log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	REGISTER_TIMEOUT_MS = 10000,
	RELEASE_TIMEOUT_MS = 2000,
	BACKOFF_FIRST_MS = 500,
	BACKOFF_MAX_MS = 15000,
};

struct reg {
	struct registration r; /* first: what others see */
	relay_fn *fn;	       /* until told */
	void *ctx;
	bool wait; /* fn is told the first result; a failure ends the registration */
	uint64_t give_up_ms, notify_ms; /* UINT64_MAX: never */
	char wanted[2][WIRE_NAME_MAX + 1];
	unsigned wanted_n, step;
	uint32_t lease_s;
	unsigned failures;
	bool claimed; /* its channel is one that was adopted */
	bool buried;
	unsigned releases; /* buried: unanswered */
};

static struct reg *of(struct registration *r)
{
	return (struct reg *)r;
}

static struct reg *next_of(const struct reg *g)
{
	return g->r.next ? of(g->r.next) : NULL;
}

static void unlink_reg(struct node *n, struct reg *g)
{
	if (n->relays->regs == g) {
		n->relays->regs = next_of(g);
		return;
	}
	for (struct reg *p = n->relays->regs; p; p = next_of(p))
		if (p->r.next == &g->r) {
			p->r.next = g->r.next;
			return;
		}
}

/* Out of sight; the tick closes its channel, which can not be done from the channel's own
 * callbacks. */
static void bury(struct node *n, struct reg *g)
{
	unlink_reg(n, g);
	if (g->r.request)
		message_cancel(n, g->r.request);
	g->r.request = NULL;
	ways_quiet(n, &g->r);
	g->fn = NULL;
	g->wait = false;
	g->buried = true;
	g->r.next = n->relays->dying ? &n->relays->dying->r : NULL;
	n->relays->dying = g;
}

void registrations_fini(struct node *n)
{
	struct reg **lists[] = {&n->relays->regs, &n->relays->dying};
	for (unsigned i = 0; i < 2; i++)
		while (*lists[i]) {
			struct reg *g = *lists[i];
			*lists[i] = next_of(g);
			if (g->r.request)
				message_cancel(n, g->r.request);
			ways_quiet(n, &g->r);
			free(g->r.ways);
			free(g);
		}
}

static void set_state(struct reg *g, const char *state)
{
	snprintf(g->r.state, sizeof g->r.state, "%s", state);
}

static void succeeded(struct node *n, struct reg *g)
{
	relay_fn *fn = g->fn;
	uint32_t third_ms = g->lease_s * 1000 / 3;
	set_state(g, "up");
	g->r.last_error = (struct reason){0};
	g->failures = 0;
	g->r.renew_ms = n->now_ms + third_ms - randombytes_uniform(third_ms / 8 + 1);
	ways_join(n, &g->r);
	if (!g->wait)
		return;
	g->wait = false;
	g->give_up_ms = UINT64_MAX;
	g->fn = NULL;
	if (fn)
		fn(n, g->ctx, &g->r, NULL);
}

static void failed(struct node *n, struct reg *g, const struct reason *why)
{
	relay_fn *fn = g->fn;
	struct reason copy = *why;
	log_info("relay %s: %s", g->r.name, why->text);
	g->r.last_error = copy;
	set_state(g,
		why->exit == EXIT_REFUSED || why->exit == EXIT_EXISTS ? "refused" : "connecting");
	if (g->wait) {
		bury(n, g);
		if (fn)
			fn(n, g->ctx, NULL, &copy);
		return;
	}
	unsigned shift = g->failures < 6 ? g->failures++ : 6;
	uint32_t wait = BACKOFF_FIRST_MS << shift;
	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	g->r.renew_ms = n->now_ms + wait / 2 + randombytes_uniform(wait / 2 + 1);
}

/* What of this node can be reached through the relay. */
static void listeners_fill(struct node *n, const struct reg *g, struct relay_request *q)
{
	for (unsigned i = 0; i < g->r.listeners_n; i++)
		snprintf(
			q->listeners[q->listeners_n++], WIRE_NAME_MAX + 1, "%s", g->r.listeners[i]);
	if (g->r.listeners_n)
		return;
	for (struct listener *l = listeners_first(n); l && q->listeners_n < RELAY_LISTENERS_MAX - 2;
		l = l->next)
		snprintf(q->listeners[q->listeners_n++], WIRE_NAME_MAX + 1, "%s", l->name);
	snprintf(q->listeners[q->listeners_n++], WIRE_NAME_MAX + 1, "echo");
	snprintf(q->listeners[q->listeners_n++], WIRE_NAME_MAX + 1, "uppercase");
}

static struct message_request *ask(struct node *n, struct reg *g, const struct relay_request *q,
	uint64_t timeout_ms, message_fn *fn)
{
	uint8_t buf[RELAY_REQUEST_MAX];
	struct route to = {0};
	int len = relay_request_encode(q, buf, sizeof buf);
	if (len < 0 || route_append_text(&to, ROUTE_SERVICE, "forwarding_service") < 0) {
		struct reason why = reason_make(EXIT_INTERNAL, "the registration does not fit");
		fn(n, g, &why, NULL, 0);
		return NULL;
	}
	return message_send_in(n, g->r.channel, &to, buf, (size_t)len, timeout_ms, fn, g);
}

static void hold(struct reg *g, const char address[static WIRE_NAME_MAX + 1], bool held)
{
	unsigned i = 0;
	while (i < g->r.addresses_n && strcmp(g->r.addresses[i], address))
		i++;
	if (held && i == g->r.addresses_n)
		memcpy(g->r.addresses[g->r.addresses_n++], address, WIRE_NAME_MAX + 1);
	else if (!held && i < g->r.addresses_n) {
		g->r.addresses_n--;
		memmove(g->r.addresses[i], g->r.addresses[i + 1],
			(g->r.addresses_n - i) * sizeof g->r.addresses[0]);
	}
}

static struct reason status_reason(uint8_t status, const char *address)
{
	switch (status) {
	case RELAY_OTHER_IDENTITY:
		return reason_make(EXIT_EXISTS,
			"/service/%s is held by another identity at the relay", address);
	case RELAY_OTHER_NODE:
		return reason_make(EXIT_EXISTS,
			"/service/%s is held by another node, which is connected to the relay",
			address);
	case RELAY_NAME_IN_USE:
		return reason_make(
			EXIT_EXISTS, "the relay has a service of its own named %s", address);
	case RELAY_TOO_MANY:
		return reason_make(EXIT_REFUSED, "the relay keeps no more names for this identity");
	default:
		return reason_make(EXIT_DATA, "the relay does not accept the name %s", address);
	}
}

static void claimed(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len);

static void claim(struct node *n, struct reg *g)
{
	struct relay_request q = {.op = RELAY_REGISTER, .lease_s = WIRE_LEASE_MS / 1000};
	memcpy(q.name, g->wanted[g->step], sizeof q.name);
	listeners_fill(n, g, &q);
	g->r.renew_ms = UINT64_MAX;
	/* may call back, and bury it, before it returns */
	struct message_request *request = ask(n, g, &q, REGISTER_TIMEOUT_MS, claimed);
	if (request)
		g->r.request = request;
}

static void claimed(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct reg *g = ctx;
	uint8_t status = 0;
	uint32_t lease_s = 0;
	g->r.request = NULL;
	if (why) {
		failed(n, g, why);
		return;
	}
	if (relay_answer_decode(payload, len, &status, &lease_s) < 0 ||
		(status == RELAY_OK && lease_s < 3)) {
		struct reason bad = reason_make(EXIT_DATA, "the relay's answer is malformed");
		failed(n, g, &bad);
		return;
	}
	hold(g, g->wanted[g->step], status == RELAY_OK);
	if (status == RELAY_OK)
		g->lease_s = lease_s;
	if (status != RELAY_OK && g->step == 0) {
		struct reason taken = status_reason(status, g->wanted[0]);
		failed(n, g, &taken);
		return;
	}
	/* the second name is claimed where it is free */
	if (++g->step < g->wanted_n)
		claim(n, g);
	else
		succeeded(n, g);
}

static void claim_all(struct node *n, struct reg *g)
{
	if (g->r.request)
		message_cancel(n, g->r.request);
	g->r.request = NULL;
	g->step = 0;
	claim(n, g);
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct reg *g = ctx;
	if (g->buried)
		return;
	if (ch)
		claim_all(n, g);
	else
		failed(n, g, why);
}

static int open_channel(struct node *n, struct reg *g, uint64_t timeout_ms)
{
	struct route to = g->r.at;
	int rc = route_append_text(&to, ROUTE_SERVICE, "api");
	if (rc < 0)
		return rc;
	g->r.channel = adopt_claim(n, &to, &g->r.trust, false);
	if (g->r.channel) { /* from before: the names are claimed in it when it is up */
		g->claimed = true;
		ways_claim(n, &g->r);
		return 0;
	}
	struct channel_options o = {
		.to = &to,
		.trust = &g->r.trust,
		.timeout_ms = timeout_ms,
		.hidden = true,
		.persistent = true,
	};
	g->r.channel = channel_open(n, &o, opened, g);
	return g->r.channel ? 0 : -ENOMEM;
}

static int name_want(struct reg *g, const char *name)
{
	char *dst = g->wanted[g->wanted_n];
	int len = snprintf(dst, WIRE_NAME_MAX + 1, RELAY_PREFIX "%s", name);
	if (len > WIRE_NAME_MAX || !route_name_valid(name))
		return -EINVAL;
	if (g->wanted_n == 0 || strcmp(g->wanted[0], dst))
		g->wanted_n++;
	return 0;
}

static int reg_fill(struct node *n, struct reg *g, const struct relay_options *o)
{
	const char *first = o->node_name_first ? n->name : o->name;
	const char *second = o->node_name_first ? o->name : n->name;
	if (!route_name_valid(o->name) || name_want(g, first) < 0)
		return -EINVAL;
	name_want(g, second); /* too long for an address: goes without */
	if (o->listeners_n > sizeof g->r.listeners / sizeof *g->r.listeners)
		return -EINVAL;
	for (unsigned i = 0; i < o->listeners_n; i++) {
		if (!route_name_valid(o->listeners[i]))
			return -EINVAL;
		snprintf(g->r.listeners[i], sizeof g->r.listeners[i], "%s", o->listeners[i]);
	}
	g->r.listeners_n = o->listeners_n;
	snprintf(g->r.name, sizeof g->r.name, "%s", o->name);
	memcpy(g->r.printed, g->wanted[0], sizeof g->r.printed);
	g->r.at = *o->at;
	if (o->trust)
		g->r.trust = *o->trust;
	g->r.node_name_first = o->node_name_first;
	set_state(g, "connecting");
	return 0;
}

int relay_create(struct node *n, const struct relay_options *o, relay_fn *fn, void *ctx,
	struct registration **out)
{
	for (struct reg *g = n->relays->regs; g; g = next_of(g))
		if (!strcmp(g->r.name, o->name))
			return -EEXIST;
	struct reg *g = calloc(1, sizeof *g);
	if (!g)
		return -ENOMEM;
	int rc = reg_fill(n, g, o);
	if (rc == 0)
		rc = open_channel(n, g, o->timeout_ms);
	if (rc < 0) {
		free(g->r.ways);
		free(g);
		return rc;
	}
	g->fn = fn;
	g->ctx = ctx;
	g->wait = o->wait;
	g->r.renew_ms = g->claimed ? n->now_ms : UINT64_MAX;
	g->give_up_ms = o->wait ? n->now_ms + o->timeout_ms : UINT64_MAX;
	g->notify_ms = o->wait ? UINT64_MAX : n->now_ms;
	struct registration **tail = NULL;
	for (struct reg *p = n->relays->regs; p; p = next_of(p))
		tail = &p->r.next;
	if (tail)
		*tail = &g->r;
	else
		n->relays->regs = g;
	if (out)
		*out = &g->r;
	return 0;
}

void relay_forget_fn(struct node *n, const void *ctx)
{
	for (struct reg *g = n->relays->regs; g; g = next_of(g))
		if (g->fn && g->ctx == ctx)
			g->fn = NULL;
}

static void released(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct reg *g = ctx;
	g->releases--;
}

int relay_delete(struct node *n, const char *name)
{
	struct reg *g = n->relays->regs;
	while (g && strcmp(g->r.name, name))
		g = next_of(g);
	if (!g)
		return -ENOENT;
	bury(n, g);
	for (unsigned i = 0;
		i < g->r.addresses_n && g->r.channel && g->r.channel->state == CHANNEL_UP; i++) {
		struct relay_request q = {.op = RELAY_RELEASE};
		memcpy(q.name, g->r.addresses[i], sizeof q.name);
		g->releases++;
		ask(n, g, &q, RELEASE_TIMEOUT_MS, released);
	}
	return 0;
}

struct registration *relays_first(struct node *n)
{
	return n->relays->regs ? &n->relays->regs->r : NULL;
}

/* Whether the relay of this registration may have sent what came in by that link. */
static bool came_from(const struct reg *g, const struct link *ingress)
{
	if (!g->r.channel || !g->r.addresses_n)
		return false;
	for (unsigned i = 0; i <= g->r.ways_n; i++) {
		const struct channel *ch = i ? g->r.ways[i - 1].channel : g->r.channel;
		if (ch && (ingress->kind == LINK_CHANNEL ? ingress->channel == ch : ingress == ch->link))
			return true;
	}
	return false;
}

static bool offers(struct node *n, const struct reg *g, const char *service)
{
	for (unsigned i = 0; i < g->r.listeners_n; i++)
		if (!strcmp(g->r.listeners[i], service))
			return true;
	return !g->r.listeners_n && (!strcmp(service, "echo") || !strcmp(service, "uppercase") ||
					    listener_get(n, service));
}

bool relay_accepts(struct node *n, struct link *ingress, const char *service)
{
	if (!ingress || !ingress->dialled)
		return true;
	for (const struct reg *g = n->relays->regs; service && g; g = next_of(g))
		if (came_from(g, ingress) && offers(n, g, service))
			return true;
	return false;
}

void relays_on_channel_up(struct node *n, struct channel *ch)
{
	struct reg *g = n->relays ? n->relays->regs : NULL;
	while (g && g->r.channel != ch && !ways_have(&g->r, ch))
		g = next_of(g);
	if (g && g->r.channel == ch)
		claim_all(n, g);
	else if (g)
		ways_on_channel_up(n, &g->r, ch);
}

bool registration_is_up(const struct registration *r)
{
	return !strcmp(r->state, "up");
}

void registrations_on_channel_gone(struct node *n, struct channel *ch)
{
	bool for_good = ch->state == CHANNEL_CLOSING;
	for (struct reg *g = n->relays->dying; g; g = next_of(g))
		if (for_good && g->r.channel == ch)
			g->r.channel = NULL;
	for (unsigned i = 0; i < 2; i++)
		for (struct reg *g = i ? n->relays->dying : n->relays->regs; g; g = next_of(g))
			ways_on_channel_gone(n, &g->r, ch);
	for (struct reg *g = n->relays->regs; g; g = next_of(g)) {
		if (g->r.channel != ch)
			continue;
		if (g->r.request)
			message_cancel(n, g->r.request);
		g->r.request = NULL;
		set_state(g, "connecting");
		g->r.renew_ms = UINT64_MAX; /* when it is up again */
		if (for_good) {
			g->r.channel = NULL;
			g->r.renew_ms = n->now_ms + BACKOFF_FIRST_MS;
		}
	}
}

void relays_on_listeners_changed(struct node *n)
{
	for (struct reg *g = n->relays ? n->relays->regs : NULL; g; g = next_of(g))
		if (!g->r.listeners_n && !strcmp(g->r.state, "up"))
			g->r.renew_ms = n->now_ms;
}

static void renew(struct node *n, struct reg *g)
{
	g->r.renew_ms = UINT64_MAX;
	if (g->r.channel) {
		if (g->r.channel->state == CHANNEL_UP)
			claim_all(n, g);
	} else if (open_channel(n, g, REGISTER_TIMEOUT_MS) < 0) {
		struct reason why = reason_make(EXIT_INTERNAL, "out of memory");
		failed(n, g, &why);
	}
}

static bool tick_one(struct node *n)
{
	for (struct reg *g = n->relays->regs; g; g = next_of(g)) {
		relay_fn *fn = g->fn;
		if (n->now_ms >= g->notify_ms) {
			g->notify_ms = UINT64_MAX;
			g->fn = NULL;
			if (fn)
				fn(n, g->ctx, &g->r, NULL);
			return true;
		}
		if (n->now_ms >= g->give_up_ms) {
			struct reason why = reason_make(
				EXIT_UNREACHABLE, "timed out: the relay has not answered");
			g->give_up_ms = UINT64_MAX;
			failed(n, g, &why);
			return true;
		}
		if (n->now_ms >= g->r.renew_ms) {
			renew(n, g);
			return true;
		}
	}
	return false;
}

void registrations_tick(struct node *n)
{
	while (tick_one(n))
		;
	struct reg *keep = NULL;
	while (n->relays->dying) {
		struct reg *g = n->relays->dying;
		n->relays->dying = next_of(g);
		if (g->releases) {
			g->r.next = keep ? &keep->r : NULL;
			keep = g;
			continue;
		}
		struct channel *ch = g->r.channel;
		g->r.channel = NULL;
		ways_close(n, &g->r);
		free(g->r.ways);
		free(g);
		if (ch)
			channel_close(n, ch);
	}
	n->relays->dying = keep;
}

uint64_t registrations_deadline(const struct node *n)
{
	uint64_t due = UINT64_MAX;
	for (const struct reg *g = n->relays->regs; g; g = next_of(g)) {
		uint64_t at[] = {g->notify_ms, g->give_up_ms, g->r.renew_ms};
		for (unsigned i = 0; i < 3; i++)
			if (at[i] < due)
				due = at[i];
	}
	for (const struct reg *g = n->relays->dying; g; g = next_of(g))
		if (!g->releases)
			due = n->now_ms;
	return due;
}
