/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of provided buffers: the kernel takes one when bytes are there. They may leave room in
 * front of the bytes and behind, for what is sealed where it lies. A buffer goes back when its last
 * reference goes. One worker. Registered before the ring is enabled.
 */
#ifndef OCKAM_RING_BUFS_H
#define OCKAM_RING_BUFS_H

#include "bufpool.h"

#include <liburing.h>

struct ring_bufs_shape {
	uint16_t group;
	uint16_t count;		   /* a power of two */
	uint32_t size, head, tail; /* bytes of one, and how many of them stay free */
};

struct ring_bufs {
	struct ring_bufs_shape shape;
	struct io_uring_buf_ring *br; /* NULL: there are none */
	uint8_t *mem;
	struct buf *bufs;
	unsigned out; /* not with the kernel */
};

/* 0, or a negative errno: this kernel has none, or there is no memory. */
int ring_bufs_init(struct ring_bufs *b, struct io_uring *ring, const struct ring_bufs_shape *shape);
void ring_bufs_fini(struct ring_bufs *b); /* after the ring */
/* The buffer of a completion, with one reference; its bytes begin at data + head. */
struct buf *ring_bufs_take(struct ring_bufs *b, const struct io_uring_cqe *cqe);
static inline uint32_t ring_bufs_room(const struct ring_bufs *b)
{
	return b->shape.size - b->shape.head - b->shape.tail;
}

#endif
