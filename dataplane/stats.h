/* SPDX-License-Identifier: Apache-2.0 */
/* Why a frame was dropped, counted per worker (and in sum per link). The fast path does not log. */
#ifndef OCKAM_STATS_H
#define OCKAM_STATS_H

#include <stdint.h>

enum drop_reason {
	DROP_TYPE,	/* unknown type or sub */
	DROP_LINK_DOWN, /* not LINK, before LINK_SET(up) */
	DROP_LABEL,	/* no such row */
	DROP_HALF_OPEN, /* DATA for an end that is not there yet, FINISH past its time */
	DROP_EGRESS,	/* the way out is gone or down */
	DROP_TOO_BIG,	/* for the way out */
	DROP_QUEUE,	/* overrun */
	DROP_RATE,	/* more for control than a link may send */
	DROP_PAUSE,	/* PAUSE or RESUME that changes nothing */
	DROP_SHORT,	/* shorter than its type allows */
	DROP_STRANGER,	/* a datagram of no link, and no HELLO */
	DROP_TAG,	/* a datagram without the tag that its link's frames carry */
	DROP_MEMORY,
	DROP_REASONS
};

struct stats {
	uint64_t drops[DROP_REASONS];
	uint64_t sends, runs; /* sendmsg batches taken, pieces in them */
};

const char *drop_reason_name(enum drop_reason r);

#endif
