// SPDX-License-Identifier: Apache-2.0
#include "queue.h"

#include "wire.h"

#include <errno.h>

/* A block is about as large as what waits already: most queues hold one frame for a moment. */
enum { FIRST_BLOCK = 4096 };

static uint32_t block_size(size_t waiting)
{
	uint32_t cap = FIRST_BLOCK;
	while (cap < waiting && cap < BUF_BLOCK)
		cap *= 2;
	return cap;
}

int queue_push(struct queue *q, struct bufpool *pool, const uint8_t *frames, uint32_t len)
{
	struct buf *b = q->last;
	if (!b || b->cap - b->tail < len) {
		uint32_t cap = block_size(q->bytes);
		b = buf_new(pool, len > cap ? len : cap);
		if (!b)
			return -ENOMEM;
		if (q->last)
			q->last->next = b;
		else
			q->first = b;
		q->last = b;
	}
	memcpy(b->data + b->tail, frames, len);
	b->tail += len;
	q->bytes += len;
	return 0;
}

uint32_t queue_next_len(const struct queue *q)
{
	return q->first ? get_be16(q->first->data + q->first->head + 2) : 0;
}

static void drop_first(struct queue *q)
{
	struct buf *b = q->first;
	q->first = b->next;
	if (!q->first)
		q->last = NULL;
	b->next = NULL;
	buf_put(b);
}

uint32_t queue_pop(struct queue *q, size_t max, struct buf **b, uint8_t **start, uint32_t *frames)
{
	struct buf *f = q->first;
	uint32_t run = 0, n = 0;
	while (f && f->head + run < f->tail) {
		uint32_t len = get_be16(f->data + f->head + run + 2);
		if (run + len > max)
			break;
		run += len;
		n++;
	}
	if (!run)
		return 0;
	*b = buf_get(f);
	*start = f->data + f->head;
	*frames = n;
	f->head += run;
	q->bytes -= run;
	if (f->head == f->tail)
		drop_first(q);
	return run;
}

void queue_clear(struct queue *q)
{
	while (q->first)
		drop_first(q);
	q->bytes = 0;
}
