// SPDX-License-Identifier: Apache-2.0
/* What arrives is wrong on purpose: forged, replayed, cut, out of order, or sealed by a lying peer.
 */
#include "session_pair.h"

static struct frames f, g;

/* One message of the initiator, sealed into f.ops[0]. */
static void seal_message(struct pair *p, uint32_t len)
{
	static const uint8_t body[1000] = {'m'};
	assert_int_equal(session_msg(p->i, 1, false, body, len), 0);
	assert_int_equal(output(p->i, &f), 1);
	heard_reset();
}

static void every_bit_is_guarded(void **state)
{
	struct pair p = pair_new(0);
	seal_message(&p, 20);
	uint32_t len = f.ops[0].len;
	for (unsigned bit = 0; bit < len * 8; bit++) {
		uint8_t bad[256];
		memcpy(bad, f.bytes[0], len);
		bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(input_copy(p.r, bad, len), 0);
	}
	assert_int_equal(heard.msgs, 0);
	/* seq bits below what was opened are replays, those of label, type and length never tried
	 */
	assert_true(p.r->auth_failures > (len - WIRE_HEADER) * 8);
	assert_int_equal(input_copy(p.r, f.bytes[0], len), 0);
	assert_int_equal(heard.msgs, 1);
	pair_free(&p);
}

static void lengths_are_guarded(void **state)
{
	struct pair p = pair_new(0);
	seal_message(&p, 20);
	uint32_t len = f.ops[0].len;
	for (uint32_t cut = 0; cut < len; cut++) {
		uint8_t bad[256];
		memcpy(bad, f.bytes[0], len);
		assert_int_equal(input_copy(p.r, bad, cut), 0);
		if (cut >= WIRE_HEADER) /* and with a length that agrees */
			put_be16(bad + 2, (uint16_t)cut);
		assert_int_equal(input_copy(p.r, bad, cut), 0);
	}
	f.bytes[0][len] = 0;
	assert_int_equal(input_copy(p.r, f.bytes[0], len + 1), 0);
	assert_int_equal(heard.msgs, 0);
	assert_int_equal(input_copy(p.r, f.bytes[0], len), 0);
	assert_int_equal(heard.msgs, 1);
	pair_free(&p);
}

static void replays_are_dropped(void **state)
{
	for (uint8_t flags = 0; flags <= PATH_LOSSY; flags++) {
		struct pair p = pair_new(flags);
		seal_message(&p, 20);
		uint32_t len = f.ops[0].len;
		/* twice in one batch, then alone */
		memcpy(f.bytes[1], f.bytes[0], len);
		memcpy(f.bytes[2], f.bytes[0], len);
		f.ops[1].len = len;
		f.n = 2;
		assert_int_equal(input(p.r, &f), 0);
		assert_int_equal(heard.msgs, 1);
		assert_int_equal(input_copy(p.r, f.bytes[2], len), 0);
		assert_int_equal(heard.msgs, 1);
		assert_int_equal(p.r->replays, 2);
		assert_int_equal(p.r->auth_failures, 0);
		pair_free(&p);
	}
}

static void a_gap_breaks_an_ordered_path(void **state)
{
	struct pair p = pair_new(0);
	seal_message(&p, 20);
	assert_int_equal(session_msg(p.i, 2, false, (const uint8_t *)"x", 1), 0);
	assert_int_equal(output(p.i, &g), 1);
	/* only an authenticated frame can */
	g.bytes[0][20] ^= 1;
	assert_int_equal(input_copy(p.r, g.bytes[0], g.ops[0].len), 0);
	g.bytes[0][20] ^= 1;
	assert_int_equal(input(p.r, &g), SESSION_EV_BROKEN);
	assert_int_equal(session_broken_errno(p.r), -EILSEQ);
	assert_int_equal(heard.msgs, 0);
	/* nothing goes in or out from here on */
	assert_int_equal(input(p.r, &f), 0);
	assert_int_equal(session_msg(p.r, 1, false, NULL, 0), -EPIPE);
	session_ping(p.r, now);
	assert_false(session_wants_output(p.r));
	assert_true(session_deadline(p.r) == UINT64_MAX);
	session_close(p.r, CLOSE_DONE, now);
	assert_true(session_deadline(p.r) == now);
	assert_int_equal(session_tick(p.r, now), SESSION_EV_CLOSED);
	pair_free(&p);
}

static void a_lossy_path_reorders(void **state)
{
	struct pair p = pair_new(PATH_LOSSY);
	static struct frames all[9];
	for (uint32_t k = 0; k < 9; k++) {
		assert_int_equal(
			session_msg(p.i, k, false, (const uint8_t *)"abcdefghi" + k, 1), 0);
		assert_int_equal(output(p.i, &all[k]), 1);
	}
	for (unsigned k = 9; k-- > 0;)
		assert_int_equal(input(p.r, &all[k]), 0);
	assert_int_equal(heard.msgs, 9);
	assert_memory_equal(heard.bytes, "ihgfedcba", 9);
	pair_free(&p);
}

/* Frames that open but hold nonsense close the session; `body` is all the frame's content. */
static bool closes(const void *body, uint32_t len, uint8_t path_flags)
{
	static struct forger fo;
	struct session *r = end_new(SEAM_RESPONDER, path_flags);
	forger_init(&fo);
	output(r, &f);
	forge(&fo, 0, body, len);
	heard_reset();
	input_copy(r, fo.frame, fo.len);
	bool closing = r->state == SESSION_CLOSING;
	if (closing) {
		assert_int_equal(session_close_code(r), CLOSE_PROTOCOL);
		assert_int_equal(output(r, &f), 1);
	} else {
		assert_int_equal(r->state, SESSION_OPEN);
	}
	epoch_tx_fini(&fo.tx);
	session_free(r);
	return closing;
}

static void records_fit_their_frame(void **state)
{
	static const uint8_t msg[] = {REC_MSG, 0, 0, 4, 0, 0, 0, 1, 'a', 'b', 'c', 'd'};
	uint8_t two[2 * sizeof msg];
	memcpy(two, msg, sizeof msg);
	memcpy(two + sizeof msg, msg, sizeof msg);
	assert_false(closes(NULL, 0, 0));
	for (uint32_t len = 1; len < sizeof msg; len++)
		assert_true(closes(msg, len, 0));
	assert_int_equal(heard.msgs, 0);
	assert_false(closes(msg, sizeof msg, 0));
	assert_int_equal(heard.len, 4);
	for (uint32_t len = sizeof msg + 1; len < sizeof two; len++)
		assert_true(closes(two, len, 0));
	assert_false(closes(two, sizeof two, 0));
	assert_int_equal(heard.msgs, 2);
	uint8_t huge[] = {REC_MSG, 0, 0xff, 0xff, 0, 0, 0, 1, 'a'};
	assert_true(closes(huge, sizeof huge, 0));
}

static void kinds(void **state)
{
	for (unsigned kind = 0; kind < 256; kind++) {
		uint8_t body[8 + 4] = {(uint8_t)kind, 0, 0, 4};
		bool known = kind == REC_PAD || kind == REC_MSG || kind == REC_FRAME;
		assert_int_equal(closes(body, sizeof body, 0), !known && kind < REC_SKIP_FROM);
	}
}

static void bodies_have_their_length(void **state)
{
	for (uint8_t len = 0; len < 32; len++) {
		uint8_t ping[8 + 32] = {REC_PING, 0, 0, len}, pong[8 + 32] = {REC_PONG, 0, 0, len};
		uint8_t close[8 + 32] = {REC_CLOSE, 0, 0, len};
		assert_int_equal(closes(ping, 8u + len, 0), len != 12);
		assert_int_equal(closes(pong, 8u + len, 0), len != 12);
		if (len != 1)
			assert_true(closes(close, 8u + len, 0));
	}
	uint8_t more[] = {REC_MSG, REC_F_MORE, 0, 1, 0, 0, 0, 1, 'a'};
	assert_false(closes(more, sizeof more, 0));
	assert_true(closes(more, sizeof more, PATH_LOSSY)); /* a lost part would go unnoticed */
}

static void a_pong_from_the_future(void **state)
{
	uint8_t pong[20] = {REC_PONG, 0, 0, 12};
	put_be64(pong + 8, UINT64_MAX); /* the clock is not believed either */
	assert_false(closes(pong, sizeof pong, 0));
	put_be32(pong + 16, 1);
	assert_true(closes(pong, sizeof pong, 0));
	put_be32(pong + 16, UINT32_MAX);
	assert_true(closes(pong, sizeof pong, 0));
}

/* After a CLOSE nothing in the frame, or behind it, is listened to. */
static void nothing_follows_close(void **state)
{
	static const uint8_t body[] = {
		REC_CLOSE, 0, 0, 1, 0, 0, 0, 0, CLOSE_DONE, REC_MSG, 0, 0, 0, 0, 0, 0, 1};
	static struct forger fo;
	struct session *r = end_new(SEAM_RESPONDER, 0);
	forger_init(&fo);
	output(r, &f);
	heard_reset();
	forge(&fo, 0, body, sizeof body);
	assert_int_equal(input_copy(r, fo.frame, fo.len), SESSION_EV_CLOSED | SESSION_EV_OUTPUT);
	forge(&fo, 1, body, sizeof body);
	input_copy(r, fo.frame, fo.len);
	assert_int_equal(heard.msgs, 0);
	assert_int_equal(output(r, &f), 1);
	assert_int_equal(output(r, &f), 0);
	epoch_tx_fini(&fo.tx);
	session_free(r);
}

static void epochs_outside_are_not_tried(void **state)
{
	static struct forger fo;
	struct pair p = pair_new(PATH_LOSSY);
	forger_init(&fo);
	forger_epoch(&fo, 1);
	forge(&fo, 1000, NULL, 0);
	for (unsigned sub = 0; sub < 256; sub++) {
		fo.frame[1] = (uint8_t)sub;
		if (sub != 1) /* 0 is tried by the wrong key */
			input_copy(p.r, fo.frame, fo.len);
	}
	assert_int_equal(p.r->auth_failures, 1);
	assert_int_equal(p.r->rx.epoch, 0);
	forger_epoch(&fo, 2); /* two ahead: even a true frame waits in vain */
	forge(&fo, 1001, NULL, 0);
	input_copy(p.r, fo.frame, fo.len);
	assert_int_equal(p.r->rx.epoch, 0);
	assert_int_equal(p.r->auth_failures, 1);
	epoch_tx_fini(&fo.tx);
	pair_free(&p);
}

static void forgeries_have_an_end(void **state)
{
	struct pair p = pair_new(0);
	seal_message(&p, 20);
	f.bytes[0][30] ^= 1;
	p.r->auth_failures = WIRE_OPEN_FAILURES_MAX - 2;
	assert_int_equal(input_copy(p.r, f.bytes[0], f.ops[0].len), 0);
	assert_int_equal(input_copy(p.r, f.bytes[0], f.ops[0].len), SESSION_EV_BROKEN);
	assert_int_equal(session_broken_errno(p.r), -EKEYREJECTED);
	pair_free(&p);
}

/* A hostile network between honest ends: each message arrives at most once, and unaltered. */
static void noise_on_the_line(void **state)
{
	struct pair p = pair_new(PATH_LOSSY);
	static uint8_t held[64][PAIR_FRAME_MAX];
	static uint32_t held_len[64];
	static bool got[4000];
	uint32_t x = 7;
	memset(got, 0, sizeof got);
	for (uint32_t k = 0; k < 4000; k++) {
		uint8_t body[300];
		put_be32(body, k);
		memset(body + 4, (int)k, sizeof body - 4);
		assert_int_equal(session_msg(p.i, k, false, body, 4 + k % 290), 0);
		assert_int_equal(output(p.i, &f), 1);
		x = x * 1664525 + 1013904223;
		unsigned slot = x >> 26;
		memcpy(held[slot], f.bytes[0], f.ops[0].len);
		held_len[slot] = f.ops[0].len;
		for (unsigned n = 0; n < (x >> 8 & 3); n++) {
			x = x * 1664525 + 1013904223;
			uint8_t copy[PAIR_FRAME_MAX];
			uint32_t len = held_len[x >> 26];
			memcpy(copy, held[x >> 26], len);
			if (len && !(x & 0x100))
				copy[(x >> 9) % len] ^= (uint8_t)(x >> 4 | 1);
			heard_reset();
			input_copy(p.r, copy, len);
			assert_true(heard.msgs <= 1);
			if (heard.msgs == 0)
				continue;
			uint32_t m = get_be32(heard.bytes);
			assert_true(m < 4000 && m == heard.message && !got[m] &&
				    heard.len == 4 + m % 290);
			for (size_t b = 4; b < heard.len; b++)
				assert_int_equal(heard.bytes[b], (uint8_t)m);
			got[m] = true;
		}
		output(p.r, &g);
	}
	assert_true(p.r->frames_rx > 1000 && p.r->auth_failures > 500 && p.r->replays > 500);
	assert_int_equal(p.r->state, SESSION_OPEN);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_is_guarded),
		cmocka_unit_test(lengths_are_guarded),
		cmocka_unit_test(replays_are_dropped),
		cmocka_unit_test(a_gap_breaks_an_ordered_path),
		cmocka_unit_test(a_lossy_path_reorders),
		cmocka_unit_test(records_fit_their_frame),
		cmocka_unit_test(kinds),
		cmocka_unit_test(bodies_have_their_length),
		cmocka_unit_test(a_pong_from_the_future),
		cmocka_unit_test(nothing_follows_close),
		cmocka_unit_test(epochs_outside_are_not_tried),
		cmocka_unit_test(forgeries_have_an_end),
		cmocka_unit_test(noise_on_the_line),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
