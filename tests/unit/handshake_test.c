// SPDX-License-Identifier: Apache-2.0
/* Two ends in one process, honest and not. A dishonest end uses the Noise engine by itself. */
#include "handshake_codec.h"
#include "seam.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>

#define NOW 1700000000ull
enum { LI = 0x11223344, LR = 0x55667788, BIG = 2 * WIRE_HANDSHAKE_PAYLOAD_MAX };

/* Both ends, and the last message of each kind. */
struct pair {
	struct handshake_keys i_keys, r_keys;
	struct handshake i, r;
	uint8_t init[WIRE_INIT_MAX], resp[BIG], finish[BIG];
	int init_len, resp_len, finish_len;
	struct handshake_result i_result, r_result;
};

static bool have_aes(void)
{
	return !noise_protocol_parse(
		"Noise_XX_25519_AESGCM_SHA256", &(struct noise_protocol){0}, NULL);
}

static void keys_make(struct handshake_keys *k, uint64_t expires_at)
{
	struct secret32 primary;
	memset(k, 0, sizeof *k);
	noise_keypair(&k->static_key, k->static_public);
	int len = identity_create(&primary, k->history, sizeof k->history, NOW - 100);
	assert_true(len > 0);
	k->history_len = (size_t)len;
	assert_int_equal(identity_verify(k->history, k->history_len, NOW, &k->identity), 0);
	len = attestation_create(&k->identity, &primary, k->static_public, NOW - 100, expires_at,
		k->attestation, sizeof k->attestation);
	assert_true(len > 0);
	k->attestation_len = (size_t)len;
	k->suites[0] = SUITE_CHACHAPOLY;
	k->suites[1] = SUITE_AESGCM;
	k->suites_n = 2;
	secret_wipe(&primary, sizeof primary);
}

static int start(struct pair *p, uint8_t suite)
{
	p->init_len =
		handshake_start(&p->i, &p->i_keys, suite, LI, 4096, "api", p->init, sizeof p->init);
	return p->init_len < 0 ? p->init_len : 0;
}

static int respond(struct pair *p)
{
	struct init_end init;
	if (init_end_decode(p->init, (size_t)p->init_len, &init))
		return -ENOMSG; /* no error of handshake_respond */
	p->resp_len = handshake_respond(&p->r, &p->r_keys, &init, LR, NOW, p->resp, sizeof p->resp);
	return p->resp_len < 0 ? p->resp_len : 0;
}

static int resp(struct pair *p)
{
	p->finish_len = handshake_resp(&p->i, &p->i_keys, p->resp, (size_t)p->resp_len, NOW,
		p->finish, sizeof p->finish, &p->i_result);
	return p->finish_len < 0 ? p->finish_len : 0;
}

static int finish(struct pair *p)
{
	return handshake_finish(
		&p->r, &p->r_keys, p->finish, (size_t)p->finish_len, NOW, &p->r_result);
}

static int setup(void **state)
{
	assert_true(sodium_init() >= 0);
	struct pair *p = sodium_malloc(sizeof *p);
	assert_non_null(p);
	memset(p, 0, sizeof *p);
	keys_make(&p->i_keys, NOW + 1000);
	keys_make(&p->r_keys, NOW + 1000);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	sodium_free(*state);
	return 0;
}

static void check_results(const struct pair *p)
{
	const struct handshake_result *i = &p->i_result, *r = &p->r_result;
	assert_true(identifier_equal(&i->peer.id, &p->r_keys.identity.id));
	assert_true(identifier_equal(&r->peer.id, &p->i_keys.identity.id));
	assert_memory_equal(i->peer_static, p->r_keys.static_public, 32);
	assert_memory_equal(r->peer_static, p->i_keys.static_public, 32);
	assert_int_equal(i->peer_history_len, p->r_keys.history_len);
	assert_memory_equal(i->peer_history, p->r_keys.history, i->peer_history_len);
	assert_int_equal(r->peer_history_len, p->i_keys.history_len);
	assert_memory_equal(r->peer_history, p->i_keys.history, r->peer_history_len);
	assert_memory_equal(i->hash, r->hash, 32);
	assert_memory_equal(&i->chain_tx, &r->chain_rx, 32);
	assert_memory_equal(&i->chain_rx, &r->chain_tx, 32);
	assert_memory_equal(&i->exporter, &r->exporter, 32);
	assert_memory_not_equal(&i->chain_tx, &i->chain_rx, 32);
}

static void both_suites_agree_on_keys(void **state)
{
	struct pair *p = *state;
	for (uint8_t suite = SUITE_AESGCM; suite <= SUITE_CHACHAPOLY; suite++) {
		if (suite == SUITE_AESGCM && !have_aes())
			continue;
		p->i_keys.suites[0] = suite;
		p->i_keys.suites_n = 1;
		assert_int_equal(start(p, suite), 0);
		assert_int_equal(respond(p), 0);
		assert_int_equal(resp(p), 0);
		assert_int_equal(finish(p), 0);
		check_results(p);
		assert_int_equal(p->i.label_local, LI);
		assert_int_equal(p->i.label_remote, LR);
		assert_int_equal(p->r.label_local, LR);
		assert_int_equal(p->r.label_remote, LI);
		struct noise_state wiped = {0};
		assert_memory_equal(&p->i.noise, &wiped, sizeof wiped);
		assert_memory_equal(&p->r.noise, &wiped, sizeof wiped);
		/* consumed: nothing comes twice */
		assert_int_equal(finish(p), -EPROTO);
		assert_int_equal(resp(p), -EPROTO);
	}
}

/* A changed INIT either fails at once, or the initiator cannot read the answer. */
static void a_changed_init_fails(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	unsigned answered = 0;
	for (int k = 0; k < p->init_len; k++) {
		struct handshake before = p->i;
		p->init[k] ^= 0x80;
		int rc = respond(p);
		if (!rc) {
			answered++;
			assert_int_equal(resp(p), -EBADMSG);
			assert_memory_equal(&p->i, &before, sizeof before);
		}
		p->init[k] ^= 0x80;
	}
	assert_true(answered >= 32);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), 0);
	assert_int_equal(finish(p), 0);
	check_results(p);
}

static void a_changed_resp_leaves_no_trace(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	struct handshake before = p->i;
	struct handshake_result untouched = p->i_result;
	for (int k = 0; k < p->resp_len; k++) {
		p->resp[k] ^= 0x40;
		assert_int_equal(resp(p),
			k < 4 ? -EPROTO : -EBADMSG); /* the label is clear, but sealed too */
		p->resp[k] ^= 0x40;
		int len = p->resp_len;
		p->resp_len = k;
		assert_int_equal(resp(p), -EBADMSG);
		p->resp_len = len;
		assert_memory_equal(&p->i, &before, sizeof before);
		assert_memory_equal(&p->i_result, &untouched, sizeof untouched);
	}
	assert_int_equal(resp(p), 0);
	assert_int_equal(finish(p), 0);
	check_results(p);
}

static void a_changed_finish_leaves_no_trace(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), 0);
	struct handshake before = p->r;
	struct handshake_result untouched = p->r_result;
	for (int k = 0; k < p->finish_len; k++) {
		p->finish[k] ^= 0x01;
		assert_int_equal(finish(p), -EBADMSG);
		p->finish[k] ^= 0x01;
		int len = p->finish_len;
		p->finish_len = k;
		assert_int_equal(finish(p), -EBADMSG);
		p->finish_len = len;
		assert_memory_equal(&p->r, &before, sizeof before);
		assert_memory_equal(&p->r_result, &untouched, sizeof untouched);
	}
	p->finish_len++;
	assert_int_equal(finish(p), -EBADMSG);
	p->finish_len--;
	assert_int_equal(finish(p), 0);
	check_results(p);
}

static void too_long_is_not_looked_at(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	int len = p->resp_len;
	p->resp_len = BIG;
	assert_int_equal(resp(p), -EBADMSG);
	p->resp_len = len;
	assert_int_equal(resp(p), 0);
	p->finish_len = BIG;
	assert_int_equal(finish(p), -EBADMSG);
}

static void no_room_is_an_error_without_trace(void **state)
{
	struct pair *p = *state;
	assert_int_equal(
		handshake_start(&p->i, &p->i_keys, SUITE_CHACHAPOLY, LI, 4096, "api", p->init, 30),
		-EMSGSIZE);
	assert_int_equal(
		handshake_start(&p->i, &p->i_keys, SUITE_CHACHAPOLY, LI, 4096, "api", p->init, 10),
		-EMSGSIZE);
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	struct init_end init;
	assert_int_equal(init_end_decode(p->init, (size_t)p->init_len, &init), 0);
	assert_int_equal(
		handshake_respond(&p->r, &p->r_keys, &init, 0, NOW, p->resp, sizeof p->resp), -EINVAL);
	for (size_t cap = 0; cap < 100; cap++)
		assert_int_equal(handshake_respond(&p->r, &p->r_keys, &init, LR, NOW, p->resp, cap),
			-EMSGSIZE);
	assert_int_equal(respond(p), 0);
	struct handshake before = p->i;
	assert_int_equal(handshake_resp(&p->i, &p->i_keys, p->resp, (size_t)p->resp_len, NOW,
				 p->finish, 100, &p->i_result),
		-EMSGSIZE);
	assert_memory_equal(&p->i, &before, sizeof before);
	assert_int_equal(resp(p), 0);
	assert_int_equal(finish(p), 0);
}

static void an_expired_attestation_is_refused(void **state)
{
	struct pair *p = *state;
	struct handshake_keys good = p->r_keys;
	keys_make(&p->r_keys, NOW - 1);
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), -EKEYEXPIRED);
	p->r_keys = good;
	keys_make(&p->i_keys, NOW - 1);
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), 0);
	assert_int_equal(finish(p), -EKEYEXPIRED);
}

static void an_attestation_of_another_key_is_refused(void **state)
{
	struct pair *p = *state;
	struct handshake_keys good = p->r_keys;
	noise_keypair(&p->r_keys.static_key, p->r_keys.static_public);
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), -EKEYREJECTED);
	p->r_keys = good;
	noise_keypair(&p->i_keys.static_key, p->i_keys.static_public);
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), 0);
	assert_int_equal(finish(p), -EKEYREJECTED);
}

static void an_attestation_of_another_identity_is_refused(void **state)
{
	struct pair *p = *state;
	memcpy(p->r_keys.attestation, p->i_keys.attestation, sizeof p->r_keys.attestation);
	p->r_keys.attestation_len = p->i_keys.attestation_len;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_true(resp(p) < 0);
}

/* The initiator finishes as it likes: with this payload, past its own checks. */
static void dishonest_finish(struct pair *p, const struct handshake_keys *claims)
{
	uint8_t payload[WIRE_HANDSHAKE_PAYLOAD_MAX];
	assert_true(noise_read(&p->i.noise, p->resp + 4, (size_t)p->resp_len - 4, payload,
			    sizeof payload) > 0);
	int len = handshake_payload_encode(claims, 0, payload, sizeof payload);
	assert_true(len > 0);
	p->finish_len = noise_write(&p->i.noise, payload, (size_t)len, p->finish, sizeof p->finish);
	assert_true(p->finish_len > 0);
}

static void a_channel_to_oneself_is_refused(void **state)
{
	struct pair *p = *state;
	p->r_keys = p->i_keys;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	struct handshake before = p->i;
	assert_int_equal(resp(p), -ELOOP);
	assert_memory_equal(&p->i, &before, sizeof before);
	dishonest_finish(p, &p->i_keys);
	assert_int_equal(finish(p), -ELOOP);
}

/* A hop that answers an INIT with the initiator's own bytes gets nowhere. */
static void reflected_messages_are_refused(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	struct init_end init;
	assert_int_equal(init_end_decode(p->init, (size_t)p->init_len, &init), 0);
	put_be32(p->resp, LR);
	memcpy(p->resp + 4, init.noise, init.noise_len);
	p->resp_len = (int)init.noise_len + 4;
	assert_int_equal(resp(p), -EBADMSG);
	assert_int_equal(respond(p), 0);
	p->finish_len = p->resp_len - 4;
	memcpy(p->finish, p->resp + 4, (size_t)p->finish_len);
	assert_int_equal(finish(p), -EBADMSG);
}

static void a_point_of_low_order_is_refused(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	memset(p->init + p->init_len - 32, 0, 32);
	assert_int_equal(respond(p), -EBADMSG);
}

static void message_1_carries_nothing(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	p->init[p->init_len++] = 0;
	assert_int_equal(respond(p), -EBADMSG);
	p->init_len -= 2;
	assert_int_equal(respond(p), -EBADMSG);
}

/* Both have both suites and the initiator likes AESGCM, yet CHACHAPOLY is in use. */
static void a_downgrade_is_noticed_by_both(void **state)
{
	struct pair *p = *state;
	p->i_keys.suites[0] = SUITE_AESGCM;
	p->i_keys.suites[1] = SUITE_CHACHAPOLY;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), -EPROTO);
	dishonest_finish(p, &p->i_keys);
	assert_int_equal(finish(p), -EPROTO);

	/* no downgrade when the responder has only the other */
	p->r_keys.suites_n = 1;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(resp(p), 0);
	assert_int_equal(finish(p), 0);
	check_results(p);
}

static void what_is_not_offered_is_not_supported(void **state)
{
	struct pair *p = *state;
	p->i_keys.suites_n = 1;
	assert_int_equal(start(p, SUITE_AESGCM), -EOPNOTSUPP);
	assert_int_equal(start(p, 9), -EOPNOTSUPP);
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	p->r_keys.suites[0] = SUITE_AESGCM;
	p->r_keys.suites_n = 1;
	assert_int_equal(respond(p), -EOPNOTSUPP);
	p->r_keys.suites[0] = SUITE_CHACHAPOLY;
	p->init[1] = PATTERN_XX + 1;
	assert_int_equal(respond(p), -EOPNOTSUPP);
	/* a suite in the list that no code runs */
	p->i_keys.suites[0] = 9;
	assert_int_equal(start(p, 9), -EOPNOTSUPP);
	p->i_keys.suites[0] = 0;
	assert_int_equal(start(p, 0), -EOPNOTSUPP);
}

static void roles_are_kept(void **state)
{
	struct pair *p = *state;
	assert_int_equal(start(p, SUITE_CHACHAPOLY), 0);
	assert_int_equal(respond(p), 0);
	assert_int_equal(handshake_finish(&p->i, &p->i_keys, p->resp, (size_t)p->resp_len, NOW,
				 &p->i_result),
		-EPROTO);
	assert_int_equal(handshake_resp(&p->r, &p->r_keys, p->resp, (size_t)p->resp_len, NOW,
				 p->finish, sizeof p->finish, &p->i_result),
		-EPROTO);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(both_suites_agree_on_keys),
		test(a_changed_init_fails),
		test(a_changed_resp_leaves_no_trace),
		test(a_changed_finish_leaves_no_trace),
		test(too_long_is_not_looked_at),
		test(no_room_is_an_error_without_trace),
		test(an_expired_attestation_is_refused),
		test(an_attestation_of_another_key_is_refused),
		test(an_attestation_of_another_identity_is_refused),
		test(a_channel_to_oneself_is_refused),
		test(reflected_messages_are_refused),
		test(a_point_of_low_order_is_refused),
		test(message_1_carries_nothing),
		test(a_downgrade_is_noticed_by_both),
		test(what_is_not_offered_is_not_supported),
		test(roles_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
