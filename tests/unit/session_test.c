// SPDX-License-Identifier: Apache-2.0
#include "session_pair.h"

static struct frames f;

static void initiator_waits_for_a_frame(void **state)
{
	struct session *i = end_new(SEAM_INITIATOR, 0), *r = end_new(SEAM_RESPONDER, 0);
	assert_int_equal(session_msg(i, 1, false, (const uint8_t *)"hi", 2), 0);
	session_ping(i, now);
	assert_false(session_wants_output(i));
	assert_int_equal(output(i, &f), 0);
	assert_true(session_deadline(i) == UINT64_MAX);

	assert_int_equal(output(r, &f), 1); /* PING at once */
	assert_int_equal(get_be64(f.bytes[0] + 8), 0);
	assert_int_equal(input(i, &f), SESSION_EV_UP | SESSION_EV_OUTPUT);
	assert_int_equal(output(i, &f), 1); /* PING, PONG and the message share a frame */
	heard_reset();
	assert_int_equal(input(r, &f), SESSION_EV_UP | SESSION_EV_OUTPUT);
	assert_int_equal(heard.msgs, 1);
	assert_memory_equal(heard.bytes, "hi", 2);
	settle(i, r);
	session_free(i);
	session_free(r);
}

/* The first frame of an end is the vector: keys, nonce, header and record. */
static void first_frame_is_the_vector(void **state)
{
	for (unsigned v = 0; v < 6; v += 3) {
		struct session_config cfg = pair_config(SEAM_INITIATOR, 0);
		cfg.role = SEAM_RESPONDER; /* so that it speaks first */
		cfg.suite = vector_frames[v].suite;
		struct session *s = session_new(&cfg, vector_frames[v].timestamp);
		if (!s) /* the suite is not usable here */
			continue;
		struct aead_op op = {.frame = f.bytes[0], .len = PAIR_FRAME_MAX};
		assert_int_equal(session_output(s, &op, 1, vector_frames[v].timestamp), 1);
		assert_int_equal(op.len, sizeof vector_frames[v].frame);
		assert_memory_equal(op.frame, vector_frames[v].frame, op.len);
		session_free(s);
	}
}

static void vectors_of_three_epochs_open(void **state)
{
	for (unsigned v = 0; v < 6; v += 3) {
		struct session_config cfg = pair_config(SEAM_RESPONDER, PATH_LOSSY);
		cfg.suite = vector_frames[v].suite;
		struct session *s = session_new(&cfg, now);
		if (!s)
			continue;
		for (unsigned e = 0; e < 3; e++) {
			const struct vector_frame *vf = &vector_frames[v + e];
			unsigned events = input_copy(s, vf->frame, sizeof vf->frame);
			assert_int_equal(events, SESSION_EV_OUTPUT | (e == 0 ? SESSION_EV_UP : 0));
			assert_true(s->pong_due && s->pong_timestamp == vf->timestamp);
			assert_int_equal(s->rx.epoch, e);
		}
		session_free(s);
	}
}

static void messages_of_all_sizes(void **state)
{
	static uint8_t body[100000];
	static const uint32_t sizes[] = {
		0, 1, 1359, 1360, 1361, 2719, 2720, 2721, 30000, sizeof body};
	struct pair p = pair_new(0);
	for (uint32_t k = 0; k < sizeof body; k++)
		body[k] = (uint8_t)(k * 7 + k / 251);
	for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		for (unsigned dir = 0; dir < 2; dir++) {
			struct session *from = dir ? p.r : p.i, *to = dir ? p.i : p.r;
			heard_reset();
			assert_int_equal(session_msg(from, k + 9, false, body, sizes[k]), 0);
			assert_int_equal(settle(from, to) & SESSION_EV_BROKEN, 0);
			assert_int_equal(heard.ended, 1);
			assert_int_equal(heard.message, k + 9);
			assert_int_equal(heard.len, sizes[k]);
			assert_memory_equal(heard.bytes, body, sizes[k]);
			assert_int_equal(session_queued(from), 0);
		}
	}
	pair_free(&p);
}

static void parts_keep_more(void **state)
{
	struct pair p = pair_new(0);
	assert_int_equal(session_msg(p.i, 3, true, (const uint8_t *)"ab", 2), 0);
	settle(p.i, p.r);
	assert_int_equal(heard.msgs, 1);
	assert_int_equal(heard.ended, 0);
	assert_int_equal(session_msg(p.i, 3, false, (const uint8_t *)"", 0), 0);
	settle(p.i, p.r);
	assert_int_equal(heard.msgs, 2);
	assert_int_equal(heard.ended, 1);
	pair_free(&p);
}

static void frames_are_filled(void **state)
{
	static uint8_t body[3 * 16 * 1360];
	struct pair p = pair_new(0);
	unsigned total = 0;
	for (unsigned k = 0; k < 3 * 16 * 16; k++)
		assert_int_equal(session_msg(p.i, k, false, body, 77), 0);
	assert_int_equal(session_msg(p.i, 1, false, body, sizeof body), 0);
	while (output(p.i, &f) > 0) {
		total += f.n;
		for (unsigned k = 0; k + 1 < f.n; k++)
			assert_true(f.ops[k].len > PAIR_FRAME_MAX - WIRE_RECORD_HEADER - 256);
		assert_int_equal(input(p.r, &f), 0);
	}
	assert_int_equal(heard.ended, 3 * 16 * 16 + 1);
	assert_true(total < 102);
	pair_free(&p);
}

static void whole_frames(void **state)
{
	static uint8_t frame[PAIR_FRAME_MAX];
	struct pair p = pair_new(0);
	uint32_t most = PAIR_FRAME_MAX - WIRE_CHANNEL_LINK_OVERHEAD;
	for (uint32_t k = 0; k < sizeof frame; k++)
		frame[k] = (uint8_t)k;
	assert_int_equal(session_frame(p.i, frame, most + 1), -EMSGSIZE);
	assert_int_equal(session_frame(p.i, frame, most), 0);
	assert_int_equal(session_frame(p.i, frame, 16), 0);
	assert_int_equal(session_frame(p.i, frame, most), 0);
	assert_int_equal(output(p.i, &f), 3);
	input(p.r, &f);
	assert_int_equal(heard.frames, 3);
	assert_int_equal(heard.len, 2 * most + 16);
	assert_memory_equal(heard.bytes, frame, most);
	assert_memory_equal(heard.bytes + most, frame, 16);
	pair_free(&p);
}

static void lossy_messages_are_whole(void **state)
{
	static uint8_t body[PAIR_FRAME_MAX];
	struct pair p = pair_new(PATH_LOSSY);
	uint32_t most = PAIR_FRAME_MAX - WIRE_CHANNEL_LINK_OVERHEAD;
	assert_int_equal(session_msg(p.i, 1, false, body, most + 1), -EMSGSIZE);
	assert_int_equal(session_msg(p.i, 1, true, body, 1), -EMSGSIZE);
	assert_int_equal(session_msg(p.i, 1, false, body, 900), 0);
	assert_int_equal(session_msg(p.i, 2, false, body, 900), 0);
	session_ping(p.i, now);
	assert_int_equal(session_msg(p.i, 3, false, body, most), 0);
	assert_int_equal(output(p.i, &f), 3);
	input(p.r, &f);
	assert_int_equal(heard.msgs, 3);
	assert_int_equal(heard.ended, 3);
	pair_free(&p);
}

static void queue_is_bounded(void **state)
{
	static uint8_t body[65536];
	struct pair p = pair_new(0);
	unsigned n = 0;
	while (session_msg(p.i, 1, true, body, sizeof body) == 0)
		n++;
	assert_in_range(n, SESSION_QUEUE_MAX / sizeof body - 2, SESSION_QUEUE_MAX / sizeof body);
	assert_int_equal(session_msg(p.i, 1, true, body, sizeof body), -ENOBUFS);
	assert_true(session_queued(p.i) <= SESSION_QUEUE_MAX);
	for (n = 0; session_msg(p.r, 1, true, body, 0) == 0; n++)
		assert_true(n < SESSION_QUEUE_MAX); /* empty ones take room, too */
	pair_free(&p);
}

static void pause_holds_data_only(void **state)
{
	struct pair p = pair_new(0);
	session_pause(p.i, true, now);
	assert_int_equal(session_msg(p.i, 1, false, (const uint8_t *)"x", 1), 0);
	assert_false(session_wants_output(p.i));
	session_ping(p.i, now);
	session_ping(p.r, now);
	settle(p.i, p.r);
	assert_int_equal(heard.msgs, 0);
	assert_int_equal(p.i->live.unanswered, 0);
	assert_int_equal(p.r->live.unanswered, 0);
	session_pause(p.i, false, now);
	settle(p.i, p.r);
	assert_int_equal(heard.msgs, 1);
	pair_free(&p);
}

static void close_is_answered_once(void **state)
{
	struct pair p = pair_new(0);
	assert_int_equal(session_msg(p.i, 1, false, (const uint8_t *)"last", 4), 0);
	session_close(p.i, CLOSE_DONE, now);
	assert_int_equal(session_msg(p.i, 1, false, (const uint8_t *)"x", 1), -EPIPE);
	static const uint8_t frame[WIRE_HEADER] = {WIRE_VERSION << 4 | WIRE_INIT, 0, 0, WIRE_HEADER};
	assert_int_equal(session_frame(p.i, frame, sizeof frame), -EPIPE);
	assert_int_equal(output(p.i, &f), 2);
	assert_int_equal(input(p.r, &f), SESSION_EV_CLOSED | SESSION_EV_OUTPUT);
	assert_int_equal(heard.ended, 1); /* what was queued came first */
	assert_int_equal(session_close_code(p.r), CLOSE_DONE);
	assert_int_equal(session_msg(p.r, 1, false, (const uint8_t *)"x", 1), -EPIPE);
	assert_int_equal(output(p.r, &f), 1);
	assert_false(session_wants_output(p.r));
	assert_int_equal(input(p.i, &f), SESSION_EV_CLOSED);
	assert_false(session_wants_output(p.i));
	pair_free(&p);
}

static void both_close_at_once(void **state)
{
	static struct frames g;
	struct pair p = pair_new(0);
	session_close(p.i, CLOSE_EXPIRED, now);
	session_close(p.r, CLOSE_DONE, now);
	assert_int_equal(output(p.i, &f), 1);
	assert_int_equal(output(p.r, &g), 1);
	assert_int_equal(input(p.r, &f), SESSION_EV_CLOSED);
	assert_int_equal(input(p.i, &g), SESSION_EV_CLOSED);
	assert_int_equal(session_close_code(p.r), CLOSE_EXPIRED);
	pair_free(&p);
}

static void close_times_out(void **state)
{
	for (uint8_t lossy = 0; lossy < 2; lossy++) {
		struct pair p = pair_new(lossy ? PATH_LOSSY : 0);
		uint64_t start = now;
		unsigned closes = 0, events = 0;
		session_close(p.i, CLOSE_DONE, now);
		while (!(events & SESSION_EV_CLOSED)) {
			closes += output(p.i, &f);
			now = session_deadline(p.i);
			events = session_tick(p.i, now);
		}
		assert_int_equal(now - start, WIRE_CLOSE_WAIT_MS);
		assert_int_equal(closes, lossy ? 5 : 1);
		pair_free(&p);
	}
}

static void refusing_says_close_only(void **state)
{
	struct session_config cfg = pair_config(SEAM_RESPONDER, PATH_LOSSY);
	cfg.refusing = true;
	cfg.close = CLOSE_NOT_AUTHORIZED;
	struct session *r = session_new(&cfg, now), *i = end_new(SEAM_INITIATOR, PATH_LOSSY);
	assert_non_null(r);
	assert_int_equal(session_msg(r, 1, false, (const uint8_t *)"x", 1), -EPIPE);
	assert_int_equal(output(r, &f), 1); /* lost on the way */
	assert_false(session_wants_output(r));
	assert_true(session_deadline(r) == now + WIRE_TOMBSTONE_MS);
	session_ping(r, now); /* FINISH came again */
	assert_int_equal(output(r, &f), 1);
	/* a refusal is not an opening */
	assert_int_equal(input(i, &f), SESSION_EV_CLOSED | SESSION_EV_OUTPUT);
	assert_int_equal(session_close_code(i), CLOSE_NOT_AUTHORIZED);
	assert_int_equal(output(i, &f), 1);
	assert_int_equal(input(r, &f), SESSION_EV_CLOSED);
	assert_int_equal(session_close_code(r), CLOSE_DONE);
	session_free(r);
	session_free(i);
}

static void stats_are_filled(void **state)
{
	struct pair p = pair_new(0);
	struct seam_msg m = {.cmd = SEAM_SESSION_GET};
	uint8_t buf[512];
	session_stats(p.i, &m);
	assert_true(m.session == 1 && m.up && m.frames_rx > 0 && m.frames_tx > 0);
	assert_true(seam_encode(&m, buf, sizeof buf) > 0);
	assert_int_equal(session_label_rx(p.i), session_label_tx(p.r));
	assert_int_equal(session_frame_max(p.i), PAIR_FRAME_MAX);
	pair_free(&p);
}

static void impossible_set_ups(void **state)
{
	struct session_config cfg = pair_config(SEAM_INITIATOR, 0);
	cfg.frame_max = WIRE_PATH_MIN - 1;
	assert_null(session_new(&cfg, now));
	cfg = pair_config(SEAM_INITIATOR, 0);
	cfg.suite = (enum wire_suite)7;
	assert_null(session_new(&cfg, now));
	session_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initiator_waits_for_a_frame),
		cmocka_unit_test(first_frame_is_the_vector),
		cmocka_unit_test(vectors_of_three_epochs_open),
		cmocka_unit_test(messages_of_all_sizes),
		cmocka_unit_test(parts_keep_more),
		cmocka_unit_test(frames_are_filled),
		cmocka_unit_test(whole_frames),
		cmocka_unit_test(lossy_messages_are_whole),
		cmocka_unit_test(queue_is_bounded),
		cmocka_unit_test(pause_holds_data_only),
		cmocka_unit_test(close_is_answered_once),
		cmocka_unit_test(both_close_at_once),
		cmocka_unit_test(close_times_out),
		cmocka_unit_test(refusing_says_close_only),
		cmocka_unit_test(stats_are_filled),
		cmocka_unit_test(impossible_set_ups),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
