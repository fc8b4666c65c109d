// SPDX-License-Identifier: Apache-2.0
#include "waste.h"

#include <stdbool.h>

/* Most of the frames since the last look were useless. */
static bool mostly(struct waste *w, uint64_t all, uint64_t useless)
{
	uint64_t came = all - w->all, bad = useless - w->useless;
	w->all = all;
	w->useless = useless;
	return bad > came / 2;
}

static void forgive(uint64_t *spent_ns, uint64_t *at_ns, unsigned part, uint64_t now_ns)
{
	uint64_t passed = now_ns > *at_ns ? now_ns - *at_ns : 0;
	uint64_t back = passed / part;
	*spent_ns -= back < *spent_ns ? back : *spent_ns;
	*at_ns = now_ns;
}

static bool pool_pays(struct waste_pool *p, uint64_t cost, uint64_t now_ns)
{
	if (!p)
		return true;
	forgive(&p->spent_ns, &p->at_ns, WASTE_POOL_FORGIVEN, now_ns);
	if (p->spent_ns + cost > WASTE_POOL_NS)
		return false;
	p->spent_ns += cost;
	return true;
}

uint64_t waste_count(struct waste *w, struct waste_pool *pool, uint64_t all, uint64_t useless,
	size_t len, uint64_t took_ns, unsigned held, uint64_t now_ns)
{
	w->pending_ns += took_ns < WASTE_COST_MAX_NS ? took_ns : WASTE_COST_MAX_NS;
	w->pending_ns += len * WASTE_BYTE_NS;
	if (all == w->all)
		return 0;
	uint64_t cost = w->pending_ns;
	w->pending_ns = 0;
	if (!mostly(w, all, useless))
		return 0;
	forgive(&w->spent_ns, &w->at_ns, WASTE_FORGIVEN, now_ns);
	w->spent_ns += cost;
	if (w->spent_ns <= WASTE_FREE_NS && pool_pays(pool, cost, now_ns))
		return 0;
	w->spent_ns = WASTE_FREE_NS; /* what is above it is paid */
	if (w->till_ns < now_ns)
		w->till_ns = now_ns;
	w->till_ns += cost * WASTE_PRICE * (held + 1u);
	if (w->till_ns > now_ns + WASTE_HOLD_MAX_NS)
		w->till_ns = now_ns + WASTE_HOLD_MAX_NS;
	return w->till_ns;
}
