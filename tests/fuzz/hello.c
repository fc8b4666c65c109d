// SPDX-License-Identifier: Apache-2.0
/* What begins a datagram link, and handshake messages in pieces. */
#include "fuzz.h"
#include "hello.h"
#include "pieces.h"

static void hello(const uint8_t *data, size_t size, bool datagram)
{
	struct hello h, again;
	uint8_t f[HELLO_SIZE_MAX];
	if (!hello_decode(data, size, datagram, &h))
		return;
	CHECK(h.max_frame >= WIRE_DATA_MIN);
	CHECK(datagram || !(h.has_tag || h.has_cookie || h.has_token || h.moved));
	h.has_cookie &= h.has_tag; /* they go together */
	h.has_token &= h.has_tag;
	size_t len = hello_encode(f, &h, h.has_tag ? WIRE_UDP_HELLO_MIN : 0);
	CHECK(hello_decode(f + WIRE_HEADER, len - WIRE_HEADER, datagram, &again));
	CHECK(again.max_frame == h.max_frame && again.features == h.features && again.tag == h.tag);
	CHECK(again.has_token == h.has_token && !memcmp(again.token, h.has_token ? h.token : again.token, sizeof h.token));
}

/* Each piece: sub, length in units of 16 bytes, what it is filled with. */
static void pieces(struct rd r)
{
	struct pieces p = {0};
	static uint8_t body[255 * 16];
	while (rd_left(&r) >= 3) {
		uint8_t sub = rd_u8(&r), *whole = NULL;
		size_t len = rd_u8(&r) * (size_t)16, whole_len = 0;
		memset(body, rd_u8(&r), sizeof body);
		int rc = pieces_take(&p, sub, body, len, &whole, &whole_len);
		CHECK(p.bytes <= PIECES_BYTES_MAX && p.n <= WIRE_PIECES_MAX);
		CHECK((rc == 1) == (whole != NULL) && whole_len <= PIECES_BYTES_MAX);
		CHECK(rc != 1 || !p.bytes);
		free(whole);
	}
	pieces_clear(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct rd r = rd_init(data + 1, size - 1);
	if (data[0] % 3 == 2) {
		pieces(r);
		return 0;
	}
	size_t n = size;
	uint8_t *copy = fuzz_block(&r, &n);
	hello(copy, n, data[0] % 3);
	free(copy);
	return 0;
}
