// SPDX-License-Identifier: Apache-2.0
#include "handshake.h"

#include "handshake_codec.h"
#include "seam.h"
#include "session_keys.h"

#include <errno.h>

static const char prologue_prefix[8] = "ockam/1"; /* with its NUL */

enum {
	LABEL_LEN = 4,
	/* e, s with tag, payload with tag: nothing longer is looked at. */
	MESSAGE_MAX = 2 * NOISE_DH_LEN + 2 * NOISE_TAG_LEN + WIRE_HANDSHAKE_PAYLOAD_MAX,
};

static const char *const protocols[] = {
	[SUITE_AESGCM] = "Noise_XX_25519_AESGCM_SHA256",
	[SUITE_CHACHAPOLY] = "Noise_XX_25519_ChaChaPoly_SHA256",
};

static bool suite_in(const uint8_t *suites, unsigned n, uint8_t suite)
{
	for (unsigned i = 0; i < n; i++)
		if (suites[i] == suite)
			return true;
	return false;
}

/* The suite in use has to be the first in the initiator's list that the responder has: a hop that
 * swapped INIT for one with a weaker suite is noticed here, by both ends. */
static bool suite_is_first_common(const struct handshake *hs, const struct handshake_keys *keys,
	const struct handshake_payload *peer)
{
	bool mine = hs->role == SEAM_INITIATOR;
	const uint8_t *i = mine ? keys->suites : peer->suites;
	unsigned i_n = mine ? keys->suites_n : peer->suites_n;
	const uint8_t *r = mine ? peer->suites : keys->suites;
	unsigned r_n = mine ? peer->suites_n : keys->suites_n;
	for (unsigned n = 0; n < i_n; n++)
		if (suite_in(r, r_n, i[n]))
			return i[n] == hs->suite;
	return false;
}

/* The prologue binds the whole end part of INIT up to the Noise message. */
static int begin(struct handshake *hs, const struct handshake_keys *keys,
	const uint8_t *init_prologue, size_t len)
{
	if (!suite_in(keys->suites, keys->suites_n, hs->suite) ||
		hs->suite >= sizeof protocols / sizeof *protocols || !protocols[hs->suite])
		return -EOPNOTSUPP;
	uint8_t prologue[sizeof prologue_prefix + INIT_PROLOGUE_MAX];
	struct wr w = wr_init(prologue, sizeof prologue);
	wr_bytes(&w, prologue_prefix, sizeof prologue_prefix);
	wr_bytes(&w, init_prologue, len);
	if (w.bad)
		return -EBADMSG;
	struct noise_config cfg = {
		.protocol = protocols[hs->suite],
		.initiator = hs->role == SEAM_INITIATOR,
		.prologue = prologue,
		.prologue_len = wr_len(&w),
		.static_key = &keys->static_key,
		.static_public = keys->static_public,
	};
	return noise_init(&hs->noise, &cfg);
}

int handshake_start(struct handshake *hs, const struct handshake_keys *keys, uint8_t suite,
	uint32_t li, uint16_t frame_max, const char *listener, uint8_t *dst, size_t cap)
{
	struct handshake next = {.role = SEAM_INITIATOR, .suite = suite, .label_local = li};
	int len = init_prologue_encode(suite, li, frame_max, listener, dst, cap);
	if (len < 0)
		return len;
	int rc = begin(&next, keys, dst, (size_t)len);
	if (!rc)
		rc = noise_write(&next.noise, NULL, 0, dst + len, cap - (size_t)len);
	if (rc >= 0) {
		*hs = next;
		rc += len;
	}
	handshake_wipe(&next);
	return rc;
}

/* Noise's own errors, of a message from outside. */
static int noise_error(int rc)
{
	return rc == -EMSGSIZE ? -EBADMSG : rc;
}

/* Writes the next Noise message with our proofs in it. lr 0: message 3. */
static int write_proofs(struct handshake *hs, const struct handshake_keys *keys, uint32_t lr,
	uint8_t *dst, size_t cap)
{
	uint8_t payload[WIRE_HANDSHAKE_PAYLOAD_MAX];
	int len = handshake_payload_encode(keys, lr, payload, sizeof payload);
	return len < 0 ? len : noise_write(&hs->noise, payload, (size_t)len, dst, cap);
}

int handshake_respond(struct handshake *hs, const struct handshake_keys *keys,
	const struct init_end *init, uint32_t lr, uint64_t now, uint8_t *dst, size_t cap)
{
	if (init->pattern != PATTERN_XX)
		return -EOPNOTSUPP;
	if (!lr)
		return -EINVAL;
	if (cap < LABEL_LEN)
		return -EMSGSIZE;
	struct handshake next = {
		.role = SEAM_RESPONDER,
		.suite = init->suite,
		.label_local = lr,
		.label_remote = init->label,
	};
	int rc = begin(&next, keys, init->prologue, init->prologue_len);
	if (!rc) /* message 1 carries no payload: it would be readable and can be replayed */
		rc = noise_error(noise_read(&next.noise, init->noise, init->noise_len, NULL, 0));
	if (!rc)
		rc = write_proofs(&next, keys, lr, dst + LABEL_LEN, cap - LABEL_LEN);
	if (rc >= 0) {
		put_be32(dst, lr);
		*hs = next;
		rc += LABEL_LEN;
	}
	handshake_wipe(&next);
	return rc;
}

/* The peer's history is whole, and its newest key attests the very key that Noise has proved. */
static int identity_prove(
	const struct handshake_payload *p, uint64_t now, struct handshake_result *result)
{
	uint8_t attested[NOISE_DH_LEN];
	int rc = identity_verify(p->history.p, p->history.len, now, &result->peer);
	if (rc < 0)
		return rc;
	rc = attestation_verify(p->attestation.p, p->attestation.len, &result->peer, now, attested);
	if (rc < 0)
		return rc;
	if (memcmp(attested, result->peer_static, sizeof attested))
		return -EKEYREJECTED;
	memcpy(result->peer_history, p->history.p, p->history.len);
	result->peer_history_len = p->history.len;
	return 0;
}

/* Reads the peer's Noise message and judges all that is in it. */
static int read_proofs(struct handshake *hs, const struct handshake_keys *keys, const uint8_t *msg,
	size_t len, uint64_t now, struct handshake_result *result)
{
	if (len > MESSAGE_MAX)
		return -EBADMSG;
	uint8_t payload[WIRE_HANDSHAKE_PAYLOAD_MAX];
	int rc = noise_read(&hs->noise, msg, len, payload, sizeof payload);
	if (rc < 0)
		return noise_error(rc);
	memcpy(result->peer_static, noise_remote_static(&hs->noise), sizeof result->peer_static);
	if (!memcmp(result->peer_static, hs->noise.s_public, sizeof result->peer_static))
		return -ELOOP;
	bool initiator = hs->role == SEAM_INITIATOR;
	struct handshake_payload p;
	int bad = handshake_payload_decode(payload, (size_t)rc, initiator, &p);
	if (!bad)
		bad = identity_prove(&p, now, result);
	if (!bad && ((initiator && p.label != hs->label_remote) ||
			    !suite_is_first_common(hs, keys, &p)))
		bad = -EPROTO;
	return bad;
}

/* All three messages are through: the keys of the session. */
static int conclude(struct handshake *hs, struct handshake_result *result)
{
	struct secret32 k1, k2;
	memcpy(result->hash, noise_handshake_hash(&hs->noise), sizeof result->hash);
	int rc = noise_split(&hs->noise, &k1, &k2);
	if (rc)
		return rc;
	struct session_keys keys;
	session_keys_derive(&keys, result->hash, &k1, &k2);
	bool initiator = hs->role == SEAM_INITIATOR;
	result->chain_tx = initiator ? keys.i2r : keys.r2i;
	result->chain_rx = initiator ? keys.r2i : keys.i2r;
	result->exporter = keys.exporter;
	secret_wipe(&keys, sizeof keys);
	secret_wipe(&k1, sizeof k1);
	secret_wipe(&k2, sizeof k2);
	return 0;
}

/* Commits the copy when all went well, and leaves no secret in it either way. */
static void settle(int rc, struct handshake *hs, struct handshake *next,
	struct handshake_result *out, struct handshake_result *result)
{
	if (rc >= 0) {
		*hs = *next;
		*out = *result;
	}
	handshake_wipe(next);
	handshake_result_wipe(result);
}

int handshake_resp(struct handshake *hs, const struct handshake_keys *keys, const uint8_t *end,
	size_t len, uint64_t now, uint8_t *dst, size_t cap, struct handshake_result *out)
{
	if (hs->role != SEAM_INITIATOR)
		return -EPROTO;
	struct rd r = rd_init(end, len);
	uint32_t lr = rd_u32(&r);
	if (!lr)
		return -EBADMSG;
	struct handshake next = *hs;
	struct handshake_result result = {0};
	next.label_remote = lr;
	int rc = read_proofs(&next, keys, r.p, rd_left(&r), now, &result);
	if (!rc)
		rc = write_proofs(&next, keys, 0, dst, cap);
	if (rc >= 0) {
		int bad = conclude(&next, &result);
		rc = bad ? bad : rc;
	}
	settle(rc, hs, &next, out, &result);
	return rc;
}

int handshake_finish(struct handshake *hs, const struct handshake_keys *keys, const uint8_t *body,
	size_t len, uint64_t now, struct handshake_result *out)
{
	if (hs->role != SEAM_RESPONDER)
		return -EPROTO;
	struct handshake next = *hs;
	struct handshake_result result = {0};
	int rc = read_proofs(&next, keys, body, len, now, &result);
	if (!rc)
		rc = conclude(&next, &result);
	settle(rc, hs, &next, out, &result);
	return rc;
}

void handshake_wipe(struct handshake *hs)
{
	secret_wipe(hs, sizeof *hs);
}

void handshake_result_wipe(struct handshake_result *r)
{
	secret_wipe(r, sizeof *r);
}
