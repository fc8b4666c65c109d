// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include "cbor.h"
#include "hex.h"
#include "../vectors/identity_objects.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { NOW = 1700000000, BIG = 8192 };

struct made {
	struct secret32 secret;
	uint8_t history[IDENTITY_HISTORY_MAX];
	size_t len;
	struct identity id;
};

static struct made make(uint64_t now)
{
	struct made m;
	int n = identity_create(&m.secret, m.history, sizeof m.history, now);
	assert_true(n > 0);
	m.len = (size_t)n;
	assert_int_equal(identity_verify(m.history, m.len, now, &m.id), 0);
	return m;
}

static void published_vector(void **state)
{
	(void)state;
	json_t *file = json_load_file(VECTORS "/identity.json", 0, NULL);
	json_t *row = json_array_get(json_object_get(file, "identity"), 0);
	const char *hex = json_string_value(json_object_get(row, "change_history_cbor"));
	const char *name = json_string_value(json_object_get(row, "identifier"));
	assert_non_null(hex);
	assert_non_null(name);
	uint8_t history[IDENTITY_HISTORY_MAX];
	int len = hex_decode(history, sizeof history, hex, strlen(hex));
	assert_true(len > 0);
	struct identity id;
	char text[IDENTIFIER_TEXT];
	assert_int_equal(identity_verify(history, (size_t)len, 0, &id), 0);
	assert_string_equal(identifier_format(&id.id, text), name);
	assert_int_equal(id.changes, 1);
	assert_false(id.revoke_purpose_keys);
	assert_true(id.valid_from == 0x654cebe9 && id.valid_until == 0x7818eee9);
	json_decref(file);
}

static void histories_of_another_implementation(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof history_vectors / sizeof *history_vectors; i++) {
		const struct identity_vector *v = &history_vectors[i];
		uint8_t buf[BIG];
		struct identity id;
		int len = hex_decode(buf, sizeof buf, v->hex, strlen(v->hex));
		assert_true(len > 0);
		if (identity_verify(buf, (size_t)len, NOW + 100, &id) != (v->good ? 0 : -EBADMSG))
			fail_msg("history \"%s\"", v->name);
	}
}

static struct identity vector_identity(void)
{
	uint8_t buf[BIG];
	struct identity id;
	const char *hex = history_vectors[1].hex;
	char text[IDENTIFIER_TEXT];
	int len = hex_decode(buf, sizeof buf, hex, strlen(hex));
	assert_int_equal(identity_verify(buf, (size_t)len, 0, &id), 0);
	assert_string_equal(identifier_format(&id.id, text), vector_identifier);
	assert_int_equal(id.changes, 2);
	assert_true(id.revoke_purpose_keys);
	return id;
}

static void attestations_of_another_implementation(void **state)
{
	(void)state;
	static const int result[] = {-EKEYEXPIRED, -EBADMSG, 0};
	struct identity id = vector_identity();
	for (size_t i = 0; i < sizeof attestation_vectors / sizeof *attestation_vectors; i++) {
		const struct identity_vector *v = &attestation_vectors[i];
		uint8_t buf[BIG], key[32] = {0}, want[32];
		int len = hex_decode(buf, sizeof buf, v->hex, strlen(v->hex));
		assert_true(len > 0);
		int rc = attestation_verify(buf, (size_t)len, &id, VECTOR_BEGINS + 20, key);
		if (rc != result[v->good + 1])
			fail_msg("attestation \"%s\": %d", v->name, rc);
		hex_decode(want, sizeof want, vector_static, 64);
		if (!rc)
			assert_memory_equal(key, want, 32);
	}
}

static void every_truncation_and_flip_is_refused(void **state)
{
	(void)state;
	struct made m = make(NOW);
	struct identity id;
	for (size_t n = 0; n < m.len; n++)
		assert_int_equal(identity_verify(m.history, n, 0, &id), -EBADMSG);
	for (size_t i = 0; i < m.len * 8; i++) {
		m.history[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(identity_verify(m.history, m.len, 0, &id), -EBADMSG);
		m.history[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	uint8_t big[IDENTITY_HISTORY_MAX + 1] = {0};
	memcpy(big, m.history, m.len);
	assert_int_equal(identity_verify(big, sizeof big, 0, &id), -EBADMSG);
	assert_int_equal(identity_verify(NULL, 0, 0, &id), -EBADMSG);
}

static void validity_has_drift_at_its_beginning_only(void **state)
{
	(void)state;
	struct made m = make(NOW);
	struct identity id;
	assert_true(m.id.valid_until - m.id.valid_from == 315360000);
	assert_int_equal(identity_verify(m.history, m.len, NOW - 60, &id), 0);
	assert_int_equal(identity_verify(m.history, m.len, NOW - 61, &id), -EKEYEXPIRED);
	assert_int_equal(identity_verify(m.history, m.len, NOW + 315360000, &id), 0);
	assert_int_equal(identity_verify(m.history, m.len, NOW + 315360001, &id), -EKEYEXPIRED);
	assert_int_equal(identity_verify(m.history, m.len, 0, &id), 0);
}

static void rotation_adds_a_change(void **state)
{
	(void)state;
	struct made m = make(NOW);
	struct secret32 secret = m.secret, next;
	uint8_t a[IDENTITY_HISTORY_MAX], b[IDENTITY_HISTORY_MAX];
	struct identity id;
	size_t len = m.len;
	memcpy(a, m.history, len);
	for (unsigned i = 1; i < IDENTITY_CHANGES_MAX; i++) {
		int n = identity_rotate(a, len, &secret, i == 3, NOW + i, &next, b, sizeof b);
		assert_true(n > 0);
		assert_int_equal(identity_verify(b, (size_t)n, NOW + i, &id), 0);
		assert_int_equal(id.changes, i + 1);
		assert_int_equal(id.revoke_purpose_keys, i == 3);
		assert_true(identifier_equal(&id.id, &m.id.id));
		assert_int_equal(identity_compare(a, len, b, (size_t)n), 1);
		assert_int_equal(identity_compare(b, (size_t)n, a, len), -ESTALE);
		assert_int_equal(identity_compare(b, (size_t)n, b, (size_t)n), 0);
		assert_int_equal(
			identity_rotate(b, (size_t)n, &secret, false, NOW, &next, a, sizeof a),
			-EKEYREJECTED);
		memcpy(a, b, (size_t)n);
		len = (size_t)n;
		secret = next;
	}
	assert_int_equal(
		identity_rotate(a, len, &secret, false, NOW, &next, b, sizeof b), -EMSGSIZE);
	assert_int_equal(identity_create(&next, b, m.len - 1, NOW), -EMSGSIZE);
	assert_int_equal(identity_rotate(m.history, m.len, &m.secret, false, NOW, &next, b, m.len),
		-EMSGSIZE);
}

static void histories_that_part_conflict(void **state)
{
	(void)state;
	struct made m = make(NOW), other = make(NOW);
	struct secret32 next;
	uint8_t a[IDENTITY_HISTORY_MAX], b[IDENTITY_HISTORY_MAX];
	int na = identity_rotate(m.history, m.len, &m.secret, false, NOW + 1, &next, a, sizeof a);
	int nb = identity_rotate(m.history, m.len, &m.secret, false, NOW + 1, &next, b, sizeof b);
	assert_true(na > 0 && nb > 0);
	assert_int_equal(identity_compare(a, (size_t)na, b, (size_t)nb), -EKEYREJECTED);
	assert_int_equal(
		identity_compare(m.history, m.len, other.history, other.len), -EKEYREJECTED);
	assert_int_equal(identity_compare(a, (size_t)na, other.history, other.len), -EKEYREJECTED);
}

static void attestations_nest_in_the_identity(void **state)
{
	(void)state;
	struct made m = make(NOW), other = make(NOW);
	uint8_t att[ATTESTATION_MAX], key[32] = {1, 2, 3}, got[32];
	int n = attestation_create(&m.id, &m.secret, key, NOW + 100, UINT64_MAX, att, sizeof att);
	assert_true(n > 0);
	size_t len = (size_t)n;
	assert_int_equal(attestation_verify(att, len, &m.id, NOW + 40, got), 0);
	assert_memory_equal(got, key, 32);
	assert_int_equal(attestation_verify(att, len, &m.id, NOW + 39, got), -EKEYEXPIRED);
	assert_int_equal(attestation_verify(att, len, &m.id, m.id.valid_until, got), 0);
	assert_int_equal(
		attestation_verify(att, len, &m.id, m.id.valid_until + 1, got), -EKEYEXPIRED);
	assert_int_equal(attestation_verify(att, len, &other.id, NOW + 100, got), -EBADMSG);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(attestation_verify(att, i, &m.id, NOW + 100, got), -EBADMSG);
	for (size_t i = 0; i < len * 8; i++) {
		att[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(attestation_verify(att, len, &m.id, NOW + 100, got), -EBADMSG);
		att[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(
		attestation_create(&m.id, &m.secret, key, NOW + 100, NOW + 99, att, sizeof att),
		-EINVAL);
	assert_int_equal(attestation_create(&m.id, &m.secret, key, NOW - 61, NOW, att, sizeof att),
		-EKEYEXPIRED);
	assert_int_equal(
		attestation_create(&m.id, &m.secret, key, NOW, NOW + 9, att, 100), -EMSGSIZE);
	n = attestation_create(&m.id, &m.secret, key, NOW - 60, NOW + 9, att, sizeof att);
	assert_true(n > 0); /* a clock a little behind that of the identity */
	assert_int_equal(attestation_verify(att, (size_t)n, &m.id, NOW - 60, got), 0);
}

/* [1, type, bytes]: what is signed. */
static struct slice signed_data(uint8_t dst[static 256], uint64_t type, const struct wr *inner)
{
	struct wr w = wr_init(dst, 256);
	cbor_put_array(&w, 3);
	cbor_put_uint(&w, 1);
	cbor_put_uint(&w, type);
	cbor_put_bytes(&w, inner->start, wr_len(inner));
	assert_false(w.bad);
	return (struct slice){dst, wr_len(&w)};
}

static void put_tagged(struct wr *w, const uint8_t *bytes, size_t len)
{
	cbor_put_array(w, 2);
	cbor_put_uint(w, 0);
	cbor_put_array(w, 1);
	cbor_put_bytes(w, bytes, len);
}

/* Bytes with the signature of what they are. */
static void put_signed(struct wr *w, struct slice data, const struct secret32 *seed)
{
	uint8_t hash[32], signature[64], public_key[32], secret[64];
	crypto_hash_sha256(hash, data.p, data.len);
	crypto_sign_seed_keypair(public_key, secret, seed->b);
	crypto_sign_detached(signature, NULL, hash, sizeof hash, secret);
	cbor_put_array(w, 2);
	cbor_put_bytes(w, data.p, data.len);
	put_tagged(w, signature, sizeof signature);
}

/* Whoever signs may sign what is malformed: lists that say another length than they have. */
static void what_is_signed_is_well_formed(void **state)
{
	(void)state;
	struct made m = make(NOW);
	for (unsigned said = 3; said <= 6; said++) {
		uint8_t inner_buf[256], data[256], out[600], key[32] = {1}, public_key[32], secret[64];
		struct identity id;
		crypto_sign_seed_keypair(public_key, secret, m.secret.b);
		struct wr inner = wr_init(inner_buf, sizeof inner_buf), w = wr_init(out, sizeof out);
		cbor_put_array(&inner, said);
		cbor_put_null(&inner);
		put_tagged(&inner, public_key, sizeof public_key);
		cbor_put_bool(&inner, false);
		cbor_put_uint(&inner, NOW);
		cbor_put_uint(&inner, NOW + 1000);
		cbor_put_array(&w, 1);
		put_signed(&w, signed_data(data, 1, &inner), &m.secret);
		assert_int_equal(identity_verify(out, wr_len(&w), NOW, &id), said == 5 ? 0 : -EBADMSG);
		inner = wr_init(inner_buf, sizeof inner_buf);
		w = wr_init(out, sizeof out);
		cbor_put_array(&inner, said);
		cbor_put_bytes(&inner, m.id.id.b, 32);
		cbor_put_bytes(&inner, m.id.latest_hash, 32);
		put_tagged(&inner, key, sizeof key);
		cbor_put_uint(&inner, NOW);
		cbor_put_uint(&inner, NOW + 1000);
		put_signed(&w, signed_data(data, 2, &inner), &m.secret);
		assert_int_equal(attestation_verify(out, wr_len(&w), &m.id, NOW, key),
			said == 5 ? 0 : -EBADMSG);
	}
}

/* They are verified before; what is none of one is still not taken for one. */
static void only_histories_compare(void **state)
{
	(void)state;
	struct made m = make(NOW);
	struct secret32 next;
	uint8_t empty[] = {0x80}, broken[IDENTITY_HISTORY_MAX], longer[IDENTITY_HISTORY_MAX];
	memcpy(broken, m.history, m.len);
	broken[1] = 0x80; /* a change that has nothing in it */
	const struct {
		const uint8_t *p;
		size_t len;
	} none[] = {{empty, sizeof empty}, {broken, m.len}, {m.history, m.len - 1}, {m.history, 0}};
	for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
		assert_int_equal(
			identity_compare(m.history, m.len, none[i].p, none[i].len), -EKEYREJECTED);
		assert_int_equal(
			identity_compare(none[i].p, none[i].len, m.history, m.len), -EKEYREJECTED);
		assert_int_equal(identity_compare(none[i].p, none[i].len, none[i].p, none[i].len),
			-EKEYREJECTED);
		assert_int_equal(identity_rotate(none[i].p, none[i].len, &m.secret, false, NOW,
					 &next, longer, sizeof longer),
			-EBADMSG);
	}
}

/* The first key's data is a beginning of the other's, but for its length. */
static void data_of_another_length_is_other_data(void **state)
{
	(void)state;
	struct made m = make(NOW);
	uint8_t inner_buf[256], data[256], out[2][600], public_key[32], secret[64];
	size_t len[2];
	crypto_sign_seed_keypair(public_key, secret, m.secret.b);
	for (unsigned i = 0; i < 2; i++) {
		struct wr inner = wr_init(inner_buf, sizeof inner_buf), w = wr_init(out[i], 600);
		cbor_put_array(&inner, 5);
		cbor_put_null(&inner);
		put_tagged(&inner, public_key, sizeof public_key);
		cbor_put_bool(&inner, false);
		cbor_put_uint(&inner, 1);
		cbor_put_uint(&inner, i ? UINT64_MAX : NOW);
		cbor_put_array(&w, 1);
		put_signed(&w, signed_data(data, 1, &inner), &m.secret);
		len[i] = wr_len(&w);
	}
	assert_true(len[0] < len[1]);
	assert_int_equal(identity_compare(out[0], len[0], out[1], len[1]), -EKEYREJECTED);
	assert_int_equal(identity_compare(out[1], len[1], out[0], len[0]), -EKEYREJECTED);
}

static void identifiers_are_read_and_written(void **state)
{
	(void)state;
	struct identifier id, back;
	char text[IDENTIFIER_TEXT];
	memset(id.b, 0xAf, sizeof id.b);
	identifier_format(&id, text);
	assert_int_equal(strlen(text), 65);
	assert_int_equal(identifier_parse(&back, text), 0);
	assert_true(identifier_equal(&id, &back));
	for (char *p = text + 1; *p; p++)
		*p = *p == 'a' ? 'A' : 'F';
	assert_int_equal(identifier_parse(&back, text), 0);
	assert_true(identifier_equal(&id, &back));
	text[64] = 'x';
	assert_int_equal(identifier_parse(&back, text), -EINVAL);
	text[64] = 0;
	assert_int_equal(identifier_parse(&back, text), -EINVAL);
	memset(text + 1, 'f', 64);
	text[0] = 'i';
	assert_int_equal(identifier_parse(&back, text), -EINVAL);
	assert_int_equal(identifier_parse(&back, ""), -EINVAL);
	char longer[IDENTIFIER_TEXT + 2];
	memset(longer, 'f', sizeof longer);
	longer[0] = 'I';
	longer[IDENTIFIER_TEXT + 1] = 0;
	assert_int_equal(identifier_parse(&back, longer), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vector),
		cmocka_unit_test(histories_of_another_implementation),
		cmocka_unit_test(attestations_of_another_implementation),
		cmocka_unit_test(every_truncation_and_flip_is_refused),
		cmocka_unit_test(validity_has_drift_at_its_beginning_only),
		cmocka_unit_test(rotation_adds_a_change),
		cmocka_unit_test(histories_that_part_conflict),
		cmocka_unit_test(attestations_nest_in_the_identity),
		cmocka_unit_test(what_is_signed_is_well_formed),
		cmocka_unit_test(only_histories_compare),
		cmocka_unit_test(data_of_another_length_is_other_data),
		cmocka_unit_test(identifiers_are_read_and_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
