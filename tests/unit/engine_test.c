// SPDX-License-Identifier: Apache-2.0
/* Frames through an engine: which go where, in which order, and what ends a link or a path. */
#include "engine_alone.h"

static void nothing_but_link_passes_before_up(void **state)
{
	struct box *b = *state;
	uint8_t f[128];
	assert_int_equal(box_link_add(b, 2), 0);
	assert_int_equal(box_link_add(b, 2), -EEXIST);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 1, 100));
	box_rx(b, 2, f, box_frame(f, WIRE_INIT, 0, 9, 0, 100));
	assert_int_equal(b->s[4].out_len, 0);
	assert_int_equal(b->evs, 0);
	box_rx(b, 2, f, box_frame(f, WIRE_LINK, LINK_HELLO, 0, 0, 30));
	assert_int_equal(b->evs, 1);
	assert_int_equal(b->ev[0].m.cmd, SEAM_FRAME);
	assert_int_equal(b->ev[0].m.frame_len, 30);
	box_frame(f, WIRE_INIT, 0, 9, 0, 100);
	struct seam_msg m = {.cmd = SEAM_FRAME,
		.fd = -1,
		.has = H(LINK) | H(FRAME),
		.link = 2,
		.frame = f,
		.frame_len = 100};
	assert_int_equal(box_apply(b, m), -ENETDOWN);
	box_frame(f, WIRE_LINK, LINK_HELLO, 0, 0, 100);
	assert_int_equal(box_apply(b, m), 0);
	box_flush(b);
	assert_int_equal(b->s[2].out_len, 100);
}

static void types_go_where_they_belong(void **state)
{
	struct box *b = *state;
	uint8_t f[128];
	static const struct {
		uint8_t type;
		bool up;
	} t[] = {{WIRE_CONTROL, true}, {WIRE_INIT, true}, {WIRE_RESP, true}, {WIRE_RESET, true},
		{WIRE_COOKIE, true}, {9, false}, {0, false}, {15, false}};
	box_link(b, 2);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		unsigned before = b->evs;
		box_rx(b, 2, f, box_frame(f, t[i].type, 0, 5, 0, 40));
		assert_int_equal(b->evs - before, t[i].up);
	}
	assert_int_equal(engine_stats(b->e)->drops[DROP_TYPE], 3);
	assert_false(b->s[2].closed);
	/* a half-open end: FINISH goes up, DATA drops, no RESET */
	box_row(b, 2, 5, 0);
	unsigned before = b->evs;
	box_rx(b, 2, f, box_frame(f, WIRE_FINISH, 0, 5, 0, 40));
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 5, 0, 40));
	assert_int_equal(b->evs - before, 1);
	assert_int_equal(b->s[2].out_len, 0);
	/* PING is answered here, PONG is nothing */
	box_rx(b, 2, f, box_frame(f, WIRE_LINK, LINK_PING, 0, 99, 24));
	assert_int_equal(b->s[2].out_len, 24);
	assert_int_equal(b->s[2].out[1], LINK_PONG);
	assert_memory_equal(b->s[2].out + WIRE_HEADER, f + WIRE_HEADER, 8);
	box_rx(b, 2, f, box_frame(f, WIRE_LINK, LINK_PONG, 0, 99, 24));
	assert_int_equal(b->s[2].out_len, 24);
}

static void broken_framing_ends_the_link(void **state)
{
	struct box *b = *state;
	uint8_t f[64] = {0};
	static const struct {
		uint8_t first, type_len;
	} bad[] = {{0x25, 40}, {0x05, 40}, {0x15, 15}, {0x15, 31}, {0x12, 0}};
	for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint32_t link = 2 * i + 2;
		unsigned lost = box_count(b, SEAM_LINK_LOST);
		box_link(b, link);
		memset(f, 0, sizeof f);
		f[0] = bad[i].first;
		f[3] = bad[i].type_len;
		/* in pieces, so that both ways of reading a header are tried */
		if (i % 2)
			box_rx(b, link, f, 40);
		else
			for (unsigned k = 0; k < 40; k++)
				box_rx(b, link, f + k, 1);
		assert_true(b->s[link].closed);
		assert_int_equal(box_count(b, SEAM_LINK_LOST), lost + 1);
		assert_int_equal(b->ev[b->evs - 1].m.error, -EPROTO);
	}
}

static void a_run_leaves_in_one_send_without_a_copy(void **state)
{
	struct box *b = *state;
	static uint8_t in[200 * 64];
	size_t n = 0;
	box_link(b, 2);
	box_link(b, 4);
	box_link(b, 6);
	box_row(b, 2, 7, 4);
	box_row(b, 2, 8, 4);
	box_row(b, 2, 9, 6);
	for (unsigned i = 0; i < 100; i++)
		n += box_frame(in + n, WIRE_DATA, 0, 7 + i % 2, i, 64);
	box_rx(b, 2, in, n);
	assert_int_equal(b->s[4].sends, 1);
	assert_int_equal(b->s[4].pieces, 1);
	assert_false(b->copied);
	assert_int_equal(b->s[4].out_len, n);
	assert_memory_equal(b->s[4].out, in, n);
	assert_int_equal(box_count(b, SEAM_LABEL_USED), 2);
	/* two egresses, in runs of ten: one send each */
	size_t m = 0, to4 = 0;
	for (unsigned i = 0; i < 100; i++) {
		uint32_t label = i / 10 % 2 ? 9 : 7;
		m += box_frame(in + m, WIRE_DATA, 0, label, i, 64);
		to4 += label == 7 ? 64 : 0;
	}
	box_rx(b, 2, in, m);
	assert_int_equal(b->s[4].sends, 2);
	assert_int_equal(b->s[6].sends, 1);
	assert_int_equal(b->s[6].pieces, 5);
	assert_int_equal(b->s[4].out_len, n + to4);
	assert_false(b->copied);
	assert_int_equal(box_count(b, SEAM_LABEL_USED), 3);
}

static void any_split_gives_the_same_frames(void **state)
{
	struct box *b = *state;
	static uint8_t in[3000];
	size_t n = 0;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	n += box_frame(in + n, WIRE_DATA, 0, 7, 1, 33);
	n += box_frame(in + n, WIRE_DATA, 0, 7, 2, 500);
	n += box_frame(in + n, WIRE_FINISH, 0, 7, 2, 16);
	n += box_frame(in + n, WIRE_DATA, 0, 7, 3, 100);
	for (size_t cut = 1; cut < n; cut++) {
		b->s[4].out_len = 0;
		box_rx(b, 2, in, cut);
		box_rx(b, 2, in + cut, n - cut);
		assert_int_equal(b->s[4].out_len, n);
		assert_memory_equal(b->s[4].out, in, n);
	}
	for (size_t step = 1; step < 40; step++) {
		b->s[4].out_len = 0;
		for (size_t off = 0; off < n; off += step)
			box_rx(b, 2, in + off, n - off < step ? n - off : step);
		assert_memory_equal(b->s[4].out, in, n);
	}
}

static void any_short_send_keeps_the_order(void **state)
{
	struct box *b = *state;
	static uint8_t in[4096];
	size_t n = 0;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	for (unsigned i = 0; i < 6; i++)
		n += box_frame(in + n, WIRE_DATA, 0, 7, i, 40 + 10 * i);
	for (size_t room = 0; room <= n; room++) {
		b->s[4].out_len = 0;
		b->s[4].room = room;
		box_rx(b, 2, in, n);
		assert_int_equal(b->s[4].out_len, room);
		b->rx_lo = b->rx_hi = NULL;
		box_rx(b, 2, in, n); /* more comes while it waits */
		for (unsigned i = 0; i < 200 && b->s[4].out_len < 2 * n; i++)
			box_room(b, 4, 17);
		box_room(b, 4, SIZE_MAX);
		assert_int_equal(b->s[4].out_len, 2 * n);
		assert_memory_equal(b->s[4].out, in, n);
		assert_memory_equal(b->s[4].out + n, in, n);
	}
}

/* Received between taking and completion of a send: nothing may overtake. */
static void receiving_while_a_send_is_under_way(void **state)
{
	struct box *b = *state;
	static uint8_t in[4096];
	size_t n = 0;
	const struct iovec *iov;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	for (unsigned i = 0; i < 6; i++)
		n += box_frame(in + n, WIRE_DATA, 0, 7, i, 100);
	box_rx_only(b, 2, in, 300);
	struct link *l = engine_next_ready(b->e, b->now);
	assert_ptr_equal(l, b->s[4].l);
	assert_int_equal(engine_tx_take(b->e, l, &iov, b->now), 1);
	assert_int_equal(iov[0].iov_len, 300);
	box_rx_only(b, 2, in + 300, 300);
	engine_tx_done(b->e, l, 150, b->now);
	engine_tx_room(b->e, l);
	box_flush(b);
	assert_int_equal(b->s[4].out_len, 450);
	assert_memory_equal(b->s[4].out, in + 150, 450);
}

static void unknown_labels_are_reset_at_a_rate(void **state)
{
	struct box *b = *state;
	uint8_t f[64];
	static const uint8_t reset[] = {
		0x16, RESET_UNKNOWN | 0x80, 0, 18, 0, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x10};
	box_link(b, 2);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 77, 1, 40));
	assert_int_equal(b->s[2].out_len, sizeof reset);
	assert_memory_equal(b->s[2].out, reset, sizeof reset);
	for (unsigned i = 0; i < 200; i++)
		box_rx(b, 2, f, box_frame(f, i % 2 ? WIRE_DATA : WIRE_FINISH, 0, 77, 1, 40));
	unsigned n = box_sent(b, 2, WIRE_RESET, RESET_UNKNOWN | 0x80, NULL);
	assert_in_range(n, 15, 25);
	b->now += 1000;
	for (unsigned i = 0; i < 200; i++)
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 77, 1, 40));
	assert_in_range(box_sent(b, 2, WIRE_RESET, RESET_UNKNOWN | 0x80, NULL), n + 8, n + 12);
	/* RESET, LINK and COOKIE never provoke one */
	size_t before = b->s[2].out_len;
	b->now += 10000;
	box_rx(b, 2, f, box_frame(f, WIRE_RESET, 2, 78, 1, 40));
	box_rx(b, 2, f, box_frame(f, WIRE_COOKIE, 0, 78, 1, 40));
	assert_int_equal(b->s[2].out_len, before);
}

static void rows_follow_the_contract(void **state)
{
	struct box *b = *state;
	uint8_t f[64];
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	box_row(b, 2, 7, 4); /* an equal row is no error */
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_ADD, 2, 7, 2)), -EEXIST);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_ADD, 2, 7, 0)), -EEXIST);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_ADD, 6, 7, 4)), -ENOENT);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_ADD, 2, 8, 6)), -ENOENT);
	b->now += 5000;
	struct seam_msg m = box_label_msg(SEAM_LABEL_GET, 2, 7, 0), answer;
	assert_int_equal(engine_apply(b->e, &m, ENGINE_LOCAL, &answer, b->now), 0);
	assert_int_equal(answer.cmd, SEAM_LABEL_GET);
	assert_int_equal(answer.idle_ms, 5000);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_DEL, 2, 7, 0)), 0);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_DEL, 2, 7, 0)), -ENOENT);
	/* a lost link takes its rows; rows that lead to it drop */
	box_row(b, 2, 7, 4);
	box_row(b, 4, 7, 2);
	engine_link_gone(b->e, b->s[4].l, -ECONNRESET, b->now);
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.error, -ECONNRESET);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_GET, 4, 7, 0)), -ENOENT);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 0, 40));
	assert_int_equal(engine_stats(b->e)->drops[DROP_EGRESS], 1);
	assert_int_equal(b->s[2].out_len, 0);
}

static void a_reset_waits_for_the_frames_before_it(void **state)
{
	struct box *b = *state;
	uint8_t f[128];
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	b->s[4].room = 0;
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 1, 100));
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 2, 100));
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_DEL, 2, 7, 0)), 0);
	box_frame(f, WIRE_RESET, RESET_DONE, 7, 0, 18);
	assert_int_equal(box_apply(b, (struct seam_msg){.cmd = SEAM_FRAME,
					      .fd = -1,
					      .has = H(LINK) | H(FRAME),
					      .link = 4,
					      .frame = f,
					      .frame_len = 18}),
		0);
	box_room(b, 4, SIZE_MAX);
	assert_int_equal(b->s[4].out_len, 218);
	assert_int_equal(b->s[4].out[200] & 15, WIRE_RESET);
}

static void too_big_for_the_way_out(void **state)
{
	struct box *b = *state;
	static uint8_t f[4096];
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	assert_int_equal(box_apply(b, (struct seam_msg){.cmd = SEAM_LINK_SET,
					      .fd = -1,
					      .has = H(LINK) | H(UP) | H(FRAME_MAX),
					      .link = 4,
					      .up = 1,
					      .frame_max = 2000}),
		0);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 1, 2000));
	assert_int_equal(b->s[4].out_len, 2000);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 2, 2001));
	assert_int_equal(b->s[4].out_len, 2000);
	assert_int_equal(box_find(b, SEAM_LABEL_LOST)->m.code, RESET_OVERRUN);
}

static void an_incomplete_frame_ends_its_link(void **state)
{
	struct box *b = *state;
	uint8_t f[128];
	box_link(b, 2);
	box_frame(f, WIRE_INIT, 0, 7, 1, 100);
	uint64_t start = b->now;
	box_rx(b, 2, f, 50);
	assert_true(engine_deadline(b->e) <= start + 10000);
	box_tick(b, start + 9999);
	box_rx(b, 2, f + 50, 49); /* trickling on does not help */
	assert_false(b->s[2].closed);
	box_tick(b, start + 10000);
	assert_true(b->s[2].closed);
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.error, -ETIMEDOUT);
}

static void a_silent_link_is_asked_then_lost(void **state)
{
	struct box *b = *state;
	uint8_t f[64];
	box_link(b, 2);
	uint64_t t = b->now;
	for (unsigned i = 1; i < 70; i++)
		box_tick(b, t + i * 1000ull);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PING, NULL), 1);
	box_rx(b, 2, f, box_frame(f, WIRE_LINK, LINK_PONG, 0, 0, 24));
	t = b->now;
	for (unsigned i = 1; i < 89; i++)
		box_tick(b, t + i * 1000ull);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PING, NULL), 4);
	assert_false(b->s[2].closed);
	for (unsigned i = 89; i < 95; i++)
		box_tick(b, t + i * 1000ull);
	assert_true(b->s[2].closed);
	/* an idle engine with no links has nothing to wake up for */
	assert_true(engine_deadline(b->e) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_but_link_passes_before_up),
		T(types_go_where_they_belong),
		T(broken_framing_ends_the_link),
		T(a_run_leaves_in_one_send_without_a_copy),
		T(any_split_gives_the_same_frames),
		T(any_short_send_keeps_the_order),
		T(receiving_while_a_send_is_under_way),
		T(unknown_labels_are_reset_at_a_rate),
		T(rows_follow_the_contract),
		T(a_reset_waits_for_the_frames_before_it),
		T(too_big_for_the_way_out),
		T(an_incomplete_frame_ends_its_link),
		T(a_silent_link_is_asked_then_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
