/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The primitives that Noise names: Curve25519, two AEADs, three hashes, HKDF; all from libsodium,
 * as const tables of functions so that the engine is written once. No state; any thread, after
 * noise_crypto_init. Keys that a function expands or derives on its own stack are wiped there.
 * Source: Noise revision 34, sections 4 and 12.
 */
#ifndef OCKAM_NOISE_CRYPTO_H
#define OCKAM_NOISE_CRYPTO_H

#include "secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NOISE_DH_LEN = 32,
	NOISE_TAG_LEN = 16,
	NOISE_HASH_LEN_MAX = 64,
	NOISE_HASH_BLOCK_MAX = 128,
};

struct noise_cipher {
	const char *name;
	bool (*available)(void);
	/* dst: len + NOISE_TAG_LEN bytes; must not overlap the text unless equal to it. */
	void (*seal)(uint8_t *dst, const struct secret32 *key, uint64_t n, const uint8_t *ad,
		size_t ad_len, const uint8_t *text, size_t len);
	/* dst: len - NOISE_TAG_LEN bytes. 0 or -EBADMSG (then dst is zero or untouched). */
	int (*open)(uint8_t *dst, const struct secret32 *key, uint64_t n, const uint8_t *ad,
		size_t ad_len, const uint8_t *sealed, size_t len);
};

struct noise_hash {
	const char *name;
	size_t len, block;
	/* Hash of a followed by b. dst may be a or b. */
	void (*digest)(
		uint8_t *dst, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
};

/* 0, or -EIO when libsodium cannot start (no randomness). Cheap when repeated. */
int noise_crypto_init(void);
/* By Noise's name for it ("AESGCM", "SHA256"), `len` bytes long; NULL: not known here. */
const struct noise_cipher *noise_cipher_find(const char *name, size_t len);
const struct noise_hash *noise_hash_find(const char *name, size_t len);

/* A fresh secret, and the public key of one. */
void noise_keypair(struct secret32 *secret, uint8_t public_key[static NOISE_DH_LEN]);
void noise_public_key(const struct secret32 *secret, uint8_t public_key[static NOISE_DH_LEN]);
/* 0, or -EBADMSG when the result is all zero (a point of low order). */
int noise_dh(struct secret32 *dst, const struct secret32 *secret,
	const uint8_t public_key[static NOISE_DH_LEN]);
/* HKDF of section 4.3: n = 2 or 3 outputs of h->len bytes each. out[0] may be ck. */
void noise_hkdf(const struct noise_hash *h, const uint8_t *ck, const void *ikm, size_t ikm_len,
	unsigned n, uint8_t *const out[]);

#endif
