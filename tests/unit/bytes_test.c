// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void reader_sticks_at_the_end(void **state)
{
	(void)state;
	const uint8_t buf[] = {1, 2, 3, 4, 5};
	struct rd r = rd_init(buf, sizeof buf);
	assert_int_equal(rd_u32(&r), 0x01020304);
	assert_false(rd_done(&r));
	assert_int_equal(rd_u16(&r), 0);
	assert_true(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_left(&r), 0);
	assert_false(rd_done(&r));
}

static void sub_reader_is_bounded(void **state)
{
	(void)state;
	const uint8_t buf[] = {9, 8, 7};
	struct rd r = rd_init(buf, sizeof buf);
	struct rd s = rd_sub(&r, 2);
	assert_int_equal(rd_u16(&s), 0x0908);
	assert_true(rd_done(&s));
	assert_int_equal(rd_u8(&r), 7);
	assert_true(rd_done(&r));
	s = rd_sub(&r, 1);
	assert_true(s.bad);
}

static void writer_never_passes_its_end(void **state)
{
	(void)state;
	uint8_t buf[4] = {0};
	struct wr w = wr_init(buf, 3);
	wr_u16(&w, 0x0102);
	wr_u16(&w, 0x0304);
	assert_true(w.bad);
	wr_u8(&w, 5);
	assert_int_equal(wr_len(&w), 2);
	assert_int_equal(buf[2], 0);
	assert_int_equal(buf[3], 0);
}

static void header_round_trip(void **state)
{
	(void)state;
	uint8_t buf[WIRE_HEADER];
	frame_header_encode(buf, WIRE_DATA, 0xfe, 1400, 0xdeadbeef, 0x0102030405060708);
	const uint8_t want[] = {0x15, 0xfe, 0x05, 0x78, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8};
	assert_memory_equal(buf, want, sizeof want);
	struct frame_header h = frame_header_decode(buf);
	assert_int_equal(h.version, 1);
	assert_int_equal(h.type, WIRE_DATA);
	assert_int_equal(h.len, 1400);
	assert_int_equal(h.label, 0xdeadbeef);
	assert_true(h.seq == 0x0102030405060708);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_sticks_at_the_end),
		cmocka_unit_test(sub_reader_is_bounded),
		cmocka_unit_test(writer_never_passes_its_end),
		cmocka_unit_test(header_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
