// SPDX-License-Identifier: Apache-2.0
#include "crowd.h"

#include <errno.h>
#include <stdlib.h>

int crowd_init(struct crowd *c, unsigned max, unsigned max_each)
{
	*c = (struct crowd){.max = max, .max_each = max_each};
	c->by_count = calloc(max_each + 1u, sizeof *c->by_count);
	return c->by_count ? 0 : -ENOMEM;
}

void crowd_fini(struct crowd *c)
{
	free(c->by_count);
	c->by_count = NULL;
}

struct crowd_item *crowd_victim(const struct crowd *c, const struct crowd_member *m)
{
	if (m->n >= c->max_each)
		return m->oldest;
	return c->total >= c->max ? c->by_count[c->most]->oldest : NULL;
}

/* Moves a member to where those with n are. */
static void recount(struct crowd *c, struct crowd_member *m, unsigned n)
{
	if (m->n) {
		*m->back = m->next;
		if (m->next)
			m->next->back = m->back;
	}
	m->n = n;
	if (n) {
		m->next = c->by_count[n];
		m->back = &c->by_count[n];
		if (m->next)
			m->next->back = &m->next;
		c->by_count[n] = m;
	}
	if (n > c->most)
		c->most = n;
	while (c->most && !c->by_count[c->most])
		c->most--;
}

void crowd_enter(struct crowd *c, struct crowd_member *m, struct crowd_item *i)
{
	i->of = m;
	i->newer = NULL;
	i->older = m->newest;
	if (m->newest)
		m->newest->newer = i;
	else
		m->oldest = i;
	m->newest = i;
	recount(c, m, m->n + 1);
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
	recount(c, m, m->n - 1);
	c->total--;
}
