/* SPDX-License-Identifier: Apache-2.0 */
/* The part of INIT, RESP and CONTROL that each hop reads and rewrites (docs/protocol.md, "Paths"). */
#ifndef OCKAM_HOP_PART_H
#define OCKAM_HOP_PART_H

#include "route.h"

/* The hop part of INIT, RESP, CONTROL. `handle`: the return of CONTROL. */
struct hop_part {
	uint8_t hops_left;
	uint16_t path_max;
	uint8_t flags;
	struct route onward;
	bool has_return_field; /* CONTROL only */
	bool has_handle;
	uint8_t handle[WIRE_HANDLE];
};

/* Body = u16 length ‖ hop part ‖ end part. `end` borrows. 0 or -EBADMSG. control: expects the fifth element. */
int hop_part_decode(const uint8_t *body, size_t len, bool control, struct hop_part *out, struct rd *end);
/* Appends u16 length ‖ hop part (route from element `from` on); w->bad when it does not fit. */
void hop_part_encode(struct wr *w, const struct hop_part *h, unsigned from);

#endif
