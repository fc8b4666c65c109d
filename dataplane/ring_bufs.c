// SPDX-License-Identifier: Apache-2.0
#include "ring_bufs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void give_back(struct buf *b)
{
	struct ring_bufs *r = b->owner;
	b->refs = 0;
	r->out--;
	io_uring_buf_ring_add(r->br, b->data + r->shape.head, ring_bufs_room(r),
		(unsigned short)(b - r->bufs), io_uring_buf_ring_mask(r->shape.count), 0);
	io_uring_buf_ring_advance(r->br, 1);
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static size_t ring_size(const struct ring_bufs *b)
{
	return b->shape.count * sizeof(struct io_uring_buf);
}

static size_t mem_size(const struct ring_bufs *b)
{
	return (size_t)b->shape.count * b->shape.size;
}

/* liburing 2.3 registers a ring of ours; it has no helper that makes one. */
int ring_bufs_init(struct ring_bufs *b, struct io_uring *ring, const struct ring_bufs_shape *shape)
{
	*b = (struct ring_bufs){.shape = *shape};
	b->br = map(ring_size(b));
	b->mem = map(mem_size(b));
	b->bufs = calloc(shape->count, sizeof *b->bufs);
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)b->br, .ring_entries = shape->count, .bgid = shape->group};
	int rc = b->br && b->mem && b->bufs ? io_uring_register_buf_ring(ring, &reg, 0) : -ENOMEM;
	if (rc < 0) {
		ring_bufs_fini(b);
		return rc;
	}
	io_uring_buf_ring_init(b->br);
	for (unsigned i = 0; i < shape->count; i++) {
		b->bufs[i] = (struct buf){.data = b->mem + (size_t)i * shape->size,
			.cap = shape->size,
			.release = give_back,
			.owner = b};
		b->out++;
		give_back(&b->bufs[i]);
	}
	return 0;
}

void ring_bufs_fini(struct ring_bufs *b)
{
	if (b->br)
		munmap(b->br, ring_size(b));
	if (b->mem)
		munmap(b->mem, mem_size(b));
	free(b->bufs);
	*b = (struct ring_bufs){0};
}

struct buf *ring_bufs_take(struct ring_bufs *b, const struct io_uring_cqe *cqe)
{
	struct buf *buf = &b->bufs[cqe->flags >> IORING_CQE_BUFFER_SHIFT];
	buf->refs = 1;
	b->out++;
	return buf;
}
