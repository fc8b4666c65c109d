// SPDX-License-Identifier: Apache-2.0
/*
 * crash_sim_test [--seeds N] [--from SEED]: one plane of a node dies, at any moment, and is started
 * again or adopted. Channels come back or never went; no nonce is used twice; nothing is left over.
 */
#include "sim.h"

#include "adopt.h"
#include "message.h"
#include "path.h"
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned passed, failed;
static const struct trust own;

static void check(bool ok, const char *what, uint64_t seed)
{
	passed += ok;
	failed += !ok;
	if (!ok)
		printf("FAILED: %s (seed %llu)\n", what, (unsigned long long)seed);
}

struct outcome {
	bool done;
	char address[33];
	struct reason why;
	bool hello;
};

static bool is_done(void *ctx)
{
	return ((struct outcome *)ctx)->done;
}

static struct route route_of(const char *text)
{
	struct route r;
	char err[200];
	if (route_parse(&r, text, err, sizeof err) < 0)
		abort();
	return r;
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct outcome *o = ctx;
	o->done = true;
	if (ch)
		memcpy(o->address, ch->address, sizeof o->address);
	else
		o->why = *why;
}

static void begin_open(struct sim *s, struct sim_node *from, const char *to, struct outcome *o)
{
	struct route r = route_of(to);
	struct channel_options opt = {.to = &r, .trust = &own, .timeout_ms = 8000};
	*o = (struct outcome){0};
	channel_open(sim_node_control(from), &opt, opened, o);
	sim_wake(s, from, sim_now(s));
}

/* The channel's address; an empty one when it does not open. */
static struct outcome open_channel(struct sim *s, struct sim_node *from, const char *to)
{
	struct outcome o;
	begin_open(s, from, to, &o);
	sim_run(s, 60000, is_done, &o);
	return o;
}

static void replied(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct outcome *o = ctx;
	o->done = true;
	if (why)
		o->why = *why;
	o->hello = !why && len == 20 && !memcmp(payload, "SECRET MARKER SECRET", len);
}

static struct message_request *begin_hello(
	struct sim *s, struct sim_node *from, const char *address, struct outcome *o)
{
	char to[96];
	snprintf(to, sizeof to, "/service/%s/service/uppercase", address);
	struct route r = route_of(to);
	*o = (struct outcome){0};
	struct message_request *m = message_send(sim_node_control(from), &r, &own,
		(const uint8_t *)"secret marker secret", 20, 10000, replied, o);
	sim_wake(s, from, sim_now(s));
	return m;
}

static bool hello(struct sim *s, struct sim_node *from, const char *address)
{
	struct outcome o;
	begin_hello(s, from, address, &o);
	sim_run(s, 20000, is_done, &o);
	return o.hello;
}

static uint32_t session_of(struct sim_node *sn, const char *address)
{
	struct channel *ch = channel_by_address(sim_node_control(sn), address);
	return ch && ch->state == CHANNEL_UP ? ch->session : 0;
}

struct wanted {
	struct sim_node *sn;
	const char *address;
};

static bool is_up(void *ctx)
{
	struct wanted *w = ctx;
	return session_of(w->sn, w->address) != 0;
}

static void registered(
	struct node *n, void *ctx, struct registration *r, const struct reason *why)
{
	struct outcome *o = ctx;
	o->done = true;
	if (why)
		o->why = *why;
}

/* `wait` false: as when a node's objects are restored. */
static bool register_at(struct sim *s, struct sim_node *who, bool wait)
{
	struct outcome o = {0};
	struct route r = route_of("/ip4/127.0.0.1/tcp/2");
	struct relay_options opt = {
		.name = "blue", .at = &r, .trust = &own, .wait = wait, .timeout_ms = 10000};
	struct registration *reg;
	int rc = relay_create(sim_node_control(who), &opt, registered, &o, &reg);
	sim_wake(s, who, sim_now(s));
	if (rc == 0)
		sim_run(s, 30000, is_done, &o);
	return rc == 0 && !o.why.exit;
}

enum { NODES = 3, CHANNELS = 4 };

/* n[0] opens channels to n[2]: directly, over n[1], by a name at n[1], and inside the first. */
struct scene {
	struct sim *s;
	struct sim_node *n[NODES];
	char address[CHANNELS][33];
	uint64_t seed;
};

static void scene_init(struct scene *c, uint64_t seed, const struct sim_options *o)
{
	static const char *const routes[CHANNELS] = {
		"/ip4/127.0.0.1/tcp/3/service/api",
		"/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api",
		"/ip4/127.0.0.1/tcp/2/service/forward_to_blue/service/api",
	};
	*c = (struct scene){.s = sim_new(o), .seed = seed};
	sim_set_marker(c->s, "secret marker secret");
	for (uint16_t i = 0; i < NODES; i++) {
		char name[8];
		snprintf(name, sizeof name, "n%u", i);
		c->n[i] = sim_node_new(c->s, name, 1, (uint16_t)(i + 1));
	}
	check(register_at(c->s, c->n[2], true), "the name is registered", seed);
	for (unsigned i = 0; i < CHANNELS; i++) {
		char nested[96];
		snprintf(nested, sizeof nested, "/service/%s/service/api", c->address[0]);
		struct outcome out =
			open_channel(c->s, c->n[0], i < CHANNELS - 1 ? routes[i] : nested);
		memcpy(c->address[i], out.address, sizeof c->address[i]);
		check(out.address[0], out.why.exit ? out.why.text : "a channel opens", seed);
	}
}

static void scene_fini(struct scene *c, const char *name)
{
	char what[400], why[300] = "";
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = sim_node_control(c->n[i]);
		while (relays_first(n))
			relay_delete(n, relays_first(n)->name);
		for (struct channel *ch = channels_first(n), *next; ch; ch = next) {
			next = ch->next;
			if (ch->role == SEAM_INITIATOR) {
				channel_close(n, ch);
				next = channels_first(n);
			}
		}
		sim_wake(c->s, c->n[i], sim_now(c->s));
	}
	sim_run(c->s, 700000, NULL, NULL); /* longer than a path may idle */
	for (unsigned i = 0; i < NODES; i++) {
		bool empty = sim_node_bare(c->n[i], why, sizeof why);
		snprintf(what, sizeof what, "%s: tables are empty in the end: %s", name, why);
		check(empty, what, c->seed);
	}
	snprintf(what, sizeof what, "%s: %.200s", name, sim_first_fault(c->s));
	check(sim_faults(c->s) == 0, what, c->seed);
	sim_free(c->s);
}

static void adopt(struct scene *c, unsigned who)
{
	sim_node_adopt(c->n[who]);
	if (who == 2)
		register_at(c->s, c->n[who], false);
	adopt_done(sim_node_control(c->n[who]));
	sim_wake(c->s, c->n[who], sim_now(c->s));
}

static void all_carry(struct scene *c, const char *when)
{
	char what[160];
	for (unsigned i = 0; i < CHANNELS; i++) {
		struct wanted w = {c->n[0], c->address[i]};
		snprintf(what, sizeof what, "%s: channel %u is up", when, i);
		check(sim_run(c->s, 60000, is_up, &w), what, c->seed);
		snprintf(what, sizeof what, "%s: channel %u carries", when, i);
		check(hello(c->s, c->n[0], c->address[i]), what, c->seed);
	}
}

/* Each node's data plane in turn. A message that is sent while the channel is down waits for it. */
static void dataplane_dies(uint64_t seed)
{
	struct sim_options o = {.seed = seed, .delay_min_ms = 1, .delay_max_ms = 20, .chop = true};
	struct scene c;
	struct outcome waiting;
	scene_init(&c, seed, &o);
	for (unsigned who = 0; who < NODES; who++) {
		uint32_t before = session_of(c.n[0], c.address[0]);
		sim_node_kill_dataplane(c.n[who]);
		if (who == 0)
			begin_hello(c.s, c.n[0], c.address[0], &waiting);
		sim_run(c.s, sim_random(c.s) % 3000, NULL, NULL);
		check(who || (!waiting.done && !session_of(c.n[0], c.address[0])),
			"data plane dies: nothing is pretended", seed);
		sim_node_start_dataplane(c.n[who]);
		if (who == 0)
			check(sim_run(c.s, 20000, is_done, &waiting) && waiting.hello,
				"data plane dies: a message waits", seed);
		sim_run(c.s, 30000, NULL, NULL);
		all_carry(&c, "data plane dies");
		check(who == 1 || session_of(c.n[0], c.address[0]) != before,
			"data plane dies: the session is another", seed);
	}
	scene_fini(&c, "data plane dies");
}

/* Each node's control in turn: the sessions stay, and what passes through goes on meanwhile. */
static void control_dies(uint64_t seed)
{
	struct sim_options o = {.seed = seed, .delay_min_ms = 1, .delay_max_ms = 20, .chop = true};
	struct scene c;
	scene_init(&c, seed, &o);
	for (unsigned who = 0; who < NODES; who++) {
		uint32_t before[CHANNELS];
		for (unsigned i = 0; i < CHANNELS; i++)
			before[i] = session_of(c.n[0], c.address[i]);
		sim_node_kill_control(c.n[who]);
		sim_run(c.s, sim_random(c.s) % 40000, NULL, NULL);
		for (unsigned i = 0; who == 1 && i < CHANNELS; i++)
			check(hello(c.s, c.n[0], c.address[i]),
				"control dies: traffic goes on through the node", seed);
		adopt(&c, who);
		sim_run(c.s, 1000, NULL, NULL);
		for (unsigned i = 0; i < CHANNELS; i++)
			check(session_of(c.n[0], c.address[i]) == before[i] && before[i],
				"control dies: the session is the same", seed);
		all_carry(&c, "control dies");
		struct outcome again = open_channel(c.s, c.n[0],
			"/ip4/127.0.0.1/tcp/2/service/forward_to_blue/service/api");
		check(again.address[0], again.why.exit ? again.why.text : "control dies: a new one",
			seed);
		struct channel *ch = channel_by_address(sim_node_control(c.n[0]), again.address);
		if (ch)
			channel_close(sim_node_control(c.n[0]), ch);
	}
	scene_fini(&c, "control dies");
}

/* What is half made when control dies is given up, what is made stays; any plane, any moment. */
static void any_moment(uint64_t seed)
{
	static const char *const routes[] = {
		"/ip4/127.0.0.1/tcp/3/service/api",
		"/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api",
		"/ip4/127.0.0.1/tcp/2/service/forward_to_blue/service/api",
	};
	struct sim_options o = {.seed = seed, .delay_min_ms = 0, .delay_max_ms = 30, .lose = 20,
		.twice = 50};
	struct scene c;
	struct outcome *out = calloc(64, sizeof *out); /* outlives the requests */
	scene_init(&c, seed, &o);
	for (unsigned step = 0; step < 16; step++) {
		unsigned who = (unsigned)(sim_random(c.s) % NODES);
		begin_open(c.s, c.n[0], routes[sim_random(c.s) % 3], &out[2 * step]);
		sim_run(c.s, sim_random(c.s) % 150, NULL, NULL);
		begin_hello(c.s, c.n[0], c.address[sim_random(c.s) % CHANNELS], &out[2 * step + 1]);
		sim_run(c.s, sim_random(c.s) % 60, NULL, NULL);
		if (sim_random(c.s) % 2) {
			sim_node_kill_dataplane(c.n[who]);
			sim_run(c.s, sim_random(c.s) % 500, NULL, NULL);
			sim_node_start_dataplane(c.n[who]);
		} else {
			sim_node_kill_control(c.n[who]);
			sim_run(c.s, sim_random(c.s) % 500, NULL, NULL);
			adopt(&c, who);
		}
		sim_run(c.s, sim_random(c.s) % 2000, NULL, NULL);
	}
	sim_run(c.s, 120000, NULL, NULL); /* calm */
	struct outcome last = open_channel(c.s, c.n[0], routes[2]);
	check(last.address[0] && hello(c.s, c.n[0], last.address), "any moment: a new channel works",
		seed);
	for (unsigned i = 0; i < CHANNELS; i++)
		if (session_of(c.n[0], c.address[i])) /* broken ones go with control */
			check(hello(c.s, c.n[0], c.address[i]), "any moment: who is up carries",
				seed);
	scene_fini(&c, "any moment");
	free(out);
}

int main(int argc, char **argv)
{
	uint64_t from = 1, seeds = 60;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seeds"))
			seeds = strtoull(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--from"))
			from = strtoull(argv[i + 1], NULL, 10);
	}
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		dataplane_dies(seed);
		control_dies(seed);
		any_moment(seed);
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
