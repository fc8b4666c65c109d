/* SPDX-License-Identifier: Apache-2.0 */
/* What links_acquire told: how often, and the last time. */
#ifndef OCKAM_LINK_RESULT_H
#define OCKAM_LINK_RESULT_H

#include "link.h"

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

#endif
