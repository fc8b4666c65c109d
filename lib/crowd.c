// SPDX-License-Identifier: Apache-2.0
#include "crowd.h"

#include <errno.h>
#include <stdlib.h>

enum { LOOK = 4 }; /* members at each end of a group that are compared */

int crowd_init(struct crowd *c, unsigned max, unsigned max_each)
{
	*c = (struct crowd){.max = max, .max_each = max_each};
	c->by_count = calloc(max + 1u, sizeof(*c->by_count));
	return c->by_count ? 0 : -ENOMEM;
}

void crowd_fini(struct crowd *c)
{
	free(c->by_count);
	c->by_count = NULL;
}

/*
 * Of the members that were added to longest ago, and of those that were added to last, the one with
 * most: a link that floods is among the latter, and one that has little stays when it has less.
 */
static const struct crowd_member *busiest(const struct crowd_group *g)
{
	const struct crowd_member *most = g->first, *m = g->first;
	for (unsigned i = 0; m && i < LOOK; i++, m = m->next)
		most = m->n > most->n ? m : most;
	m = g->last;
	for (unsigned i = 0; m && i < LOOK; i++, m = m->prev)
		most = m->n > most->n ? m : most;
	return most;
}

struct crowd_item *crowd_most(const struct crowd *c)
{
	return c->total ? busiest(c->by_count[c->most])->oldest : NULL;
}

struct crowd_item *crowd_victim(const struct crowd *c, const struct crowd_member *m)
{
	if (m->n >= c->max_each)
		return m->oldest;
	return c->total >= c->max ? crowd_most(c) : NULL;
}

/* Moves a group to where those with n are. */
static void recount(struct crowd *c, struct crowd_group *g, unsigned n)
{
	if (g->n) {
		*g->back = g->next;
		if (g->next)
			g->next->back = g->back;
	}
	g->n = n;
	g->in = n ? c : NULL;
	if (n) {
		g->next = c->by_count[n];
		g->back = &c->by_count[n];
		if (g->next)
			g->next->back = &g->next;
		c->by_count[n] = g;
	}
	if (n > c->most)
		c->most = n;
	while (c->most && !c->by_count[c->most])
		c->most--;
}

static void unlist(struct crowd_group *g, struct crowd_member *m)
{
	*(m->prev ? &m->prev->next : &g->first) = m->next;
	*(m->next ? &m->next->prev : &g->last) = m->prev;
}

static void list_last(struct crowd_group *g, struct crowd_member *m)
{
	m->next = NULL;
	m->prev = g->last;
	*(g->last ? &g->last->next : &g->first) = m;
	g->last = m;
}

static struct crowd_group *group_of(struct crowd_member *m)
{
	return m->of ? m->of : &m->own;
}

void crowd_enter(struct crowd *c, struct crowd_member *m, struct crowd_item *i)
{
	struct crowd_group *g = group_of(m);
	i->of = m;
	i->newer = NULL;
	i->older = m->newest;
	if (m->newest)
		m->newest->newer = i;
	else
		m->oldest = i;
	m->newest = i;
	if (m->n)
		unlist(g, m);
	list_last(g, m);
	m->n++;
	recount(c, g, g->n + 1);
	c->total++;
}

void crowd_leave(struct crowd *c, struct crowd_item *i)
{
	struct crowd_member *m = i->of;
	if (!m)
		return;
	if (i->newer)
		i->newer->older = i->older;
	else
		m->newest = i->older;
	if (i->older)
		i->older->newer = i->newer;
	else
		m->oldest = i->newer;
	i->of = NULL;
	struct crowd_group *g = group_of(m);
	if (!--m->n)
		unlist(g, m);
	recount(c, g, g->n - 1);
	c->total--;
}

void crowd_join(struct crowd_member *m, struct crowd_group *g)
{
	struct crowd_group *from = group_of(m), *to = g ? g : &m->own;
	struct crowd *c = from->in;
	if (m->n && from != to) {
		unlist(from, m);
		recount(c, from, from->n - m->n);
		list_last(to, m);
		recount(c, to, to->n + m->n);
	}
	m->of = g;
}
