// SPDX-License-Identifier: Apache-2.0
/*
 * message_sim_test [--seeds N]: routed messages and relay names between whole nodes, in N worlds
 * that differ in their delays (default 5). A failure prints the seed.
 */
#include "sim.h"

#include "channel.h"
#include "message.h"
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES = 4, A = 0, B = 1, C = 2, RELAY = 3, BIG = 1 << 20 };

struct world {
	struct sim *s;
	struct sim_node *n[NODES];
	uint64_t seed;
	const char *name;
};

static unsigned passed, failed;
static const struct trust own_home;

static void check(const struct world *w, bool ok, const char *what)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("FAILED: %s: %s (seed %llu)\n", w->name, what, (unsigned long long)w->seed);
}

static struct world world_new(const char *name, uint64_t seed)
{
	struct sim_options o = {.seed = seed, .delay_min_ms = 1, .delay_max_ms = 20, .chop = true};
	struct world w = {.s = sim_new(&o), .seed = seed, .name = name};
	sim_set_marker(w.s, "secret marker secret");
	w.n[A] = sim_node_new(w.s, "a", 1, 1);
	w.n[B] = sim_node_new(w.s, "b", 1, 2);
	w.n[C] = sim_node_new(w.s, "c", 1, 3);
	w.n[RELAY] = sim_node_new(w.s, "relay", 1, 4);
	return w;
}

/* Nothing is left but links when all has ended. */
static void world_end(struct world *w, bool must_be_empty)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct node *c = sim_node_control(w->n[i]);
		if (!sim_node_alive(w->n[i]))
			continue;
		while (channels_first(c) && must_be_empty)
			channel_close(c, channels_first(c));
		sim_wake(w->s, w->n[i], sim_now(w->s));
	}
	sim_run(w->s, 90000, NULL, NULL);
	for (unsigned i = 0; i < NODES && must_be_empty; i++) {
		char why[160] = "";
		check(w, sim_node_empty(w->n[i], why, sizeof why), why);
	}
	check(w, sim_nonce_reuses(w->s) == 0, "a nonce was used twice");
	sim_free(w->s);
}

struct outcome {
	bool done;
	struct reason why;
	struct channel *ch;
	struct registration *reg;
	size_t len;
	uint8_t *reply;
};

static bool is_done(void *ctx)
{
	return ((struct outcome *)ctx)->done;
}

static void replied(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct outcome *o = ctx;
	o->done = true;
	if (why)
		o->why = *why;
	o->reply = malloc(len + 1);
	if (len)
		memcpy(o->reply, payload, len);
	o->len = len;
}

static void registered(struct node *n, void *ctx, struct registration *r, const struct reason *why)
{
	struct outcome *o = ctx;
	o->done = true;
	o->reg = r;
	if (why)
		o->why = *why;
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct outcome *o = ctx;
	o->done = true;
	o->ch = ch;
	if (why)
		o->why = *why;
}

static struct route route_of(const char *text)
{
	struct route r;
	char err[200];
	if (route_parse(&r, text, err, sizeof err) < 0) {
		printf("route %s: %s\n", text, err);
		abort();
	}
	return r;
}

/* The exit code of a request along `to`, 0 when the reply is the payload in capitals. */
static int ask(struct world *w, unsigned from, const char *to, size_t len)
{
	static const char text[] = "secret marker ", capitals[] = "SECRET MARKER ";
	struct outcome o = {0};
	struct route r = route_of(to);
	uint8_t *body = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		body[i] = (uint8_t)text[i % 14];
	message_send(sim_node_control(w->n[from]), &r, &own_home, body, len, 10000, replied, &o);
	free(body);
	sim_wake(w->s, w->n[from], sim_now(w->s));
	sim_run(w->s, 20000, is_done, &o);
	bool same = o.done && o.len == len;
	for (size_t i = 0; same && i < len; i++)
		same = o.reply[i] == (uint8_t)capitals[i % 14];
	free(o.reply);
	if (!o.done || (!o.why.exit && !same))
		return -1;
	return o.why.exit;
}

static void asks(struct world *w, unsigned from, const char *to, size_t len, int exit)
{
	char what[320];
	int got = ask(w, from, to, len);
	snprintf(what, sizeof what, "%zu bytes along %s: %d, not %d", len, to, got, exit);
	check(w, got == exit, what);
}

/* The exit code of `relay create`. */
static int registers(struct world *w, unsigned who, const char *name, const char *at,
	bool node_first, const char *listener)
{
	struct outcome o = {0};
	struct route r = route_of(at);
	struct registration *reg;
	struct relay_options opt = {.name = name,
		.at = &r,
		.node_name_first = node_first,
		.trust = &own_home,
		.listeners_n = listener ? 1 : 0,
		.listeners = &listener,
		.wait = true,
		.timeout_ms = 10000};
	if (relay_create(sim_node_control(w->n[who]), &opt, registered, &o, &reg) < 0)
		return -1;
	sim_wake(w->s, w->n[who], sim_now(w->s));
	sim_run(w->s, 30000, is_done, &o);
	return o.done ? o.why.exit : -1;
}

static void unregister(struct world *w, unsigned who, const char *name)
{
	check(w, relay_delete(sim_node_control(w->n[who]), name) == 0, "relay delete");
	sim_wake(w->s, w->n[who], sim_now(w->s));
	sim_run(w->s, 1000, NULL, NULL);
}

#define HOST(port) "/ip4/127.0.0.1/tcp/" port

static void plain(uint64_t seed)
{
	struct world w = world_new("plain", seed);
	asks(&w, A, HOST("2") "/service/uppercase", 5, 0);
	asks(&w, A, HOST("2") "/service/uppercase", 0, 0);
	asks(&w, A, HOST("2") "/service/uppercase", 60000, 0);
	asks(&w, A, HOST("2") "/service/uppercase", 70000, EXIT_DATA);
	asks(&w, A, HOST("2") HOST("3") "/service/uppercase", 5, 0);
	asks(&w, A, HOST("2") "/service/hop" HOST("3") "/service/hop/service/uppercase", 5, 0);
	asks(&w, A, HOST("2") HOST("3") HOST("4") HOST("1") "/service/uppercase", 5, 0);
	asks(&w, A, HOST("2") HOST("3") "/service/nothing", 5, EXIT_NOT_FOUND);
	asks(&w, A, HOST("2") HOST("99") "/service/echo", 5, EXIT_UNREACHABLE);
	asks(&w, A, HOST("2") "/service/forwarding_service", 5, EXIT_REFUSED);
	world_end(&w, true);
}

static void secure(uint64_t seed)
{
	struct world w = world_new("secure", seed);
	asks(&w, A, HOST("2") "/secure/api/service/uppercase", 5, 0);
	asks(&w, A, HOST("2") "/secure/api/service/uppercase", 0, 0);
	asks(&w, A, HOST("2") "/secure/api/service/uppercase", BIG, 0);
	asks(&w, A, HOST("2") "/secure/api/service/uppercase", BIG + 1, EXIT_DATA);
	asks(&w, A, HOST("2") HOST("3") "/secure/api/service/uppercase", 100000, 0);
	asks(&w, A, HOST("2") "/secure/api" HOST("3") "/secure/api/service/uppercase", 100000, 0);
	asks(&w, A, HOST("2") "/secure/api/secure/api/service/uppercase", 1000, 0);
	asks(&w, A, HOST("2") "/secure/nothing/service/uppercase", 5, EXIT_NOT_FOUND);
	asks(&w, A, HOST("2") "/secure/api/service/nothing", 5, EXIT_NOT_FOUND);
	asks(&w, A, HOST("2") "/secure/api", 5, EXIT_USAGE);
	check(&w, sim_plaintexts(w.s) == 0, "plain text on a wire");
	world_end(&w, true);
}

/* A message out of a channel goes on as a plain one. */
static void out_of_a_channel(uint64_t seed)
{
	struct world w = world_new("out of a channel", seed);
	asks(&w, A, HOST("2") "/secure/api" HOST("3") "/service/uppercase", 1000, 0);
	asks(&w, A, HOST("2") "/secure/api" HOST("3") "/service/forwarding_service", 5,
		EXIT_REFUSED);
	asks(&w, A, HOST("2") "/secure/api" HOST("3") "/service/uppercase", 100000,
		EXIT_UNREACHABLE);
	world_end(&w, true);
}

static void names(uint64_t seed)
{
	struct world w = world_new("names", seed);
	check(&w, registers(&w, B, "blue", HOST("4"), false, NULL) == 0, "b registers blue");
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, 0);
	asks(&w, A, HOST("4") "/service/forward_to_b/service/uppercase", 100, 0);
	asks(&w, A, HOST("4") "/service/forward_to_blue/secure/api/service/uppercase", BIG, 0);
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/hop/service/echo", 5,
		EXIT_NOT_FOUND);
	asks(&w, A, HOST("4") "/service/forward_to_blue" HOST("3") "/service/echo", 5,
		EXIT_NOT_FOUND);
	asks(&w, A, HOST("4") "/service/forward_to_blue", 5, EXIT_NOT_FOUND);
	asks(&w, A, HOST("4") "/service/forward_to_red/service/echo", 5, EXIT_NOT_FOUND);
	/* it is the identity's */
	check(&w, registers(&w, C, "blue", HOST("4"), false, NULL) == EXIT_EXISTS,
		"c does not get blue");
	check(&w, !relays_first(sim_node_control(w.n[C])), "nothing is left of that");
	check(&w, registers(&w, C, "b", HOST("4"), false, NULL) == EXIT_EXISTS,
		"nor the node's alias");
	check(&w, registers(&w, C, "green", HOST("4"), true, "api") == 0, "c registers its own");
	check(&w, !strcmp(relays_first(sim_node_control(w.n[C]))->printed, "forward_to_c"),
		"and prints it");
	asks(&w, A, HOST("4") "/service/forward_to_green/secure/api/service/uppercase", 100, 0);
	asks(&w, A, HOST("4") "/service/forward_to_c/service/echo", 5, EXIT_NOT_FOUND);
	/* until it is released */
	sim_run(w.s, 600000, NULL, NULL);
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, 0);
	unregister(&w, B, "blue");
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, EXIT_NOT_FOUND);
	check(&w, registers(&w, C, "blue", HOST("4"), false, NULL) == 0, "c gets blue");
	unregister(&w, C, "blue");
	unregister(&w, C, "green");
	world_end(&w, true);
}

/* A registrant behind another hop is reached through its channel. */
static void name_behind_a_hop(uint64_t seed)
{
	struct world w = world_new("name behind a hop", seed);
	check(&w, registers(&w, B, "blue", HOST("3") HOST("4"), false, NULL) == 0, "registers");
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, 0);
	asks(&w, A, HOST("4") "/service/forward_to_blue/secure/api/service/uppercase", BIG, 0);
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/hop/service/echo", 5,
		EXIT_NOT_FOUND);
	sim_cut(w.s, w.n[B], w.n[C]);
	sim_run(w.s, 60000, NULL, NULL);
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, 0);
	unregister(&w, B, "blue");
	world_end(&w, true);
}

static void names_come_back(uint64_t seed)
{
	struct world w = world_new("names come back", seed);
	check(&w, registers(&w, B, "blue", HOST("4"), false, NULL) == 0, "registers");
	sim_cut(w.s, w.n[B], w.n[RELAY]);
	sim_run(w.s, 30000, NULL, NULL);
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, 0);
	sim_node_kill(w.n[RELAY]);
	sim_run(w.s, 100000, NULL, NULL);
	check(&w, strcmp(relays_first(sim_node_control(w.n[B]))->state, "up") != 0,
		"is not up without its relay");
	sim_node_start(w.n[RELAY]);
	sim_run(w.s, 30000, NULL, NULL);
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, 0);
	/* the registrant's process dies and comes again with the same keys */
	sim_node_kill(w.n[B]);
	sim_node_start(w.n[B]);
	check(&w, registers(&w, B, "blue", HOST("4"), false, NULL) == 0, "registers again");
	asks(&w, A, HOST("4") "/service/forward_to_blue/service/uppercase", 100, 0);
	world_end(&w, false);
}

/* What was sent over something that ends fails at once, not at its time-out. */
static void losses_are_told(uint64_t seed)
{
	struct world w = world_new("losses are told", seed);
	struct outcome o = {0}, m = {0};
	struct route to = route_of(HOST("2") HOST("3") "/service/api");
	struct channel_options opt = {.to = &to, .trust = &own_home, .timeout_ms = 5000};
	channel_open(sim_node_control(w.n[A]), &opt, opened, &o);
	sim_wake(w.s, w.n[A], sim_now(w.s));
	sim_run(w.s, 20000, is_done, &o);
	check(&w, o.ch, "the channel opens");
	struct route plain_to = route_of(HOST("2") HOST("3") "/service/uppercase");
	message_send(sim_node_control(w.n[A]), &plain_to, &own_home, (const uint8_t *)"x", 1, 10000,
		replied, &m);
	sim_cut(w.s, w.n[A], w.n[B]);
	uint64_t start = sim_now(w.s);
	sim_wake(w.s, w.n[A], start);
	sim_run(w.s, 20000, is_done, &m);
	check(&w, m.done && sim_now(w.s) - start < 2000, "a request is told of its link's end");
	check(&w, m.why.exit == EXIT_UNREACHABLE, "with 69");
	free(m.reply);
	world_end(&w, true);
}

/* More messages begun than a session may have open. */
static void too_many_open(uint64_t seed)
{
	struct world w = world_new("too many open", seed);
	struct outcome o = {0};
	struct route to = route_of(HOST("2") "/service/api");
	struct channel_options opt = {.to = &to, .trust = &own_home, .timeout_ms = 5000};
	channel_open(sim_node_control(w.n[A]), &opt, opened, &o);
	sim_wake(w.s, w.n[A], sim_now(w.s));
	sim_run(w.s, 2000, NULL, NULL);
	check(&w, o.ch, "the channel opens");
	for (uint32_t i = 1; i <= WIRE_MSG_OPEN_MAX && o.ch; i++)
		channel_send(sim_node_control(w.n[A]), o.ch, i, true, (const uint8_t *)"x", 1);
	sim_run(w.s, 2000, NULL, NULL);
	check(&w, channels_first(sim_node_control(w.n[B])), "as many as it may");
	if (o.ch)
		channel_send(sim_node_control(w.n[A]), o.ch, 99, true, (const uint8_t *)"x", 1);
	sim_run(w.s, 10000, NULL, NULL);
	check(&w, !channels_first(sim_node_control(w.n[B])), "one more ends the channel");
	check(&w, !channels_first(sim_node_control(w.n[A])), "at both ends");
	world_end(&w, true);
}

/* A node that ends has requests under way, of all kinds. */
static void ends_in_the_middle(uint64_t seed)
{
	for (unsigned ms = 0; ms < 120; ms += 10) {
		struct world w = world_new("ends in the middle", seed);
		struct outcome o[3] = {0};
		const char *const to[3] = {HOST("2") "/secure/api/service/uppercase",
			HOST("2") HOST("3") "/secure/api/secure/api/service/uppercase",
			HOST("2") "/service/uppercase"};
		for (unsigned i = 0; i < 3; i++) {
			struct route r = route_of(to[i]);
			message_send(sim_node_control(w.n[A]), &r, &own_home, (const uint8_t *)"x", 1, 10000,
				replied, &o[i]);
		}
		sim_wake(w.s, w.n[A], sim_now(w.s));
		sim_run(w.s, ms, NULL, NULL);
		sim_node_kill(w.n[A]);
		sim_run(w.s, 60000, NULL, NULL);
		for (unsigned i = 0; i < 3; i++)
			free(o[i].reply);
		world_end(&w, true);
	}
}

int main(int argc, char **argv)
{
	uint64_t seeds = argc == 3 && !strcmp(argv[1], "--seeds") ? strtoull(argv[2], NULL, 10) : 5;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		plain(seed);
		secure(seed);
		out_of_a_channel(seed);
		names(seed);
		name_behind_a_hop(seed);
		names_come_back(seed);
		losses_are_told(seed);
		too_many_open(seed);
		ends_in_the_middle(seed);
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed ? 1 : 0;
}
