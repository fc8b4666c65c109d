// SPDX-License-Identifier: Apache-2.0
#include "epoch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

#include "../vectors/data_frames.h"

static const struct aead *aead;
static struct secret32 chain;

static void frame_make(uint8_t *f, uint32_t len, uint32_t epoch, uint64_t seq)
{
	memset(f, 0x55, len);
	frame_header_encode(f, WIRE_DATA, (uint8_t)epoch, (uint16_t)len, 7, seq);
}

/* Seals a frame in tx's epoch; does rx open it? Commits when it does. */
static bool passes(struct epoch_tx *t, struct epoch_rx *r, uint64_t now_ms)
{
	uint8_t f[64];
	uint32_t epoch;
	struct aead_op op = {.frame = f, .len = sizeof f};
	frame_make(f, sizeof f, t->epoch, 1);
	aead->seal(&t->key, &op, 1);
	struct aead_key *k = epoch_rx_key(r, f[1], &epoch);
	if (!k)
		return false;
	aead->open(k, &op, 1);
	if (op.ok)
		epoch_rx_commit(r, epoch, now_ms);
	return op.ok;
}

/* One whole agreement: due, PING asked for, PONG taken. */
static void rekey(struct epoch_tx *t, uint64_t *now_ms)
{
	*now_ms += WIRE_EPOCH_MS;
	assert_true(epoch_tx_ping_due(t, 0, *now_ms));
	assert_int_equal(epoch_tx_pong(t, t->epoch, *now_ms), 0);
}

static void vectors_of_three_epochs(void **state)
{
	for (unsigned i = 0; aead_nth(i); i++) {
		struct epoch_tx t;
		struct epoch_rx r;
		uint64_t now = 0;
		const struct aead *a = aead_nth(i);
		assert_int_equal(epoch_tx_init(&t, a, &chain, 0), 0);
		assert_int_equal(epoch_rx_init(&r, a, &chain), 0);
		for (unsigned v = 0; v < 6; v++) {
			const struct vector_frame *vf = &vector_frames[v];
			uint8_t f[sizeof vf->frame];
			struct aead_op op = {.frame = f, .len = sizeof f};
			uint32_t epoch;
			if (vf->suite != a->suite)
				continue;
			memcpy(f, vf->frame, sizeof f);
			struct aead_key *k = epoch_rx_key(&r, f[1], &epoch);
			assert_non_null(k);
			assert_int_equal(epoch, vf->epoch);
			a->open(k, &op, 1);
			assert_true(op.ok);
			epoch_rx_commit(&r, epoch, now);
			if (t.epoch < vf->epoch)
				rekey(&t, &now);
			a->seal(&t.key, &op, 1);
			assert_memory_equal(f, vf->frame, sizeof f);
		}
		assert_int_equal(t.epoch, 2);
		assert_int_equal(r.epoch, 2);
		epoch_tx_fini(&t);
		epoch_rx_fini(&r);
	}
}

static void only_neighbours_are_held(void **state)
{
	struct epoch_tx t;
	struct epoch_rx r;
	uint64_t now = 0;
	uint32_t e;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 0), 0);
	assert_int_equal(epoch_rx_init(&r, aead, &chain), 0);
	for (uint32_t n = 0; n < 600; n++) { /* over the end of sub's byte twice */
		assert_true(passes(&t, &r, now));
		assert_int_equal(r.epoch, n);
		for (unsigned sub = 0; sub < 256; sub++) {
			uint8_t ahead = (uint8_t)(sub - n);
			bool held = ahead == 0 || ahead == 1 || (ahead == 255 && n > 0);
			assert_int_equal(epoch_rx_key(&r, (uint8_t)sub, &e) != NULL, held);
			if (held)
				assert_int_equal(e, n + (ahead == 255 ? UINT32_MAX : ahead));
		}
		rekey(&t, &now);
	}
	epoch_tx_fini(&t);
	epoch_rx_fini(&r);
}

static void receiver_moves_only_by_commit(void **state)
{
	struct epoch_tx t;
	struct epoch_rx r;
	uint64_t now = 0;
	uint32_t e;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 0), 0);
	assert_int_equal(epoch_rx_init(&r, aead, &chain), 0);
	assert_true(passes(&t, &r, now));
	rekey(&t, &now);
	assert_non_null(epoch_rx_key(&r, 1, &e));
	assert_int_equal(r.epoch, 0);
	rekey(&t, &now); /* a sender that runs two ahead is not followed */
	assert_false(passes(&t, &r, now));
	assert_int_equal(r.epoch, 0);
	epoch_tx_fini(&t);
	epoch_rx_fini(&r);
}

static void old_key_is_wiped(void **state)
{
	static const uint8_t zero[AEAD_KEY_SPACE];
	struct epoch_tx t, old;
	struct epoch_rx r;
	uint64_t now = 0;
	uint32_t e;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 0), 0);
	assert_int_equal(epoch_tx_init(&old, aead, &chain, 0), 0);
	assert_int_equal(epoch_rx_init(&r, aead, &chain), 0);
	rekey(&t, &now);
	assert_true(passes(&t, &r, now));
	assert_int_equal(r.epoch, 1);
	assert_true(passes(&old, &r, now)); /* late frames of before */
	assert_int_equal(r.epoch, 1);
	epoch_rx_tick(&r, now + WIRE_EPOCH_OLD_MS - 1);
	assert_non_null(epoch_rx_key(&r, 0, &e));
	assert_true(r.old_until_ms == now + WIRE_EPOCH_OLD_MS);
	epoch_rx_tick(&r, now + WIRE_EPOCH_OLD_MS);
	assert_null(epoch_rx_key(&r, 0, &e));
	assert_memory_equal(r.keys[0].space, zero, sizeof zero);
	assert_true(r.old_until_ms == UINT64_MAX);
	assert_true(passes(&t, &r, now));
	epoch_tx_fini(&t);
	epoch_tx_fini(&old);
	epoch_rx_fini(&r);
}

static void due_by_time_and_by_frames(void **state)
{
	struct epoch_tx t;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 1000), 0);
	assert_false(epoch_tx_ping_due(&t, 0, 1000 + WIRE_EPOCH_MS - 1));
	assert_true(epoch_tx_ping_deadline(&t, 0) == UINT64_MAX);
	assert_true(epoch_tx_ping_due(&t, 0, 1000 + WIRE_EPOCH_MS));
	epoch_tx_fini(&t);

	assert_int_equal(epoch_tx_init(&t, aead, &chain, 1000), 0);
	epoch_tx_sealed(&t, WIRE_EPOCH_FRAMES - 1, 1000);
	assert_false(epoch_tx_ping_due(&t, 0, 1000));
	epoch_tx_sealed(&t, 1, 1000);
	assert_true(epoch_tx_ping_due(&t, 0, 1000));
	/* then every max(RTT, 200 ms) */
	assert_false(epoch_tx_ping_due(&t, 0, 1199));
	assert_true(epoch_tx_ping_deadline(&t, 0) == 1200);
	assert_true(epoch_tx_ping_deadline(&t, 900) == 1900);
	assert_false(epoch_tx_ping_due(&t, 900, 1899));
	assert_true(epoch_tx_ping_due(&t, 900, 1900));
	epoch_tx_fini(&t);
}

static void pong_decides(void **state)
{
	struct epoch_tx t;
	uint64_t now = 0;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 0), 0);
	assert_int_equal(epoch_tx_pong(&t, 1, 0), -EPROTO);
	assert_int_equal(epoch_tx_pong(&t, 0, 0), 0); /* not due: nothing moves */
	assert_int_equal(t.epoch, 0);
	rekey(&t, &now);
	assert_int_equal(t.epoch, 1);
	assert_true(t.frames == 0 && t.since_ms == now && !t.due);
	now += WIRE_EPOCH_MS;
	assert_true(epoch_tx_ping_due(&t, 0, now));
	assert_int_equal(epoch_tx_pong(&t, 0, now), 0); /* an old one */
	assert_int_equal(t.epoch, 1);
	assert_int_equal(epoch_tx_pong(&t, 2, now), -EPROTO);
	assert_int_equal(t.epoch, 1);
	assert_int_equal(epoch_tx_pong(&t, 1, now), 0);
	assert_int_equal(t.epoch, 2);
	epoch_tx_fini(&t);
}

static void hard_limit(void **state)
{
	struct epoch_tx t;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 0), 0);
	epoch_tx_sealed(&t, WIRE_EPOCH_HARD - 1, 5);
	assert_false(epoch_tx_hard(&t));
	assert_true(epoch_tx_hard_deadline(&t) == UINT64_MAX);
	epoch_tx_sealed(&t, 1, 70);
	assert_true(epoch_tx_hard(&t));
	epoch_tx_sealed(&t, 1, 90); /* a PING: the wait goes on */
	assert_true(epoch_tx_hard_deadline(&t) == 10070);
	assert_true(epoch_tx_ping_due(&t, 0, 100));
	assert_int_equal(epoch_tx_pong(&t, 0, 100), 0);
	assert_false(epoch_tx_hard(&t));
	assert_true(epoch_tx_hard_deadline(&t) == UINT64_MAX);
	epoch_tx_fini(&t);
}

/* Slots stay right up to the last number there is, which has no successor. */
static void last_epoch(void **state)
{
	struct epoch_tx t;
	struct epoch_rx r;
	uint64_t now = 0;
	uint32_t e;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 0), 0);
	assert_int_equal(epoch_rx_init(&r, aead, &chain), 0);
	t.epoch = r.epoch = UINT32_MAX - 3; /* a multiple of three, as 0 is */
	static_assert((UINT32_MAX - 3) % 3 == 0, "slot of key 0");
	for (unsigned i = 0; i < 3; i++) {
		assert_true(passes(&t, &r, now));
		rekey(&t, &now);
		assert_true(passes(&t, &r, now));
		epoch_rx_tick(&r, now + WIRE_EPOCH_OLD_MS);
		assert_null(epoch_rx_key(&r, (uint8_t)(t.epoch - 1), &e));
		assert_true(passes(&t, &r, now));
	}
	assert_true(r.epoch == UINT32_MAX && t.epoch == UINT32_MAX);
	assert_null(epoch_rx_key(&r, 0, &e));
	now += WIRE_EPOCH_MS;
	assert_true(epoch_tx_ping_due(&t, 0, now));
	assert_int_equal(epoch_tx_pong(&t, UINT32_MAX, now), 0);
	assert_true(t.epoch == UINT32_MAX);
	assert_true(passes(&t, &r, now));
	epoch_tx_fini(&t);
	epoch_rx_fini(&r);
}

static void fini_leaves_nothing(void **state)
{
	static const struct epoch_tx zero_tx;
	static const struct epoch_rx zero_rx;
	struct epoch_tx t;
	struct epoch_rx r;
	assert_int_equal(epoch_tx_init(&t, aead, &chain, 9), 0);
	assert_int_equal(epoch_rx_init(&r, aead, &chain), 0);
	assert_memory_not_equal(t.chain.b, chain.b, sizeof chain.b);
	assert_memory_not_equal(r.chain.b, chain.b, sizeof chain.b);
	epoch_tx_fini(&t);
	epoch_rx_fini(&r);
	assert_memory_equal(&t, &zero_tx, sizeof t);
	assert_memory_equal(&r, &zero_rx, sizeof r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_three_epochs),
		cmocka_unit_test(only_neighbours_are_held),
		cmocka_unit_test(receiver_moves_only_by_commit),
		cmocka_unit_test(old_key_is_wiped),
		cmocka_unit_test(due_by_time_and_by_frames),
		cmocka_unit_test(pong_decides),
		cmocka_unit_test(hard_limit),
		cmocka_unit_test(last_epoch),
		cmocka_unit_test(fini_leaves_nothing),
	};
	aead_init();
	aead = aead_best(SUITE_CHACHAPOLY);
	memcpy(chain.b, vector_chain_i2r, sizeof chain.b);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
