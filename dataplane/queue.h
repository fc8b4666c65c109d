/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A FIFO of whole frames, copied into blocks of a pool. Frames lie back to back in a block, so that
 * a run of them leaves as one piece; a run that was taken holds its block.
 */
#ifndef OCKAM_QUEUE_H
#define OCKAM_QUEUE_H

#include "bufpool.h"

#include <stdbool.h>

struct queue {
	struct buf *first, *last;
	size_t bytes; /* of frames */
};

static inline bool queue_empty(const struct queue *q)
{
	return !q->bytes;
}

/* Copies one frame, or a run of whole frames of at most BUF_BLOCK bytes. 0 or -ENOMEM. */
int queue_push(struct queue *q, struct bufpool *pool, const uint8_t *frames, uint32_t len);
/*
 * Takes a run of whole frames of at most max bytes, without copying: its length and number of
 * frames, a reference in *b and where it starts. 0 when the next frame is longer than max, or there
 * is none.
 */
uint32_t queue_pop(struct queue *q, size_t max, struct buf **b, uint8_t **start, uint32_t *frames);
/* Length of the next frame; 0: empty. */
uint32_t queue_next_len(const struct queue *q);
void queue_clear(struct queue *q);

#endif
