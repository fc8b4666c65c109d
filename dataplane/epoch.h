/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of one session and direction as they follow each other:
 *
 *	chain_0 ──"next"──► chain_1 ──"next"──► chain_2 ...	(HKDF-Expand, SHA-256)
 *	   └─"data"─► key_0    └─"data"─► key_1
 *
 * A chain is erased when its two children are made. The sender moves on after the receiver has said
 * that it opened the present epoch, so both are never more than one apart; the receiver moves when
 *a frame authenticates. Owned by one worker. Source: docs/protocol.md "Secure frames".
 */
#ifndef OCKAM_EPOCH_H
#define OCKAM_EPOCH_H

#include "aead.h"

struct epoch_tx {
	struct aead_key key;   /* of `epoch` */
	struct secret32 chain; /* of epoch + 1 */
	const struct aead *aead;
	uint32_t epoch;
	uint64_t frames;   /* sealed in this epoch */
	uint64_t since_ms; /* when it began */
	bool due;	   /* a rekey is under way: PING until PONG */
	uint64_t ping_ms;  /* when the last such PING was asked for; since due */
	bool pinged;
	uint64_t hard_ms; /* when the hard limit was met */
};

/* `chain` is chain_0 and stays the caller's to wipe. 0 or the back end's error. */
int epoch_tx_init(
	struct epoch_tx *t, const struct aead *aead, const struct secret32 *chain, uint64_t now_ms);
void epoch_tx_fini(struct epoch_tx *t);
/* To be asked before sealing: true when the next frame should carry a PING for the rekey. */
bool epoch_tx_ping_due(struct epoch_tx *t, uint64_t rtt_ms, uint64_t now_ms);
/* When a pending rekey wants its next PING; UINT64_MAX without one. */
uint64_t epoch_tx_ping_deadline(const struct epoch_tx *t, uint64_t rtt_ms);
/* True at the hard limit: nothing but PING may be sealed. */
bool epoch_tx_hard(const struct epoch_tx *t);
/* When the hard limit ends the session; UINT64_MAX below the limit. */
uint64_t epoch_tx_hard_deadline(const struct epoch_tx *t);
/* Counts frames sealed with t->key. */
void epoch_tx_sealed(struct epoch_tx *t, unsigned n, uint64_t now_ms);
/* The peer's PONG: it has opened `seen`. 0, or -EPROTO when that is above what was ever sent. */
int epoch_tx_pong(struct epoch_tx *t, uint32_t seen, uint64_t now_ms);

/* Keys of epoch - 1 (for a while), epoch, and epoch + 1, each at its number modulo 3. */
struct epoch_rx {
	struct aead_key keys[3]; /* backend NULL: not held */
	struct secret32 chain;	 /* of epoch + 2 */
	const struct aead *aead;
	uint32_t epoch;
	uint64_t old_until_ms; /* when epoch - 1 is wiped; UINT64_MAX: not held */
};

int epoch_rx_init(struct epoch_rx *r, const struct aead *aead, const struct secret32 *chain);
void epoch_rx_fini(struct epoch_rx *r);
/* The key a frame's sub names, with its whole number; NULL outside of what is held: drop. */
struct aead_key *epoch_rx_key(struct epoch_rx *r, uint8_t sub, uint32_t *epoch);
/* A frame of this epoch authenticated. */
void epoch_rx_commit(struct epoch_rx *r, uint32_t epoch, uint64_t now_ms);
/* Wipes the old key when its time has come. */
void epoch_rx_tick(struct epoch_rx *r, uint64_t now_ms);

#endif
