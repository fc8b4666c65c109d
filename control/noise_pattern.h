/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshake patterns as tables of tokens, and the names of protocols:
 * "Noise_XXpsk3_25519_AESGCM_SHA256" → pattern, places of pre-shared keys, cipher, hash. Const data
 * and pure functions. Source: Noise revision 34, sections 7 to 9. Held are the fundamental patterns
 * and the psk modifier; deferred and fallback patterns, and the curve 448, are not.
 */
#ifndef OCKAM_NOISE_PATTERN_H
#define OCKAM_NOISE_PATTERN_H

#include "noise_crypto.h"

enum {
	NOISE_MESSAGES_MAX = 3,
	NOISE_PSKS_MAX = NOISE_MESSAGES_MAX + 1,
	NOISE_TOKENS_MAX = 8, /* of one message, psk and NOISE_END included */
	NOISE_NAME_LEN_MAX = 255,
};

enum noise_token {
	NOISE_END, /* closes the row of a message */
	NOISE_E,
	NOISE_S,
	NOISE_EE,
	NOISE_ES,
	NOISE_SE,
	NOISE_SS,
	NOISE_PSK,
};

struct noise_pattern {
	const char *name;
	bool initiator_known, responder_known; /* "s" as a pre-message of that side */
	uint8_t messages_n;		       /* 1: a one-way pattern */
	uint8_t messages[NOISE_MESSAGES_MAX][NOISE_TOKENS_MAX];
};

struct noise_protocol {
	const struct noise_pattern *pattern;
	const struct noise_cipher *cipher;
	const struct noise_hash *hash;
	uint8_t psks; /* bit 0: psk before the first message's tokens; bit n: after message n's */
};

/* 0; -EINVAL (not the form of a Noise name); -EOPNOTSUPP (a part that is not here, or whose
 * instructions this machine lacks). On error *why is a literal that says which; may be NULL. */
int noise_protocol_parse(const char *name, struct noise_protocol *out, const char **why);
unsigned noise_protocol_psks(const struct noise_protocol *p);
/* The tokens of message m, psk in place, closed by NOISE_END. */
void noise_protocol_tokens(
	const struct noise_protocol *p, unsigned m, uint8_t tokens[static NOISE_TOKENS_MAX]);
/* True when that side uses a static key of its own. */
bool noise_pattern_static(const struct noise_pattern *p, bool initiator);

#endif
