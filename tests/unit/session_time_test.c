// SPDX-License-Identifier: Apache-2.0
/* What a session does when time passes: liveness and the agreement on new keys, under a fake clock.
 */
#include "session_pair.h"

static struct frames f;

/* Lets both ends act when they want to until `until`; frames are lost when told so. Events of
 * `p->i`. */
static unsigned run(struct pair *p, uint64_t until, bool lost)
{
	static struct frames out;
	unsigned events = 0;
	for (;;) {
		uint64_t a = session_deadline(p->i), b = session_deadline(p->r);
		uint64_t at = a < b ? a : b;
		if (at > until)
			break;
		assert_true(at >= now);
		now = at;
		events |= session_tick(p->i, now) & ~(unsigned)SESSION_EV_OUTPUT;
		session_tick(p->r, now);
		assert_true(session_deadline(p->i) > now || session_wants_output(p->i) ||
			    p->i->state == SESSION_BROKEN);
		if (!lost) {
			events |= settle(p->i, p->r) & ~(unsigned)SESSION_EV_OUTPUT;
		} else {
			output(p->i, &out);
			output(p->r, &out);
		}
		if (events & SESSION_EV_BROKEN)
			return events;
	}
	now = until;
	return events;
}

/* An hour of nothing: a PING each 100 s from each end and its answer, no chatter, no break. */
static void idle_ends_are_quiet(void **state)
{
	struct pair p = pair_new(0);
	uint64_t before = p.i->frames_tx + p.r->frames_tx;
	assert_int_equal(run(&p, now + 3600 * 1000, false), 0);
	uint64_t frames = p.i->frames_tx + p.r->frames_tx - before;
	assert_in_range(frames, 36, 4 * 36 + 8);
	assert_true(p.i->rx.epoch > 10 && p.r->rx.epoch > 10);
	pair_free(&p);
}

static void silence_is_asked_each_second(void **state)
{
	struct pair p = pair_new(0);
	assert_int_equal(session_msg(p.i, 1, false, (const uint8_t *)"x", 1), 0);
	output(p.i, &f); /* lost */
	uint64_t start = now, sent = p.i->frames_tx;
	assert_true(session_deadline(p.i) == start + 1000);
	assert_int_equal(run(&p, start + 999, true), 0);
	assert_true(p.i->frames_tx == sent);
	assert_int_equal(run(&p, start + 4999, true), 0);
	assert_true(p.i->frames_tx == sent + 4);
	assert_int_equal(run(&p, start + 14999, true), 0);
	assert_int_equal(run(&p, start + 60000, true), SESSION_EV_BROKEN);
	assert_true(now == start + 15000);
	assert_int_equal(session_broken_errno(p.i), -ETIMEDOUT);
	pair_free(&p);
}

static void anything_opened_ends_the_silence(void **state)
{
	struct pair p = pair_new(PATH_LOSSY);
	session_ping(p.i, now);
	assert_int_equal(run(&p, now + 14000, true), 0);
	output(p.i, &f);
	assert_int_equal(session_msg(p.r, 1, false, (const uint8_t *)"x", 1), 0);
	output(p.r, &f);
	input(p.i, &f);
	assert_int_equal(p.i->live.unanswered, 0);
	assert_true(liveness_deadline(&p.i->live) > now + 90000);
	pair_free(&p);
}

/* PINGs that never left are not unanswered. */
static void a_blocked_queue_is_not_silence(void **state)
{
	struct pair p = pair_new(0);
	assert_int_equal(session_msg(p.i, 1, false, (const uint8_t *)"x", 1), 0);
	output(p.i, &f);
	for (unsigned k = 0; k < 60; k++) {
		now += 1000;
		assert_int_equal(session_tick(p.i, now), SESSION_EV_OUTPUT);
	}
	assert_int_equal(p.i->live.unanswered, 0);
	pair_free(&p);
}

static void a_paused_path_does_not_break(void **state)
{
	struct pair p = pair_new(0);
	session_ping(p.i, now);
	output(p.i, &f);
	session_pause(p.i, true, now);
	assert_int_equal(run(&p, now + 60000, true), 0);
	session_pause(p.i, false, now);
	uint64_t resumed = now;
	assert_int_equal(run(&p, now + 60000, true), SESSION_EV_BROKEN);
	assert_true(now == resumed + 15000);
	pair_free(&p);
}

static void a_draining_path_does_not_break(void **state)
{
	struct pair p = pair_new(0);
	session_ping(p.i, now);
	output(p.i, &f);
	for (unsigned k = 0; k < 30; k++) {
		assert_int_equal(run(&p, now + 10000, true), 0);
		session_progress(p.i, now);
	}
	assert_int_equal(run(&p, now + 60000, true), SESSION_EV_BROKEN);
	pair_free(&p);
}

static void rtt_is_measured_and_respected(void **state)
{
	struct pair p = pair_new(0);
	for (unsigned k = 0; k < 30; k++) {
		session_ping(p.i, now);
		output(p.i, &f);
		now += 1500;
		input(p.r, &f);
		output(p.r, &f);
		now += 1500;
		input(p.i, &f);
	}
	assert_in_range(p.i->live.rtt_us, 2900000, 3000000);
	session_ping(p.i, now);
	output(p.i, &f);
	uint64_t start = now, rtt = liveness_rtt_ms(&p.i->live);
	assert_true(session_deadline(p.i) == start + 4 * rtt);
	assert_int_equal(run(&p, now + 600000, true), SESSION_EV_BROKEN);
	assert_true(now == start + 8 * rtt);
	pair_free(&p);
}

static void keys_change_by_agreement(void **state)
{
	struct pair p = pair_new(0);
	now += WIRE_EPOCH_MS;
	assert_int_equal(session_msg(p.i, 1, false, (const uint8_t *)"a", 1), 0);
	output(p.i, &f); /* PING goes along, still under the old key */
	assert_int_equal(f.bytes[0][1], 0);
	assert_true(p.i->tx.due);
	assert_true(session_deadline(p.i) == now + 200);
	assert_int_equal(session_msg(p.i, 2, false, (const uint8_t *)"b", 1), 0);
	static struct frames g;
	output(p.i, &g);
	assert_int_equal(g.bytes[0][1], 0);
	assert_int_equal(g.ops[0].len, WIRE_CHANNEL_LINK_OVERHEAD + 1); /* no second PING yet */
	heard_reset();
	input(p.r, &f);
	input(p.r, &g);
	output(p.r, &f);
	input(p.i, &f);
	assert_int_equal(p.i->tx.epoch, 1);
	assert_int_equal(p.r->rx.epoch, 0); /* until a frame of it opens */
	assert_int_equal(session_msg(p.i, 3, false, (const uint8_t *)"c", 1), 0);
	output(p.i, &f);
	assert_int_equal(f.bytes[0][1], 1);
	input(p.r, &f);
	assert_int_equal(p.r->rx.epoch, 1);
	assert_memory_equal(heard.bytes, "abc", 3);
	assert_true(session_deadline(p.r) <= now + WIRE_EPOCH_OLD_MS);
	run(&p, now + WIRE_EPOCH_OLD_MS, false);
	assert_null(p.r->rx.keys[0].backend);
	pair_free(&p);
}

/* A lost PING or PONG of the agreement is repeated every max(RTT, 200 ms). */
static void agreement_survives_loss(void **state)
{
	struct pair p = pair_new(PATH_LOSSY);
	p.i->tx.frames = WIRE_EPOCH_FRAMES;
	assert_int_equal(session_msg(p.i, 1, false, (const uint8_t *)"a", 1), 0);
	output(p.i, &f);
	uint64_t sent = p.i->frames_tx;
	run(&p, now + 999, true);
	assert_true(p.i->frames_tx == sent + 4);
	assert_int_equal(p.i->tx.epoch, 0);
	run(&p, now + 200, false);
	assert_int_equal(p.i->tx.epoch, 1);
	assert_false(p.i->tx.due);
	pair_free(&p);
}

/* Many epochs under load in both directions, over the end of sub's byte. */
static void many_epochs(void **state)
{
	struct pair p = pair_new(0);
	for (unsigned k = 0; k < 600; k++) {
		p.i->tx.frames = p.r->tx.frames = WIRE_EPOCH_FRAMES;
		heard_reset();
		for (uint32_t m = 0; m < 3; m++) {
			assert_int_equal(session_msg(p.i, m, false, (const uint8_t *)"x", 1), 0);
			assert_int_equal(session_msg(p.r, m, false, (const uint8_t *)"y", 1), 0);
			assert_int_equal(settle(p.i, p.r) & ~(unsigned)SESSION_EV_OUTPUT, 0);
		}
		assert_int_equal(heard.msgs, 6);
		now += 20;
	}
	assert_true(p.i->tx.epoch >= 300 && p.r->tx.epoch >= 300);
	assert_int_equal(p.i->auth_failures + p.r->auth_failures, 0);
	pair_free(&p);
}

/* At the hard limit only PING leaves, for ten seconds. */
static void hard_limit_stops_data(void **state)
{
	struct pair p = pair_new(PATH_LOSSY);
	p.i->tx.frames = WIRE_EPOCH_HARD - 3;
	for (uint32_t m = 0; m < 9; m++) {
		static const uint8_t body[1300];
		assert_int_equal(session_msg(p.i, m, false, body, sizeof body), 0);
	}
	uint64_t start = now;
	assert_int_equal(output(p.i, &f), 3);
	assert_true(epoch_tx_hard(&p.i->tx));
	assert_false(session_wants_output(p.i));
	p.i->pong_due = true; /* not even that */
	assert_false(session_wants_output(p.i));
	now = session_deadline(p.i);
	session_tick(p.i, now);
	assert_int_equal(output(p.i, &f), 1);
	assert_int_equal(f.ops[0].len, WIRE_CHANNEL_LINK_OVERHEAD + RECORD_PING_BODY);
	assert_int_equal(run(&p, now + 60000, true), SESSION_EV_BROKEN);
	assert_true(now == start + 10000);
	assert_int_equal(session_broken_errno(p.i), -EKEYEXPIRED);
	pair_free(&p);
}

static void hard_limit_is_left_by_pong(void **state)
{
	struct pair p = pair_new(PATH_LOSSY);
	p.i->tx.frames = WIRE_EPOCH_HARD - 1;
	for (uint32_t m = 0; m < 3; m++)
		assert_int_equal(session_msg(p.i, m, false, f.bytes[9], 1300), 0);
	heard_reset();
	settle(p.i, p.r);
	assert_int_equal(run(&p, now + 5000, false), 0);
	assert_int_equal(p.i->tx.epoch, 1);
	assert_int_equal(heard.ended, 3);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_ends_are_quiet),
		cmocka_unit_test(silence_is_asked_each_second),
		cmocka_unit_test(anything_opened_ends_the_silence),
		cmocka_unit_test(a_blocked_queue_is_not_silence),
		cmocka_unit_test(a_paused_path_does_not_break),
		cmocka_unit_test(a_draining_path_does_not_break),
		cmocka_unit_test(rtt_is_measured_and_respected),
		cmocka_unit_test(keys_change_by_agreement),
		cmocka_unit_test(agreement_survives_loss),
		cmocka_unit_test(many_epochs),
		cmocka_unit_test(hard_limit_stops_data),
		cmocka_unit_test(hard_limit_is_left_by_pong),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
