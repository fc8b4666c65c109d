/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session has still to say: MSG and FRAME records in order, copied in, cut into frames as
 * they leave. Bounded in bytes, its own overhead counted. One worker.
 */
#ifndef OCKAM_OUTQ_H
#define OCKAM_OUTQ_H

#include "wire.h"

struct outq_item;

/* All zero is an empty queue. */
struct outq {
	struct outq_item *head, *tail;
	size_t bytes;
};

/* Appends a copy. -ENOBUFS when `limit` bytes would be passed, or there is no memory. */
int outq_push(struct outq *q, size_t limit, enum record_kind kind, uint32_t stream, bool more,
	const uint8_t *body, uint32_t len);
/*
 * Moves records into w while they fit. A MSG is cut where the frame ends unless `whole`; other
 * kinds and whole ones wait for the next frame, so each must fit an empty one.
 */
void outq_fill(struct outq *q, struct wr *w, bool whole);
void outq_clear(struct outq *q);

#endif
