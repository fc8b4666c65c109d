// SPDX-License-Identifier: Apache-2.0
/* What is true of a world that has come to rest. */
#include "world.h"

#include <stdio.h>

static bool is_up(const struct channel *ch)
{
	return ch->state == CHANNEL_UP && ch->session;
}

/* The node's channel of that role that stands on the session with this print. */
static unsigned count_other_ends(struct world *w, uint8_t role, uint64_t print)
{
	unsigned found = 0;
	for (unsigned i = 0; i < w->nodes; i++)
		for (struct channel *ch = channels_first(sim_node_control(w->n[i])); ch;
			ch = ch->next)
			found += ch->role != role && is_up(ch) &&
				 sim_node_session_print(w->n[i], ch->session) == print;
	return found;
}

/*
 * Invariant: both ends agree. A channel that is up has exactly one other end, which is up and comes
 * of the same handshake; no two have the same.
 */
void check_agreement(struct world *w)
{
	for (unsigned i = 0; i < w->nodes; i++)
		for (struct channel *ch = channels_first(sim_node_control(w->n[i])); ch;
			ch = ch->next) {
			uint64_t print = sim_node_session_print(w->n[i], ch->session);
			if (ch->role == SEAM_RESPONDER && !is_up(ch))
				sim_fault(w->s, "%s: a responder's channel in state %d at rest",
					sim_node_name(w->n[i]), ch->state);
			if (!is_up(ch))
				continue;
			unsigned ends = count_other_ends(w, ch->role, print);
			if (ends != 1)
				sim_fault(w->s, "%s: the channel %s is up, with %u other ends",
					sim_node_name(w->n[i]), ch->address, ends);
		}
}

/* A route of hosts alone, to a listener that is there again. */
static bool can_come_back(const struct channel *ch)
{
	for (unsigned i = 0; i + 1 < ch->route.n; i++)
		if (ch->route.e[i].code != ROUTE_IP4 && ch->route.e[i].code != ROUTE_TCP)
			return false;
	return !strcmp(ch->listener, "api");
}

/*
 * Invariant: what says that it is up carries; and what broke comes back when nothing is in its way
 * any more.
 */
void check_channels_work(struct world *w)
{
	for (unsigned i = 0; i < w->nodes; i++)
		for (struct channel *ch = channels_first(sim_node_control(w->n[i])), *next; ch;
			ch = next) {
			next = ch->next;
			if (ch->role == SEAM_INITIATOR && !is_up(ch) && can_come_back(ch) &&
				!ch->hidden)
				sim_fault(w->s, "%s: the channel %s has not come back",
					sim_node_name(w->n[i]), ch->address);
			if (ch->hidden || !is_up(ch))
				continue;
			char to[100];
			snprintf(to, sizeof to, "/service/%s/service/uppercase", ch->address);
			struct ask *a =
				ask_message(w, i, to, 1 + sim_below(w->s, 3000), true, 20000);
			a->must = true;
			if (a->why.exit)
				sim_fault(w->s, "%s: %s", a->what, a->why.text);
		}
	sim_run(w->s, 25000, NULL, NULL);
	asks_check(w);
}

/* Invariant: all tables are empty when all is closed, and nobody waits for anything. */
void check_bare(struct world *w)
{
	for (unsigned i = 0; i < w->nodes; i++) {
		char why[400] = "";
		if (!sim_node_bare(w->n[i], why, sizeof why))
			sim_fault(w->s, "in the end: %s: %s", sim_node_name(w->n[i]), why);
		else if (sim_node_deadline(w->n[i]) != UINT64_MAX)
			sim_fault(
				w->s, "in the end: %s wants to be called", sim_node_name(w->n[i]));
	}
}

/* Invariant: in an idle world nothing happens. */
void check_silence(struct world *w)
{
	unsigned long before = sim_events(w->s);
	sim_run(w->s, 86400 * 1000, NULL, NULL);
	if (sim_events(w->s) != before)
		sim_fault(w->s, "%lu events in an idle world", sim_events(w->s) - before);
}
