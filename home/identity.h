/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identities: change histories and purpose-key attestations as bytes (docs/protocol.md,
 * "Identity"). Pure functions, no files. Signatures are verified over the bytes received, never a
 * re-encoding.
 */
#ifndef OCKAM_IDENTITY_H
#define OCKAM_IDENTITY_H

#include "secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	IDENTITY_CHANGES_MAX = 16,
	IDENTITY_HISTORY_MAX = 4096,
	ATTESTATION_MAX = 512,
	IDENTIFIER_TEXT = 66, /* "I" + 64 hex + NUL */
};

struct identifier {
	uint8_t b[32];
};

/* What a verified history says. */
struct identity {
	struct identifier id;
	uint8_t latest_hash[32]; /* SHA-256 of the newest change's data */
	uint8_t public_key[32];	 /* newest Ed25519 primary key */
	uint64_t valid_from, valid_until;
	unsigned changes;
	bool revoke_purpose_keys; /* the newest change revokes older attestations */
};

/* A new identity with one change, valid from `now` (Unix seconds) for 10 years. `secret` out: the
 * Ed25519 seed. Returns the history's length in history[IDENTITY_HISTORY_MAX], or -EMSGSIZE. */
int identity_create(struct secret32 *secret, uint8_t *history, size_t cap, uint64_t now);
/* Adds a change with a new key, signed by the old one too, valid from `now` for 10 years; with
 * `revoke`, attestations by older keys end. Length in dst; -EBADMSG, -EKEYREJECTED (`old` is not
 * the newest key), -EMSGSIZE (16 changes, or no room). */
int identity_rotate(const uint8_t *history, size_t len, const struct secret32 *old, bool revoke,
	uint64_t now, struct secret32 *secret, uint8_t *dst, size_t cap);
/* 0; -EBADMSG malformed or a bad signature or hash chain; -EKEYEXPIRED outside its validity at now
 * (valid_until never has drift, valid_from has 60 s). now = 0 skips the time check. */
int identity_verify(const uint8_t *history, size_t len, uint64_t now, struct identity *out);
/* True when `secret` is the seed of the newest primary key. */
bool identity_key_matches(const struct identity *id, const struct secret32 *secret);
/* equal or longer: 0 / 1; shorter: -ESTALE; conflicting: -EKEYREJECTED. Both already verified. */
int identity_compare(const uint8_t *known, size_t known_len, const uint8_t *seen, size_t seen_len);

/* Attests x25519 as channel static key; expires_at is cut to the identity's valid_until. Length or
 * <0. */
int attestation_create(const struct identity *subject, const struct secret32 *secret,
	const uint8_t x25519[static 32], uint64_t created_at, uint64_t expires_at, uint8_t *dst,
	size_t cap);
/* 0 and the key; -EBADMSG; -EKEYEXPIRED (60 s of drift for created_at only, never for expiry). */
int attestation_verify(const uint8_t *att, size_t len, const struct identity *subject, uint64_t now,
	uint8_t x25519[static 32]);

char *identifier_format(const struct identifier *id, char dst[static IDENTIFIER_TEXT]);
/* "I" + 64 hex (either case); -EINVAL. */
int identifier_parse(struct identifier *id, const char *text);
bool identifier_equal(const struct identifier *a, const struct identifier *b);

#endif
