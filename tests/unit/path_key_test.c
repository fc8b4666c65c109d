// SPDX-License-Identifier: Apache-2.0
#include "path_key.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void directions_are_apart(void **state)
{
	(void)state;
	struct path_keys *k = path_keys_new();
	int a, b;
	assert_int_equal(path_key_claim(k, 1, 7, KEY_RX, KEY_TRANSIT, &a), 0);
	assert_int_equal(path_key_claim(k, 1, 7, KEY_TX, KEY_END, &b), 0);
	assert_int_equal(path_key_claim(k, 1, 7, KEY_RX, KEY_END, &b), -EEXIST);
	assert_ptr_equal(path_key_get(k, 1, 7, KEY_RX).owner, &a);
	assert_ptr_equal(path_key_get(k, 1, 7, KEY_TX).owner, &b);
	assert_int_equal(path_key_get(k, 2, 7, KEY_RX).kind, KEY_FREE);
	path_keys_free(k);
}

static void only_the_owner_drops(void **state)
{
	(void)state;
	struct path_keys *k = path_keys_new();
	int a, b;
	path_key_claim(k, 1, 7, KEY_RX, KEY_TRANSIT, &a);
	path_key_drop(k, 1, 7, KEY_RX, &b);
	assert_int_equal(path_keys_count(k), 1);
	path_key_drop(k, 1, 7, KEY_RX, &a);
	path_key_drop(k, 1, 7, KEY_RX, &a);
	assert_int_equal(path_keys_count(k), 0);
	path_keys_free(k);
}

static void thousands_are_found_and_go(void **state)
{
	(void)state;
	enum { N = 5000 };
	struct path_keys *k = path_keys_new();
	int owner;
	for (uint32_t i = 1; i <= N; i++)
		assert_int_equal(path_key_claim(k, i % 7, i, KEY_RX, KEY_TRANSIT, &owner), 0);
	for (uint32_t i = 1; i <= N; i++)
		assert_int_equal(path_key_get(k, i % 7, i, KEY_RX).kind, KEY_TRANSIT);
	for (uint32_t i = 1; i <= N; i++)
		path_key_drop(k, i % 7, i, KEY_RX, &owner);
	assert_int_equal(path_keys_count(k), 0);
	path_keys_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directions_are_apart),
		cmocka_unit_test(only_the_owner_drops),
		cmocka_unit_test(thousands_are_found_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
