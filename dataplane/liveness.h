/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the other end of a session is there: when to PING, and when to give the path up. Pure
 * state and time. A frame that only answers (PONG) asks for nothing, or two idle ends would PING
 * each other for ever. Source: docs/protocol.md "Paths".
 */
#ifndef OCKAM_LIVENESS_H
#define OCKAM_LIVENESS_H

#include "wire.h"

enum {
	LIVENESS_PING_MS = 1000,     /* unheard for so long: PING, each so long */
	LIVENESS_BROKEN_MS = 15000,  /* unheard for so long: broken */
	LIVENESS_BROKEN_PINGS = 3,   /* and so many of them unanswered */
	LIVENESS_RTT_MAX_MS = 60000, /* an answer later than this measures nothing */
};

struct liveness {
	uint64_t sent_ms; /* the last frame left */
	bool unheard;	  /* something was sent that asks for an answer, and nothing opened since */
	uint64_t unheard_ms; /* since when */
	bool ping_wanted;    /* the next frame takes a PING along */
	uint64_t ping_ms;    /* the last PING left; meaningful when unanswered > 0 */
	unsigned unanswered; /* PINGs that left since something was opened */
	uint64_t enough_ms;  /* when so many had left that silence counts */
	bool paused;	     /* the path holds us back: silence means nothing */
	bool rtt_known;
	uint64_t rtt_us; /* smoothed */
	uint64_t rtt_least_us;
};

enum liveness_verdict { LIVENESS_OK, LIVENESS_BROKEN };

void liveness_init(struct liveness *l, uint64_t now_ms);
/* A frame left; `asks`: it carried more than PONG. */
void liveness_sent(struct liveness *l, bool asks, uint64_t now_ms);
/* A PING left (its frame is counted by liveness_sent as well); its timestamp. */
uint64_t liveness_ping_sent(struct liveness *l, uint64_t now_ms);
void liveness_opened(struct liveness *l);
void liveness_pong(struct liveness *l, uint64_t timestamp, uint64_t now_ms);
void liveness_pause(struct liveness *l, bool paused, uint64_t now_ms);
/* Bytes sent before are still draining: the silence starts again. */
void liveness_progress(struct liveness *l, uint64_t now_ms);
uint64_t liveness_rtt_ms(const struct liveness *l); /* rounded up; 0: not known */
/* When to tick; UINT64_MAX while a wanted PING has not left. */
uint64_t liveness_deadline(const struct liveness *l);
/* May set ping_wanted. */
enum liveness_verdict liveness_tick(struct liveness *l, uint64_t now_ms);

#endif
