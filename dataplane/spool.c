// SPDX-License-Identifier: Apache-2.0
#include "spool.h"

#include <errno.h>
#include <string.h>

enum { BLOCK_MIN = 4 << 10 };

/* Small blocks while little waits: thousands of readers may be a little behind. */
static uint32_t block_size(const struct spool *s, const struct bufpool *pool, size_t len)
{
	size_t want = s->bytes + len;
	return want >= pool->block / 2 ? pool->block
	       : want > BLOCK_MIN      ? (uint32_t)want
				       : BLOCK_MIN;
}

int spool_push(struct spool *s, struct bufpool *pool, const uint8_t *p, size_t len)
{
	while (len) {
		struct buf *b = s->last;
		if (!b || b->tail == b->cap) {
			b = buf_new(pool, block_size(s, pool, len));
			if (!b)
				return -ENOMEM;
			if (s->last)
				s->last->next = b;
			else
				s->first = b;
			s->last = b;
		}
		size_t n = b->cap - b->tail < len ? b->cap - b->tail : len;
		memcpy(b->data + b->tail, p, n);
		b->tail += (uint32_t)n;
		s->bytes += n;
		p += n;
		len -= n;
	}
	return 0;
}

void spool_append(struct spool *s, struct spool *from)
{
	if (!from->first)
		return;
	if (s->last)
		s->last->next = from->first;
	else
		s->first = from->first;
	s->last = from->last;
	s->bytes += from->bytes;
	*from = (struct spool){0};
}

unsigned spool_peek(const struct spool *s, struct iovec *iov, unsigned max)
{
	unsigned n = 0;
	for (struct buf *b = s->first; b && n < max; b = b->next)
		iov[n++] = (struct iovec){b->data + b->head, b->tail - b->head};
	return n;
}

void spool_drop(struct spool *s, size_t len)
{
	s->bytes -= len;
	while (s->first) {
		struct buf *b = s->first;
		size_t n = b->tail - b->head < len ? b->tail - b->head : len;
		b->head += (uint32_t)n;
		len -= n;
		if (b->head < b->tail)
			return;
		s->first = b->next;
		buf_put(b);
	}
	s->last = NULL;
}

void spool_clear(struct spool *s)
{
	spool_drop(s, s->bytes);
}
