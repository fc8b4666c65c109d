// SPDX-License-Identifier: Apache-2.0
#include "credit.h"

#include <errno.h>

enum { NEAR_MAX = 64 << 10 };

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t step_of(uint64_t window)
{
	return min_u64(window / 4, WIRE_WINDOW_STEP);
}

void credit_init(struct credit *c, uint64_t limit, uint64_t window, uint64_t step)
{
	*c = (struct credit){
		.limit = limit, .window = window, .step = step ? step : step_of(window)};
}

int credit_receive(struct credit *c, uint64_t len)
{
	if (len > c->limit - c->received)
		return -EDQUOT;
	c->received += len;
	return 0;
}

void credit_consume(struct credit *c, uint64_t len)
{
	assert(len <= c->received - c->consumed);
	c->consumed += len;
}

static uint64_t gain(const struct credit *c)
{
	uint64_t next = c->consumed + c->window;
	return next > c->limit ? next - c->limit : 0;
}

bool credit_due(const struct credit *c)
{
	uint64_t near = min_u64(NEAR_MAX, c->step), g = gain(c);
	return g >= c->step || (g && g >= near / 4 && c->limit - c->received < near);
}

uint64_t credit_tell(struct credit *c)
{
	c->limit += gain(c);
	return c->limit;
}

bool credit_narrow(const struct credit *c)
{
	return c->stopped && c->consumed == c->received;
}

void credit_widen(struct credit *c, uint64_t window)
{
	c->window = window;
	c->step = step_of(window);
	c->stopped = false;
}
