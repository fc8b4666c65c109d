/* SPDX-License-Identifier: Apache-2.0 */
#include "outq.h"

#include "record.h"

#include <errno.h>
#include <stdlib.h>

enum { PIECE_MIN = 256 }; /* a smaller piece of a MSG waits for the next frame */

struct outq_item {
	struct outq_item *next;
	uint8_t kind;
	bool more;
	uint32_t stream;
	uint32_t len;
	uint32_t done; /* bytes that have left */
	uint8_t body[];
};

static size_t item_size(uint32_t len)
{
	return sizeof(struct outq_item) + len;
}

int outq_push(struct outq *q, size_t limit, enum record_kind kind, uint32_t stream, bool more,
	const uint8_t *body, uint32_t len)
{
	if (q->bytes + item_size(len) > limit)
		return -ENOBUFS;
	struct outq_item *it = malloc(item_size(len));
	if (!it)
		return -ENOBUFS;
	*it = (struct outq_item){.kind = (uint8_t)kind, .more = more, .stream = stream, .len = len};
	if (len)
		memcpy(it->body, body, len);
	if (q->tail)
		q->tail->next = it;
	else
		q->head = it;
	q->tail = it;
	q->bytes += item_size(len);
	return 0;
}

static void pop(struct outq *q)
{
	struct outq_item *it = q->head;
	q->head = it->next;
	if (!q->head)
		q->tail = NULL;
	q->bytes -= item_size(it->len);
	free(it);
}

/* How much of the item goes into a frame with this much room for bodies; -1: none of it. */
static int32_t piece_len(const struct outq_item *it, size_t room, bool whole)
{
	uint32_t left = it->len - it->done;
	if (left <= room)
		return (int32_t)left;
	if (it->kind != REC_MSG || whole || room < PIECE_MIN)
		return -1;
	return (int32_t)room;
}

void outq_fill(struct outq *q, struct wr *w, bool whole)
{
	while (q->head) {
		struct outq_item *it = q->head;
		size_t room = (size_t)(w->end - w->p);
		if (room < WIRE_RECORD_HEADER)
			return;
		int32_t n = piece_len(it, room - WIRE_RECORD_HEADER, whole);
		if (n < 0)
			return;
		struct record rec = {
			.kind = it->kind,
			.stream = it->stream,
			.body = it->body + it->done,
			.len = (uint16_t)n,
		};
		it->done += (uint32_t)n;
		if (it->more || it->done < it->len)
			rec.flags = REC_F_MORE;
		record_encode(w, &rec);
		if (it->done == it->len)
			pop(q);
	}
}

void outq_clear(struct outq *q)
{
	while (q->head)
		pop(q);
}
