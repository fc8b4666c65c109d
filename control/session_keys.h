/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the two keys of Noise's split to what a session starts with: one chain per direction and the
 * exporter. HKDF-SHA256 (RFC 5869), salted with the handshake hash. Pure; the caller wipes.
 * Source: docs/protocol.md "Secure frames".
 */
#ifndef OCKAM_SESSION_KEYS_H
#define OCKAM_SESSION_KEYS_H

#include "secret.h"

struct session_keys {
	struct secret32 i2r, r2i; /* chain 0: initiator to responder, and back */
	struct secret32 exporter;
};

/* k1 seals from initiator to responder, k2 back; they seal nothing themselves and should be wiped.
 */
void session_keys_derive(struct session_keys *out, const uint8_t hash[static 32],
	const struct secret32 *k1, const struct secret32 *k2);

#endif
