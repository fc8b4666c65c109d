/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Noise handshake state machine: runs any pattern of noise_pattern.h from either side. All
 * state is in one flat struct: a copy of it is a checkpoint. A message that fails leaves the state
 * as it was (each call works on a copy and commits last), so one bad message does not end the
 * handshake. noise_split consumes the state; noise_wipe ends it on every other exit. A written
 * message is kept and sent again as it is: writing again from a saved copy would use a nonce twice.
 * Not thread-safe per state; no allocation, no I/O. Source: Noise revision 34, section 5.
 */
#ifndef OCKAM_NOISE_H
#define OCKAM_NOISE_H

#include "noise_pattern.h"

enum { NOISE_MESSAGE_MAX = 65535 };

struct noise_config {
	const char *protocol; /* full name */
	bool initiator;
	const void *prologue;
	size_t prologue_len;
	const struct secret32 *static_key; /* own; NULL: none */
	const uint8_t *static_public;	   /* that belongs to it; NULL: computed */
	const uint8_t *remote_static;	   /* NOISE_DH_LEN bytes known beforehand; NULL: none */
	const struct secret32 *psks;	   /* in the order of their use */
	unsigned psks_n;
	const struct secret32 *fixed_ephemeral; /* for test vectors only; NULL: a fresh one */
};

struct noise_state {
	struct noise_protocol protocol;
	bool initiator;
	uint8_t message; /* the next one, from 0; = messages_n: ready to split */
	uint8_t psk_next;
	bool have_key, have_s, have_e, have_rs, have_re;
	uint64_t n;
	struct secret32 k;
	uint8_t ck[NOISE_HASH_LEN_MAX], h[NOISE_HASH_LEN_MAX];
	struct secret32 s, e, psk[NOISE_PSKS_MAX];
	uint8_t s_public[NOISE_DH_LEN], rs[NOISE_DH_LEN], re[NOISE_DH_LEN];
};

/* 0; -EINVAL (name, or keys that the pattern does not fit); -EOPNOTSUPP (noise_protocol_parse);
 * -EIO. */
int noise_init(struct noise_state *st, const struct noise_config *cfg);
/* Writes the next message. Its length; -EPROTO (not our turn), -EMSGSIZE (cap, or over
 * NOISE_MESSAGE_MAX), -EBADMSG (all-zero DH). dst and payload do not overlap. */
int noise_write(struct noise_state *st, const void *payload, size_t len, uint8_t *dst, size_t cap);
/* Reads the next message, its payload to dst. The payload's length; -EPROTO, -EMSGSIZE as above;
 * -EBADMSG (too short, all-zero DH, does not authenticate; then dst means nothing). */
int noise_read(struct noise_state *st, const uint8_t *msg, size_t len, uint8_t *dst, size_t cap);
bool noise_done(const struct noise_state *st);
/* The handshake hash so far; protocol.hash->len bytes that live as long as the state. */
const uint8_t *noise_handshake_hash(const struct noise_state *st);
/* The peer's static key, NOISE_DH_LEN bytes that live as long as the state; NULL: not known (yet).
 */
const uint8_t *noise_remote_static(const struct noise_state *st);
/* After the last message: k1 seals from initiator to responder, k2 back. Wipes the state. 0,
 * -EPROTO. */
int noise_split(struct noise_state *st, struct secret32 *k1, struct secret32 *k2);
void noise_wipe(struct noise_state *st);

#endif
