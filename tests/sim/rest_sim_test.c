// SPDX-License-Identifier: Apache-2.0
/*
 * rest_sim_test: a world at rest. After 20 rounds of work as much memory is held as after the
 * first; a world whose channels are idle sends keepalives and nothing else; one without channels
 * does nothing.
 */
#include "world.h"

#include "relay.h"
#include "wire.h"

#include <stdio.h>

enum { NODES = 6, ROUNDS = 20, HOUR_MS = 3600 * 1000 };

static unsigned passed, failed;

static void check(bool ok, const char *what, long got, long want)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("FAILED: %s: %ld, not %ld\n", what, got, want);
}

static struct world world_new(uint64_t seed)
{
	struct sim_options o = {.seed = seed, .delay_min_ms = 1, .delay_max_ms = 20, .chop = true};
	struct world w = {.s = sim_new(&o), .seed = seed, .nodes = NODES, .calm = true};
	sim_set_marker(w.s, "secret marker");
	for (unsigned i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "node%u", i + 1);
		w.n[i] = sim_node_new(w.s, name, 1, (uint16_t)(i + 1));
	}
	return w;
}

static void world_end(struct world *w)
{
	struct world_result r = {0};
	check(sim_faults(w->s) == 0, sim_first_fault(w->s), sim_faults(w->s), 0);
	asks_free(w, &r);
	sim_free(w->s);
}

#define HOST(port) "/ip4/127.0.0.1/tcp/" port

static struct channel *newest(struct world *w, unsigned who)
{
	struct channel *found = NULL;
	for (struct channel *ch = channels_first(sim_node_control(w->n[who])); ch; ch = ch->next)
		if (!ch->hidden && ch->role == SEAM_INITIATOR)
			found = ch;
	return found;
}

static struct channel *up(struct world *w, unsigned who, const char *to)
{
	struct ask *a = ask_open(w, who, to, false, 5000);
	ask_wait(a);
	check(a->done && !a->why.exit, a->what, a->why.exit, 0);
	return newest(w, who);
}

static void say(struct world *w, unsigned who, struct channel *ch, size_t len)
{
	char to[100];
	snprintf(to, sizeof to, "/service/%s/service/uppercase", ch->address);
	struct ask *a = ask_message(w, who, to, len, true, 20000);
	ask_wait(a);
	check(a->done && !a->why.exit, a->what, a->why.exit, 0);
}

static void close_all(struct world *w)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = sim_node_control(w->n[i]);
		while (relays_first(n))
			relay_delete(n, relays_first(n)->name);
		for (struct channel *ch; (ch = newest(w, i));)
			channel_close(n, ch);
		sim_wake(w->s, w->n[i], sim_now(w->s));
	}
	sim_run(w->s, 400000, NULL, NULL);
}

/* Some of everything, then nothing. */
static void round_of_work(struct world *w)
{
	char inner[100];
	ask_wait(ask_register(w, 4, "node5", HOST("6")));
	struct channel *ch = up(w, 0, HOST("2") HOST("3") "/service/api");
	say(w, 0, ch, 100000);
	snprintf(inner, sizeof inner, "/service/%s/service/api", ch->address);
	say(w, 0, up(w, 0, inner), 1 << 20);
	say(w, 1, up(w, 1, HOST("6") "/service/forward_to_node5/service/api"), 5000);
	ask_wait(ask_message(
		w, 2, HOST("1") HOST("4") "/secure/api/service/uppercase", 70000, true, 20000));
	ask_wait(ask_message(w, 2, HOST("1") HOST("4") "/service/uppercase", 1000, false, 20000));
	ask_wait(ask_message(w, 2, HOST("1") HOST("4") "/service/nothing", 1000, false, 20000));
	close_all(w);
}

/* Invariant: memory does not grow from round to round. */
static void rounds(uint64_t seed)
{
	struct world w = world_new(seed);
	long held[ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++) {
		round_of_work(&w);
		check_bare(&w);
		held[i] = sim_blocks_held();
	}
	check(held[ROUNDS - 1] == held[0], "blocks of memory after 20 rounds", held[ROUNDS - 1],
		held[0]);
	check_silence(&w);
	world_end(&w);
	check(sim_blocks_held() == 0, "blocks of memory after the end", sim_blocks_held(), 0);
}

/*
 * Invariant: channels that nobody uses cost keepalives and no more. A session sends PING after 100
 * s without sending, PONG answers, each 120 s at the earliest the next epoch begins with one more
 * of both; a link whose other end says nothing is asked each minute.
 */
static void idle_channels(uint64_t seed)
{
	struct world w = world_new(seed);
	up(&w, 0, HOST("2") "/service/api");
	up(&w, 2, HOST("4") HOST("5") "/service/api");
	sim_run(w.s, 60000, NULL, NULL);
	unsigned long data = sim_frames(w.s, WIRE_DATA), link = sim_frames(w.s, WIRE_LINK), all = 0,
		      woken = 0;
	for (unsigned i = 0; i < 16; i++)
		all += sim_frames(w.s, i);
	for (unsigned i = 0; i < NODES; i++)
		woken += sim_node_wakes(w.n[i]);
	sim_run(w.s, HOUR_MS, NULL, NULL);
	long more_data = (long)(sim_frames(w.s, WIRE_DATA) - data);
	long more_link = (long)(sim_frames(w.s, WIRE_LINK) - link), more_all = -(long)all,
	     more_woken = -(long)woken;
	for (unsigned i = 0; i < 16; i++)
		more_all += (long)sim_frames(w.s, i);
	for (unsigned i = 0; i < NODES; i++)
		more_woken += (long)sim_node_wakes(w.n[i]);
	/* 2 sessions over 3 links: per 100 s and session at most 2 PING and 2 PONG for life, as
	 * many for an epoch */
	const long periods = HOUR_MS / 100000;
	check(more_data <= 3 * 8 * periods, "DATA of idle channels in an hour", more_data,
		3 * 8 * periods);
	check(more_link <= 3 * 4 * 60, "LINK frames of an hour", more_link, 3 * 4 * 60);
	check(more_all == more_data + more_link, "frames that are no keepalives",
		more_all - more_data - more_link, 0);
	check(more_woken <= 4 * (more_data + more_link) + NODES * 4 * 60, "times that nodes woke",
		more_woken, 4 * (more_data + more_link) + NODES * 4 * 60);
	check(newest(&w, 0)->state == CHANNEL_UP && newest(&w, 2)->state == CHANNEL_UP,
		"channels are up", 0, 1);
	say(&w, 0, newest(&w, 0), 1000);
	say(&w, 2, newest(&w, 2), 1000);
	close_all(&w);
	check_bare(&w);
	world_end(&w);
}

int main(void)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		rounds(seed);
		idle_channels(seed);
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
