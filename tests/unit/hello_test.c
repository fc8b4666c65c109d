// SPDX-License-Identifier: Apache-2.0
/* HELLO and cookies. */
#include "hello.h"

#include "cbor.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct udp_address address(uint8_t last, uint16_t port)
{
	return (struct udp_address){.family = 4, .port = port, .remote = {192, 0, 2, last}};
}

static struct hello full(void)
{
	struct hello h = {.max_frame = 1400, .features = 0, .has_tag = true, .tag = UINT64_MAX - 1};
	memset(h.cookie, 3, sizeof h.cookie);
	memset(h.token, 4, sizeof h.token);
	return h;
}

static void of_a_dialler_is_always_as_long(void **state)
{
	uint8_t f[HELLO_SIZE_MAX];
	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		struct hello h = full(), back;
		h.has_cookie = i & 1;
		h.has_token = i & 2;
		if (i & 4)
			h.tag = 1;
		assert_int_equal(hello_encode(f, &h, WIRE_UDP_HELLO_MIN), WIRE_UDP_HELLO_MIN);
		assert_int_equal(get_be16(f + 2), WIRE_UDP_HELLO_MIN);
		assert_true(hello_decode(f + WIRE_HEADER, WIRE_UDP_HELLO_MIN - WIRE_HEADER, true, &back));
		assert_true(back.common && back.has_tag);
		assert_int_equal(back.tag, h.tag);
		assert_int_equal(back.max_frame, 1400);
		assert_int_equal(back.has_cookie, h.has_cookie);
		assert_int_equal(back.has_token, h.has_token);
		if (h.has_cookie)
			assert_memory_equal(back.cookie, h.cookie, sizeof h.cookie);
		if (h.has_token)
			assert_memory_equal(back.token, h.token, sizeof h.token);
	}
}

static void the_answer_is_smaller(void **state)
{
	uint8_t f[HELLO_SIZE_MAX];
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct hello h = full(), back;
		h.has_token = true;
		h.moved = i & 1;
		size_t len = hello_encode(f, &h, 0);
		assert_true(len < WIRE_UDP_HELLO_MIN);
		assert_true(hello_decode(f + WIRE_HEADER, len - WIRE_HEADER, true, &back));
		assert_int_equal(back.moved, h.moved);
		assert_true(back.has_token && !back.has_cookie);
	}
}

static void on_a_stream_it_has_nothing_of_datagrams(void **state)
{
	uint8_t f[HELLO_SIZE_MAX];
	struct hello h = {.max_frame = WIRE_FRAME_MAX}, back;
	(void)state;
	size_t len = hello_encode(f, &h, 0);
	assert_true(hello_decode(f + WIRE_HEADER, len - WIRE_HEADER, true, &back));
	assert_true(hello_decode(f + WIRE_HEADER, len - WIRE_HEADER, false, &back));
	assert_false(back.has_tag || back.has_cookie || back.has_token || back.moved);
	assert_int_equal(back.max_frame, WIRE_FRAME_MAX);
}

/* Writes {1: [1], 2: 9000, key: value bytes}. */
static size_t with(uint8_t *dst, size_t cap, uint64_t key, size_t bytes)
{
	static const uint8_t zeros[64];
	struct wr w = wr_init(dst, cap);
	cbor_put_map(&w, 3);
	cbor_put_uint(&w, 1);
	cbor_put_array(&w, 1);
	cbor_put_uint(&w, 1);
	cbor_put_uint(&w, 2);
	cbor_put_uint(&w, 9000);
	cbor_put_uint(&w, key);
	cbor_put_bytes(&w, zeros, bytes);
	assert_false(w.bad);
	return wr_len(&w);
}

static void lengths_are_exact(void **state)
{
	uint8_t b[128];
	struct hello h;
	(void)state;
	assert_true(hello_decode(b, with(b, sizeof b, LINK_P_COOKIE, WIRE_COOKIE_LEN), true, &h));
	assert_true(h.has_cookie);
	assert_false(hello_decode(b, with(b, sizeof b, LINK_P_COOKIE, WIRE_COOKIE_LEN - 1), true, &h));
	assert_false(hello_decode(b, with(b, sizeof b, LINK_P_COOKIE, WIRE_COOKIE_LEN + 1), true, &h));
	assert_true(hello_decode(b, with(b, sizeof b, LINK_P_TOKEN, WIRE_TOKEN_LEN), true, &h));
	assert_false(hello_decode(b, with(b, sizeof b, LINK_P_TOKEN, 0), true, &h));
	assert_false(hello_decode(b, with(b, sizeof b, LINK_P_TAG, 8), true, &h)); /* it is a number */
	assert_true(hello_decode(b, with(b, sizeof b, LINK_P_TAG, 8), false, &h)); /* of no meaning there */
	assert_false(h.has_tag);
	size_t len = with(b, sizeof b, 77, 3);
	assert_true(hello_decode(b, len, true, &h)); /* unknown keys mean nothing */
	for (size_t n = 0; n < len; n++)
		assert_false(hello_decode(b, n, true, &h));
	b[len] = 0;
	assert_false(hello_decode(b, len + 1, true, &h));
}

static void a_cookie_is_of_one_address_and_of_its_time(void **state)
{
	struct cookies c = {.made = false};
	struct udp_address a = address(1, 4000), other = address(2, 4000), port = address(1, 4001);
	uint8_t k[WIRE_COOKIE_LEN], again[WIRE_COOKIE_LEN];
	uint64_t t = 1000;
	(void)state;
	cookie_make(&c, t, 7, &a, k);
	cookie_make(&c, t + WIRE_COOKIE_MS - 1, 7, &a, again);
	assert_memory_equal(k, again, sizeof k);
	assert_true(cookie_valid(&c, t, 7, &a, k));
	a.local[0] = 9; /* which of our addresses it came to does not matter */
	assert_true(cookie_valid(&c, t, 7, &a, k));
	assert_false(cookie_valid(&c, t, 7, &other, k));
	assert_false(cookie_valid(&c, t, 7, &port, k));
	assert_false(cookie_valid(&c, t, 8, &a, k));
	for (size_t i = 0; i < sizeof k; i++) {
		k[i] ^= 1;
		assert_false(cookie_valid(&c, t, 7, &a, k));
		k[i] ^= 1;
	}
	assert_true(cookie_valid(&c, t + WIRE_COOKIE_MS, 7, &a, k)); /* the secret before */
	cookie_make(&c, t + WIRE_COOKIE_MS, 7, &a, again);
	assert_memory_not_equal(k, again, sizeof k);
	assert_false(cookie_valid(&c, t + 2ull * WIRE_COOKIE_MS, 7, &a, k));
	assert_true(cookie_valid(&c, t + 2ull * WIRE_COOKIE_MS, 7, &a, again));
	/* after a long rest neither is of use */
	assert_false(cookie_valid(&c, t + 100ull * WIRE_COOKIE_MS, 7, &a, again));
}

static void secrets_differ(void **state)
{
	struct cookies x = {.made = false}, y = {.made = false};
	struct udp_address a = address(1, 4000);
	uint8_t k[WIRE_COOKIE_LEN];
	(void)state;
	cookie_make(&x, 5, 7, &a, k);
	assert_false(cookie_valid(&y, 5, 7, &a, k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_dialler_is_always_as_long),
		cmocka_unit_test(the_answer_is_smaller),
		cmocka_unit_test(on_a_stream_it_has_nothing_of_datagrams),
		cmocka_unit_test(lengths_are_exact),
		cmocka_unit_test(a_cookie_is_of_one_address_and_of_its_time),
		cmocka_unit_test(secrets_differ),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
