// SPDX-License-Identifier: Apache-2.0
/*
 * The handshake of two ends. The first byte picks what the input is: the end part of INIT for a
 * responder, that of RESP for an initiator, the body of FINISH for a responder; or, in three parts,
 * edits of honest messages, each of which comes as edited first and as it should be afterwards.
 * A message that fails leaves no trace. Linked with stub_sodium.c.
 */
#include "handshake.h"
#include "fuzz.h"
#include "stub_sodium.h"

enum { NOW = 1700000100, LI = 0x11223344, LR = 0x55667788, ROOM = 2 * WIRE_HANDSHAKE_PAYLOAD_MAX };

static struct handshake_keys i_keys, r_keys;

static void make_keys(struct handshake_keys *k, uint8_t seed)
{
	struct secret32 primary;
	memset(k->static_key.b, seed, sizeof k->static_key.b);
	memcpy(k->static_public, k->static_key.b, sizeof k->static_public);
	int n = identity_create(&primary, k->history, sizeof k->history, NOW - 100);
	CHECK(n > 0);
	k->history_len = (size_t)n;
	CHECK(!identity_verify(k->history, k->history_len, NOW, &k->identity));
	n = attestation_create(&k->identity, &primary, k->static_public, NOW - 100, NOW + 1000,
		k->attestation, sizeof k->attestation);
	CHECK(n > 0);
	k->attestation_len = (size_t)n;
	k->suites[0] = SUITE_CHACHAPOLY;
	k->suites_n = 1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	make_keys(&i_keys, 0x21);
	make_keys(&r_keys, 0x42);
	return 0;
}

static bool is_untouched(const struct handshake *a, const struct handshake *b)
{
	return !memcmp(a, b, sizeof *a);
}

static int respond(struct handshake *hs, const uint8_t *p, size_t len, uint8_t *dst)
{
	struct init_end init;
	struct handshake before = *hs;
	if (init_end_decode(p, len, &init) < 0)
		return -1;
	int n = handshake_respond(hs, &r_keys, &init, LR, NOW, dst, ROOM);
	CHECK(n >= 0 || is_untouched(hs, &before));
	return n;
}

static int resp(struct handshake *hs, const uint8_t *p, size_t len, uint8_t *dst,
	struct handshake_result *result)
{
	struct handshake before = *hs;
	int n = handshake_resp(hs, &i_keys, p, len, NOW, dst, ROOM, result);
	CHECK(n >= 0 || is_untouched(hs, &before));
	return n;
}

static int finish(
	struct handshake *hs, const uint8_t *p, size_t len, struct handshake_result *result)
{
	struct handshake before = *hs;
	int n = handshake_finish(hs, &r_keys, p, len, NOW, result);
	CHECK(n == 0 || is_untouched(hs, &before));
	return n;
}

/* A copy with some bytes changed, cut or longer: [count, (position u16, xor u8)..., length change]
 */
static size_t edit(struct rd *in, const uint8_t *from, size_t len, uint8_t *to)
{
	memset(to, 0, ROOM);
	memcpy(to, from, len);
	for (unsigned n = rd_u8(in) % 8; n; n--) {
		uint16_t at = rd_u16(in);
		to[at % len] ^= rd_u8(in);
	}
	int change = (int8_t)rd_u8(in);
	return (size_t)((int)len + change < 1 ? 1 : (int)len + change);
}

static void edited(struct rd *in)
{
	static uint8_t init[WIRE_INIT_MAX + 128], r[ROOM], f[ROOM], bad[ROOM], scratch[ROOM];
	static struct handshake_result ir, rr, other;
	struct handshake i, rs = {0}, twin;
	int n = handshake_start(
		&i, &i_keys, SUITE_CHACHAPOLY, LI, 4096, "api", init, WIRE_INIT_MAX);
	CHECK(n > 0);
	twin = rs;
	respond(&twin, bad, edit(in, init, (size_t)n, bad), scratch);
	n = respond(&rs, init, (size_t)n, r);
	CHECK(n > 0);
	twin = i;
	resp(&twin, bad, edit(in, r, (size_t)n, bad), scratch, &other);
	n = resp(&i, r, (size_t)n, f, &ir);
	CHECK(n > 0);
	twin = rs;
	finish(&twin, bad, edit(in, f, (size_t)n, bad), &other);
	CHECK(finish(&rs, f, (size_t)n, &rr) == 0);
	CHECK(!memcmp(&ir.chain_tx, &rr.chain_rx, 32) && !memcmp(&ir.chain_rx, &rr.chain_tx, 32));
	CHECK(!memcmp(ir.hash, rr.hash, 32) && !memcmp(&ir.exporter, &rr.exporter, 32));
	CHECK(identifier_equal(&ir.peer.id, &r_keys.identity.id));
	CHECK(identifier_equal(&rr.peer.id, &i_keys.identity.id));
}

/* What was accepted is a peer whose proofs hold together. */
static void check_peer(const struct handshake_result *r)
{
	struct identity again;
	CHECK(!identity_verify(r->peer_history, r->peer_history_len, NOW, &again));
	CHECK(identifier_equal(&again.id, &r->peer.id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t init[WIRE_INIT_MAX], out[ROOM];
	static struct handshake_result result;
	struct handshake i, r = {0};
	struct rd in = rd_init(data, size);
	stub_random_reset();
	uint8_t what = rd_u8(&in) % 4;
	if (what == 3) {
		edited(&in);
		return 0;
	}
	size_t n = rd_left(&in);
	uint8_t *p = fuzz_block(&in, &n);
	int len =
		handshake_start(&i, &i_keys, SUITE_CHACHAPOLY, LI, 4096, "api", init, sizeof init);
	if (what == 0) {
		respond(&r, p, n, out);
	} else if (what == 1) {
		if (resp(&i, p, n, out, &result) >= 0)
			check_peer(&result);
	} else {
		CHECK(respond(&r, init, (size_t)len, out) > 0);
		if (finish(&r, p, n, &result) == 0)
			check_peer(&result);
	}
	free(p);
	return 0;
}
