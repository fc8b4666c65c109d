/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RESP and FINISH in pieces: what does not fit one frame of the path goes in up to WIRE_PIECES_MAX, put
 * together at the ends alone. Pure. Source: docs/protocol.md "Paths".
 */
#ifndef OCKAM_PIECES_H
#define OCKAM_PIECES_H

#include "wire.h"

#include <stdbool.h>

enum { PIECES_BYTES_MAX = WIRE_HANDSHAKE_PAYLOAD_MAX + 1024 }; /* Noise and the labels besides */

/* What has come, in any order. Zeroed to begin with. */
struct pieces {
	uint8_t *part[WIRE_PIECES_MAX]; /* NULL: not yet */
	uint16_t len[WIRE_PIECES_MAX];
	unsigned n; /* how many there are; 0: the last has not come */
	size_t bytes;
};

static inline unsigned pieces_index(uint8_t sub)
{
	return sub & WIRE_PIECE_INDEX;
}

/*
 * Takes a piece; the same once more is ignored, and one that does not go with the others takes their place.
 * 1: all are there, *whole is the caller's to free and nothing is kept. 0: others are missing. -EBADMSG: no
 * piece. -ENOMEM.
 */
int pieces_take(struct pieces *p, uint8_t sub, const uint8_t *body, size_t len, uint8_t **whole, size_t *whole_len);
void pieces_clear(struct pieces *p);

/*
 * `head` and `text` as frames of at most `max` bytes, back to back: the first has head in front, all carry a
 * part of text. Heap, *len bytes; NULL: no memory, or more pieces than may be (*too_many).
 */
uint8_t *pieces_make(enum wire_type type, uint32_t label, const uint8_t *head, size_t head_len,
	const uint8_t *text, size_t text_len, uint16_t max, size_t *len, bool *too_many);

#endif
