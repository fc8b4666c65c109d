// SPDX-License-Identifier: Apache-2.0
/* Routed messages as bytes, there and back. */
#include "message_frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void bytes_and_back(void **state)
{
	struct message m = request("/ip4/10.0.0.1/tcp/22/service/x", 7, "hello"), got;
	uint8_t *frame;
	size_t len;
	assert_int_equal(control_encode(&m, 2, WIRE_FRAME_MAX, &frame, &len), 0);
	assert_int_equal(control_decode(frame, len, &got), 0);
	assert_int_equal(got.hop.onward.n, 1);
	assert_memory_equal(got.payload, "hello", 5);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(control_decode(frame, cut, &got), -EBADMSG);
	free(frame);
	assert_int_equal(msg_encode(&m, 0, &frame, &len), 0);
	assert_int_equal(msg_decode(frame, len, &got), 0);
	assert_int_equal(got.hop.onward.n, 3);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(msg_decode(frame, cut, &got), -EBADMSG);
	free(frame);
}

static void the_room_is_exact(void **state)
{
	static char payload[4096];
	for (size_t max = 1024; max < 1400; max++) {
		struct message m = request("/service/x", 7, "");
		uint8_t *frame;
		size_t len;
		m.payload = (uint8_t *)payload;
		m.len = control_room(&m, 0, max);
		assert_int_equal(control_encode(&m, 0, max, &frame, &len), 0);
		assert_int_equal(len, max);
		free(frame);
		m.len++;
		assert_int_equal(control_encode(&m, 0, max, &frame, &len), -EMSGSIZE);
	}
}

/* A MSG whose shape is not exactly that of one: the array, and the handle in it. */
static void a_malformed_msg_is_refused(void **state)
{
	struct message m = request("/service/x", 7, "hello"), got;
	uint8_t *body, other[200];
	size_t len;
	assert_int_equal(msg_encode(&m, 0, &body, &len), 0);
	assert_in_range(len, 1, sizeof other - 1);
	for (uint8_t array = 0x80; array < 0x97; array++) {
		memcpy(other, body, len);
		other[0] = array;
		assert_int_equal(msg_decode(other, len, &got), array == 0x85 ? 0 : -EBADMSG);
	}
	uint8_t *handle = memmem(body, len, m.hop.handle, WIRE_HANDLE);
	assert_non_null(handle);
	size_t at = (size_t)(handle - body), rest = len - at - WIRE_HANDLE;
	for (size_t n = 0; n < 20; n++) { /* n bytes of handle */
		memcpy(other, body, at + WIRE_HANDLE);
		other[at - 1] = (uint8_t)(0x40 + n);
		memcpy(other + at + n, body + at + WIRE_HANDLE, rest);
		assert_int_equal(
			msg_decode(other, at + n + rest, &got), n == WIRE_HANDLE ? 0 : -EBADMSG);
	}
	memcpy(other, body, at); /* a number for a handle */
	other[at - 1] = 0x01;
	memcpy(other + at, body + at + WIRE_HANDLE, rest);
	assert_int_equal(msg_decode(other, at + rest, &got), -EBADMSG);
	/* a kind that is none; more hops than any route has */
	memcpy(other, body, len);
	other[1] = 4;
	assert_int_equal(msg_decode(other, len, &got), -EBADMSG);
	other[1] = body[1];
	assert_int_equal(msg_decode(other, len, &got), 0);
	assert_int_equal(other[2], 16);
	other[2] = 17;
	assert_int_equal(msg_decode(other, len, &got), -EBADMSG);
	free(body);
}

/* [kind, payload] behind the hop part, and nothing else. */
static void a_malformed_control_is_refused(void **state)
{
	struct message m = request("/service/x", 7, "hello"), got;
	uint8_t *frame, other[200];
	size_t len;
	assert_int_equal(control_encode(&m, 0, WIRE_FRAME_MAX, &frame, &len), 0);
	assert_in_range(len, 8, sizeof other);
	size_t at = len - 8; /* 82 kind 45 "hello" */
	for (uint8_t array = 0x80; array < 0x98; array++) {
		memcpy(other, frame, len);
		assert_int_equal(other[at], 0x82);
		other[at] = array;
		assert_int_equal(control_decode(other, len, &got), array == 0x82 ? 0 : -EBADMSG);
	}
	memcpy(other, frame, len);
	other[WIRE_HEADER + 2] = 0x84; /* the hop part, too, has its number of fields */
	assert_int_equal(control_decode(other, len, &got), -EBADMSG);
	free(frame);
}

/* A text has its room, and no more. */
static void an_error_text_is_bounded(void **state)
{
	uint8_t buf[WIRE_ERROR_TEXT_MAX + 16];
	struct message_error e;
	for (size_t more = 0; more < 2; more++) {
		struct wr w = wr_init(buf, sizeof buf);
		wr_bytes(&w, (const uint8_t[]){0x83, 6, 16, 0x78, (uint8_t)(WIRE_ERROR_TEXT_MAX + more)}, 5);
		memset(wr_room(&w, WIRE_ERROR_TEXT_MAX + more), 'x', WIRE_ERROR_TEXT_MAX + more);
		assert_int_equal(message_error_decode(buf, wr_len(&w), &e), more ? -EBADMSG : 0);
	}
}

static void a_malformed_error_is_refused(void **state)
{
	/* [6, 16, "a"], and what is nearly that */
	static const struct {
		uint8_t len, p[8];
		int rc;
	} table[] = {
		{5, {0x83, 6, 16, 0x61, 'a'}, 0},
		{5, {0x82, 6, 16, 0x61, 'a'}, -EBADMSG},
		{5, {0x84, 6, 16, 0x61, 'a'}, -EBADMSG},
		{5, {0x83, 6, 17, 0x61, 'a'}, -EBADMSG},
		{6, {0x83, 0x18, 128, 16, 0x61, 'a'}, -EBADMSG},
		{6, {0x83, 0x18, 127, 16, 0x61, 'a'}, 0},
		{6, {0x83, 6, 16, 0x61, 'a', 0}, -EBADMSG},
		{5, {0x83, 6, 16, 0x41, 'a'}, -EBADMSG},
	};
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		struct message_error e;
		if (message_error_decode(table[i].p, table[i].len, &e) != table[i].rc)
			fail_msg("line %u of the table", i);
	}
}

static void an_error_text_is_made_printable(void **state)
{
	struct message_error e = {.code = RESET_NO_ROUTE, .hops_left = 15, .text = "a\033[2Jb\n"},
			     got;
	uint8_t buf[ERROR_PAYLOAD_MAX];
	size_t len = message_error_encode(buf, &e);
	assert_int_equal(message_error_decode(buf, len, &got), 0);
	assert_string_equal(got.text, "a?[2Jb?");
	memset(e.text, 'x', WIRE_ERROR_TEXT_MAX);
	len = message_error_encode(buf, &e);
	assert_int_equal(message_error_decode(buf, len, &got), 0);
	assert_int_equal(strlen(got.text), WIRE_ERROR_TEXT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_back),
		cmocka_unit_test(the_room_is_exact),
		cmocka_unit_test(a_malformed_msg_is_refused),
		cmocka_unit_test(a_malformed_control_is_refused),
		cmocka_unit_test(an_error_text_is_bounded),
		cmocka_unit_test(a_malformed_error_is_refused),
		cmocka_unit_test(an_error_text_is_made_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
