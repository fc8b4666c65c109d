// SPDX-License-Identifier: Apache-2.0
/* CBOR: what is accepted is written again byte for byte, since only one form of each item is. */
#include "cbor.h"
#include "fuzz.h"

static void copy(struct rd *r, struct wr *w, unsigned depth)
{
	struct slice s;
	size_t n;
	switch (cbor_peek(r)) {
	case CBOR_UINT:
		cbor_put_uint(w, cbor_get_uint(r));
		return;
	case CBOR_BYTES:
		s = cbor_get_bytes(r);
		cbor_put_bytes(w, s.p, s.len);
		return;
	case CBOR_TEXT:
		s = cbor_get_text(r);
		cbor_put_text(w, (const char *)s.p, s.len);
		return;
	case CBOR_BOOL:
		cbor_put_bool(w, cbor_get_bool(r));
		return;
	case CBOR_NULL:
		CHECK(cbor_take_null(r));
		cbor_put_null(w);
		return;
	case CBOR_ARRAY:
	case CBOR_MAP:
		if (depth == 8) {
			r->bad = true;
			return;
		}
		bool map = cbor_peek(r) == CBOR_MAP;
		n = map ? cbor_get_map(r, SIZE_MAX / 4) : cbor_get_array(r, SIZE_MAX / 4);
		if (map)
			cbor_put_map(w, n);
		else
			cbor_put_array(w, n);
		for (n *= map ? 2 : 1; n && !r->bad; n--)
			copy(r, w, depth + 1);
		return;
	default:
		r->bad = true;
	}
}

/* Asks for a type that may not be there. */
static void demand(const uint8_t *p, size_t len)
{
	enum cbor_kind kind;
	struct rd r = rd_init(p, len);
	kind = cbor_peek(&r);
	cbor_get_uint(&r);
	CHECK(r.bad || kind == CBOR_UINT);
	r = rd_init(p, len);
	struct slice s = cbor_get_text(&r);
	CHECK(r.bad || (kind == CBOR_TEXT && s.len <= len));
	r = rd_init(p, len);
	size_t n = cbor_get_array(&r, 4);
	CHECK(r.bad ? !n : kind == CBOR_ARRAY && n <= 4);
	r = rd_init(p, len);
	CHECK(cbor_take_null(&r) == (kind == CBOR_NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[1 << 20];
	if (size > sizeof out / 2)
		return 0;
	struct rd in = rd_init(data, size);
	uint8_t *p = fuzz_block(&in, &size);
	struct rd r = rd_init(p, size), skip = r;
	struct wr w = wr_init(out, sizeof out);
	copy(&r, &w, 0);
	cbor_skip(&skip);
	if (!r.bad) {
		CHECK(!skip.bad && skip.p == r.p);
		CHECK(!w.bad && wr_len(&w) == (size_t)(r.p - p) && !memcmp(out, p, wr_len(&w)));
	}
	demand(p, size);
	free(p);
	return 0;
}
