/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large the frames of a session may be on a path that nobody knows: from WIRE_PATH_MIN upwards, by
 * PING and PAD of the next size, raised when its PONG comes; what was found is tried again now and then,
 * and given up when only small frames pass. Pure state and time (RFC 8899 in spirit). Source:
 * docs/protocol.md "Secure frames".
 */
#ifndef OCKAM_MTU_H
#define OCKAM_MTU_H

#include "wire.h"

#include <stdbool.h>

enum {
	MTU_LOSSES = 3,		 /* of one size, then it does not pass */
	MTU_WAIT_MS = 1000,	 /* for a PONG, at least; else 4 RTT */
	MTU_AGAIN_MS = 600000,	 /* after a size that did not pass it is tried again */
	MTU_CONFIRM_MS = 30000,	 /* a size above the least is tried again, while frames are sent */
	MTU_RECOVER_MS = 60000,	 /* after it was given up: the next search */
};

struct mtu {
	uint16_t now, max;
	uint16_t trying;	/* 0: nothing is under way */
	bool wanted;		/* the next frame is a probe of `trying` */
	uint8_t losses;
	uint32_t number;	/* of the last probe */
	uint64_t due_ms;	/* its PONG is late; or the next probe is to be sent. UINT64_MAX: never */
	bool sent;		/* a frame larger than the least has left since the last confirmation */
};

/* max: what the path may have; known: it is known to pass (the path loses nothing). */
void mtu_init(struct mtu *m, uint16_t max, bool known);
/* The session has come up: the search may begin. */
void mtu_begin(struct mtu *m, uint64_t now_ms);
/* A probe leaves: its timestamp, which no clock shows. */
uint64_t mtu_probe_sent(struct mtu *m, uint64_t rtt_ms, uint64_t now_ms);
/* True when `now` has changed. */
bool mtu_pong(struct mtu *m, uint64_t timestamp, uint64_t now_ms);
bool mtu_tick(struct mtu *m, uint64_t now_ms);
/* A frame of this size left. */
void mtu_sent(struct mtu *m, uint32_t len);
/* UINT64_MAX while a probe is wanted and has not left. */
uint64_t mtu_deadline(const struct mtu *m);

#endif
