// SPDX-License-Identifier: Apache-2.0
/*
 * Which labels of a link its neighbour has paused. Kept because a hop must never lose the RESUME of
 * a PAUSE that it took: the sender would wait for ever. A path that ends takes its entry with it
 * only when the link ends; the oldest goes when there are too many.
 */
#include "engine_private.h"

#include <stdlib.h>

struct held {
	struct label_node node;	   /* (link, label) */
	struct held *next, **back; /* of the link, oldest first */
};

static void tell(struct engine *e, uint32_t link, uint32_t label, bool on)
{
	struct engine_mail m = {.kind = MAIL_EGRESS_PAUSE, .link = link, .label = label, .on = on};
	egress_pause(e, link, label, on);
	mail_all(e, &m);
}

static void held_drop(struct engine *e, struct link *l, struct held *h)
{
	label_remove(&e->held, &h->node);
	*h->back = h->next;
	if (h->next)
		h->next->back = h->back;
	else
		l->held_tail = h->back;
	l->held_n--;
	free(h);
}

static void held_add(struct engine *e, struct link *l, uint32_t label)
{
	bool full = e->held.used >= HELD_NODE_MAX / e->cfg.workers;
	if (full && !l->held)
		return;
	if (full || l->held_n >= HELD_LINK_MAX) {
		uint32_t oldest = l->held->node.label;
		held_drop(e, l, l->held);
		tell(e, link_id(l), oldest, false);
	}
	struct held *h = calloc(1, sizeof *h);
	if (!h)
		return;
	h->node.link = link_id(l);
	h->node.label = label;
	h->back = l->held_tail;
	*l->held_tail = h;
	l->held_tail = &h->next;
	l->held_n++;
	label_insert(&e->held, &h->node);
	tell(e, link_id(l), label, true);
}

bool held_set(struct engine *e, struct link *l, uint32_t label, bool on)
{
	struct label_node *n = label_find(&e->held, link_id(l), label);
	if (on && !n && guard_admits(&l->guard, l->origin, &e->guard, GUARD_PAUSE, 0, e->now_ms)) {
		held_add(e, l, label);
	} else if (!on && n) {
		held_drop(e, l, LABEL_ENTRY(n, struct held, node));
		tell(e, link_id(l), label, false);
	} else {
		return false;
	}
	return true;
}

void held_link_gone(struct engine *e, struct link *l)
{
	while (l->held)
		held_drop(e, l, l->held);
}
