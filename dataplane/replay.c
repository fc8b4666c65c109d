/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

static unsigned word_of(uint64_t seq)
{
	return (unsigned)(seq / 64 & (REPLAY_WORDS - 1));
}

static uint64_t bit_of(uint64_t seq)
{
	return UINT64_C(1) << (seq & 63);
}

bool replay_check(const struct replay *r, uint64_t seq)
{
	if (seq == UINT64_MAX) /* `next` could not follow it, and no sender gets there */
		return false;
	if (seq >= r->next)
		return true;
	if (r->next - seq > WIRE_REPLAY_WINDOW)
		return false;
	return !(r->bits[word_of(seq)] & bit_of(seq));
}

/* Clears the words that a window ending before `next` did not reach and one ending at seq does. */
static void advance(struct replay *r, uint64_t seq)
{
	uint64_t last = r->next ? (r->next - 1) / 64 : 0;
	uint64_t words = seq / 64 - last;
	if (words > REPLAY_WORDS)
		words = REPLAY_WORDS;
	for (uint64_t i = 1; i <= words; i++)
		r->bits[(last + i) & (REPLAY_WORDS - 1)] = 0;
	r->next = seq + 1;
}

bool replay_commit(struct replay *r, uint64_t seq)
{
	if (!replay_check(r, seq))
		return false;
	if (seq >= r->next)
		advance(r, seq);
	r->bits[word_of(seq)] |= bit_of(seq);
	return true;
}
