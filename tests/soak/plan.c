// SPDX-License-Identifier: Apache-2.0
#include "plan.h"

#include <string.h>

enum { PAUSE_SHORT_MS = 30, PAUSE_LONG_MS = 1500, OPERATIONS = 300 };

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t plan_roll(struct plan *p, uint64_t n)
{
	p->dice = mix(p->dice);
	return n ? p->dice % n : 0;
}

/* Mostly little, sometimes much. */
static uint64_t any_total(struct plan *p)
{
	static const uint64_t most[] = {
		0, 100, 4 << 10, 64 << 10, 64 << 10, 512 << 10, 512 << 10, 4 << 20};
	return plan_roll(p, most[plan_roll(p, sizeof most / sizeof *most)] + 1);
}

static uint32_t any_piece(struct plan *p)
{
	static const uint32_t most[] = {1, 100, 1500, 16 << 10, 64 << 10, 200 << 10};
	return most[plan_roll(p, sizeof most / sizeof *most)];
}

void plan_make(struct plan *p, uint64_t seed, uint64_t id)
{
	memset(p, 0, sizeof *p);
	p->id = id;
	p->dice = mix(seed) ^ mix(~id);
	for (unsigned i = 0; i < 2; i++) {
		p->key[i] = plan_roll(p, 0) ^ p->dice;
		p->total[i] = any_total(p);
		p->step[i] = any_piece(p);
		p->takes[i] = any_piece(p);
		static const uint32_t pauses[] = {0, 0, 20, 60};
		p->pauses[i] = pauses[plan_roll(p, 4)];
	}
	for (unsigned i = 0; i < 2; i++) { /* much in single bytes takes too long */
		uint32_t least = (uint32_t)(p->total[i] / OPERATIONS) + 1;
		if (p->step[i] < least)
			p->step[i] = least;
		if (p->takes[!i] < least)
			p->takes[!i] = least;
	}
	uint64_t order = plan_roll(p, 6);
	if (order < 2)
		p->waits[order] = true;
	p->resets = -1;
	if (plan_roll(p, 5) == 0) {
		p->resets = (int)plan_roll(p, 2);
		p->reset_at = plan_roll(p, p->total[0] + p->total[1] + 1);
	}
}

unsigned plan_pause_ms(struct plan *p, unsigned side)
{
	if (!p->pauses[side] || plan_roll(p, p->pauses[side]))
		return 0;
	return (unsigned)plan_roll(p, plan_roll(p, 50) ? PAUSE_SHORT_MS : PAUSE_LONG_MS);
}

void plan_bytes(uint64_t key, uint64_t offset, uint8_t *dst, size_t len)
{
	while (len) {
		uint64_t word = mix(key ^ offset / 8);
		size_t skip = offset % 8, n = 8 - skip < len ? 8 - skip : len;
		memcpy(dst, (const uint8_t *)&word + skip, n);
		dst += n;
		offset += n;
		len -= n;
	}
}
