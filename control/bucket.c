// SPDX-License-Identifier: Apache-2.0
#include "bucket.h"

enum { TOKEN = 1000 };

static uint64_t full(const struct bucket *b)
{
	return (uint64_t)b->burst * TOKEN;
}

void bucket_init(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
	*b = (struct bucket){.rate = rate, .burst = burst, .last_ms = now_ms};
	b->milli = full(b);
}

static uint64_t milli_at(const struct bucket *b, uint64_t now_ms)
{
	uint64_t elapsed = now_ms > b->last_ms ? now_ms - b->last_ms : 0;
	uint64_t missing = full(b) - b->milli;
	/* rate per second is the number of thousandths per millisecond */
	if (b->rate && elapsed > missing / b->rate)
		return full(b);
	return b->milli + elapsed * b->rate;
}

uint32_t bucket_level(const struct bucket *b, uint64_t now_ms)
{
	return (uint32_t)(milli_at(b, now_ms) / TOKEN);
}

bool bucket_take(struct bucket *b, uint64_t now_ms)
{
	b->milli = milli_at(b, now_ms);
	if (now_ms > b->last_ms)
		b->last_ms = now_ms;
	if (b->milli < TOKEN)
		return false;
	b->milli -= TOKEN;
	return true;
}
