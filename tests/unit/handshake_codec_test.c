// SPDX-License-Identifier: Apache-2.0
#include "handshake_codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* An end part with this ext. */
static int decode_with_ext(const uint8_t *ext, size_t len, struct init_end *out)
{
	static uint8_t buf[128]; /* *out borrows from it */
	struct wr w = wr_init(buf, sizeof buf);
	wr_u8(&w, SUITE_CHACHAPOLY);
	wr_u8(&w, PATTERN_XX);
	wr_u16(&w, 4096);
	wr_u32(&w, 0x01020304);
	wr_u8(&w, 3);
	wr_bytes(&w, "api", 3);
	wr_u8(&w, (uint8_t)len);
	wr_bytes(&w, ext, len);
	wr_bytes(&w, "msg", 3);
	return init_end_decode(buf, wr_len(&w), out);
}

static void init_is_decoded(void **state)
{
	(void)state;
	struct init_end end;
	assert_int_equal(decode_with_ext((const uint8_t[]){0xa1, 0x19, 3, 0xe8, 0x80}, 5, &end), 0);
	assert_int_equal(end.suite, SUITE_CHACHAPOLY);
	assert_int_equal(end.pattern, PATTERN_XX);
	assert_int_equal(end.frame_max, 4096);
	assert_int_equal(end.label, 0x01020304);
	assert_string_equal(end.listener, "api");
	assert_int_equal(end.prologue_len, 18);
	assert_int_equal(end.noise_len, 3);
	assert_ptr_equal(end.noise, end.prologue + 18);
	assert_int_equal(decode_with_ext(NULL, 0, &end), 0);
	assert_int_equal(decode_with_ext((const uint8_t[]){0xa0}, 1, &end), 0);
	/* not a map; a map and more; a map cut short; one key twice */
	assert_int_equal(decode_with_ext((const uint8_t[]){0x80}, 1, &end), -EBADMSG);
	assert_int_equal(decode_with_ext((const uint8_t[]){0xa0, 0}, 2, &end), -EBADMSG);
	assert_int_equal(decode_with_ext((const uint8_t[]){0xa1, 1}, 2, &end), -EBADMSG);
	assert_int_equal(decode_with_ext((const uint8_t[]){0xa2, 1, 0, 1, 0}, 5, &end), -EBADMSG);
}

static void a_malformed_init_is_refused(void **state)
{
	(void)state;
	uint8_t buf[WIRE_INIT_MAX];
	int len = init_prologue_encode(SUITE_CHACHAPOLY, 7, 1024, "api", buf, sizeof buf);
	assert_true(len > 0);
	buf[len++] = 1;
	struct init_end end;
	assert_int_equal(init_end_decode(buf, (size_t)len, &end), 0);
	for (int k = 0; k < len; k++) /* the last: an empty Noise message */
		assert_int_equal(init_end_decode(buf, (size_t)k, &end), -EBADMSG);
	static const struct {
		unsigned at;
		uint8_t v;
	} change[] = {{2, 3 /* frame_max 768 */}, {7, 0 /* Li 0 */}, {8, 0}, {8, WIRE_NAME_MAX + 1},
		{9, 0}, {9, '\n'}, {9, 0x7f}};
	for (size_t n = 0; n < sizeof change / sizeof *change; n++) {
		uint8_t was = buf[change[n].at];
		buf[change[n].at] = change[n].v;
		assert_int_equal(init_end_decode(buf, (size_t)len, &end), -EBADMSG);
		buf[change[n].at] = was;
	}
	assert_int_equal(init_end_decode(buf, (size_t)len, &end), 0);
}

static void init_arguments_are_checked(void **state)
{
	(void)state;
	uint8_t buf[WIRE_INIT_MAX];
	char name[WIRE_NAME_MAX + 2];
	memset(name, 'n', sizeof name);
	name[WIRE_NAME_MAX + 1] = 0;
	assert_int_equal(init_prologue_encode(1, 7, 1024, name, buf, sizeof buf), -EINVAL);
	assert_int_equal(init_prologue_encode(1, 7, 1024, "", buf, sizeof buf), -EINVAL);
	assert_int_equal(init_prologue_encode(1, 0, 1024, "api", buf, sizeof buf), -EINVAL);
	assert_int_equal(init_prologue_encode(1, 7, 1023, "api", buf, sizeof buf), -EMSGSIZE);
	name[WIRE_NAME_MAX] = 0;
	assert_true(init_prologue_encode(1, 7, 1024, name, buf, sizeof buf) <= INIT_PROLOGUE_MAX);
	assert_int_equal(init_prologue_encode(1, 7, 1024, name, buf, 20), -EMSGSIZE);
}

static void payloads_go_round(void **state)
{
	(void)state;
	struct handshake_keys keys = {
		.history = "history",
		.history_len = 7,
		.attestation = "attested",
		.attestation_len = 8,
		.suites = {SUITE_AESGCM, SUITE_CHACHAPOLY},
		.suites_n = 2,
	};
	uint8_t buf[128];
	for (uint32_t lr = 0; lr < 2; lr++) {
		int len = handshake_payload_encode(&keys, lr, buf, sizeof buf);
		assert_true(len > 0);
		struct handshake_payload p;
		assert_int_equal(handshake_payload_decode(buf, (size_t)len, lr, &p), 0);
		assert_int_equal(p.history.len, 7);
		assert_memory_equal(p.history.p, "history", 7);
		assert_int_equal(p.attestation.len, 8);
		assert_memory_equal(p.attestation.p, "attested", 8);
		assert_int_equal(p.suites_n, 2);
		assert_memory_equal(p.suites, keys.suites, 2);
		assert_int_equal(p.label, lr);
		assert_int_equal(handshake_payload_decode(buf, (size_t)len, !lr, &p), -EBADMSG);
		for (int k = 0; k < len; k++)
			assert_int_equal(
				handshake_payload_decode(buf, (size_t)k, lr, &p), -EBADMSG);
		buf[len] = 0;
		assert_int_equal(handshake_payload_decode(buf, (size_t)len + 1, lr, &p), -EBADMSG);
		assert_int_equal(
			handshake_payload_encode(&keys, lr, buf, (size_t)len - 1 - 9), -EMSGSIZE);
	}
}

/* Decodes [h'', h'', CREDENTIALS, PARAMS] of which the last two are given. */
static int decode_tail(const void *tail, size_t len, struct handshake_payload *out)
{
	static uint8_t buf[WIRE_HANDSHAKE_PAYLOAD_MAX + 16];
	struct wr w = wr_init(buf, sizeof buf);
	wr_bytes(&w, (const uint8_t[]){0x84, 0x40, 0x40}, 3);
	wr_bytes(&w, tail, len);
	assert_false(w.bad);
	return handshake_payload_decode(buf, wr_len(&w), false, out);
}
#define TAIL(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void payload_parts_are_bounded(void **state)
{
	(void)state;
	struct handshake_payload p;
	assert_int_equal(decode_tail(TAIL(0x80, 0xa1, 1, 0x81, 1), &p), 0);
	assert_int_equal(p.suites_n, 1);
	/* unknown keys of any type, with any value; suites that we do not know */
	assert_int_equal(decode_tail(TAIL(0x80, 0xa3, 1, 0x83, 2, 0x19, 1, 0, 7, 0x19, 3, 0xe8, 0xf6,
					     0x61, 'x', 0xa1, 1, 0x81, 0),
				 &p),
		0);
	assert_int_equal(p.suites_n, 3);
	assert_memory_equal(p.suites, ((const uint8_t[]){2, 0, 7}), 3);
	/* credentials: eight of bytes at most */
	assert_int_equal(decode_tail(TAIL(0x82, 0x41, 1, 0x40, 0xa1, 1, 0x81, 1), &p), 0);
	assert_int_equal(decode_tail(TAIL(0x81, 0x01, 0xa1, 1, 0x81, 1), &p), -EBADMSG);
	assert_int_equal(decode_tail(TAIL(0x89, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40,
					     0x40, 0xa1, 1, 0x81, 1),
				 &p),
		-EBADMSG);
	/* keys out of order */
	assert_int_equal(decode_tail(TAIL(0x80, 0xa2, 0x19, 3, 0xe8, 0xf6, 1, 0x81, 1), &p), -EBADMSG);
	/* no suites; an empty list; not a list; the key twice; too many */
	assert_int_equal(decode_tail(TAIL(0x80, 0xa0), &p), -EBADMSG);
	assert_int_equal(decode_tail(TAIL(0x80, 0xa1, 1, 0x80), &p), -EBADMSG);
	assert_int_equal(decode_tail(TAIL(0x80, 0xa1, 1, 1), &p), -EBADMSG);
	assert_int_equal(decode_tail(TAIL(0x80, 0xa2, 1, 0x81, 1, 1, 0x81, 1), &p), -EBADMSG);
	assert_int_equal(decode_tail(TAIL(0x80, 0xa1, 1, 0x91, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					     1, 1, 1, 1, 1),
				 &p),
		-EBADMSG);
}

static void long_strings_are_refused(void **state)
{
	(void)state;
	static uint8_t buf[WIRE_HANDSHAKE_PAYLOAD_MAX + 64], blob[WIRE_HANDSHAKE_PAYLOAD_MAX];
	static const struct {
		size_t history, attestation;
		int rc;
	} cases[] = {
		{IDENTITY_HISTORY_MAX, ATTESTATION_MAX, 0},
		{IDENTITY_HISTORY_MAX + 1, 0, -EBADMSG},
		{0, ATTESTATION_MAX + 1, -EBADMSG},
	};
	for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
		struct wr w = wr_init(buf, sizeof buf);
		cbor_put_array(&w, 4);
		cbor_put_bytes(&w, blob, cases[n].history);
		cbor_put_bytes(&w, blob, cases[n].attestation);
		wr_bytes(&w, (const uint8_t[]){0x80, 0xa1, 1, 0x81, 1}, 5);
		struct handshake_payload p;
		assert_int_equal(handshake_payload_decode(buf, wr_len(&w), false, &p), cases[n].rc);
	}
}

/* What is counted is there, no more and no less; the label of message 2 is 32 bits and not 0. */
static void counts_and_labels_are_exact(void **state)
{
	struct handshake_payload p;
	static const struct {
		uint8_t bytes[16], len;
		bool with_label;
		int rc;
	} cases[] = {
		{{0x84, 0x40, 0x40, 0x80, 0xa1, 1, 0x81, 1}, 8, false, 0},
		{{0x85, 0x40, 0x40, 0x80, 0xa1, 1, 0x81, 1}, 8, false, -EBADMSG},
		{{0x85, 0x40, 0x40, 0x80, 0xa1, 1, 0x81, 1, 5}, 9, true, 0},
		{{0x84, 0x40, 0x40, 0x80, 0xa1, 1, 0x81, 1, 5}, 9, true, -EBADMSG},
		{{0x85, 0x40, 0x40, 0x80, 0xa1, 1, 0x81, 1, 0}, 9, true, -EBADMSG},
		{{0x85, 0x40, 0x40, 0x80, 0xa1, 1, 0x81, 1, 0x1a, 0xff, 0xff, 0xff, 0xff}, 13, true, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(handshake_payload_decode(cases[i].bytes, cases[i].len,
					 cases[i].with_label, &p),
			cases[i].rc);
	static const uint8_t wide[] = {
		0x85, 0x40, 0x40, 0x80, 0xa1, 1, 0x81, 1, 0x1b, 0, 0, 0, 1, 0, 0, 0, 5};
	assert_int_equal(handshake_payload_decode(wide, sizeof wide, true, &p), -EBADMSG);
}

/* Credentials of any length, but all of it no longer than a payload may be. */
static void a_payload_is_bounded(void **state)
{
	static uint8_t buf[WIRE_HANDSHAKE_PAYLOAD_MAX + 64], blob[WIRE_HANDSHAKE_PAYLOAD_MAX + 1];
	struct handshake_payload p;
	for (unsigned more = 0; more < 2; more++) {
		struct wr w = wr_init(buf, sizeof buf);
		wr_bytes(&w, (const uint8_t[]){0x84, 0x40, 0x40, 0x81}, 4);
		cbor_put_bytes(&w, blob, WIRE_HANDSHAKE_PAYLOAD_MAX - 4 - 3 - 4 + more);
		wr_bytes(&w, (const uint8_t[]){0xa1, 1, 0x81, 1}, 4);
		assert_int_equal(wr_len(&w), WIRE_HANDSHAKE_PAYLOAD_MAX + more);
		assert_int_equal(handshake_payload_decode(buf, wr_len(&w), false, &p),
			more ? -EBADMSG : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_labels_are_exact),
		cmocka_unit_test(a_payload_is_bounded),
		cmocka_unit_test(init_is_decoded),
		cmocka_unit_test(a_malformed_init_is_refused),
		cmocka_unit_test(init_arguments_are_checked),
		cmocka_unit_test(payloads_go_round),
		cmocka_unit_test(payload_parts_are_bounded),
		cmocka_unit_test(long_strings_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
