/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference-counted blocks of memory for frames: receive buffers, queues, sealed output. A block
 * that comes from a pool belongs to one worker, as its pool; one from buf_plain may travel to
 * another. The pool counts the bytes that are out, keeps a few spare blocks and never touches what
 * it does not use.
 */
#ifndef OCKAM_BUFPOOL_H
#define OCKAM_BUFPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	uint32_t cap;
	uint32_t refs;
	void (*release)(struct buf *b); /* called when the last reference goes */
	void *owner;
	/* For a block in a queue, or in the pool. */
	struct buf *next;
	uint32_t head, tail;
};

enum { BUF_BLOCK = 16 << 10, BUF_SPARE_BLOCKS = 256 };

struct bufpool {
	struct buf *spare; /* of `block` bytes */
	unsigned spares, spares_max;
	uint32_t block;
	size_t out; /* bytes in blocks that are out */
};

void bufpool_init(struct bufpool *p); /* blocks of BUF_BLOCK */
void bufpool_init_of(struct bufpool *p, uint32_t block, unsigned spares_max);
/* Every block must be back. */
void bufpool_fini(struct bufpool *p);

/* One reference, at least cap bytes; NULL: no memory. */
struct buf *buf_new(struct bufpool *p, uint32_t cap);
struct buf *buf_plain(uint32_t cap);

/*
 * Memory that several threads refer to, each by handles of its own: a handle stays with one thread
 * at a time, the memory goes with the last of them. NULL: no memory.
 */
struct buf *buf_shared(uint32_t cap);
/* Another handle, with one reference, for another thread. NULL: b is none of these, or no memory. */
struct buf *buf_travel(struct buf *b);
/* The handle has arrived: *pinned counts its cap until it goes. */
void buf_arrive(struct buf *b, size_t *pinned);
/* Nothing else refers to its memory, on any thread. */
bool buf_alone(const struct buf *b);

static inline struct buf *buf_get(struct buf *b)
{
	b->refs++;
	return b;
}

static inline void buf_put(struct buf *b)
{
	if (b && --b->refs == 0)
		b->release(b);
}

#endif
