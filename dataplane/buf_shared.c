// SPDX-License-Identifier: Apache-2.0
#include "bufpool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct memory {
	atomic_uint handles;
	uint8_t bytes[];
};

struct handle {
	struct buf b;
	struct memory *m;
	size_t *pinned;
};

static void release(struct buf *b)
{
	struct handle *h = (struct handle *)b;
	static_assert(offsetof(struct handle, b) == 0, "a buf is the begin of its handle");
	if (h->pinned)
		*h->pinned -= b->cap;
	if (atomic_fetch_sub_explicit(&h->m->handles, 1, memory_order_acq_rel) == 1)
		free(h->m);
	free(h);
}

static struct buf *handle_new(struct memory *m, uint32_t cap)
{
	struct handle *h = malloc(sizeof *h);
	if (!h)
		return NULL;
	*h = (struct handle){
		.b = {.data = m->bytes, .cap = cap, .refs = 1, .release = release}, .m = m};
	return &h->b;
}

struct buf *buf_shared(uint32_t cap)
{
	struct memory *m = malloc(sizeof *m + cap);
	struct buf *b = m ? handle_new(m, cap) : NULL;
	if (b)
		atomic_init(&m->handles, 1);
	else
		free(m);
	return b;
}

struct buf *buf_travel(struct buf *b)
{
	if (b->release != release)
		return NULL;
	struct memory *m = ((struct handle *)b)->m;
	struct buf *other = handle_new(m, b->cap);
	if (other)
		atomic_fetch_add_explicit(&m->handles, 1, memory_order_relaxed);
	return other;
}

void buf_arrive(struct buf *b, size_t *pinned)
{
	if (b->release != release)
		return;
	((struct handle *)b)->pinned = pinned;
	*pinned += b->cap;
}

bool buf_alone(const struct buf *b)
{
	if (b->refs > 1)
		return false;
	const struct handle *h = (const struct handle *)b;
	/* acquire: what others read there is read */
	return b->release != release ||
	       atomic_load_explicit(&h->m->handles, memory_order_acquire) == 1;
}
