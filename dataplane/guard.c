// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

struct limit {
	uint32_t rate, burst; /* per second, and saved up */
};

static const struct {
	struct limit link;   /* what one may send */
	struct limit few;    /* of that, what needs no share */
	struct limit origin; /* the same of all links of an origin */
	struct limit busy;   /* the shares of all others, together */
} limits[GUARD_CLASSES] = {
	[GUARD_INIT] = {{WIRE_INIT_RATE, WIRE_INIT_BURST}, {25, 50}, {100, 200}, {1000, 500}},
	[GUARD_ANSWER] = {{4 * WIRE_INIT_RATE, 4 * WIRE_INIT_BURST}, {50, 100}, {200, 400},
		{2000, 1000}},
	[GUARD_CONTROL] = {{WIRE_CONTROL_RATE, WIRE_CONTROL_BURST}, {50, 100}, {200, 400},
		{4000, 1000}},
	/* a link that is lost resets all the paths that crossed it, at once */
	[GUARD_RESET] = {{1000, 20000}, {50, 100}, {200, 400}, {5000, 20000}},
	[GUARD_LINK] = {{10, 20}, {2, 5}, {50, 200}, {1000, 1000}},
	/* each of an honest hop follows on 192 KiB of frames */
	[GUARD_PAUSE] = {{5000, 5000}, {5000, 5000}, {20000, 20000}, {1, 1}},
};

enum guard_class guard_class_of(uint8_t wire_type)
{
	switch (wire_type) {
	case WIRE_INIT:
		return GUARD_INIT;
	case WIRE_CONTROL:
		return GUARD_CONTROL;
	case WIRE_RESET:
		return GUARD_RESET;
	case WIRE_LINK:
		return GUARD_LINK;
	default:
		return GUARD_ANSWER;
	}
}

/* When all that was taken is paid for, with n more; 0: no more now. */
static uint64_t paid_after(uint64_t paid_us, const struct limit *l, uint64_t n, uint64_t now_us)
{
	const uint64_t step_us = 1000000 / l->rate;
	uint64_t paid = paid_us > now_us ? paid_us : now_us;
	return paid - now_us > (l->burst - 1) * step_us ? 0 : paid + n * step_us;
}

/*
 * When what needs no share is paid for; 0: it needs one. What a link asks for in vain counts as
 * well for how little it sends: who asks all the time is never among those who send few.
 */
static uint64_t few_after(struct guard *g, const struct guard_origin *from, enum guard_class c,
	uint64_t n, uint64_t now_us)
{
	const struct limit few = limits[c].few, half = {few.rate, few.burst / 2};
	bool light = paid_after(g->few_us[c], &half, n, now_us);
	uint64_t own = paid_after(g->few_us[c], &few, n, now_us);
	if (own)
		g->few_us[c] = own;
	if (!from)
		return own;
	struct limit l = limits[c].origin;
	if (!light)
		l.burst -= l.burst / 4;
	return paid_after(from->few_us[c], &l, n, now_us);
}

bool guard_admits(struct guard *g, struct guard_origin *from, struct guard *all, enum guard_class c,
	uint32_t len, uint64_t now_ms)
{
	const uint64_t n = len / GUARD_PIECE + 1, now_us = now_ms * 1000;
	uint64_t few = few_after(g, from, c, n, now_us);
	uint64_t own = paid_after(g->paid_us[c], &limits[c].link, n, now_us);
	if (!own)
		return false;
	uint64_t share = few ? 0 : paid_after(all->paid_us[c], &limits[c].busy, n, now_us);
	if (!few && !share)
		return false;
	if (share)
		all->paid_us[c] = share;
	else if (from)
		from->few_us[c] = few;
	g->paid_us[c] = own;
	return true;
}
