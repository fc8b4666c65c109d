// SPDX-License-Identifier: Apache-2.0
#include "bufpool.h"

#include <assert.h>
#include <stdlib.h>

void bufpool_init_of(struct bufpool *p, uint32_t block, unsigned spares_max)
{
	*p = (struct bufpool){.block = block, .spares_max = spares_max};
}

void bufpool_init(struct bufpool *p)
{
	bufpool_init_of(p, BUF_BLOCK, BUF_SPARE_BLOCKS);
}

void bufpool_fini(struct bufpool *p)
{
	assert(p->out == 0);
	while (p->spare) {
		struct buf *b = p->spare;
		p->spare = b->next;
		free(b);
	}
}

static void release_plain(struct buf *b)
{
	free(b);
}

static void release_pooled(struct buf *b)
{
	struct bufpool *p = b->owner;
	p->out -= b->cap;
	if (b->cap == p->block && p->spares < p->spares_max) {
		b->next = p->spare;
		p->spare = b;
		p->spares++;
	} else {
		free(b);
	}
}

struct buf *buf_plain(uint32_t cap)
{
	struct buf *b = malloc(sizeof *b + cap);
	if (!b)
		return NULL;
	*b = (struct buf){
		.data = (uint8_t *)(b + 1), .cap = cap, .refs = 1, .release = release_plain};
	return b;
}

struct buf *buf_new(struct bufpool *p, uint32_t cap)
{
	if (cap > p->block / 2 && cap < p->block)
		cap = p->block;
	struct buf *b = cap == p->block ? p->spare : NULL;
	if (b) {
		p->spare = b->next;
		p->spares--;
	} else {
		b = buf_plain(cap);
		if (!b)
			return NULL;
	}
	b->refs = 1;
	b->head = b->tail = 0;
	b->next = NULL;
	b->release = release_pooled;
	b->owner = p;
	p->out += cap;
	return b;
}
