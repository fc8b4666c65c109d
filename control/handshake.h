/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One XX handshake from one end: Noise messages, the proofs inside them, and the keys that come out.
 * No sockets, no tables, no policy: it yields a verified peer and the caller decides. All state is in
 * one flat struct; a copy of it is a checkpoint, so a failing message leaves no trace (each function
 * works on a copy and commits last). Wiped by handshake_wipe on every exit.
 * Source: docs/protocol.md "Handshake"; Noise revision 34.
 */
#ifndef OCKAM_HANDSHAKE_H
#define OCKAM_HANDSHAKE_H

#include "identity.h"
#include "noise.h"
#include "wire.h"

/* What a node proves with; shared by its handshakes, borrowed, read-only. */
struct handshake_keys {
	struct secret32 static_key; /* X25519 */
	uint8_t static_public[32];
	uint8_t history[IDENTITY_HISTORY_MAX];
	size_t history_len;
	uint8_t attestation[ATTESTATION_MAX];
	size_t attestation_len;
	struct identity identity;
	uint8_t suites[4]; /* enum wire_suite in order of preference */
	unsigned suites_n;
};

/* INIT's end part, decoded (borrows from the frame). `prologue` is the end part up to the Noise message. */
struct init_end {
	uint8_t suite, pattern;
	uint16_t frame_max;
	uint32_t label; /* Li */
	char listener[WIRE_NAME_MAX + 1];
	const uint8_t *prologue;
	size_t prologue_len;
	const uint8_t *noise;
	size_t noise_len;
};
/* 0 or -EBADMSG. Layout: suite u8, pattern u8, frame_max u16, Li u32, name u8 + bytes, ext u8 + CBOR map
 * (unknown keys ignored), then Noise message 1 to the end. */
int init_end_decode(const uint8_t *p, size_t len, struct init_end *out);

struct handshake_result {
	struct identity peer;
	uint8_t peer_history[IDENTITY_HISTORY_MAX];
	size_t peer_history_len;
	uint8_t peer_static[32];
	uint8_t hash[32]; /* final handshake hash */
	struct secret32 chain_tx, chain_rx, exporter;
};

struct handshake {
	struct noise_state noise;
	uint8_t role; /* enum seam_role */
	uint8_t suite;
	uint32_t label_local, label_remote;
};

/* Writes INIT's end part to dst; its length, or negative errno. */
int handshake_start(struct handshake *hs, const struct handshake_keys *keys, uint8_t suite,
	uint32_t li, uint16_t frame_max, const char *listener, uint8_t *dst, size_t cap);
/* Responder: reads INIT's end part, writes RESP's end part (Lr u32 ‖ Noise message 2) to dst. Length,
 * -EBADMSG (malformed, does not authenticate), -EOPNOTSUPP (suite or pattern not offered). */
int handshake_respond(struct handshake *hs, const struct handshake_keys *keys, const struct init_end *init,
	uint32_t lr, uint64_t now, uint8_t *dst, size_t cap);
/* Initiator: reads RESP's end part, writes FINISH's body; the peer is verified and in *out.
 * -EBADMSG, -EKEYEXPIRED, -EKEYREJECTED (attestation is not of the Noise static key), -ELOOP (reflection
 * or a channel to oneself: peer static equals own), -EPROTO (Lr mismatch, suite not the first common). */
int handshake_resp(struct handshake *hs, const struct handshake_keys *keys, const uint8_t *end, size_t len,
	uint64_t now, uint8_t *dst, size_t cap, struct handshake_result *out);
/* Responder: reads FINISH's body. Errors as above. */
int handshake_finish(struct handshake *hs, const struct handshake_keys *keys, const uint8_t *body, size_t len,
	uint64_t now, struct handshake_result *out);
void handshake_wipe(struct handshake *hs);
void handshake_result_wipe(struct handshake_result *r);

#endif
