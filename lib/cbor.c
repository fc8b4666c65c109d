// SPDX-License-Identifier: Apache-2.0
/*
 * libcbor's streaming decoder reads one head; what it lets through and we do not (long integer
 * forms, indefinite lengths, tags, floats, negative numbers) is refused here. Its tree builder
 * never sees bytes from outside: it allocates what an array head announces.
 */
#include "cbor.h"

/* Not <cbor.h>: that is ours. */
#include <cbor/callbacks.h>
#include <cbor/encoding.h>
#include <cbor/streaming.h>

enum { LEVELS_MAX = 8 };

struct head {
	enum cbor_kind kind;
	uint64_t v;	  /* the number, length or count */
	const uint8_t *p; /* what a string holds */
	size_t size;	  /* of the head and, for a string, what it holds */
};

static void on_uint8(void *h, uint8_t v)
{
	*(struct head *)h = (struct head){.kind = CBOR_UINT, .v = v};
}

static void on_uint16(void *h, uint16_t v)
{
	*(struct head *)h = (struct head){.kind = CBOR_UINT, .v = v};
}

static void on_uint32(void *h, uint32_t v)
{
	*(struct head *)h = (struct head){.kind = CBOR_UINT, .v = v};
}

static void on_uint64(void *h, uint64_t v)
{
	*(struct head *)h = (struct head){.kind = CBOR_UINT, .v = v};
}

static void on_bytes(void *h, cbor_data p, size_t n)
{
	*(struct head *)h = (struct head){.kind = CBOR_BYTES, .v = n, .p = p};
}

static void on_text(void *h, cbor_data p, size_t n)
{
	*(struct head *)h = (struct head){.kind = CBOR_TEXT, .v = n, .p = p};
}

static void on_array(void *h, size_t n)
{
	*(struct head *)h = (struct head){.kind = CBOR_ARRAY, .v = n};
}

static void on_map(void *h, size_t n)
{
	*(struct head *)h = (struct head){.kind = CBOR_MAP, .v = n};
}

static void on_bool(void *h, bool v)
{
	*(struct head *)h = (struct head){.kind = CBOR_BOOL, .v = v};
}

static void on_null(void *h)
{
	*(struct head *)h = (struct head){.kind = CBOR_NULL};
}

/* Bytes that the shortest head with this argument takes. */
static size_t head_size(uint64_t v)
{
	return v < 24 ? 1 : v <= UINT8_MAX ? 2 : v <= UINT16_MAX ? 3 : v <= UINT32_MAX ? 5 : 9;
}

/* The next head; kind CBOR_BAD when there is none that we accept. */
static struct head look(const struct rd *r)
{
	struct cbor_callbacks on = cbor_empty_callbacks;
	on.uint8 = on_uint8;
	on.uint16 = on_uint16;
	on.uint32 = on_uint32;
	on.uint64 = on_uint64;
	on.byte_string = on_bytes;
	on.string = on_text;
	on.array_start = on_array;
	on.map_start = on_map;
	on.boolean = on_bool;
	on.null = on_null;

	struct head h = {.kind = CBOR_BAD};
	size_t left = rd_left(r);
	if (!left)
		return h;
	struct cbor_decoder_result got = cbor_stream_decode(r->p, left, &on, &h);
	bool string = h.kind == CBOR_BYTES || h.kind == CBOR_TEXT;
	uint64_t argument = h.kind == CBOR_BOOL ? 0 : h.v;
	if (got.status != CBOR_DECODER_FINISHED || h.kind == CBOR_BAD ||
		got.read != head_size(argument) + (string ? h.v : 0))
		return (struct head){.kind = CBOR_BAD};
	h.size = got.read;
	return h;
}

/* Takes the next head when it is of this kind, else sets bad. */
static struct head take(struct rd *r, enum cbor_kind kind)
{
	struct head h = look(r);
	if (h.kind != kind) {
		r->bad = true;
		return (struct head){.kind = CBOR_BAD};
	}
	rd_bytes(r, h.size);
	return h;
}

/* RFC 3629: no long forms, no surrogates, nothing above U+10FFFF. */
static bool utf8_valid(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint8_t c = p[i++];
		if (c < 0x80)
			continue;
		unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		if (c < 0xc2 || c > 0xf4 || len - i < more)
			return false;
		uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
		if (p[i] < low || p[i] > high)
			return false;
		for (unsigned k = 1; k < more; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		i += more;
	}
	return true;
}

enum cbor_kind cbor_peek(const struct rd *r)
{
	return look(r).kind;
}

uint64_t cbor_get_uint(struct rd *r)
{
	return take(r, CBOR_UINT).v;
}

struct slice cbor_get_bytes(struct rd *r)
{
	struct head h = take(r, CBOR_BYTES);
	return (struct slice){h.p, (size_t)h.v};
}

struct slice cbor_get_text(struct rd *r)
{
	struct head h = take(r, CBOR_TEXT);
	if (h.kind == CBOR_TEXT && !utf8_valid(h.p, (size_t)h.v)) {
		r->bad = true;
		return (struct slice){NULL, 0};
	}
	return (struct slice){h.p, (size_t)h.v};
}

/* Every item takes a byte at least, so a count beyond what is left is a lie. */
static size_t get_count(struct rd *r, enum cbor_kind kind, size_t max, unsigned items)
{
	struct head h = take(r, kind);
	if (r->bad || h.v > max || h.v > rd_left(r) / items) {
		r->bad = true;
		return 0;
	}
	return (size_t)h.v;
}

size_t cbor_get_array(struct rd *r, size_t max)
{
	return get_count(r, CBOR_ARRAY, max, 1);
}

static struct slice skipped(struct rd *r)
{
	const uint8_t *start = r->p;
	cbor_skip(r);
	return (struct slice){start, (size_t)(r->p - start)};
}

/* True when the keys of the `n` pairs at r ascend in the order of their bytes: none is there twice.
 */
static bool keys_ascend(struct rd r, size_t n)
{
	struct slice last = {0};
	for (size_t i = 0; i < n; i++) {
		struct slice key = skipped(&r);
		cbor_skip(&r);
		if (r.bad)
			return false;
		size_t common = key.len < last.len ? key.len : last.len;
		/* no item is the beginning of another, so a tie means equal */
		if (i && memcmp(last.p, key.p, common) >= 0)
			return false;
		last = key;
	}
	return true;
}

size_t cbor_get_map(struct rd *r, size_t max)
{
	size_t n = get_count(r, CBOR_MAP, max, 2);
	if (n && !keys_ascend(*r, n)) {
		r->bad = true;
		return 0;
	}
	return n;
}

bool cbor_get_bool(struct rd *r)
{
	return take(r, CBOR_BOOL).v;
}

bool cbor_take_null(struct rd *r)
{
	if (cbor_peek(r) != CBOR_NULL)
		return false;
	take(r, CBOR_NULL);
	return true;
}

/* Counts the items still to skip on each level: no recursion on what a peer sent. */
void cbor_skip(struct rd *r)
{
	uint64_t left[LEVELS_MAX + 1] = {1};
	unsigned level = 0;
	for (;;) {
		while (!left[level]) {
			if (!level)
				return;
			level--;
		}
		left[level]--;
		struct head h = look(r);
		bool holds = h.kind == CBOR_ARRAY || h.kind == CBOR_MAP;
		if (h.kind == CBOR_BAD || (holds && (level == LEVELS_MAX || h.v > rd_left(r)))) {
			r->bad = true;
			return;
		}
		rd_bytes(r, h.size);
		if (holds)
			left[++level] = h.kind == CBOR_MAP ? 2 * h.v : h.v;
	}
}

static void put_head(struct wr *w, size_t (*encode)(size_t, unsigned char *, size_t), size_t n)
{
	uint8_t *p = wr_room(w, head_size(n));
	if (p)
		encode(n, p, head_size(n));
}

void cbor_put_uint(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_room(w, head_size(v));
	if (p)
		cbor_encode_uint(v, p, head_size(v));
}

void cbor_put_bytes(struct wr *w, const void *p, size_t n)
{
	put_head(w, cbor_encode_bytestring_start, n);
	wr_bytes(w, p, n);
}

void cbor_put_text(struct wr *w, const char *s, size_t n)
{
	put_head(w, cbor_encode_string_start, n);
	wr_bytes(w, s, n);
}

void cbor_put_array(struct wr *w, size_t n)
{
	put_head(w, cbor_encode_array_start, n);
}

void cbor_put_map(struct wr *w, size_t n)
{
	put_head(w, cbor_encode_map_start, n);
}

void cbor_put_bool(struct wr *w, bool v)
{
	uint8_t *p = wr_room(w, 1);
	if (p)
		cbor_encode_bool(v, p, 1);
}

void cbor_put_null(struct wr *w)
{
	uint8_t *p = wr_room(w, 1);
	if (p)
		cbor_encode_null(p, 1);
}
