/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of every frame, counted per worker (drops also in sum per link). The books balance at
 * any time between two calls of the engine, to the frame: what came (STAGE_RX, STAGE_MAIL_IN,
 * STAGE_TOLD) is what was used here, went on, waits, or was dropped. The fast path does not log.
 */
#ifndef OCKAM_STATS_H
#define OCKAM_STATS_H

#include <stdint.h>

/* Why a frame was dropped. */
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

/* Where a frame came from and what it became. */
enum stage {
	/* in */
	STAGE_RX,      /* from a socket, or out of a session; also datagrams that are no frames */
	STAGE_MAIL_IN, /* from another worker */
	STAGE_TOLD,    /* a RESET of control that has to wait behind frames of its path */
	/* used here */
	STAGE_LINK,	 /* LINK frames that this plane answers or heeds */
	STAGE_CONTROL,	 /* handed up */
	STAGE_OPENED,	 /* by a session */
	STAGE_REPLAY,	 /* a session has had it */
	STAGE_FORGED,	 /* it did not open */
	STAGE_MALFORMED, /* no frame of its session, of an epoch that is over, too old */
	STAGE_UNWANTED,	 /* its session ends, or it came behind a gap */
	/* went on */
	STAGE_FORWARDED, /* put into a send */
	STAGE_MAIL_OUT,	 /* to another worker */
	STAGE_WAITING,	 /* in queues, now */
	/* apart from these: made here, put into a send */
	STAGE_SEALED,
	STAGE_OWN, /* LINK and RESET, and what control sends */
	/* of those forwarded */
	STAGE_PASSED, /* without being copied: through.h */
	STAGES
};

struct stats {
	uint64_t drops[DROP_REASONS];  /* frames that came */
	uint64_t unsent[DROP_REASONS]; /* made here, or put into a send that did not take them */
	uint64_t stage[STAGES];
	uint64_t sends, runs; /* sendmsg batches taken, pieces in them */
};

/* What went by another way than the engine: the kernel's. */
struct passed {
	uint64_t frames, bytes;
	uint64_t last_ms; /* CLOCK_MONOTONIC; 0: nothing */
};

const char *drop_reason_name(enum drop_reason r);
const char *stage_name(enum stage s);
/* What came and is not accounted for: 0. */
int64_t stats_missing(const struct stats *s);

#endif
