/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a handshake that Noise does not define: INIT's end part, and the payloads of
 * messages 2 and 3. Pure functions; what is decoded borrows from the buffer.
 *
 * INIT's end part:  suite u8, pattern u8, frame_max u16, Li u32, name u8 + bytes, ext u8 + CBOR
 * map, Noise message 1 to the end payload:          CBOR [history bytes, attestation bytes,
 * [credential bytes, ...], parameters] and in message 2 a fifth element, Lr parameters:       CBOR
 * map; 1: [suite, ...] in order of preference; unknown keys mean nothing Source: docs/protocol.md
 * "Handshake".
 */
#ifndef OCKAM_HANDSHAKE_CODEC_H
#define OCKAM_HANDSHAKE_CODEC_H

#include "cbor.h"
#include "handshake.h"

enum {
	INIT_EXT_MAX = 255,
	INIT_PROLOGUE_MAX = 8 + 1 + WIRE_NAME_MAX + 1 + INIT_EXT_MAX,
	PAYLOAD_CREDENTIALS_MAX = 8,
	PAYLOAD_PARAMS_MAX = 64,
	PAYLOAD_SUITES_MAX = 16,
};

struct handshake_payload {
	struct slice history, attestation;
	uint8_t suites[PAYLOAD_SUITES_MAX]; /* 0: one that no version of ours knows */
	unsigned suites_n;
	uint32_t label; /* Lr; 0 in message 3 */
};

/* Writes INIT's end part up to the Noise message. Its length; -EINVAL (name, label), -EMSGSIZE. */
int init_prologue_encode(uint8_t suite, uint32_t li, uint16_t frame_max, const char *listener,
	uint8_t *dst, size_t cap);
/* lr 0: message 3. The length or -EMSGSIZE. */
int handshake_payload_encode(
	const struct handshake_keys *keys, uint32_t lr, uint8_t *dst, size_t cap);
/* 0 or -EBADMSG. */
int handshake_payload_decode(
	const uint8_t *p, size_t len, bool with_label, struct handshake_payload *out);

#endif
