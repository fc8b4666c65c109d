// SPDX-License-Identifier: Apache-2.0
#include "noise_crypto.h"

#include "bytes.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

enum { NONCE_LEN = 12 };

int noise_crypto_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

/* AESGCM: four zero bytes and n big-endian. The expanded key is ours to wipe, so the one-call form
 * of libsodium, which leaves it on the stack, is not used. */

static bool aesgcm_available(void)
{
	return crypto_aead_aes256gcm_is_available() != 0;
}

static void aesgcm_seal(uint8_t *dst, const struct secret32 *key, uint64_t n, const uint8_t *ad,
	size_t ad_len, const uint8_t *text, size_t len)
{
	uint8_t nonce[NONCE_LEN] = {0};
	put_be64(nonce + 4, n);
	crypto_aead_aes256gcm_state ctx;
	crypto_aead_aes256gcm_beforenm(&ctx, key->b);
	crypto_aead_aes256gcm_encrypt_afternm(dst, NULL, text, len, ad, ad_len, NULL, nonce, &ctx);
	secret_wipe(&ctx, sizeof ctx);
}

static int aesgcm_open(uint8_t *dst, const struct secret32 *key, uint64_t n, const uint8_t *ad,
	size_t ad_len, const uint8_t *sealed, size_t len)
{
	uint8_t nonce[NONCE_LEN] = {0};
	put_be64(nonce + 4, n);
	crypto_aead_aes256gcm_state ctx;
	crypto_aead_aes256gcm_beforenm(&ctx, key->b);
	int rc = crypto_aead_aes256gcm_decrypt_afternm(
		dst, NULL, NULL, sealed, len, ad, ad_len, nonce, &ctx);
	secret_wipe(&ctx, sizeof ctx);
	return rc ? -EBADMSG : 0;
}

/* ChaChaPoly: four zero bytes and n little-endian. */

static bool chachapoly_available(void)
{
	return true;
}

static void chachapoly_nonce(uint8_t nonce[static NONCE_LEN], uint64_t n)
{
	memset(nonce, 0, 4);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(n >> (8 * i));
}

static void chachapoly_seal(uint8_t *dst, const struct secret32 *key, uint64_t n, const uint8_t *ad,
	size_t ad_len, const uint8_t *text, size_t len)
{
	uint8_t nonce[NONCE_LEN];
	chachapoly_nonce(nonce, n);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		dst, NULL, text, len, ad, ad_len, NULL, nonce, key->b);
}

static int chachapoly_open(uint8_t *dst, const struct secret32 *key, uint64_t n, const uint8_t *ad,
	size_t ad_len, const uint8_t *sealed, size_t len)
{
	uint8_t nonce[NONCE_LEN];
	chachapoly_nonce(nonce, n);
	int rc = crypto_aead_chacha20poly1305_ietf_decrypt(
		dst, NULL, NULL, sealed, len, ad, ad_len, nonce, key->b);
	return rc ? -EBADMSG : 0;
}

static const struct noise_cipher ciphers[] = {
	{"AESGCM", aesgcm_available, aesgcm_seal, aesgcm_open},
	{"ChaChaPoly", chachapoly_available, chachapoly_seal, chachapoly_open},
};

/* libsodium's _final wipes the hash state. */

static void sha256(uint8_t *dst, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	crypto_hash_sha256_state st;
	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, a, a_len);
	crypto_hash_sha256_update(&st, b, b_len);
	crypto_hash_sha256_final(&st, dst);
}

static void sha512(uint8_t *dst, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	crypto_hash_sha512_state st;
	crypto_hash_sha512_init(&st);
	crypto_hash_sha512_update(&st, a, a_len);
	crypto_hash_sha512_update(&st, b, b_len);
	crypto_hash_sha512_final(&st, dst);
}

static void blake2b(uint8_t *dst, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	crypto_generichash_state st;
	crypto_generichash_init(&st, NULL, 0, 64);
	crypto_generichash_update(&st, a, a_len);
	crypto_generichash_update(&st, b, b_len);
	crypto_generichash_final(&st, dst, 64);
}

static const struct noise_hash hashes[] = {
	{"SHA256", 32, 64, sha256},
	{"SHA512", 64, 128, sha512},
	{"BLAKE2b", 64, 128, blake2b},
};

static bool named(const char *want, const char *name, size_t len)
{
	return strlen(want) == len && !memcmp(want, name, len);
}

const struct noise_cipher *noise_cipher_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
		if (named(ciphers[i].name, name, len))
			return &ciphers[i];
	return NULL;
}

const struct noise_hash *noise_hash_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
		if (named(hashes[i].name, name, len))
			return &hashes[i];
	return NULL;
}

void noise_public_key(const struct secret32 *secret, uint8_t public_key[static NOISE_DH_LEN])
{
	crypto_scalarmult_curve25519_base(public_key, secret->b);
}

void noise_keypair(struct secret32 *secret, uint8_t public_key[static NOISE_DH_LEN])
{
	randombytes_buf(secret->b, sizeof secret->b);
	noise_public_key(secret, public_key);
}

int noise_dh(struct secret32 *dst, const struct secret32 *secret,
	const uint8_t public_key[static NOISE_DH_LEN])
{
	struct secret32 shared;
	int rc = crypto_scalarmult_curve25519(shared.b, secret->b, public_key) ? -EBADMSG : 0;
	if (!rc)
		*dst = shared;
	secret_wipe(&shared, sizeof shared);
	return rc;
}

/* HMAC (RFC 2104); the key is never longer than a block. dst may be key or data. */
static void hmac(const struct noise_hash *h, uint8_t *dst, const uint8_t *key, const uint8_t *data,
	size_t len)
{
	uint8_t inner_pad[NOISE_HASH_BLOCK_MAX], outer_pad[NOISE_HASH_BLOCK_MAX];
	memset(inner_pad, 0x36, sizeof inner_pad);
	memset(outer_pad, 0x5c, sizeof outer_pad);
	for (size_t i = 0; i < h->len; i++) {
		inner_pad[i] ^= key[i];
		outer_pad[i] ^= key[i];
	}
	uint8_t inner[NOISE_HASH_LEN_MAX];
	h->digest(inner, inner_pad, h->block, data, len);
	h->digest(dst, outer_pad, h->block, inner, h->len);
	secret_wipe(inner_pad, sizeof inner_pad);
	secret_wipe(outer_pad, sizeof outer_pad);
	secret_wipe(inner, sizeof inner);
}

void noise_hkdf(const struct noise_hash *h, const uint8_t *ck, const void *ikm, size_t ikm_len,
	unsigned n, uint8_t *const out[])
{
	assert(n == 2 || n == 3);
	uint8_t temp[NOISE_HASH_LEN_MAX], block[NOISE_HASH_LEN_MAX + 1];
	hmac(h, temp, ck, ikm, ikm_len);
	size_t previous = 0;
	for (unsigned i = 0; i < n; i++) {
		block[previous] = (uint8_t)(i + 1);
		hmac(h, block, temp, block, previous + 1);
		memcpy(out[i], block, h->len);
		previous = h->len;
	}
	secret_wipe(temp, sizeof temp);
	secret_wipe(block, sizeof block);
}
