// SPDX-License-Identifier: Apache-2.0
#include "message_codec.h"
#include "reassembly.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static int a, b; /* stand for two sessions */
static uint8_t part[32768];
static uint8_t *whole;
static size_t whole_len;

static int take(struct reassembly *ra, const void *session, uint32_t message, bool more, size_t len)
{
	return reassembly_take(ra, 0, session, message, more, part, len, &whole, &whole_len);
}

static void parts_of_several_messages_mix(void **state)
{
	struct reassembly ra = {0};
	memset(part, 'x', 10);
	assert_int_equal(take(&ra, &a, 1, true, 10), 0);
	memset(part, 'y', 10);
	assert_int_equal(take(&ra, &b, 1, true, 10), 0);
	assert_int_equal(take(&ra, &a, 2, false, 3), 1);
	assert_int_equal(whole_len, 3);
	free(whole);
	assert_int_equal(take(&ra, &a, 1, false, 1), 1);
	assert_int_equal(whole_len, 11);
	assert_memory_equal(whole, "xxxxxxxxxxy", 11);
	free(whole);
	reassembly_drop_session(&ra, &b);
	assert_null(ra.first);
	assert_int_equal(ra.bytes, 0);
}

static void a_session_has_eight_open(void **state)
{
	struct reassembly ra = {0};
	for (uint32_t i = 0; i < WIRE_MSG_OPEN_MAX; i++)
		assert_int_equal(take(&ra, &a, i, true, 1), 0);
	assert_int_equal(take(&ra, &a, 99, true, 1), -EPROTO);
	assert_int_equal(take(&ra, &b, 99, true, 1), 0);
	assert_int_equal(take(&ra, &a, 3, false, 1), 1);
	free(whole);
	assert_int_equal(take(&ra, &a, 99, true, 1), 0);
	reassembly_fini(&ra);
	assert_int_equal(ra.bytes, 0);
}

static void what_is_too_long_is_swallowed_to_its_end(void **state)
{
	struct reassembly ra = {0};
	for (size_t sum = 0; sum <= MSG_BODY_MAX; sum += sizeof part)
		assert_int_equal(take(&ra, &a, 1, true, sizeof part), 0);
	assert_int_equal(ra.bytes, 0);
	assert_int_equal(take(&ra, &a, 1, true, 5), 0);
	assert_int_equal(take(&ra, &a, 1, false, 5), 0);
	assert_null(ra.first);
}

static void a_megabyte_passes(void **state)
{
	struct reassembly ra = {0};
	for (size_t sum = 0; sum < WIRE_MSG_MAX; sum += sizeof part)
		assert_int_equal(take(&ra, &a, 1, true, sizeof part), 0);
	assert_int_equal(take(&ra, &a, 1, false, 100), 1);
	assert_int_equal(whole_len, WIRE_MSG_MAX + 100);
	free(whole);
}

static void the_node_has_a_limit(void **state)
{
	struct reassembly ra = {0};
	static int sessions[16];
	for (unsigned s = 0; s < 16; s++)
		for (uint32_t m = 0; m < WIRE_MSG_OPEN_MAX; m++)
			for (unsigned i = 0; i < 32; i++)
				assert_int_equal(take(&ra, &sessions[s], m, true, sizeof part), 0);
	assert_true(ra.bytes <= WIRE_MSG_NODE_MAX);
	assert_true(ra.bytes > WIRE_MSG_NODE_MAX / 2);
	reassembly_fini(&ra);
}

static void what_stands_still_gives_up_its_memory(void **state)
{
	struct reassembly ra = {0};
	assert_int_equal(reassembly_deadline(&ra), UINT64_MAX);
	take(&ra, &a, 1, true, 100);
	uint64_t due = reassembly_deadline(&ra);
	reassembly_tick(&ra, due - 1);
	assert_true(ra.bytes > 0);
	reassembly_tick(&ra, due);
	assert_int_equal(ra.bytes, 0);
	assert_int_equal(reassembly_deadline(&ra), UINT64_MAX);
	assert_int_equal(take(&ra, &a, 1, false, 100), 0); /* not half a message */
	assert_null(ra.first);
}

static void an_empty_message(void **state)
{
	struct reassembly ra = {0};
	whole = (uint8_t *)&a;
	assert_int_equal(take(&ra, &a, 1, false, 0), 1);
	assert_int_equal(whole_len, 0);
	free(whole);
	assert_int_equal(ra.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_several_messages_mix),
		cmocka_unit_test(a_session_has_eight_open),
		cmocka_unit_test(what_is_too_long_is_swallowed_to_its_end),
		cmocka_unit_test(a_megabyte_passes),
		cmocka_unit_test(the_node_has_a_limit),
		cmocka_unit_test(what_stands_still_gives_up_its_memory),
		cmocka_unit_test(an_empty_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
