// SPDX-License-Identifier: Apache-2.0
#include "supervisor.h"

/* The ends within the window that ends now. */
static unsigned recent(const struct supervisor *s, uint64_t now_ms)
{
	unsigned n = 0;
	uint64_t known = s->deaths < SUPERVISOR_DEATHS ? s->deaths : SUPERVISOR_DEATHS;
	for (uint64_t i = 0; i < known; i++)
		n += now_ms - s->at_ms[i] < SUPERVISOR_WINDOW_MS;
	return n;
}

int supervisor_on_death(struct supervisor *s, uint64_t now_ms, uint32_t random)
{
	s->at_ms[s->deaths++ % SUPERVISOR_DEATHS] = now_ms;
	unsigned n = recent(s, now_ms);
	if (n >= SUPERVISOR_DEATHS)
		return -1;
	if (n == 1)
		return 0;
	uint32_t wait = (uint32_t)SUPERVISOR_BACKOFF_MS << (n - 2);
	return (int)(wait / 2 + random % wait);
}
