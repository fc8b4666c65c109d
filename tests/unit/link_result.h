/* SPDX-License-Identifier: Apache-2.0 */
/* A link that is asked for: what links_acquire told, how often, and the last time. */
#ifndef OCKAM_LINK_RESULT_H
#define OCKAM_LINK_RESULT_H

#include "fake_node.h"
#include "link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct result {
	unsigned calls;
	struct link *l;
	uint8_t code;
	struct reason why;
};

static void ready(struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	struct result *r = ctx;
	r->calls++;
	r->l = l;
	r->code = code;
	if (why)
		r->why = *why;
}

static inline struct link_target target(const char *text)
{
	struct link_target t;
	assert_int_equal(link_target_parse(&t, text), 0);
	return t;
}

static inline struct link_wait *acquire(
	struct fake *f, const char *to, bool for_other, struct result *r)
{
	struct link_target t = target(to);
	return links_acquire(f->n, &t, for_other, f->n->now_ms + 5000, ready, r);
}

#endif
