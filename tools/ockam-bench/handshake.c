// SPDX-License-Identifier: Apache-2.0
/*
 * Whole XX handshakes, both ends in one thread, each verifying the other's history and attestation,
 * beside the curve and signature operations that such a handshake cannot do without.
 */
#include "handshake.h"

#include "catalog.h"
#include "greeting.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LI = 1, LR = 2, MESSAGE_MAX = 2 * WIRE_HANDSHAKE_PAYLOAD_MAX };

struct pair {
	struct handshake_keys i_keys, r_keys;
	struct handshake i, r;
	struct handshake_result i_result, r_result;
	uint8_t init[WIRE_INIT_MAX], resp[MESSAGE_MAX], finish[MESSAGE_MAX];
	uint64_t now;
};

static int keys_make(struct handshake_keys *k, uint8_t suite, uint64_t now)
{
	struct secret32 primary;
	memset(k, 0, sizeof *k);
	randombytes_buf(&k->static_key, sizeof k->static_key);
	crypto_scalarmult_base(k->static_public, k->static_key.b);
	int n = identity_create(&primary, k->history, sizeof k->history, now);
	if (n < 0)
		return n;
	k->history_len = (size_t)n;
	int rc = identity_verify(k->history, k->history_len, now, &k->identity);
	n = rc < 0 ? rc
		   : attestation_create(&k->identity, &primary, k->static_public, now, now + 86400,
			     k->attestation, sizeof k->attestation);
	secret_wipe(&primary, sizeof primary);
	if (n < 0)
		return n;
	k->attestation_len = (size_t)n;
	k->suites[0] = suite;
	k->suites_n = 1;
	return 0;
}

static int once(struct pair *p, uint8_t suite)
{
	struct init_end init;
	int n = handshake_start(
		&p->i, &p->i_keys, suite, LI, WIRE_FRAME_MAX, "api", p->init, sizeof p->init);
	if (n < 0)
		return n;
	n = init_end_decode(p->init, (size_t)n, &init);
	if (n == 0)
		n = handshake_respond(
			&p->r, &p->r_keys, &init, LR, p->now, p->resp, sizeof p->resp);
	if (n > 0)
		n = handshake_resp(&p->i, &p->i_keys, p->resp, (size_t)n, p->now, p->finish,
			sizeof p->finish, &p->i_result);
	if (n > 0)
		n = handshake_finish(&p->r, &p->r_keys, p->finish, (size_t)n, p->now, &p->r_result);
	return n;
}

/*
 * What both ends together must do: two ephemeral keys, three Diffie-Hellman operations each, and
 * each verifies one signature of the history and one of the attestation.
 */
enum { KEYGENS = 2, DIFFIE_HELLMANS = 6, VERIFIES = 4 };

struct bare {
	uint8_t secret[32], public[32], shared[32], message[32], signature[64], signer[32];
};

static int bare_once(struct bare *x)
{
	int bad = 0;
	for (unsigned i = 0; i < KEYGENS; i++)
		bad |= crypto_scalarmult_base(x->public, x->secret);
	for (unsigned i = 0; i < DIFFIE_HELLMANS; i++)
		bad |= crypto_scalarmult(x->shared, x->secret, x->public);
	for (unsigned i = 0; i < VERIFIES; i++)
		bad |= crypto_sign_verify_detached(
			x->signature, x->message, sizeof x->message, x->signer);
	return bad ? -EIO : 0;
}

static void bare_make(struct bare *x)
{
	uint8_t key[64];
	randombytes_buf(x, sizeof *x);
	crypto_sign_keypair(x->signer, key);
	crypto_sign_detached(x->signature, NULL, x->message, sizeof x->message, key);
	secret_wipe(key, sizeof key);
}

static int measure_bare(struct bench *b, struct bare *x)
{
	uint64_t n = 0, start = clock_ns(CLOCK_THREAD_CPUTIME_ID), spent;
	do {
		int rc = bare_once(x);
		if (rc < 0)
			return rc;
		n++;
		spent = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	} while ((double)spent < b->seconds * 1e9);
	bench_add(b, "bare curve and signature operations", "both ends",
		(double)n / ((double)spent / 1e9));
	return 0;
}

static int measure(struct bench *b, struct pair *p, uint8_t suite, const char *name)
{
	uint64_t n = 0, start = clock_ns(CLOCK_THREAD_CPUTIME_ID), spent;
	do {
		int rc = once(p, suite);
		if (rc < 0)
			return rc;
		n++;
		spent = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	} while ((double)spent < b->seconds * 1e9);
	bench_add(b, name, "both ends", (double)n / ((double)spent / 1e9));
	return 0;
}

/* Both ends of the last handshake have the same keys, and know each other. */
static int verify(const struct pair *p)
{
	const struct handshake_result *i = &p->i_result, *r = &p->r_result;
	bool same = !sodium_memcmp(&i->chain_tx, &r->chain_rx, sizeof i->chain_tx) &&
		    !sodium_memcmp(&i->chain_rx, &r->chain_tx, sizeof i->chain_rx) &&
		    !memcmp(i->hash, r->hash, sizeof i->hash) &&
		    !memcmp(i->peer_static, p->r_keys.static_public, sizeof i->peer_static) &&
		    !memcmp(r->peer_static, p->i_keys.static_public, sizeof r->peer_static);
	if (!same)
		bench_say("the ends of a handshake do not have the same keys");
	return same ? 0 : -EBADMSG;
}

static int run_suite(struct bench *b, struct pair *p, uint8_t suite, const char *name)
{
	int rc = keys_make(&p->i_keys, suite, p->now);
	if (rc == 0)
		rc = keys_make(&p->r_keys, suite, p->now);
	if (rc == 0)
		rc = measure(b, p, suite, name);
	return rc == -EOPNOTSUPP ? 0 : rc < 0 ? rc : verify(p);
}

struct work {
	struct pair *p; /* locked memory */
	struct bare bare;
	struct greetings *links;
};

static void close_handshake(struct bench *b, void *state)
{
	struct work *w = state;
	greetings_close(b, w->links);
	sodium_free(w->p);
	free(w);
}

static int open_handshake(struct bench *b, void **state)
{
	struct work *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->p = sodium_malloc(sizeof *w->p);
	int rc = w->p ? greetings_open(b, &w->links) : -ENOMEM;
	if (rc < 0) {
		sodium_free(w->p);
		free(w);
		return rc;
	}
	memset(w->p, 0, sizeof *w->p);
	w->p->now = (uint64_t)time(NULL);
	bare_make(&w->bare);
	*state = w;
	return 0;
}

static int round_handshake(struct bench *b, void *state)
{
	struct work *w = state;
	int rc = 0;
	for (unsigned i = 0; i < 3 && rc == 0; i++)
		switch (bench_turn(b, i, 3)) {
		case 0:
			rc = measure_bare(b, &w->bare);
			break;
		case 1:
			rc = run_suite(b, w->p, SUITE_AESGCM, "XX with AES-256-GCM");
			break;
		default:
			rc = run_suite(b, w->p, SUITE_CHACHAPOLY, "XX with ChaCha20-Poly1305");
		}
	return rc < 0 ? rc : greetings_round(b, w->links);
}

const struct scenario_ops handshake_ops = {open_handshake, round_handshake, NULL, close_handshake};
