// SPDX-License-Identifier: Apache-2.0
/* Origins of links that others dialled: each lives while links are of it. */
#include "engine_private.h"

#include <stdlib.h>

void origin_join(struct engine *e, struct link *l, uint64_t origin)
{
	uint32_t high = (uint32_t)(origin >> 32), low = (uint32_t)origin;
	struct label_node *n = label_find(&e->origins, high, low);
	struct guard_origin *o = n ? LABEL_ENTRY(n, struct guard_origin, node) : NULL;
	if (!o) {
		o = calloc(1, sizeof *o);
		if (!o)
			return;
		o->node.link = high;
		o->node.label = low;
		label_insert(&e->origins, &o->node);
	}
	o->links++;
	l->origin = o;
}

void origin_leave(struct engine *e, struct link *l)
{
	struct guard_origin *o = l->origin;
	l->origin = NULL;
	if (l->partial_item.of && o) {
		crowd_leave(&e->partials_of, &l->partial_item);
		crowd_enter(&e->partials_of, &l->partial_alone, &l->partial_item);
	}
	if (!o || --o->links)
		return;
	label_remove(&e->origins, &o->node);
	free(o);
}
