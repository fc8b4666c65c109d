/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AEAD by libsodium: on every CPU for ChaCha20-Poly1305, with AES-NI for AES-256-GCM.
 */
#include "aead_backend.h"

#include <sodium.h>

static_assert(sizeof(crypto_aead_aes256gcm_state) <= AEAD_KEY_SPACE, "expanded key");
static_assert(crypto_aead_aes256gcm_NPUBBYTES == AEAD_NONCE, "nonce");
static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == AEAD_NONCE, "nonce");

static const struct aead sodium_aesgcm, sodium_chachapoly;

static void key_fini(struct aead_key *k)
{
	secret_wipe(k->space, sizeof k->space);
	k->backend = NULL;
}

static int aesgcm_key_init(struct aead_key *k, const struct secret32 *key)
{
	crypto_aead_aes256gcm_beforenm((void *)k->space, key->b);
	k->backend = &sodium_aesgcm;
	return 0;
}

static void aesgcm_seal(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_aesgcm(nonce, f);
		crypto_aead_aes256gcm_encrypt_detached_afternm(body, body + len, NULL, body, len, f,
			WIRE_HEADER, NULL, nonce, (const void *)k->space);
	}
}

static void aesgcm_open(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_aesgcm(nonce, f);
		ops[i].ok = crypto_aead_aes256gcm_decrypt_detached_afternm(body, NULL, body, len,
				    body + len, f, WIRE_HEADER, nonce, (const void *)k->space) == 0;
		if (!ops[i].ok)
			secret_wipe(body, len);
	}
}

static int chachapoly_key_init(struct aead_key *k, const struct secret32 *key)
{
	memcpy(k->space, key->b, sizeof key->b);
	k->backend = &sodium_chachapoly;
	return 0;
}

static void chachapoly_seal(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_chachapoly(nonce, f);
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(
			body, body + len, NULL, body, len, f, WIRE_HEADER, NULL, nonce, k->space);
	}
}

static void chachapoly_open(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_chachapoly(nonce, f);
		ops[i].ok = crypto_aead_chacha20poly1305_ietf_decrypt_detached(body, NULL, body,
				    len, body + len, f, WIRE_HEADER, nonce, k->space) == 0;
		if (!ops[i].ok)
			secret_wipe(body, len);
	}
}

static const struct aead sodium_aesgcm = {
	.name = "libsodium",
	.suite = SUITE_AESGCM,
	.key_init = aesgcm_key_init,
	.seal = aesgcm_seal,
	.open = aesgcm_open,
	.key_fini = key_fini,
};

static const struct aead sodium_chachapoly = {
	.name = "libsodium",
	.suite = SUITE_CHACHAPOLY,
	.key_init = chachapoly_key_init,
	.seal = chachapoly_seal,
	.open = chachapoly_open,
	.key_fini = key_fini,
};

unsigned aead_sodium_probe(const struct aead *found[static 2])
{
	unsigned n = 0;
	if (sodium_init() < 0)
		return 0;
	if (crypto_aead_aes256gcm_is_available())
		found[n++] = &sodium_aesgcm;
	found[n++] = &sodium_chachapoly;
	return n;
}
