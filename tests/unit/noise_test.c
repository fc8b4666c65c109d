// SPDX-License-Identifier: Apache-2.0
/* What the published vectors (tests/noise_vectors.c) do not show: refusals, and that they leave no
 * trace. */
#include "noise.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define XX "Noise_XX_25519_ChaChaPoly_SHA256"

struct pair {
	struct noise_state i, r;
	struct secret32 i_static, r_static;
};

static void pair_init(struct pair *p, const char *protocol)
{
	uint8_t public_key[NOISE_DH_LEN];
	noise_keypair(&p->i_static, public_key);
	noise_keypair(&p->r_static, public_key);
	struct noise_config cfg = {
		.protocol = protocol,
		.initiator = true,
		.prologue = "hello",
		.prologue_len = 5,
		.static_key = &p->i_static,
	};
	assert_int_equal(noise_init(&p->i, &cfg), 0);
	cfg.initiator = false;
	cfg.static_key = &p->r_static;
	assert_int_equal(noise_init(&p->r, &cfg), 0);
}

/* Every single changed byte and every shorter length is refused, and the right message still
 * passes. */
static void pass_after_tampering(struct noise_state *from, struct noise_state *to)
{
	uint8_t msg[256], payload[256];
	int len = noise_write(from, "payload", 7, msg, sizeof msg);
	assert_true(len > 0);
	bool sealed = from->have_key;
	for (int k = 0; k < len && sealed; k++) {
		struct noise_state before = *to;
		msg[k] ^= 0x80;
		/* the top bit of a public key is not part of it, but of the hash */
		assert_int_equal(
			noise_read(to, msg, (size_t)len, payload, sizeof payload), -EBADMSG);
		msg[k] ^= 0x80;
		assert_int_equal(noise_read(to, msg, (size_t)k, payload, sizeof payload), -EBADMSG);
		assert_memory_equal(to, &before, sizeof before);
	}
	assert_int_equal(noise_read(to, msg, (size_t)len, payload, sizeof payload), 7);
	assert_memory_equal(payload, "payload", 7);
}

static void a_bad_message_leaves_no_trace(void **state)
{
	(void)state;
	static const char *const protocols[] = {XX, "Noise_XX_25519_AESGCM_SHA256"};
	for (unsigned n = 0; n < 2; n++) {
		if (noise_protocol_parse(protocols[n], &(struct noise_protocol){0}, NULL) ==
			-EOPNOTSUPP)
			continue;
		struct pair p;
		pair_init(&p, protocols[n]);
		pass_after_tampering(&p.i, &p.r);
		pass_after_tampering(&p.r, &p.i);
		pass_after_tampering(&p.i, &p.r);
		struct secret32 i1, i2, r1, r2;
		assert_memory_equal(noise_handshake_hash(&p.i), noise_handshake_hash(&p.r), 32);
		assert_int_equal(noise_split(&p.i, &i1, &i2), 0);
		assert_int_equal(noise_split(&p.r, &r1, &r2), 0);
		assert_memory_equal(&i1, &r1, sizeof i1);
		assert_memory_equal(&i2, &r2, sizeof i2);
		assert_memory_not_equal(&i1, &i2, sizeof i1);
	}
}

static void split_consumes_the_state(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, XX);
	struct secret32 a, b;
	assert_int_equal(noise_split(&p.i, &a, &b), -EPROTO);
	pass_after_tampering(&p.i, &p.r);
	pass_after_tampering(&p.r, &p.i);
	pass_after_tampering(&p.i, &p.r);
	assert_int_equal(noise_split(&p.i, &a, &b), 0);
	assert_memory_equal(&p.i, &(struct noise_state){0}, sizeof p.i);
	assert_int_equal(noise_split(&p.i, &a, &b), -EPROTO);
	uint8_t msg[64];
	assert_int_equal(noise_write(&p.i, NULL, 0, msg, sizeof msg), -EPROTO);
	assert_int_equal(noise_read(&p.i, msg, sizeof msg, NULL, 0), -EPROTO);
}

static void turns_are_kept(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, XX);
	uint8_t msg[64];
	assert_int_equal(noise_write(&p.r, NULL, 0, msg, sizeof msg), -EPROTO);
	assert_int_equal(noise_read(&p.i, msg, sizeof msg, NULL, 0), -EPROTO);
	assert_int_equal(noise_write(&p.i, NULL, 0, msg, sizeof msg), 32);
	assert_int_equal(noise_write(&p.i, NULL, 0, msg, sizeof msg), -EPROTO);
}

static void sizes_are_kept(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, XX);
	static uint8_t msg[NOISE_MESSAGE_MAX + 1];
	assert_int_equal(noise_write(&p.i, "x", 1, msg, 32), -EMSGSIZE);
	assert_int_equal(
		noise_write(&p.i, msg, NOISE_MESSAGE_MAX - 31, msg, sizeof msg), -EMSGSIZE);
	assert_int_equal(noise_write(&p.i, "x", 1, msg, 33), 33);
	assert_int_equal(noise_read(&p.r, msg, 33, NULL, 0), -EMSGSIZE);
	assert_int_equal(noise_read(&p.r, msg, sizeof msg, NULL, 0), -EMSGSIZE);
	uint8_t payload;
	assert_int_equal(noise_read(&p.r, msg, 33, &payload, 1), 1);
	assert_int_equal(payload, 'x');
}

static void points_of_low_order_fail(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, XX);
	uint8_t msg[128] = {0};
	assert_int_equal(noise_read(&p.r, msg, 32, NULL, 0), 0); /* no DH yet */
	struct noise_state before = p.r;
	assert_int_equal(noise_write(&p.r, NULL, 0, msg, sizeof msg), -EBADMSG);
	assert_memory_equal(&p.r, &before, sizeof before);
}

static void keys_must_fit_the_pattern(void **state)
{
	(void)state;
	struct secret32 key = {{1}}, psk = {{2}};
	struct noise_state st;
	struct noise_config cfg = {.protocol = XX, .initiator = true};
	assert_int_equal(noise_init(&st, &cfg), -EINVAL); /* no static key */
	cfg.static_key = &key;
	assert_int_equal(noise_init(&st, &cfg), 0);
	cfg.psks = &psk;
	cfg.psks_n = 1;
	assert_int_equal(noise_init(&st, &cfg), -EINVAL); /* a psk without a place */
	cfg.protocol = "Noise_XXpsk3_25519_ChaChaPoly_SHA256";
	assert_int_equal(noise_init(&st, &cfg), 0);
	cfg.psks_n = 0;
	assert_int_equal(noise_init(&st, &cfg), -EINVAL);
	cfg.protocol = "Noise_IK_25519_ChaChaPoly_SHA256";
	assert_int_equal(noise_init(&st, &cfg), -EINVAL); /* the peer's key is needed */
	cfg.protocol = "Noise_NK_25519_ChaChaPoly_SHA256";
	cfg.remote_static = key.b;
	cfg.static_key = NULL;
	assert_int_equal(noise_init(&st, &cfg), 0);
	cfg.protocol = "Noise_KN_25519_ChaChaPoly_SHA256"; /* ours is known to the peer: needed */
	cfg.remote_static = NULL;
	assert_int_equal(noise_init(&st, &cfg), -EINVAL);
	cfg.protocol = "Noise_XX_25519_ChaChaPoly_SHA3";
	cfg.static_key = &key;
	assert_int_equal(noise_init(&st, &cfg), -EOPNOTSUPP);
}

/* A wrong psk is noticed at the first message that is sealed after it. */
static void psks_must_agree(void **state)
{
	(void)state;
	struct secret32 psk[2] = {{{1}}, {{2}}};
	struct noise_config cfg = {
		.protocol = "Noise_NNpsk0+psk2_25519_ChaChaPoly_SHA256",
		.initiator = true,
		.psks = psk,
		.psks_n = 2,
	};
	struct noise_state i, r, wrong;
	assert_int_equal(noise_init(&i, &cfg), 0);
	cfg.initiator = false;
	assert_int_equal(noise_init(&r, &cfg), 0);
	psk[0].b[31] ^= 1;
	assert_int_equal(noise_init(&wrong, &cfg), 0);
	uint8_t msg[64];
	assert_int_equal(noise_write(&i, NULL, 0, msg, sizeof msg), 48);
	assert_int_equal(noise_read(&wrong, msg, 48, NULL, 0), -EBADMSG);
	assert_int_equal(noise_read(&r, msg, 48, NULL, 0), 0);
	assert_int_equal(noise_write(&r, NULL, 0, msg, sizeof msg), 48);
	assert_int_equal(noise_read(&i, msg, 48, NULL, 0), 0);
}

static void names_are_parsed_whole(void **state)
{
	(void)state;
	struct noise_protocol p;
	const char *why;
	assert_int_equal(
		noise_protocol_parse("Noise_KKpsk0+psk2_25519_ChaChaPoly_BLAKE2b", &p, &why), 0);
	assert_string_equal(p.pattern->name, "KK");
	assert_int_equal(p.psks, 5);
	static const char *const malformed[] = {"", "Noise", "Noise_XX_25519_ChaChaPoly",
		"Noise_XX_25519_ChaChaPoly_SHA256_", "Noise_XX__ChaChaPoly_SHA256",
		"noise_XX_25519_ChaChaPoly_SHA256", "Noise_XX_25519_ChaChaPoly_SHA256_more"};
	for (size_t n = 0; n < sizeof malformed / sizeof *malformed; n++)
		assert_int_equal(noise_protocol_parse(malformed[n], &p, NULL), -EINVAL);
	static const char *const unknown[] = {"Noise_XX_448_ChaChaPoly_SHA256",
		"Noise_XXX_25519_ChaChaPoly_SHA256", "Noise_XXfallback_25519_ChaChaPoly_SHA256",
		"Noise_XXpsk4_25519_ChaChaPoly_SHA256", "Noise_XXpsk_25519_ChaChaPoly_SHA256",
		"Noise_XXpsk1+_25519_ChaChaPoly_SHA256",
		"Noise_XXpsk1+psk1_25519_ChaChaPoly_SHA256",
		"Noise_XXpsk1psk2_25519_ChaChaPoly_SHA256",
		"Noise_XXpsl0_25519_ChaChaPoly_SHA256", "Noise_XXpsk/_25519_ChaChaPoly_SHA256", "Noise_X1X_25519_ChaChaPoly_SHA256",
		"Noise_XX_25519_AES_SHA256", "Noise_XX_25519_ChaChaPoly_SHA3"};
	for (size_t n = 0; n < sizeof unknown / sizeof *unknown; n++) {
		why = NULL;
		assert_int_equal(noise_protocol_parse(unknown[n], &p, &why), -EOPNOTSUPP);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_message_leaves_no_trace),
		cmocka_unit_test(split_consumes_the_state),
		cmocka_unit_test(turns_are_kept),
		cmocka_unit_test(sizes_are_kept),
		cmocka_unit_test(points_of_low_order_fail),
		cmocka_unit_test(keys_must_fit_the_pattern),
		cmocka_unit_test(psks_must_agree),
		cmocka_unit_test(names_are_parsed_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
