// SPDX-License-Identifier: Apache-2.0
#include "stub_sodium.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { TAG = 16, BAD = 0xff };

static uint32_t counter;

void stub_random_reset(void)
{
	counter = 0;
}

int sodium_init(void)
{
	return 0;
}

void randombytes_buf(void *const buf, const size_t size)
{
	uint8_t *p = buf;
	counter++;
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(counter >> 8 * (3 - i % 4));
}

uint32_t randombytes_random(void)
{
	return ++counter;
}

uint32_t randombytes_uniform(const uint32_t bound)
{
	return bound ? ++counter % bound : 0;
}

int crypto_scalarmult_curve25519_base(unsigned char *q, const unsigned char *n)
{
	memmove(q, n, 32);
	return 0;
}

int crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
	return crypto_scalarmult_curve25519_base(q, n);
}

int crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	unsigned char any = 0;
	for (unsigned i = 0; i < 32; i++)
		any |= q[i] = n[i] ^ p[i];
	return any ? 0 : -1;
}

int crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk, const unsigned char *seed)
{
	memcpy(pk, seed, 32);
	memcpy(sk, seed, 32);
	memcpy(sk + 32, seed, 32);
	return 0;
}

int crypto_sign_detached(unsigned char *sig, unsigned long long *len, const unsigned char *m,
	unsigned long long mlen, const unsigned char *sk)
{
	memset(sig, 0, crypto_sign_BYTES);
	if (len)
		*len = crypto_sign_BYTES;
	return 0;
}

int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
	unsigned long long mlen, const unsigned char *pk)
{
	return sig[0] == BAD ? -1 : 0;
}

int crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen,
	const unsigned char *m, unsigned long long mlen, const unsigned char *ad,
	unsigned long long adlen, const unsigned char *nsec, const unsigned char *npub,
	const unsigned char *k)
{
	if (mlen)
		memmove(c, m, mlen);
	memset(c + mlen, 0, TAG);
	if (clen)
		*clen = mlen + TAG;
	return 0;
}

int crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen,
	unsigned char *nsec, const unsigned char *c, unsigned long long clen,
	const unsigned char *ad, unsigned long long adlen, const unsigned char *npub,
	const unsigned char *k)
{
	if (clen < TAG || c[clen - TAG] == BAD)
		return -1;
	if (clen > TAG)
		memmove(m, c, clen - TAG);
	if (mlen)
		*mlen = clen - TAG;
	return 0;
}

/* Plain heap: the sanitizers see what is read behind its end. */
void *sodium_malloc(const size_t size)
{
	return malloc(size);
}

void sodium_free(void *ptr)
{
	free(ptr);
}

/* lib/locked.c asks for these; on the heap they would take the mappings apart, and the time. */
int mlock(const void *addr, size_t len)
{
	return 0;
}

int madvise(void *addr, size_t len, int advice)
{
	return 0;
}
