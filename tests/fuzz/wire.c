// SPDX-License-Identifier: Apache-2.0
/* The frame header, and the cursor: the input is a program of reads, narrowings and writes. */
#include "fuzz.h"
#include "wire.h"

static void header(const uint8_t *data)
{
	uint8_t again[WIRE_HEADER];
	struct frame_header h = frame_header_decode(data);
	frame_header_encode(again, h.type, h.sub, h.len, h.label, h.seq);
	again[0] = (uint8_t)((again[0] & 15) | h.version << 4);
	CHECK(!memcmp(again, data, WIRE_HEADER));
}

/* One step of reading `r` by `op`; what was read goes out by w. */
static void step(struct rd *r, struct wr *w, uint8_t op, uint8_t arg)
{
	size_t before = rd_left(r), n = arg;
	const uint8_t *p;
	switch (op % 7) {
	case 0:
		wr_u8(w, rd_u8(r));
		n = 1;
		break;
	case 1:
		wr_u16(w, rd_u16(r));
		n = 2;
		break;
	case 2:
		wr_u32(w, rd_u32(r));
		n = 4;
		break;
	case 3:
		wr_u64(w, rd_u64(r));
		n = 8;
		break;
	case 4:
		p = rd_bytes(r, n);
		CHECK(!p == r->bad);
		if (p)
			wr_bytes(w, p, n);
		break;
	case 5: {
		struct rd sub = rd_sub(r, n);
		CHECK(sub.bad == r->bad);
		CHECK(sub.bad || rd_left(&sub) == n);
		p = rd_bytes(&sub, rd_left(&sub));
		CHECK(sub.bad || rd_done(&sub));
		if (p && !sub.bad)
			wr_bytes(w, p, n);
		break;
	}
	default:
		n = SIZE_MAX - arg; /* a length that would wrap */
		rd_bytes(r, n);
		CHECK(r->bad);
		return;
	}
	CHECK(r->bad ? n > before || !before : rd_left(r) == before - n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[512];
	if (size >= WIRE_HEADER)
		header(data);
	if (size < 2)
		return 0;
	size_t cap = data[0], half = size / 2;
	struct rd program = rd_init(data + 1, half - 1 + (size & 1));
	size_t left = size - half;
	struct rd rest = rd_init(data + half, left);
	uint8_t *copy = fuzz_block(&rest, &left);
	struct rd r = rd_init(copy, left);
	struct wr w = wr_init(out, cap);
	while (rd_left(&program) >= 2) {
		uint8_t op = rd_u8(&program), arg = rd_u8(&program);
		step(&r, &w, op, arg);
		CHECK(wr_len(&w) <= cap);
		/* all that was read was written, as far as both had room */
		CHECK(r.bad || w.bad ||
			(wr_len(&w) == (size_t)(r.p - copy) && !memcmp(out, copy, wr_len(&w))));
	}
	free(copy);
	return 0;
}
