/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator has chosen for a node: how its data plane waits, and what its links, and the
 * identities behind them, may take of it.
 */
#ifndef OCKAM_SETTINGS_H
#define OCKAM_SETTINGS_H

#include <stdint.h>

enum { SETTINGS_BUSY_POLL_US = 50, SETTINGS_BUSY_POLL_MAX_US = 1000 };

/* 0: no limit, but busy_poll_us. */
struct settings {
	uint64_t busy_poll_us;
	uint64_t max_paths; /* that come by a link, or by all links of an identity */
	uint64_t max_queue; /* bytes that wait for the next hops */
	uint64_t max_rate;  /* bytes a second */
	uint64_t max_burst; /* bytes; 0: the least */
};

static inline void settings_init(struct settings *s)
{
	*s = (struct settings){.busy_poll_us = SETTINGS_BUSY_POLL_US};
}

#endif
