/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a data plane that has ended is started again: at once the first time, then after a back-off
 * that doubles, with half of it random. SUPERVISOR_DEATHS ends within SUPERVISOR_WINDOW_MS are a
 * crash loop, and no more is tried. Pure: the caller brings the time and the dice.
 */
#ifndef OCKAM_SUPERVISOR_H
#define OCKAM_SUPERVISOR_H

#include <stdint.h>

enum {
	SUPERVISOR_DEATHS = 5,
	SUPERVISOR_WINDOW_MS = 30000,
	SUPERVISOR_BACKOFF_MS = 200, /* after the second end within the window */
};

/* Zeroed: nothing has ended yet. */
struct supervisor {
	uint64_t at_ms[SUPERVISOR_DEATHS]; /* the latest ends, a ring */
	uint64_t deaths;		   /* all of them */
};

/* It has ended: the ms to wait before the next start, or -1 in a crash loop. `random`: any number. */
int supervisor_on_death(struct supervisor *s, uint64_t now_ms, uint32_t random);

#endif
