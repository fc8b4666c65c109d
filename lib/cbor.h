/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR (RFC 8949) under our cursor. Decoding uses libcbor's streaming decoder one head at a time and
 * accepts only the deterministic subset: definite lengths, shortest integers, no tags, no floats.
 * Anything else, and any type that was not asked for, sets the reader's sticky `bad`. Nothing is
 * allocated; byte and text strings borrow from the buffer.
 */
#ifndef OCKAM_CBOR_H
#define OCKAM_CBOR_H

#include "bytes.h"

enum cbor_kind { CBOR_BAD, CBOR_UINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_BOOL, CBOR_NULL };

struct slice {
	const uint8_t *p;
	size_t len;
};

/* The kind of the next item without taking it; CBOR_BAD at the end or on anything not accepted. */
enum cbor_kind cbor_peek(const struct rd *r);
uint64_t cbor_get_uint(struct rd *r);
struct slice cbor_get_bytes(struct rd *r);
struct slice cbor_get_text(struct rd *r); /* valid UTF-8 */
/* Number of items (array) or pairs (map), at most `max` or bad. */
size_t cbor_get_array(struct rd *r, size_t max);
size_t cbor_get_map(struct rd *r, size_t max);
bool cbor_get_bool(struct rd *r);
bool cbor_take_null(struct rd *r); /* true and taken when the next item is null */
/* Skips one item with all it holds, at most 8 levels deep; `start` of it is r->p before the call. */
void cbor_skip(struct rd *r);

void cbor_put_uint(struct wr *w, uint64_t v);
void cbor_put_bytes(struct wr *w, const void *p, size_t n);
void cbor_put_text(struct wr *w, const char *s, size_t n);
void cbor_put_array(struct wr *w, size_t n);
void cbor_put_map(struct wr *w, size_t n);
void cbor_put_bool(struct wr *w, bool v);
void cbor_put_null(struct wr *w);

#endif
