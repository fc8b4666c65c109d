/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's half of a window: what came, what was consumed, how far the peer may send. Tuned
 * without a clock: when the peer says that it stands at its limit, and everything it sent was
 * consumed, then the window stopped it and not the reader: the window is less than bandwidth times
 * delay. Source: docs/protocol.md "Streams".
 */
#ifndef OCKAM_CREDIT_H
#define OCKAM_CREDIT_H

#include "wire.h"

/* Offsets count from the begin of the stream. */
struct credit {
	uint64_t received, consumed;
	uint64_t limit;	 /* what the peer was told, or knows from the begin; never falls */
	uint64_t window; /* how far in front of `consumed` the limit shall be */
	uint64_t step; /* a gain of this much is worth a WINDOW: a quarter, at most WIRE_WINDOW_STEP
			*/
	bool stopped;  /* the peer's last bytes said that it stood at its limit */
};

/* The step is the window's, unless one is given. */
void credit_init(struct credit *c, uint64_t limit, uint64_t window, uint64_t step);
/* len more bytes came. 0, or -EDQUOT: beyond the limit, and nothing changes. */
int credit_receive(struct credit *c, uint64_t len);
void credit_consume(struct credit *c, uint64_t len);
/* Whether a WINDOW is due: a step was gained, or the peer may be about to stop. */
bool credit_due(const struct credit *c);
/* The limit to tell now. */
uint64_t credit_tell(struct credit *c);
/* The window stopped the peer, and not the reader: it should be wider. */
bool credit_narrow(const struct credit *c);
void credit_widen(struct credit *c, uint64_t window);

#endif
