// SPDX-License-Identifier: Apache-2.0
#include "session_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../vectors/session_keys.h"

static struct secret32 secret(const char *b)
{
	struct secret32 s;
	memcpy(s.b, b, sizeof s.b);
	return s;
}

static void keys_are_those_of_another_implementation(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof session_key_vectors / sizeof *session_key_vectors; n++) {
		uint8_t hash[32];
		memcpy(hash, session_key_vectors[n].hash, sizeof hash);
		struct secret32 k1 = secret(session_key_vectors[n].k1);
		struct secret32 k2 = secret(session_key_vectors[n].k2);
		struct session_keys got;
		session_keys_derive(&got, hash, &k1, &k2);
		assert_memory_equal(got.i2r.b, session_key_vectors[n].i2r, 32);
		assert_memory_equal(got.r2i.b, session_key_vectors[n].r2i, 32);
		assert_memory_equal(got.exporter.b, session_key_vectors[n].exporter, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_those_of_another_implementation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
