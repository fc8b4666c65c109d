// SPDX-License-Identifier: Apache-2.0
/*
 * udp_sim_test [--seeds N] [--from SEED] [--trace]: nodes whose links are datagrams that are lost, come twice and
 * out of order, some behind NATs that forget them, and mixed with streams. A failure prints the seed.
 */
#include "sim.h"

#include "channel.h"
#include "link.h"
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 4 };

static unsigned passed, failed;
static bool trace;

static void check(bool ok, const char *what, uint64_t seed)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("FAILED: %s (seed %llu)\n", what, (unsigned long long)seed);
}

struct net {
	struct sim *s;
	struct sim_node *n[NODES];
	uint64_t seed;
};

static struct net net_new(uint64_t seed, unsigned lose, unsigned twice, unsigned jitter)
{
	struct sim_options o = {.seed = seed,
		.delay_min_ms = 1,
		.delay_max_ms = 20,
		.jitter_ms = jitter,
		.udp_lose = lose,
		.udp_twice = twice,
		.trace = trace};
	struct net net = {.s = sim_new(&o), .seed = seed};
	sim_set_marker(net.s, "secret marker secret");
	for (unsigned i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "node%u", i + 1);
		net.n[i] = sim_node_new(net.s, name, 1, (uint16_t)(i + 1));
	}
	return net;
}

struct outcome {
	bool done;
	struct channel *ch;
	struct reason why;
	size_t len;
};

static bool is_done(void *ctx)
{
	return ((struct outcome *)ctx)->done;
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct outcome *o = ctx;
	o->done = true;
	o->ch = ch;
	if (why)
		o->why = *why;
}

static void replied(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct outcome *o = ctx;
	o->done = true;
	o->len = len;
	if (why)
		o->why = *why;
}

static struct route route_of(const char *text)
{
	struct route r;
	char err[200];
	if (route_parse(&r, text, err, sizeof err) < 0)
		abort();
	return r;
}

static struct channel *open_channel(struct net *net, unsigned from, const char *to, struct reason *why)
{
	static const struct trust own;
	struct outcome o = {0};
	struct route r = route_of(to);
	struct channel_options opt = {.to = &r, .trust = &own, .timeout_ms = 30000};
	channel_open(sim_node_control(net->n[from]), &opt, opened, &o);
	sim_wake(net->s, net->n[from], sim_now(net->s));
	if (!sim_run(net->s, 40000, is_done, &o))
		abort(); /* it is always answered */
	*why = o.why;
	return o.ch;
}

/* One message; true when its answer came. It may be lost, never altered. */
static bool ask(struct net *net, unsigned from, const char *to, size_t len, struct reason *why)
{
	const bool secret = !strncmp(to, "/service/", 9);
	static const struct trust own;
	static uint8_t body[70000];
	struct outcome o = {0};
	struct route r = route_of(to);
	for (size_t i = 0; i < len; i++)
		body[i] = (uint8_t)(secret ? "secret marker "[i % 14] : 'x');
	struct node *n = sim_node_control(net->n[from]);
	message_send(n, &r, &own, body, len, 2000, replied, &o);
	sim_wake(net->s, net->n[from], sim_now(net->s));
	if (!sim_run(net->s, 10000, is_done, &o))
		abort();
	*why = o.why;
	return !o.why.exit && o.len == len;
}

/* Some of many arrive. */
static bool works(struct net *net, unsigned from, const struct channel *ch, unsigned tries)
{
	char to[96];
	struct reason why;
	snprintf(to, sizeof to, "/service/%s/service/uppercase", ch->address);
	for (unsigned i = 0; i < tries; i++)
		if (ask(net, from, to, 10 + sim_below(net->s, 800), &why))
			return true;
	printf("  %s: %s\n", to, why.text);
	return false;
}

static void finish(struct net *net, const char *name)
{
	char what[400];
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = sim_node_control(net->n[i]);
		for (struct channel *ch = channels_first(n), *next; ch; ch = next) {
			next = ch->next;
			if (ch->role == SEAM_INITIATOR)
				channel_close(n, ch);
		}
		sim_wake(net->s, net->n[i], sim_now(net->s));
	}
	sim_run(net->s, 700000, NULL, NULL); /* longer than a path may idle */
	for (unsigned i = 0; i < NODES; i++) {
		char why[300] = "";
		bool bare = sim_node_bare(net->n[i], why, sizeof why);
		snprintf(what, sizeof what, "%s: tables are empty in the end: %s", name, why);
		check(bare, what, net->seed);
	}
	snprintf(what, sizeof what, "%s: %s", name, sim_first_fault(net->s));
	check(!sim_faults(net->s), what, net->seed);
	sim_free(net->s);
}

/* Hops of either kind, at least one of datagrams. */
static void random_route(struct net *net, char *to, size_t cap)
{
	unsigned hops = 1 + (unsigned)sim_below(net->s, NODES - 1), udp = (unsigned)sim_below(net->s, hops);
	to[0] = 0;
	for (unsigned h = 0; h < hops; h++) {
		size_t len = strlen(to);
		snprintf(to + len, cap - len, "/ip4/127.0.0.1/%s/%u",
			h == udp || sim_below(net->s, 2) ? "udp" : "tcp", h + 2);
	}
	strcat(to, "/service/api");
}

/* Nothing is lost, but twice and out of order: everything has to work at once. */
static void out_of_order(uint64_t seed)
{
	struct net net = net_new(seed, 0, 200, 60);
	struct reason why = {0};
	char to[300];
	random_route(&net, to, sizeof to);
	struct channel *ch = open_channel(&net, 0, to, &why);
	check(ch, "out of order: a channel opens", seed);
	for (unsigned i = 0; ch && i < 20; i++)
		check(works(&net, 0, ch, 1), "out of order: a message arrives", seed);
	if (ch) {
		char echo[96];
		snprintf(echo, sizeof echo, "/service/%s/service/echo", ch->address);
		check(!ask(&net, 0, echo, 66000, &why) && why.exit == EXIT_DATA && strstr(why.text, "lossy"),
			"out of order: what does not fit is refused, and why", seed);
	}
	check(ask(&net, 0, "/ip4/127.0.0.1/udp/2/service/uppercase", 100, &why),
		"out of order: a message without a channel", seed);
	finish(&net, "out of order");
}

/* Many datagrams are lost; a handshake of one link may be, and then the user hears so and asks again. */
static void lossy(uint64_t seed)
{
	struct net net = net_new(seed, 150, 100, 40);
	struct reason why = {0};
	char to[300];
	random_route(&net, to, sizeof to);
	struct channel *ch = NULL;
	for (unsigned i = 0; !ch && i < 3; i++)
		ch = open_channel(&net, 0, to, &why);
	if (!ch)
		printf("  %s: %s\n", to, why.text);
	check(ch, "lossy: a channel opens all the same", seed);
	for (unsigned i = 0; ch && i < 5; i++)
		check(works(&net, 0, ch, 30), "lossy: messages arrive sooner or later", seed);
	finish(&net, "lossy");
}

/* The NAT of the dialler forgets it, in the middle and at rest: links move, and the channel stays. */
static void rebinding(uint64_t seed)
{
	struct net net = net_new(seed, 20, 20, 10);
	struct reason why = {0};
	struct channel *ch = open_channel(&net, 0, "/ip4/127.0.0.1/udp/2/ip4/127.0.0.1/udp/3/service/api", &why);
	check(ch, "rebinding: a channel opens", seed);
	if (!ch) {
		finish(&net, "rebinding");
		return;
	}
	uint32_t session = ch->session;
	for (unsigned i = 0; i < 4; i++) {
		check(works(&net, 0, ch, 10), "rebinding: it works", seed);
		sim_udp_rebind(net.s, net.n[sim_below(net.s, 2)]);
		if (sim_below(net.s, 2))
			sim_run(net.s, sim_below(net.s, 40000), NULL, NULL);
		check(works(&net, 0, ch, 10), "rebinding: it works again", seed);
		sim_run(net.s, 20000, NULL, NULL); /* once in 20 s is what a channel outlives */
	}
	check(works(&net, 0, ch, 10), "rebinding: it works in the end", seed);
	check(ch->session == session, "rebinding: it is the same session still", seed);
	finish(&net, "rebinding");
}

/* The dialled node dies and comes back: its dialler finds out and opens anew. */
static void restart(uint64_t seed)
{
	struct net net = net_new(seed, 50, 50, 10);
	struct reason why = {0};
	struct channel *ch = open_channel(&net, 0, "/ip4/127.0.0.1/udp/2/service/api", &why);
	check(ch, "restart: a channel opens", seed);
	if (ch) {
		sim_node_kill(net.n[1]);
		sim_run(net.s, sim_below(net.s, 30000), NULL, NULL);
		sim_node_start(net.n[1]);
		sim_run(net.s, 60000, NULL, NULL);
		check(works(&net, 0, ch, 10), "restart: the channel came back", seed);
		sim_node_kill_control(net.n[1]);
		sim_run(net.s, sim_below(net.s, 3000), NULL, NULL);
		sim_node_adopt(net.n[1]);
		check(works(&net, 0, ch, 10), "restart: links are adopted with their tags", seed);
		sim_udp_rebind(net.s, net.n[0]);
		check(works(&net, 0, ch, 10), "restart: and move", seed);
		sim_node_kill_dataplane(net.n[1]);
		sim_node_start_dataplane(net.n[1]);
		sim_run(net.s, 60000, NULL, NULL);
		check(works(&net, 0, ch, 10), "restart: a data plane is replaced", seed);
	}
	finish(&net, "restart");
}

/* Identities with long histories: RESP and FINISH do not fit into one datagram. */
static void in_pieces(uint64_t seed)
{
	struct net net = net_new(seed, seed % 2 ? 100 : 0, 100, 40);
	struct reason why = {0};
	char to[300];
	random_route(&net, to, sizeof to);
	for (unsigned i = 0; i < NODES; i++)
		sim_node_rotate(net.n[i], (unsigned)sim_below(net.s, 16));
	struct channel *ch = NULL;
	for (unsigned i = 0; !ch && i < 3; i++)
		ch = open_channel(&net, 0, to, &why);
	if (!ch)
		printf("  %s: %s\n", to, why.text);
	check(ch, "in pieces: a channel opens", seed);
	if (ch)
		check(works(&net, 0, ch, 20), "in pieces: it works", seed);
	finish(&net, "in pieces");
}

/* The largest frame that passes is found, used, and given up when it passes no more. */
static void path_mtu(uint64_t seed)
{
	static const unsigned mtu[] = {1100, 1184, 1300, 1472, 1500, 9000, 70000}, found[] = {1024, 1184, 1232, 1472, 1472, 8972, WIRE_UDP_MAX};
	struct net net = net_new(seed, 0, 100, 20);
	struct reason why = {0};
	char to[300], echo[96], what[100];
	unsigned i = (unsigned)seed % 7;
	random_route(&net, to, sizeof to);
	sim_udp_set_mtu(net.s, mtu[i]);
	struct channel *ch = open_channel(&net, 0, to, &why);
	check(ch, "path MTU: a channel opens", seed);
	if (!ch) {
		finish(&net, "path MTU");
		return;
	}
	sim_run(net.s, 30000, NULL, NULL);
	snprintf(what, sizeof what, "path MTU: %u is found, of %u", ch->frame_max, mtu[i]);
	check(ch->frame_max == found[i], what, seed);
	snprintf(echo, sizeof echo, "/service/%s/service/echo", ch->address);
	if (ch->frame_max < 60000)
		check(ask(&net, 0, echo, ch->frame_max - 120u, &why), "path MTU: it is used", seed);
	check(!ask(&net, 0, echo, ch->frame_max, &why) && why.exit == EXIT_DATA, "path MTU: and no more", seed);
	uint32_t session = ch->session;
	sim_udp_set_mtu(net.s, 1100);
	for (unsigned k = 0; k < 40 && ch->frame_max > 1100; k++) {
		ask(&net, 0, echo, ch->frame_max < 60000 ? ch->frame_max - 120u : 60000, &why);
		sim_run(net.s, 2000, NULL, NULL);
	}
	check(ch->frame_max == WIRE_PATH_MIN, "path MTU: a narrower path is noticed", seed);
	check(works(&net, 0, ch, 1), "path MTU: and carries what fits", seed);
	sim_udp_set_mtu(net.s, mtu[i]);
	sim_run(net.s, 700000, NULL, NULL);
	check(ch->frame_max == found[i], "path MTU: and a wider one again", seed);
	check(ch->session == session, "path MTU: the session is the same", seed);
	finish(&net, "path MTU");
}

/* Each node has the cipher suites of its machine; the refusal comes through every hop. */
static void suites(uint64_t seed)
{
	struct net net = net_new(seed, 0, 100, 20);
	struct reason why = {0};
	char to[300];
	random_route(&net, to, sizeof to);
	unsigned last = (unsigned)(strstr(to, "/service")[-1] - '1');
	sim_node_set_suites(net.n[0], SUITE_AESGCM, SUITE_CHACHAPOLY);
	struct channel *ch = open_channel(&net, 0, to, &why); /* the other end has only ChaChaPoly */
	check(ch && ch->suite == SUITE_CHACHAPOLY, "suites: the one that both have", seed);
	if (ch)
		check(works(&net, 0, ch, 1), "suites: it works", seed);
	sim_node_set_suites(net.n[last], SUITE_CHACHAPOLY, SUITE_AESGCM);
	ch = open_channel(&net, 0, to, &why);
	check(ch && ch->suite == SUITE_AESGCM, "suites: the initiator's order counts", seed);
	sim_node_set_suites(net.n[0], SUITE_CHACHAPOLY, 0);
	sim_node_set_suites(net.n[last], SUITE_AESGCM, 0);
	ch = open_channel(&net, 0, to, &why);
	check(!ch && why.exit == EXIT_REFUSED && strstr(why.text, "none of the cipher suites"),
		"suites: none in common is said", seed);
	finish(&net, "suites");
}

int main(int argc, char **argv)
{
	uint64_t from = 1, seeds = 60;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--trace"))
			trace = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--seeds"))
			seeds = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && !strcmp(argv[i], "--from"))
			from = strtoull(argv[++i], NULL, 10);
		else
			return 2;
	}
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		out_of_order(seed);
		lossy(seed);
		rebinding(seed);
		restart(seed);
		in_pieces(seed);
		suites(seed);
		path_mtu(seed);
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
