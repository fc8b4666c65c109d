/* SPDX-License-Identifier: Apache-2.0 */
#include "liveness.h"

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void liveness_init(struct liveness *l, uint64_t now_ms)
{
	*l = (struct liveness){.sent_ms = now_ms};
}

void liveness_sent(struct liveness *l, bool asks, uint64_t now_ms)
{
	l->sent_ms = now_ms;
	if (!asks || l->unheard)
		return;
	l->unheard = true;
	l->unheard_ms = now_ms;
}

uint64_t liveness_ping_sent(struct liveness *l, uint64_t now_ms)
{
	l->ping_wanted = false;
	l->ping_ms = now_ms;
	if (++l->unanswered == LIVENESS_BROKEN_PINGS)
		l->enough_ms = now_ms;
	return now_ms;
}

void liveness_opened(struct liveness *l)
{
	l->unheard = false;
	l->unanswered = 0;
}

void liveness_pong(struct liveness *l, uint64_t timestamp, uint64_t now_ms)
{
	if (timestamp > now_ms || now_ms - timestamp > LIVENESS_RTT_MAX_MS)
		return;
	uint64_t sample_us = (now_ms - timestamp) * 1000;
	l->rtt_us = l->rtt_known ? (7 * l->rtt_us + sample_us) / 8 : sample_us;
	if (!l->rtt_known || sample_us < l->rtt_least_us)
		l->rtt_least_us = sample_us;
	l->rtt_known = true;
}

void liveness_progress(struct liveness *l, uint64_t now_ms)
{
	l->unheard_ms = now_ms;
	l->unanswered = 0;
}

void liveness_pause(struct liveness *l, bool paused, uint64_t now_ms)
{
	if (l->paused && !paused)
		liveness_progress(l, now_ms);
	l->paused = paused;
}

uint64_t liveness_rtt_ms(const struct liveness *l)
{
	return (l->rtt_us + 999) / 1000;
}

static uint64_t ping_at(const struct liveness *l)
{
	uint64_t at = l->sent_ms + WIRE_SESSION_IDLE_PING_MS;
	if (!l->unheard)
		return at;
	uint64_t silence = l->unheard_ms + max_u64(LIVENESS_PING_MS, 4 * liveness_rtt_ms(l));
	if (l->unanswered > 0)
		silence = max_u64(silence, l->ping_ms + LIVENESS_PING_MS);
	return min_u64(at, silence);
}

/* The last PING that is needed is given its second as well. */
static uint64_t broken_at(const struct liveness *l)
{
	if (!l->unheard || l->paused || l->unanswered < LIVENESS_BROKEN_PINGS)
		return UINT64_MAX;
	return max_u64(l->unheard_ms + max_u64(LIVENESS_BROKEN_MS, 8 * liveness_rtt_ms(l)),
		l->enough_ms + LIVENESS_PING_MS);
}

uint64_t liveness_deadline(const struct liveness *l)
{
	return min_u64(broken_at(l), l->ping_wanted ? UINT64_MAX : ping_at(l));
}

enum liveness_verdict liveness_tick(struct liveness *l, uint64_t now_ms)
{
	if (now_ms >= broken_at(l))
		return LIVENESS_BROKEN;
	if (now_ms >= ping_at(l))
		l->ping_wanted = true;
	return LIVENESS_OK;
}
