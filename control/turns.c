// SPDX-License-Identifier: Apache-2.0
#include "turns.h"

enum {
	LOOK_MS = 10,
	LIGHT = 4, /* half-open at a time */
};

void turns_init(struct turns *ts, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
	bucket_init(&ts->bucket, rate, burst, now_ms);
	ts->first = NULL;
	ts->last = &ts->first;
}

static struct turn_source *shared(const struct turn *t)
{
	return t->from->of ? t->from->of : t->from;
}

static bool half_full(const struct turn_source *s, uint64_t now_ms)
{
	return bucket_level(&s->inits, now_ms) >= s->inits.burst / 2;
}

static bool light(const struct turn *t, uint64_t now_ms)
{
	return !t->again && crowd_group(t->load)->n <= LIGHT && half_full(t->from, now_ms) &&
	       half_full(shared(t), now_ms);
}

/* One token, of which the last quarter is for those who have little under way. */
static bool take(struct turns *ts, struct turn *t, uint64_t now_ms)
{
	if (!light(t, now_ms) && bucket_level(&ts->bucket, now_ms) <= ts->bucket.burst / 4)
		return false;
	if (!bucket_take(&ts->bucket, now_ms))
		return false;
	t->from->served = shared(t)->served = ++ts->served;
	return true;
}

bool turns_enter(struct turns *ts, struct turn *t, struct turn_source *from,
	const struct crowd_member *load, uint64_t now_ms)
{
	t->from = from;
	t->load = load;
	if (take(ts, t, now_ms))
		return true;
	t->next = NULL;
	t->back = ts->last;
	*ts->last = t;
	ts->last = &t->next;
	return false;
}

void turns_leave(struct turns *ts, struct turn *t)
{
	if (!t->back)
		return;
	*t->back = t->next;
	if (t->next)
		t->next->back = t->back;
	else
		ts->last = t->back;
	t->back = NULL;
}

/* Of two that are light, or are not. */
static bool before(const struct turn *a, const struct turn *b)
{
	unsigned all_a = crowd_group(a->load)->n, all_b = crowd_group(b->load)->n;
	if (all_a != all_b)
		return all_a < all_b;
	if (a->again != b->again)
		return b->again;
	if (shared(a)->served != shared(b)->served)
		return shared(a)->served < shared(b)->served;
	if (a->load->n != b->load->n)
		return a->load->n < b->load->n;
	return a->from->served < b->from->served;
}

struct turn *turns_next(struct turns *ts, uint64_t now_ms)
{
	struct turn *best = NULL;
	if (!bucket_level(&ts->bucket, now_ms))
		return NULL;
	bool best_light = false;
	for (struct turn *t = ts->first; t; t = t->next) {
		bool is_light = light(t, now_ms);
		if (!best || (is_light != best_light ? is_light : before(t, best))) {
			best = t;
			best_light = is_light;
		}
	}
	if (!best || !take(ts, best, now_ms))
		return NULL;
	turns_leave(ts, best);
	return best;
}

uint64_t turns_deadline(const struct turns *ts, uint64_t now_ms)
{
	return ts->first ? now_ms + LOOK_MS : UINT64_MAX;
}
