/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that wait for an application which does not read: copied into blocks, given out in place,
 * let go as they are written. One worker.
 */
#ifndef OCKAM_SPOOL_H
#define OCKAM_SPOOL_H

#include "bufpool.h"

#include <sys/uio.h>

/* All zero is empty. */
struct spool {
	struct buf *first, *last;
	size_t bytes;
};

/* Appends a copy. 0 or -ENOMEM (then a part of it may be there). */
int spool_push(struct spool *s, struct bufpool *pool, const uint8_t *p, size_t len);
/* Moves all of `from` behind what is in s. */
void spool_append(struct spool *s, struct spool *from);
/* The first pieces; how many. They stay until spool_drop. */
unsigned spool_peek(const struct spool *s, struct iovec *iov, unsigned max);
void spool_drop(struct spool *s, size_t len);
void spool_clear(struct spool *s);

#endif
