// SPDX-License-Identifier: Apache-2.0
#include "hop_part.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static size_t sample(uint8_t *buf, size_t cap, bool control)
{
	struct hop_part h = {.hops_left = 16, .path_max = 65535, .has_return_field = control};
	h.has_handle = control;
	memset(h.handle, 0xab, sizeof h.handle);
	char err[128];
	assert_int_equal(
		route_parse(&h.onward, "/ip4/127.0.0.1/tcp/6003/service/api", err, sizeof err), 0);
	struct wr w = wr_init(buf, cap);
	hop_part_encode(&w, &h, 0);
	wr_bytes(&w, "end", 3);
	assert_false(w.bad);
	return wr_len(&w);
}

static void round_trip(void **state)
{
	(void)state;
	for (int control = 0; control < 2; control++) {
		uint8_t buf[256];
		size_t len = sample(buf, sizeof buf, control);
		struct hop_part h;
		struct rd end;
		assert_int_equal(hop_part_decode(buf, len, control, &h, &end), 0);
		assert_int_equal(h.hops_left, 16);
		assert_int_equal(h.path_max, 65535);
		assert_int_equal(h.onward.n, 3);
		assert_int_equal(h.has_handle, control);
		assert_int_equal(rd_left(&end), 3);
		assert_memory_equal(end.p, "end", 3);
		/* the other kind has another number of fields */
		assert_int_equal(hop_part_decode(buf, len, !control, &h, &end), -EBADMSG);
	}
}

static void every_truncation_fails(void **state)
{
	(void)state;
	uint8_t buf[256];
	size_t len = sample(buf, sizeof buf, true);
	struct hop_part h;
	struct rd end;
	for (size_t n = 0; n < len - 3; n++)
		assert_int_equal(hop_part_decode(buf, n, true, &h, &end), -EBADMSG);
}

static void numbers_out_of_range_fail(void **state)
{
	(void)state;
	const struct {
		uint8_t bytes[12];
		uint8_t len;
	} bad[] = {
		{{0x00, 0x07, 0x84, 0x11, 0x19, 0xff, 0xff, 0x00, 0x80}, 9}, /* 17 hops */
		{{0x00, 0x07, 0x84, 0x10, 0x19, 0x03, 0xff, 0x00, 0x80}, 9}, /* path_max 1023 */
		{{0x00, 0x05, 0x84, 0x10, 0x01, 0x00, 0x80}, 7},	     /* path_max 1 */
		{{0x00, 0x08, 0x84, 0x10, 0x19, 0xff, 0xff, 0x00, 0x80, 0x00}, 10}, /* one too many */
		{{0x00, 0x06, 0x83, 0x10, 0x19, 0xff, 0xff, 0x00}, 8},	     /* a field missing */
	};
	struct hop_part h;
	struct rd end;
	const uint8_t good[] = {0x00, 0x07, 0x84, 0x10, 0x19, 0xff, 0xff, 0x00, 0x80};
	assert_int_equal(hop_part_decode(good, sizeof good, false, &h, &end), 0);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(hop_part_decode(bad[i].bytes, bad[i].len, false, &h, &end), -EBADMSG);
}

/* Fields are counted, numbers fit, a handle has its size. */
static void fields_are_exact(void **state)
{
	const struct {
		uint8_t bytes[32], len;
		bool control;
		int rc;
	} cases[] = {
		{{0, 7, 0x85, 0x10, 0x19, 0xff, 0xff, 0, 0x80}, 9, false, -EBADMSG},
		{{0, 8, 0x84, 0x10, 0x19, 0xff, 0xff, 0, 0x80, 0xf6}, 10, true, -EBADMSG},
		{{0, 8, 0x85, 0x10, 0x19, 0xff, 0xff, 0, 0x80, 0xf6}, 10, true, 0},
		{{0, 9, 0x84, 0x10, 0x1a, 0, 1, 0, 0, 0, 0x80}, 11, false, -EBADMSG},
		{{0, 9, 0x84, 0x10, 0x19, 0xff, 0xff, 0x19, 1, 0, 0x80}, 11, false, -EBADMSG},
		{{0, 8, 0x84, 0x10, 0x19, 0xff, 0xff, 0x18, 0xff, 0x80}, 10, false, 0},
		{{0, 23, 0x85, 0x10, 0x19, 0xff, 0xff, 0, 0x80, 0x4f, 1, 2, 3}, 25, true, -EBADMSG},
		{{0, 24, 0x85, 0x10, 0x19, 0xff, 0xff, 0, 0x80, 0x50, 1, 2, 3}, 26, true, 0},
		{{0, 24, 0x85, 0x10, 0x19, 0xff, 0xff, 0, 0x80, 0x70, 1, 2, 3}, 26, true, -EBADMSG},
	};
	struct hop_part h;
	struct rd end;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(hop_part_decode(cases[i].bytes, cases[i].len, cases[i].control, &h,
					 &end),
			cases[i].rc);
}

static void full_buffer_is_bad(void **state)
{
	(void)state;
	struct hop_part h = {.hops_left = 16, .path_max = 2000};
	uint8_t buf[6];
	for (size_t cap = 0; cap < sizeof buf; cap++) {
		struct wr w = wr_init(buf, cap);
		hop_part_encode(&w, &h, 0);
		assert_true(w.bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(every_truncation_fails),
		cmocka_unit_test(numbers_out_of_range_fail),
		cmocka_unit_test(fields_are_exact),
		cmocka_unit_test(full_buffer_is_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
