// SPDX-License-Identifier: Apache-2.0
#include "pieces.h"

#include <errno.h>
#include <stdlib.h>

void pieces_clear(struct pieces *p)
{
	for (unsigned i = 0; i < WIRE_PIECES_MAX; i++)
		free(p->part[i]);
	*p = (struct pieces){0};
}

/* Whether it can be of the same message as those that are there. */
static bool fits(const struct pieces *p, unsigned i, bool more, const uint8_t *body, size_t len)
{
	if (p->part[i] && (p->len[i] != len || memcmp(p->part[i], body, len)))
		return false;
	if (p->n)
		return i < p->n && (i + 1 == p->n) != more;
	for (unsigned k = i; !more && k < WIRE_PIECES_MAX; k++)
		if (p->part[k])
			return false;
	return true;
}

static int put(struct pieces *p, unsigned i, bool more, const uint8_t *body, size_t len)
{
	if (p->part[i]) /* a retransmission */
		return 0;
	p->part[i] = malloc(len ? len : 1);
	if (!p->part[i])
		return -ENOMEM;
	if (len)
		memcpy(p->part[i], body, len);
	p->len[i] = (uint16_t)len;
	p->bytes += len;
	if (!more)
		p->n = i + 1;
	return 0;
}

static int join(struct pieces *p, uint8_t **whole, size_t *whole_len)
{
	uint8_t *all = malloc(p->bytes ? p->bytes : 1);
	if (!all)
		return -ENOMEM;
	size_t at = 0;
	for (unsigned i = 0; i < p->n; i++) {
		memcpy(all + at, p->part[i], p->len[i]);
		at += p->len[i];
	}
	*whole = all;
	*whole_len = at;
	pieces_clear(p);
	return 1;
}

int pieces_take(struct pieces *p, uint8_t sub, const uint8_t *body, size_t len, uint8_t **whole, size_t *whole_len)
{
	unsigned i = pieces_index(sub);
	bool more = sub & WIRE_PIECE_MORE;
	if (i >= WIRE_PIECES_MAX || sub & ~(WIRE_PIECE_INDEX | WIRE_PIECE_MORE) || len > PIECES_BYTES_MAX)
		return -EBADMSG;
	bool there = p->part[i]; /* a retransmission, if it fits, takes no more */
	if (!fits(p, i, more, body, len) || (!there && p->bytes + len > PIECES_BYTES_MAX))
		pieces_clear(p); /* some are forged: those that come again are whole */
	int rc = put(p, i, more, body, len);
	if (rc < 0)
		return rc;
	for (unsigned k = 0; k < p->n; k++)
		if (!p->part[k])
			return 0;
	return p->n ? join(p, whole, whole_len) : 0;
}

uint8_t *pieces_make(enum wire_type type, uint32_t label, const uint8_t *head, size_t head_len,
	const uint8_t *text, size_t text_len, uint16_t max, size_t *len, bool *too_many)
{
	const size_t room = (size_t)max - WIRE_HEADER;
	*too_many = head_len > room || head_len + text_len > WIRE_PIECES_MAX * room;
	uint8_t *all = *too_many ? NULL : malloc(WIRE_PIECES_MAX * (size_t)WIRE_HEADER + head_len + text_len);
	if (!all)
		return NULL;
	struct wr w = wr_init(all, WIRE_PIECES_MAX * (size_t)WIRE_HEADER + head_len + text_len);
	for (unsigned i = 0; i == 0 || text_len; i++) {
		size_t h = i ? 0 : head_len, n = text_len < room - h ? text_len : room - h;
		uint8_t *frame = wr_room(&w, WIRE_HEADER);
		uint8_t sub = (uint8_t)(i | (n < text_len ? WIRE_PIECE_MORE : 0));
		frame_header_encode(frame, type, sub, (uint16_t)(WIRE_HEADER + h + n), label, 0);
		wr_bytes(&w, head, h);
		wr_bytes(&w, text, n);
		text += n;
		text_len -= n;
	}
	*len = wr_len(&w);
	return all;
}
