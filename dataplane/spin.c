// SPDX-License-Identifier: Apache-2.0
#include "spin.h"

bool spin_wanted(struct spin *s, uint64_t now_ns)
{
	if (now_ns < s->rest_until_ns)
		return false;
	if (s->misses < SPIN_MISSES)
		return true;
	if (++s->skipped < SPIN_RETRY)
		return false;
	s->skipped = 0;
	return true;
}

static void rest(struct spin *s, uint64_t now_ns)
{
	s->rest_ns = s->rest_ns ? 2 * s->rest_ns : SPIN_REST_NS;
	if (s->rest_ns > SPIN_REST_MAX_NS)
		s->rest_ns = SPIN_REST_MAX_NS;
	s->rest_until_ns = now_ns + s->rest_ns;
}

bool spin_wait(struct spin *s, uint64_t most_ns, const struct spin_ops *ops, void *ctx)
{
	uint64_t start = ops->now_ns(ctx), before = start;
	for (;;) {
		if (ops->work(ctx)) {
			s->misses = 0;
			return true;
		}
		if (before - start >= most_ns)
			break;
		ops->yield(ctx);
		uint64_t now = ops->now_ns(ctx);
		if (now - before > SPIN_YIELD_LONG_NS) {
			rest(s, now);
			return ops->work(ctx);
		}
		before = now;
	}
	s->rest_ns = 0;
	s->misses++;
	return false;
}
