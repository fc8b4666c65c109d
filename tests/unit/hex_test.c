// SPDX-License-Identifier: Apache-2.0
#include "hex.h"

#include <errno.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void encodes_and_decodes(void **state)
{
	(void)state;
	const uint8_t in[] = {0x00, 0x9f, 0xff};
	char text[7];
	uint8_t out[3];
	assert_string_equal(hex_encode(text, in, sizeof in), "009fff");
	assert_int_equal(hex_decode(out, sizeof out, text, 6), 3);
	assert_memory_equal(out, in, 3);
	assert_int_equal(hex_decode(out, sizeof out, "009FfF", 6), 3);
	assert_memory_equal(out, in, 3);
	assert_string_equal(hex_encode(text, NULL, 0), "");
	assert_int_equal(hex_decode(out, sizeof out, "", 0), 0);
}

static void refuses_bad_text_and_writes_nothing(void **state)
{
	(void)state;
	uint8_t out[2] = {7, 7};
	assert_int_equal(hex_decode(out, 2, "abc", 3), -EINVAL);
	assert_int_equal(hex_decode(out, 2, "001122", 6), -EINVAL);
	assert_int_equal(hex_decode(out, 2, "00g0", 4), -EINVAL);
	assert_int_equal(hex_decode(out, 2, "0:", 2), -EINVAL);
	assert_int_equal(hex_decode(out, 2, " 1", 2), -EINVAL);
	assert_int_equal(out[0], 7);
	assert_int_equal(out[1], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes),
		cmocka_unit_test(refuses_bad_text_and_writes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
