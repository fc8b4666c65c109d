// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include "listener.h"
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHANNELS_MAX = 4096, LINKS_MAX = 4096 }; /* of one node, more than there are */

static unsigned pick(struct world *w, unsigned n)
{
	return (unsigned)sim_below(w->s, n);
}

/* Hundreds of nodes now and then, a handful mostly. */
unsigned world_size(uint64_t seed)
{
	if (seed % 250 == 0)
		return 100 + (unsigned)(seed / 250 * 37 % 100) * 3; /* small and large in turn */
	if (seed % 25 == 0)
		return 20 + (unsigned)(seed / 25 % 30);
	return 3 + (unsigned)(seed % 6);
}

/*
 * The network of a world is its own: some have narrow wires, some slow, some lose handshakes. In a
 * calm one everything is to be done in time, so it has none of these.
 */
static struct sim_options options_of(uint64_t seed, bool calm, bool trace)
{
	uint64_t d = seed * 0x9e3779b97f4a7c15 >> 20;
	struct sim_options o = {
		.seed = seed, .delay_max_ms = (unsigned)(d % 4) * 40, .trace = trace};
	o.chop = d >> 2 & 1;
	o.jitter_ms = d >> 3 & 1 ? 30 : 0;
	if (calm) {
		o.window_min = o.window_max = d >> 4 & 1 ? 1 << 20 : 0;
		return o;
	}
	if ((d >> 4 & 3) == 0) {
		o.window_min = 2048;
		o.window_max = 1 << 20;
	}
	if ((d >> 6 & 3) == 0)
		o.rate = 200 + (unsigned)(d >> 8 & 1023);
	if ((d >> 18 & 7) == 0 && !o.window_min)
		o.lose = o.twice = 150;
	return o;
}

static unsigned random_alive(struct world *w)
{
	unsigned i = pick(w, w->nodes);
	while (!sim_node_alive(w->n[i]))
		i = (i + 1) % w->nodes;
	return i;
}

/*
 * Some hosts in a row, none next to itself. Whether no link is used twice the same way: a label
 * means one thing on a link, so such a path cannot be.
 */
static bool put_hosts(struct world *w, unsigned from, char *to, size_t cap)
{
	enum { HOPS_MAX = 5 };
	unsigned hops = 1 + pick(w, pick(w, 4) ? 2 : HOPS_MAX), at = from, used[HOPS_MAX];
	bool simple = true;
	for (unsigned h = 0; h < hops; h++) {
		unsigned next = pick(w, w->nodes);
		while (next == at || (h + 1 == hops && next == from))
			next = (next + 1) % w->nodes;
		size_t len = strlen(to);
		snprintf(to + len, cap - len, "/ip4/127.0.0.1/tcp/%u", next + 1);
		used[h] = at * w->nodes + next;
		for (unsigned i = 0; i < h; i++)
			simple = simple && used[i] != used[h];
		at = next;
	}
	return simple;
}

static struct channel *random_channel(struct world *w, unsigned who)
{
	struct channel *found = NULL;
	unsigned seen = 0;
	for (struct channel *ch = channels_first(sim_node_control(w->n[who])); ch; ch = ch->next)
		if (ch->state == CHANNEL_UP && !ch->hidden && !pick(w, ++seen))
			found = ch;
	return found;
}

static void put_name(struct world *w, char *to, size_t cap)
{
	snprintf(to, cap, "/ip4/127.0.0.1/tcp/%u/service/forward_to_node%u", 1 + pick(w, 2),
		pick(w, w->nodes) + 1);
}

static const char *random_listener(struct world *w)
{
	static const char *const names[] = {"api", "api", "api", "api", "open", "nothing"};
	return w->calm ? "api" : names[pick(w, 6)];
}

static unsigned random_timeout(struct world *w)
{
	return w->calm ? 60000 : 1000 + pick(w, 14000);
}

static void step_open(struct world *w, unsigned who)
{
	char to[400] = "";
	unsigned how = pick(w, 8);
	struct channel *ch = how < 2 ? random_channel(w, who) : NULL;
	bool must = w->calm && how != 2;
	if (ch) /* through a channel, perhaps farther: its other end is no part of the promise */
		snprintf(to, sizeof to, "/service/%s", ch->address);
	must = must && !ch;
	if (how == 2)
		put_name(w, to, sizeof to);
	else if (!ch || pick(w, 2))
		must = put_hosts(w, who, to, sizeof to) && must;
	size_t len = strlen(to);
	snprintf(to + len, sizeof to - len, "/service/%s", random_listener(w));
	struct ask *a = ask_open(w, who, to, w->calm || pick(w, 2), random_timeout(w));
	a->must = must;
	if (w->calm)
		ask_wait(a);
}

static size_t random_length(struct world *w)
{
	static const unsigned edge[] = {0, 1, 900, 4000, 32768, 65535, 65536, 1 << 20};
	switch (pick(w, 8)) {
	case 0:
		return edge[pick(w, 8)];
	case 1:
		return pick(w, pick(w, 8) ? 300000 : (1 << 20) + 2);
	default:
		return pick(w, 3000);
	}
}

static void step_message(struct world *w, unsigned who)
{
	char to[400] = "";
	struct channel *ch = pick(w, 5) ? random_channel(w, who) : NULL;
	size_t len = random_length(w);
	bool secret = true, must = w->calm && len <= 1 << 20;
	if (ch) { /* one that was accepted may be about to be closed */
		snprintf(to, sizeof to, "/service/%s", ch->address);
		must = must && ch->role == SEAM_INITIATOR;
	} else if (pick(w, 2)) {
		must = put_hosts(w, who, to, sizeof to) && must;
		strcat(to, "/secure/api");
	} else {
		put_hosts(w, who, to, sizeof to);
		secret = false;
		must = w->calm && len < 1000;
	}
	strcat(to, "/service/uppercase");
	struct ask *a = ask_message(w, who, to, len, secret, random_timeout(w));
	a->must = must;
	if (w->calm)
		ask_wait(a);
}

static void step_close(struct world *w, unsigned who)
{
	struct channel *ch = random_channel(w, who);
	struct node *n = sim_node_control(w->n[who]);
	if (!pick(w, 3)) /* in whatever state */
		for (ch = channels_first(n); ch && (ch->hidden || pick(w, 2));)
			ch = ch->next;
	if (!ch || ch->hidden)
		return;
	sim_trace(w->s, "%s: close %s", sim_node_name(w->n[who]), ch->address);
	if (ch->open_fn) /* its request is withdrawn */
		((struct ask *)ch->open_ctx)->done = true;
	channel_close(n, ch);
	sim_wake(w->s, w->n[who], sim_now(w->s));
	if (w->calm) /* the other end hears of it before it sends */
		sim_run(w->s, 5000, NULL, NULL);
}

static void step_name(struct world *w, unsigned who)
{
	struct node *n = sim_node_control(w->n[who]);
	char at[64];
	struct registration *r = relays_first(n);
	snprintf(at, sizeof at, "/ip4/127.0.0.1/tcp/%u", 1 + pick(w, 2));
	if (r && pick(w, 2)) {
		bool waiting = strcmp(r->state, "up") != 0;
		sim_trace(w->s, "%s: release %s", n->name, r->name);
		for (struct ask *a = w->asks; waiting && a; a = a->next)
			if (a->who == who && strstr(a->what, ": register "))
				a->done = true;
		relay_delete(n, r->name);
		sim_wake(w->s, w->n[who], sim_now(w->s));
	} else if (who > 1) {
		struct ask *a = ask_register(w, who, n->name, at);
		if (w->calm)
			ask_wait(a);
	}
}

static void step_listener(struct world *w, unsigned who)
{
	struct node *n = sim_node_control(w->n[who]);
	const char *name = pick(w, 2) ? "api" : "open";
	struct trust t = {.any = pick(w, 2)};
	struct listener *l;
	sim_trace(w->s, "%s: listener %s changes", n->name, name);
	if (listener_del(n, name) < 0 || pick(w, 2))
		listener_add(n, name, &t, NULL, NULL, &l);
	sim_wake(w->s, w->n[who], sim_now(w->s));
}

static void step_connection(struct world *w, unsigned who)
{
	unsigned to = pick(w, w->nodes);
	struct node *n = sim_node_control(w->n[who]);
	struct link *l = links_first(n);
	while (l && (!l->explicit_ || pick(w, 2)))
		l = l->next;
	if (l && l->state == LINK_UP && !w->calm) { /* paths of others may go with it */
		link_close(n, l);
		sim_wake(w->s, w->n[who], sim_now(w->s));
	} else if (to != who) {
		ask_connect(w, who, (uint16_t)(to + 1));
	}
}

static uint64_t one_of_two(const struct sim_node *sn, void *ctx)
{
	const struct world *w = ctx;
	return (sim_node_number(sn) * 0x9e3779b97f4a7c15 ^ w->heal_ms * 0xbf58476d1ce4e5b9) >> 40 &
	       1;
}

static void step_fault(struct world *w)
{
	unsigned who = random_alive(w), alive = 0;
	for (unsigned i = 0; i < w->nodes; i++)
		alive += sim_node_alive(w->n[i]);
	switch (pick(w, 8)) {
	case 0:
	case 1:
		sim_cut_any(w->s);
		break;
	case 2:
		sim_hold_any(w->s);
		break;
	case 3:
	case 4:
		if (alive < 2)
			break;
		sim_trace(w->s, "%s dies", sim_node_name(w->n[who]));
		sim_node_kill(w->n[who]);
		w->back_ms[who] = sim_now(w->s) + pick(w, pick(w, 2) ? 300 : 40000);
		break;
	case 5:
		w->heal_ms = sim_now(w->s) + 1 + pick(w, pick(w, 2) ? 2000 : 90000);
		sim_trace(w->s, "partition");
		sim_partition(w->s, one_of_two, w);
		break;
	case 6:
		sim_node_shift_clock(w->n[who], (int64_t)pick(w, 7200) - 3600);
		break;
	case 7:
		sim_node_set_transit(w->n[who], pick(w, 2));
		break;
	}
}

/* What was to end by itself does. */
static void time_passes(struct world *w, uint64_t ms)
{
	sim_run(w->s, ms, NULL, NULL);
	for (unsigned i = 0; i < w->nodes; i++)
		if (!sim_node_alive(w->n[i]) && sim_now(w->s) >= w->back_ms[i]) {
			sim_trace(w->s, "%s comes back", sim_node_name(w->n[i]));
			sim_node_start(w->n[i]);
		}
	if (w->heal_ms && sim_now(w->s) >= w->heal_ms) {
		sim_trace(w->s, "the partition ends");
		w->heal_ms = 0;
		sim_heal(w->s);
	}
	asks_check(w);
}

static uint64_t random_pause(struct world *w)
{
	switch (pick(w, 12)) {
	case 0:
		return pick(w, 40000);
	case 1:
		return pick(w, 8) ? 5000 : pick(w, 400000);
	case 2:
	case 3:
	case 4:
		return 0;
	default:
		return pick(w, 400);
	}
}

static void step(struct world *w)
{
	unsigned who = random_alive(w), what = pick(w, w->calm ? 13 : 20);
	if (what < 4)
		step_open(w, who);
	else if (what < 9)
		step_message(w, who);
	else if (what < 11)
		step_close(w, who);
	else if (what < 12)
		step_name(w, who);
	else if (what < 13)
		step_connection(w, who);
	else if (what < 15)
		step_listener(w, who);
	else
		step_fault(w);
	time_passes(w, random_pause(w));
}

/* Nothing is in anybody's way any more; then long enough for all to find out. */
static void come_to_rest(struct world *w)
{
	sim_heal(w->s);
	w->heal_ms = 0;
	for (unsigned i = 0; i < w->nodes; i++) {
		if (!sim_node_alive(w->n[i]))
			sim_node_start(w->n[i]);
		sim_node_set_clock(w->n[i], 0);
		sim_node_set_transit(w->n[i], true);
		struct node *n = sim_node_control(w->n[i]);
		struct trust any = {.any = true};
		struct listener *l;
		listener_del(n, "api");
		listener_add(n, "api", &any, NULL, NULL, &l);
		sim_wake(w->s, w->n[i], sim_now(w->s));
	}
	sim_trace(w->s, "rest");
	time_passes(w, 300000);
}

/* One may take others with it: those that stand on it. So they are looked for anew each time. */
static void close_channels(struct world *w, struct node *n)
{
	static char address[CHANNELS_MAX][sizeof channels_first(n)->address];
	unsigned count = 0;
	for (const struct channel *ch = channels_first(n); ch && count < CHANNELS_MAX; ch = ch->next)
		if (!ch->hidden && (ch->role == SEAM_INITIATOR || !pick(w, 4)))
			memcpy(address[count++], ch->address, sizeof ch->address);
	for (unsigned i = 0; i < count; i++) {
		struct channel *ch = channel_by_address(n, address[i]);
		if (ch)
			channel_close(n, ch);
	}
}

static void close_links(struct node *n)
{
	static uint32_t id[LINKS_MAX];
	unsigned count = 0;
	for (const struct link *l = links_first(n); l && count < LINKS_MAX; l = l->next)
		if (l->explicit_)
			id[count++] = l->id;
	for (unsigned i = 0; i < count; i++) {
		struct link *l = links_by_id(n, id[i]);
		if (l)
			link_close(n, l);
	}
}

static void close_all(struct world *w)
{
	sim_trace(w->s, "everything is closed");
	for (unsigned i = 0; i < w->nodes; i++) {
		struct node *n = sim_node_control(w->n[i]);
		while (relays_first(n))
			relay_delete(n, relays_first(n)->name);
		close_channels(w, n);
		close_links(n);
		sim_wake(w->s, w->n[i], sim_now(w->s));
	}
	time_passes(w, 700000); /* longer than a path may idle */
}

void world_run(uint64_t seed, unsigned nodes, bool trace, struct world_result *out)
{
	struct world w = {
		.seed = seed, .nodes = nodes ? nodes : world_size(seed), .calm = seed % 4 == 1};
	struct sim_options o = options_of(seed, w.calm, trace);
	w.s = sim_new(&o);
	sim_set_marker(w.s, "secret marker");
	for (unsigned i = 0; i < w.nodes; i++) {
		char name[16];
		snprintf(name, sizeof name, "node%u", i + 1);
		w.n[i] = sim_node_new(w.s, name, !w.calm && i % 5 == 4 ? 2 : 1, (uint16_t)(i + 1));
	}
	unsigned steps = w.nodes < 20 ? 10 + pick(&w, 30) : w.nodes * 2;
	for (unsigned i = 0; i < steps; i++)
		step(&w);
	come_to_rest(&w);
	check_agreement(&w);
	check_channels_work(&w);
	close_all(&w);
	check_bare(&w);
	check_silence(&w);
	memset(out, 0, sizeof *out);
	if (sim_faults(w.s))
		snprintf(out->fault, sizeof out->fault, "%s", sim_first_fault(w.s));
	out->history = sim_history(w.s);
	asks_free(&w, out);
	sim_free(w.s);
}
