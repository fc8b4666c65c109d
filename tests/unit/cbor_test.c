// SPDX-License-Identifier: Apache-2.0
#include "cbor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define RD(...) rd_init((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void numbers_round_trip_in_the_shortest_form(void **state)
{
	(void)state;
	static const struct {
		uint64_t v;
		size_t size;
	} cases[] = {{0, 1}, {23, 1}, {24, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 5},
		{UINT32_MAX, 5}, {(uint64_t)UINT32_MAX + 1, 9}, {UINT64_MAX, 9}};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t buf[16];
		struct wr w = wr_init(buf, sizeof buf);
		cbor_put_uint(&w, cases[i].v);
		assert_int_equal(wr_len(&w), cases[i].size);
		struct rd r = rd_init(buf, wr_len(&w));
		assert_int_equal(cbor_peek(&r), CBOR_UINT);
		assert_true(cbor_get_uint(&r) == cases[i].v);
		assert_true(rd_done(&r));
	}
}

static void everything_round_trips(void **state)
{
	(void)state;
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof buf);
	cbor_put_array(&w, 6);
	cbor_put_bytes(&w, "\x00\xff", 2);
	cbor_put_text(&w, "h\xc3\xa9", 3);
	cbor_put_map(&w, 1);
	cbor_put_uint(&w, 1000);
	cbor_put_null(&w);
	cbor_put_bool(&w, true);
	cbor_put_bool(&w, false);
	cbor_put_null(&w);
	assert_false(w.bad);

	struct rd r = rd_init(buf, wr_len(&w));
	assert_int_equal(cbor_get_array(&r, 6), 6);
	struct slice s = cbor_get_bytes(&r);
	assert_int_equal(s.len, 2);
	assert_memory_equal(s.p, "\x00\xff", 2);
	s = cbor_get_text(&r);
	assert_int_equal(s.len, 3);
	assert_int_equal(cbor_get_map(&r, 4), 1);
	assert_int_equal(cbor_get_uint(&r), 1000);
	assert_true(cbor_take_null(&r));
	assert_true(cbor_get_bool(&r));
	assert_false(cbor_take_null(&r));
	assert_false(cbor_get_bool(&r));
	assert_true(cbor_take_null(&r));
	assert_false(cbor_take_null(&r));
	assert_true(rd_done(&r));

	r = rd_init(buf, wr_len(&w));
	cbor_skip(&r);
	assert_true(rd_done(&r));
	for (size_t n = 0; n < wr_len(&w); n++) {
		r = rd_init(buf, n);
		cbor_skip(&r);
		assert_true(r.bad);
	}
}

static void the_writer_never_passes_its_end(void **state)
{
	(void)state;
	uint8_t buf[8] = {0};
	for (size_t cap = 0; cap < 5; cap++) {
		struct wr w = wr_init(buf, cap);
		cbor_put_text(&w, "text", 4);
		assert_true(w.bad);
		w = wr_init(buf, cap);
		cbor_put_uint(&w, UINT32_MAX);
		assert_true(w.bad);
	}
	struct wr w = wr_init(buf, 0);
	cbor_put_null(&w);
	assert_true(w.bad);
	w = wr_init(buf, 0);
	cbor_put_bool(&w, true);
	assert_true(w.bad);
	assert_int_equal(buf[5], 0);
}

static void assert_refused(struct rd r)
{
	struct rd skip = r;
	assert_int_equal(cbor_peek(&r), CBOR_BAD);
	cbor_skip(&skip);
	assert_true(skip.bad);
}

static void refuses_what_is_not_deterministic(void **state)
{
	(void)state;
	assert_refused(RD(0x18, 0x17));			  /* 23 in two bytes */
	assert_refused(RD(0x19, 0x00, 0xff));		  /* 255 in three */
	assert_refused(RD(0x1a, 0x00, 0x00, 0xff, 0xff)); /* 65535 in five */
	assert_refused(RD(0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff));
	assert_refused(RD(0x58, 0x01, 0x61));	    /* long length of a byte string */
	assert_refused(RD(0x78, 0x01, 0x61));	    /* of a text */
	assert_refused(RD(0x98, 0x01, 0x00));	    /* of an array */
	assert_refused(RD(0xb8, 0x00));		    /* of a map */
	assert_refused(RD(0x5f, 0x41, 0x61, 0xff)); /* indefinite */
	assert_refused(RD(0x7f, 0x61, 0x61, 0xff));
	assert_refused(RD(0x9f, 0x00, 0xff));
	assert_refused(RD(0xbf, 0xff));
	assert_refused(RD(0xff));	      /* break */
	assert_refused(RD(0x20));	      /* -1 */
	assert_refused(RD(0xc0, 0x00));	      /* tag */
	assert_refused(RD(0xf9, 0x3c, 0x00)); /* float */
	assert_refused(RD(0xfb, 0, 0, 0, 0, 0, 0, 0, 0));
	assert_refused(RD(0xf7));	/* undefined */
	assert_refused(RD(0xe0));	/* simple value */
	assert_refused(RD(0xf8, 0x15)); /* true in two bytes */
	assert_refused(RD(0x1c));	/* reserved */
}

static void refuses_what_is_cut_short(void **state)
{
	(void)state;
	assert_refused(rd_init("", 0));
	assert_refused(RD(0x18));
	assert_refused(RD(0x1b, 1, 2, 3));
	assert_refused(RD(0x42, 0x61));
	assert_refused(RD(0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00));
	struct rd r = RD(0x82, 0x00);
	cbor_skip(&r);
	assert_true(r.bad);
}

static void huge_counts_cost_nothing(void **state)
{
	(void)state;
	struct rd r = RD(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00);
	struct rd s = r;
	assert_int_equal(cbor_get_array(&r, SIZE_MAX), 0);
	assert_true(r.bad);
	cbor_skip(&s);
	assert_true(s.bad);
	r = s = RD(0xbb, 0x80, 0, 0, 0, 0, 0, 0, 1, 0x00, 0x00);
	assert_int_equal(cbor_get_map(&r, SIZE_MAX), 0);
	assert_true(r.bad);
	cbor_skip(&s);
	assert_true(s.bad);
}

static void counts_are_bounded_by_the_caller(void **state)
{
	(void)state;
	struct rd r = RD(0x83, 1, 2, 3);
	assert_int_equal(cbor_get_array(&r, 2), 0);
	assert_true(r.bad);
	r = RD(0xa2, 1, 1, 2, 2);
	assert_int_equal(cbor_get_map(&r, 1), 0);
	assert_true(r.bad);
}

static void duplicate_keys_are_refused(void **state)
{
	(void)state;
	struct rd r = RD(0xa3, 1, 0, 2, 0x81, 1, 3, 0);
	assert_int_equal(cbor_get_map(&r, 8), 3);
	assert_false(r.bad);
	r = RD(0xa3, 1, 0, 2, 0x81, 1, 2, 0);
	assert_int_equal(cbor_get_map(&r, 8), 0);
	assert_true(r.bad);
	r = RD(0xa2, 0x41, 'b', 0, 0x41, 'b', 0);
	assert_int_equal(cbor_get_map(&r, 8), 0);
	assert_true(r.bad);
	r = RD(0xa2, 1, 0, 2); /* the last value is missing */
	assert_int_equal(cbor_get_map(&r, 8), 0);
	assert_true(r.bad);
}

static void keys_out_of_order_are_refused(void **state)
{
	(void)state;
	struct rd r = RD(0xa2, 0x18, 24, 0, 0x19, 1, 0, 0);
	assert_int_equal(cbor_get_map(&r, 8), 2);
	assert_false(r.bad);
	r = RD(0xa2, 0x19, 1, 0, 0, 0x18, 24, 0);
	assert_int_equal(cbor_get_map(&r, 8), 0);
	assert_true(r.bad);
	r = RD(0xa2, 0x61, 'a', 0, 1, 0);
	assert_int_equal(cbor_get_map(&r, 8), 0);
	assert_true(r.bad);
}

static void another_type_is_refused_and_sticks(void **state)
{
	(void)state;
	struct rd r = RD(0x61, 0x61, 0x01);
	assert_null(cbor_get_bytes(&r).p);
	assert_true(r.bad);
	assert_int_equal(cbor_get_uint(&r), 0);
	assert_int_equal(cbor_peek(&r), CBOR_BAD);
	r = RD(0x01);
	assert_false(cbor_get_bool(&r));
	assert_true(r.bad);
	r = RD(0x01, 0x02);
	cbor_get_uint(&r);
	assert_false(rd_done(&r)); /* trailing bytes */
}

static void depth_is_bounded(void **state)
{
	(void)state;
	uint8_t buf[10000];
	memset(buf, 0x81, sizeof buf);
	buf[8] = 0;
	struct rd r = rd_init(buf, 9);
	cbor_skip(&r);
	assert_true(rd_done(&r));
	buf[8] = 0x81;
	buf[9] = 0;
	r = rd_init(buf, 10);
	cbor_skip(&r);
	assert_true(r.bad);
	buf[9] = 0x81;
	r = rd_init(buf, sizeof buf);
	cbor_skip(&r);
	assert_true(r.bad);
}

static bool text_ok(const char *s, size_t n)
{
	uint8_t buf[32];
	struct wr w = wr_init(buf, sizeof buf);
	cbor_put_text(&w, s, n);
	struct rd r = rd_init(buf, wr_len(&w));
	struct slice got = cbor_get_text(&r);
	return !r.bad && got.len == n;
}

static void text_is_utf8(void **state)
{
	(void)state;
	assert_true(text_ok("", 0));
	assert_true(text_ok("a\x00z", 3));
	assert_true(
		text_ok("\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 16));
	assert_false(text_ok("\x80", 1));
	assert_false(text_ok("\xc1\xbf", 2)); /* long form */
	assert_false(text_ok("\xe0\x9f\xbf", 3));
	assert_false(text_ok("\xed\xa0\x80", 3)); /* surrogate */
	assert_false(text_ok("\xf0\x8f\xbf\xbf", 4));
	assert_false(text_ok("\xf4\x90\x80\x80", 4)); /* above U+10FFFF */
	assert_false(text_ok("\xf5\x80\x80\x80", 4));
	assert_false(text_ok("\xe2\x82", 2));
	assert_false(text_ok("\xe2\x82\x41", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_round_trip_in_the_shortest_form),
		cmocka_unit_test(everything_round_trips),
		cmocka_unit_test(the_writer_never_passes_its_end),
		cmocka_unit_test(refuses_what_is_not_deterministic),
		cmocka_unit_test(refuses_what_is_cut_short),
		cmocka_unit_test(huge_counts_cost_nothing),
		cmocka_unit_test(counts_are_bounded_by_the_caller),
		cmocka_unit_test(duplicate_keys_are_refused),
		cmocka_unit_test(keys_out_of_order_are_refused),
		cmocka_unit_test(another_type_is_refused_and_sticks),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(text_is_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
