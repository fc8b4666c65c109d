/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What aead.c and its back ends share: the back ends' tables and the nonce. Private to the AEAD.
 */
#ifndef OCKAM_AEAD_BACKEND_H
#define OCKAM_AEAD_BACKEND_H

#include "aead.h"

enum { AEAD_NONCE = 12 };

/* The tables a back end can run on this CPU, at most two (one per suite); how many. Called once. */
unsigned aead_ipsec_probe(const struct aead *found[static 2]);
unsigned aead_sodium_probe(const struct aead *found[static 2]);

/* Noise revision 34, section 12: AESGCM counts big-endian, as the header does; ChaChaPoly
 * little-endian. */
static inline void aead_nonce_aesgcm(uint8_t nonce[static AEAD_NONCE], const uint8_t *frame)
{
	memset(nonce, 0, 4);
	memcpy(nonce + 4, frame + 8, 8);
}

static inline void aead_nonce_chachapoly(uint8_t nonce[static AEAD_NONCE], const uint8_t *frame)
{
	memset(nonce, 0, 4);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] = frame[15 - i];
}

/* Bytes between header and tag. The caller gives frames of at least WIRE_DATA_MIN. */
static inline uint32_t aead_body_len(const struct aead_op *op)
{
	assert(op->len >= WIRE_DATA_MIN);
	return op->len - WIRE_DATA_MIN;
}

#endif
