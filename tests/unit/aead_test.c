// SPDX-License-Identifier: Apache-2.0
#include "aead.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

#include "../vectors/data_frames.h"

static const struct secret32 test_key = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};

static uint32_t lcg = 1;

static uint8_t random_byte(void)
{
	lcg = lcg * 1664525 + 1013904223;
	return (uint8_t)(lcg >> 24);
}

/* A frame of len bytes on the heap, so that a sanitizer sees its ends; the tag is still empty. */
static uint8_t *frame_new(uint32_t len, uint64_t seq)
{
	uint8_t *f = malloc(len);
	assert_non_null(f);
	for (uint32_t i = 0; i < len; i++)
		f[i] = random_byte();
	frame_header_encode(f, WIRE_DATA, (uint8_t)seq, (uint16_t)len, 7, seq);
	return f;
}

static void seal_one(const struct aead *a, const struct secret32 *key, uint8_t *f, uint32_t len)
{
	struct aead_key k;
	struct aead_op op = {.frame = f, .len = len};
	assert_int_equal(a->key_init(&k, key), 0);
	a->seal(&k, &op, 1);
	a->key_fini(&k);
}

static bool open_one(const struct aead *a, const struct secret32 *key, uint8_t *f, uint32_t len)
{
	struct aead_key k;
	struct aead_op op = {.frame = f, .len = len};
	assert_int_equal(a->key_init(&k, key), 0);
	a->open(&k, &op, 1);
	a->key_fini(&k);
	return op.ok;
}

static void best_is_usable(void **state)
{
	assert_true(aead_suites() & 1u << SUITE_CHACHAPOLY);
	for (unsigned s = SUITE_AESGCM; s <= SUITE_CHACHAPOLY; s++) {
		const struct aead *a = aead_best((enum wire_suite)s);
		assert_true((a != NULL) == ((aead_suites() >> s & 1) != 0));
		assert_true(!a || a->suite == s);
	}
	assert_null(aead_best((enum wire_suite)9));
	for (unsigned i = 0; aead_nth(i); i++)
		print_message("%s suite %d\n", aead_nth(i)->name, aead_nth(i)->suite);
}

static void vectors(void **state)
{
	for (unsigned i = 0; aead_nth(i); i++) {
		for (unsigned v = 0; v < 6; v++) {
			const struct vector_frame *vf = &vector_frames[v];
			if (vf->suite != aead_nth(i)->suite)
				continue;
			struct secret32 key;
			uint8_t f[sizeof vf->frame];
			memcpy(key.b, vf->key, sizeof key.b);
			memcpy(f, vf->frame, sizeof f);
			assert_true(open_one(aead_nth(i), &key, f, sizeof f));
			assert_int_equal(f[16], REC_PING);
			assert_true(get_be64(f + 24) == vf->timestamp);
			assert_int_equal(get_be32(f + 32), vf->epoch);
			seal_one(aead_nth(i), &key, f, sizeof f);
			assert_memory_equal(f, vf->frame, sizeof f);
		}
	}
}

static void agree_at(const struct aead *a, const struct aead *b, uint32_t len, uint64_t seq)
{
	uint8_t *plain = frame_new(len, seq), *x = malloc(len), *y = malloc(len);
	assert_true(x && y);
	memcpy(x, plain, len);
	memcpy(y, plain, len);
	seal_one(a, &test_key, x, len);
	seal_one(b, &test_key, y, len);
	assert_memory_equal(x, y, len);
	assert_true(open_one(b, &test_key, x, len));
	assert_true(open_one(a, &test_key, y, len));
	assert_memory_equal(x, plain, len - WIRE_TAG);
	assert_memory_equal(y, plain, len - WIRE_TAG);
	free(plain);
	free(x);
	free(y);
}

static void backends_agree(void **state)
{
	static const uint32_t large[] = {1023, 1024, 1400, 4096, 16384, 16385, 61440, 65534, 65535};
	for (unsigned i = 0; aead_nth(i); i++) {
		for (unsigned j = i; aead_nth(j); j++) {
			const struct aead *a = aead_nth(i), *b = aead_nth(j);
			if (a->suite != b->suite)
				continue;
			for (uint32_t n = 0; n <= 300; n++)
				agree_at(a, b, WIRE_DATA_MIN + n, (uint64_t)n << 33 | n);
			for (unsigned n = 0; n < sizeof large / sizeof *large; n++)
				agree_at(a, b, large[n], UINT64_C(0xfedcba9876543210) + n);
		}
	}
}

/* Every bit of header, body and tag is authenticated, and what failed is wiped. */
static void tampering_fails(void **state)
{
	static const uint8_t zero[64];
	for (unsigned i = 0; aead_nth(i); i++) {
		enum { LEN = WIRE_DATA_MIN + 37 };
		uint8_t *good = frame_new(LEN, 99), *f = malloc(LEN);
		assert_non_null(f);
		seal_one(aead_nth(i), &test_key, good, LEN);
		for (unsigned bit = 0; bit < LEN * 8; bit++) {
			memcpy(f, good, LEN);
			f[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(open_one(aead_nth(i), &test_key, f, LEN));
			assert_memory_equal(f + WIRE_HEADER, zero, 37);
		}
		for (uint32_t len = WIRE_DATA_MIN; len < LEN; len++) {
			uint8_t *cut = malloc(len);
			assert_non_null(cut);
			memcpy(cut, good, len);
			assert_false(open_one(aead_nth(i), &test_key, cut, len));
			free(cut);
		}
		struct secret32 other = test_key;
		other.b[31] ^= 0x80;
		memcpy(f, good, LEN);
		assert_false(open_one(aead_nth(i), &other, f, LEN));
		free(good);
		free(f);
	}
}

/* A batch is the same as its frames one by one, and one bad frame spoils no other. */
static void batches(void **state)
{
	enum { N = 2 * AEAD_BATCH + 3 };
	for (unsigned i = 0; aead_nth(i); i++) {
		const struct aead *a = aead_nth(i);
		struct aead_key k;
		struct aead_op ops[N];
		uint8_t *single[N];
		assert_int_equal(a->key_init(&k, &test_key), 0);
		for (unsigned j = 0; j < N; j++) {
			uint32_t len = WIRE_DATA_MIN + j * 61;
			ops[j] = (struct aead_op){.frame = frame_new(len, j), .len = len};
			single[j] = malloc(len);
			assert_non_null(single[j]);
			memcpy(single[j], ops[j].frame, len);
			seal_one(a, &test_key, single[j], len);
		}
		a->seal(&k, ops, N);
		for (unsigned j = 0; j < N; j++)
			assert_memory_equal(ops[j].frame, single[j], ops[j].len);
		ops[5].frame[ops[5].len - 1] ^= 1;
		a->open(&k, ops, N);
		for (unsigned j = 0; j < N; j++) {
			assert_int_equal(ops[j].ok, j != 5);
			free(ops[j].frame);
			free(single[j]);
		}
		a->key_fini(&k);
	}
}

static void expanded_keys_are_wiped(void **state)
{
	static const uint8_t zero[AEAD_KEY_SPACE];
	for (unsigned i = 0; aead_nth(i); i++) {
		struct aead_key k;
		memset(&k, 0, sizeof k);
		assert_int_equal(aead_nth(i)->key_init(&k, &test_key), 0);
		assert_ptr_equal(k.backend, aead_nth(i));
		assert_true(memcmp(k.space, zero, sizeof zero) != 0);
		aead_nth(i)->key_fini(&k);
		assert_null(k.backend);
		assert_memory_equal(k.space, zero, sizeof zero);
	}
}

/* Seals and opens under a key of its own; NULL when all was well. */
static void *worker(void *arg)
{
	const struct aead *a = arg;
	struct secret32 key = {{(uint8_t)(uintptr_t)&key}};
	struct aead_key k;
	uint8_t f[512], plain[512];
	void *bad = NULL;
	if (a->key_init(&k, &key) != 0)
		return arg;
	for (uint64_t seq = 0; seq < 3000; seq++) {
		struct aead_op op = {.frame = f, .len = WIRE_DATA_MIN + (uint32_t)(seq % 480)};
		memset(plain, (int)seq, sizeof plain);
		memcpy(f, plain, sizeof f);
		frame_header_encode(f, WIRE_DATA, 0, (uint16_t)op.len, 7, seq);
		a->seal(&k, &op, 1);
		a->open(&k, &op, 1);
		if (!op.ok || memcmp(f + WIRE_HEADER, plain, op.len - WIRE_DATA_MIN) != 0)
			bad = arg;
	}
	a->key_fini(&k);
	return bad;
}

static void threads_with_their_own_keys(void **state)
{
	pthread_t t[16];
	unsigned n = 0;
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; aead_nth(i); i++, n++)
			assert_int_equal(
				pthread_create(&t[n], NULL, worker, (void *)aead_nth(i)), 0);
	}
	for (unsigned i = 0; i < n; i++) {
		void *bad;
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_is_usable),
		cmocka_unit_test(vectors),
		cmocka_unit_test(backends_agree),
		cmocka_unit_test(tampering_fails),
		cmocka_unit_test(batches),
		cmocka_unit_test(expanded_keys_are_wiped),
		cmocka_unit_test(threads_with_their_own_keys),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
