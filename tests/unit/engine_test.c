// SPDX-License-Identifier: Apache-2.0
#include "engine_box.h"

static struct serials serials;

static int set_up(void **state)
{
	serials_init(&serials);
	*state = box_new(&serials, 0, 1, 0);
	return 0;
}

static int tear_down(void **state)
{
	box_free(*state);
	serials_fini(&serials);
	return 0;
}

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

/* Fills what a blocked link keeps in receive buffers, in front of all queues, with path 9. */
enum { HELD = 256 << 10 };
static void hold(struct box *b, uint32_t in, uint32_t out)
{
	static uint8_t f[4096];
	box_row(b, in, 9, out);
	b->s[out].room = 0;
	for (unsigned i = 0; i < HELD / sizeof f; i++)
		box_rx(b, in, f, box_frame(f, WIRE_DATA, 0, 9, i, sizeof f));
}

static uint32_t body_label(const uint8_t *f)
{
	return get_be32(f + WIRE_HEADER);
}

static void a_slow_egress_pauses_its_sender(void **state)
{
	struct box *b = *state;
	static uint8_t f[4096];
	const uint8_t *p = NULL;
	box_link(b, 2);
	box_link(b, 4);
	box_link(b, 6);
	box_row(b, 2, 7, 4);
	box_row(b, 2, 8, 6);
	hold(b, 2, 4);
	for (unsigned i = 0; i < 60; i++)
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, i, 4096));
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PAUSE, NULL), 0);
	for (unsigned i = 60; i < 100; i++)
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, i, 4096));
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PAUSE, &p), 1);
	assert_int_equal(body_label(p), 7);
	/* another path is not held up, nor is reading */
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 8, 0, 4096));
	assert_int_equal(b->s[6].out_len, 4096);
	box_room(b, 4, HELD + (200 << 10));
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_RESUME, NULL), 0);
	box_room(b, 4, SIZE_MAX);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_RESUME, &p), 1);
	assert_int_equal(body_label(p), 7);
	assert_int_equal(b->s[4].out_len, HELD + 100 * 4096);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(get_be64(b->s[4].out + HELD + i * 4096 + 8), i);
}

/* A blocked link keeps frames where they were received until the buffer is wanted back. */
static void a_wanted_buffer_is_let_go(void **state)
{
	struct box *b = *state;
	static uint8_t in[1000];
	size_t n = 0;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	for (unsigned i = 0; i < 5; i++)
		n += box_frame(in + n, WIRE_DATA, 0, 7, i, 200);
	b->s[4].room = 450;
	struct buf *buf = buf_plain((uint32_t)n);
	memcpy(buf->data, in, n);
	engine_rx(b->e, b->s[2].l, buf, buf->data, n, b->now);
	box_flush(b);
	assert_int_equal(b->s[4].out_len, 450);
	assert_int_equal(buf->refs, 2);
	engine_unpin(b->e, b->now);
	assert_int_equal(buf->refs, 1);
	memset(buf->data, 0, n);
	buf_put(buf);
	box_room(b, 4, SIZE_MAX);
	assert_int_equal(b->s[4].out_len, n);
	assert_memory_equal(b->s[4].out, in, n);
}

static void pause_passes_through(void **state)
{
	struct box *b = *state;
	uint8_t f[64];
	const uint8_t *p = NULL;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	box_frame(f, WIRE_LINK, LINK_PAUSE, 0, 0, 20);
	put_be32(f + WIRE_HEADER, 7);
	box_rx(b, 4, f, 20);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PAUSE, &p), 1);
	assert_int_equal(body_label(p), 7);
	box_rx(b, 4, f, 20); /* said already */
	box_rx(b, 2, f, 20); /* not a way out of label 7 */
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PAUSE, &p), 1);
	assert_int_equal(b->s[4].out_len, 0);
	f[1] = LINK_RESUME;
	box_rx(b, 4, f, 20);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_RESUME, NULL), 1);
}

static void an_overrun_resets_its_path_alone(void **state)
{
	struct box *b = *state;
	static uint8_t f[32768];
	const uint8_t *p = NULL;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	box_row(b, 2, 8, 4);
	hold(b, 2, 4);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 8, 1, 100));
	for (unsigned i = 0; i < 140; i++)
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, i, 32768));
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 1);
	struct box_event *ev = box_find(b, SEAM_LABEL_LOST);
	assert_int_equal(ev->m.link, 2);
	assert_int_equal(ev->m.label, 7);
	assert_int_equal(ev->m.code, RESET_OVERRUN);
	assert_int_equal(box_sent(b, 2, WIRE_RESET, RESET_OVERRUN | 0x80, &p), 1);
	assert_int_equal(get_be32(p + 4), 7);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_GET, 2, 7, 0)), -ENOENT);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_GET, 2, 8, 0)), 0);
	box_room(b, 4, SIZE_MAX);
	assert_int_equal(b->s[4].out_len, HELD + 100); /* path 8 has lost nothing */
}

static void memory_of_a_node_has_an_end(void **state)
{
	struct box *b = box_new(&serials, 0, 1, 1 << 20);
	static uint8_t f[32768];
	(void)state;
	box_link(b, 2);
	box_link(b, 4);
	for (uint32_t label = 1; label <= 10; label++)
		box_row(b, 2, label, 4);
	b->s[4].room = 0;
	for (unsigned i = 0; i < 30; i++) /* 3 is the largest */
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, i % 3 == 2 ? 1 + i / 3 : 3, i, 32768));
	for (unsigned i = 0; i < 20; i++)
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 3, i, 32768));
	assert_true(box_count(b, SEAM_LABEL_LOST) >= 1);
	assert_int_equal(box_find(b, SEAM_LABEL_LOST)->m.label, 3);
	box_free(b);
}

static void incomplete_frames_have_an_end_in_all(void **state)
{
	enum { WORKERS = 32, EACH = 60000 }; /* this one's part is 2 MiB */
	struct box *b = box_new(&serials, 0, WORKERS, 0);
	static uint8_t f[65535];
	(void)state;
	box_frame(f, WIRE_CONTROL, 0, 0, 0, sizeof f);
	/* a header promises much and takes nothing */
	for (uint32_t link = 1; link < BOX_LINKS; link++) {
		box_link(b, link);
		box_rx(b, link, f, WIRE_HEADER);
	}
	assert_int_equal(box_count(b, SEAM_LINK_LOST), 0);
	for (uint32_t link = 1; link < BOX_LINKS; link++)
		box_rx(b, link, f + WIRE_HEADER, EACH);
	unsigned lost = box_count(b, SEAM_LINK_LOST);
	assert_true(lost >= 63 - (2 << 20) / EACH);
	assert_true(lost < 40);
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.link, 1); /* the oldest */
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.error, -ENOBUFS);
	/* the last is not touched */
	unsigned frames = box_count(b, SEAM_FRAME);
	box_rx(b, BOX_LINKS - 1, f + WIRE_HEADER + EACH, sizeof f - WIRE_HEADER - EACH);
	assert_int_equal(box_count(b, SEAM_FRAME), frames + 1);
	box_free(b);
}

static void link_of(struct box *b, uint32_t link, uint64_t origin)
{
	struct seam_msg m = {.cmd = SEAM_LINK_ADD,
		.has = H(LINK) | H(ORIGIN),
		.link = link,
		.origin = origin,
		.fd = (int)link};
	assert_int_equal(box_apply(b, m), 0);
	struct seam_msg set = {.cmd = SEAM_LINK_SET,
		.has = H(LINK) | H(UP) | H(FRAME_MAX),
		.link = link,
		.up = 1,
		.frame_max = WIRE_FRAME_MAX,
		.fd = -1};
	assert_int_equal(box_apply(b, set), 0);
}

/* Who sends slowly does not go because many links of another origin do. */
static void incomplete_frames_of_one_origin_crowd_out_each_other(void **state)
{
	enum { WORKERS = 32, EACH = 60000, ORIGIN = 0x0a000001 };
	struct box *b = box_new(&serials, 0, WORKERS, 0);
	static uint8_t f[65535];
	(void)state;
	box_frame(f, WIRE_CONTROL, 0, 0, 0, sizeof f);
	link_of(b, 1, ORIGIN);
	box_link(b, 2); /* alone */
	box_rx(b, 1, f, EACH);
	box_rx(b, 2, f, EACH);
	for (uint32_t link = 3; link < BOX_LINKS; link++) {
		link_of(b, link, ORIGIN + 1);
		box_rx(b, link, f, EACH);
	}
	unsigned lost = box_count(b, SEAM_LINK_LOST);
	assert_true(lost >= 63 - (2 << 20) / EACH);
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.link, 3);
	for (uint32_t link = 1; link <= 2; link++) {
		unsigned frames = box_count(b, SEAM_FRAME);
		box_rx(b, link, f + EACH, sizeof f - EACH);
		assert_int_equal(box_count(b, SEAM_FRAME), frames + 1);
	}
	/* one that becomes known counts by itself from then on */
	uint32_t known = BOX_LINKS - 1;
	struct seam_msg set = {.cmd = SEAM_LINK_SET,
		.has = H(LINK) | H(UP) | H(FRAME_MAX) | H(ORIGIN),
		.link = known,
		.up = 1,
		.frame_max = WIRE_FRAME_MAX,
		.fd = -1};
	assert_int_equal(box_apply(b, set), 0);
	for (uint32_t link = 3; link < known; link++) {
		if (!b->s[link].closed)
			continue;
		b->s[link].closed = false;
		link_of(b, link, ORIGIN + 1);
		box_rx(b, link, f, EACH);
	}
	unsigned frames = box_count(b, SEAM_FRAME);
	box_rx(b, known, f + EACH, sizeof f - EACH);
	assert_int_equal(box_count(b, SEAM_FRAME), frames + 1);
	box_free(b);
}

static void answers_that_nobody_reads_have_an_end(void **state)
{
	enum { WORKERS = 64, FRAME = 8000 }; /* this one's part is 1 MiB */
	struct box *b = box_new(&serials, 0, WORKERS, 0);
	static uint8_t f[FRAME];
	(void)state;
	box_frame(f, WIRE_CONTROL, 0, 0, 0, FRAME);
	for (uint32_t link = 1; link < 20; link++) {
		box_link(b, link);
		b->s[link].room = 0;
		for (unsigned i = 0; i < 1000; i++) {
			box_apply(b, (struct seam_msg){.cmd = SEAM_FRAME,
					     .fd = -1,
					     .has = H(LINK) | H(FRAME),
					     .link = link,
					     .frame = f,
					     .frame_len = FRAME});
			box_flush(b);
		}
	}
	size_t left = 0;
	for (uint32_t link = 1; link < 20; link++) {
		box_room(b, link, SIZE_MAX);
		assert_true(b->s[link].out_len >= FRAME); /* each has some room */
		left += b->s[link].out_len;
	}
	assert_true(left < (4 << 20));
	box_free(b);
}

static void a_link_sends_so_much_to_control(void **state)
{
	struct box *b = *state;
	static uint8_t f[100];
	box_link(b, 1);
	box_link(b, 3);
	box_frame(f, WIRE_INIT, 0, 7, 0, sizeof f);
	for (unsigned i = 0; i < 1000; i++)
		box_rx(b, 1, f, sizeof f);
	assert_int_equal(box_count(b, SEAM_FRAME), WIRE_INIT_BURST);
	box_rx(b, 3, f, sizeof f);
	assert_int_equal(box_count(b, SEAM_FRAME), WIRE_INIT_BURST + 1);
	assert_int_equal(engine_stats(b->e)->drops[DROP_RATE], 1000 - WIRE_INIT_BURST);
	b->now += 1000;
	for (unsigned i = 0; i < 1000; i++)
		box_rx(b, 1, f, sizeof f);
	assert_int_equal(box_count(b, SEAM_FRAME), WIRE_INIT_BURST + 1 + WIRE_INIT_RATE);
}

/* Links that others dialled from one place, each of which sends a little. */
static void links_of_an_origin_send_no_more_than_one(void **state)
{
	struct box *b = *state;
	static uint8_t f[100];
	box_frame(f, WIRE_INIT, 0, 7, 0, sizeof f);
	for (uint32_t link = 1; link < 61; link++)
		link_of(b, link, link < 60 ? 0xc0000201 : 0x20010db800000000);
	for (unsigned i = 0; i < 59 * 40; i++)
		box_rx(b, 1 + i % 59, f, sizeof f);
	unsigned went = box_count(b, SEAM_FRAME);
	assert_true(went < 800); /* few, and the shares of all: not 40 of each */
	box_rx(b, 60, f, sizeof f);
	assert_int_equal(box_count(b, SEAM_FRAME), went + 1);
	box_rx(b, 1, f, sizeof f);
	assert_int_equal(box_count(b, SEAM_FRAME), went + 1);
	/* one of them is known now */
	struct seam_msg set = {.cmd = SEAM_LINK_SET,
		.has = H(LINK) | H(UP) | H(FRAME_MAX) | H(ORIGIN),
		.link = 2,
		.up = 1,
		.frame_max = WIRE_FRAME_MAX,
		.fd = -1};
	assert_int_equal(box_apply(b, set), 0);
	b->now += 2000;
	for (unsigned i = 0; i < 40; i++)
		box_rx(b, 2, f, sizeof f);
	assert_int_equal(box_count(b, SEAM_FRAME), went + 1 + 40);
}

static void a_storm_of_pauses_ends_with_what_was_asked(void **state)
{
	struct box *b = *state;
	uint8_t f[2][20];
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	for (unsigned on = 0; on < 2; on++) {
		box_frame(f[on], WIRE_LINK, on ? LINK_PAUSE : LINK_RESUME, 0, 0, sizeof f[on]);
		put_be32(f[on] + WIRE_HEADER, 7);
	}
	for (unsigned i = 0; i < 20000; i++) {
		box_rx(b, 4, f[1], sizeof f[1]);
		box_rx(b, 4, f[0], sizeof f[0]);
	}
	unsigned pauses = box_sent(b, 2, WIRE_LINK, LINK_PAUSE, NULL);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_RESUME, NULL), pauses);
	assert_int_equal(pauses, 5000);
	/* the RESUME of a PAUSE that was taken counts, however much came between */
	b->now += 1;
	box_row(b, 2, 8, 4);
	put_be32(f[1] + WIRE_HEADER, 8);
	box_rx(b, 4, f[1], sizeof f[1]);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PAUSE, NULL), pauses + 1);
	put_be32(f[1] + WIRE_HEADER, 7);
	for (unsigned i = 0; i < 20000; i++) {
		box_rx(b, 4, f[1], sizeof f[1]);
		box_rx(b, 4, f[0], sizeof f[0]);
	}
	unsigned resumes = box_sent(b, 2, WIRE_LINK, LINK_RESUME, NULL);
	put_be32(f[0] + WIRE_HEADER, 8);
	box_rx(b, 4, f[0], sizeof f[0]);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_RESUME, NULL), resumes + 1);
}

static void labels_that_are_paused_have_an_end(void **state)
{
	struct box *b = *state;
	uint8_t f[20];
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 1, 4);
	box_frame(f, WIRE_LINK, LINK_PAUSE, 0, 0, sizeof f);
	for (uint32_t label = 1; label <= 20000; label++) {
		b->now += 1;
		put_be32(f + WIRE_HEADER, label);
		box_rx(b, 4, f, sizeof f);
	}
	/* the oldest may go on: it was given up */
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PAUSE, NULL), 1);
	assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_RESUME, NULL), 1);
}

static void links_that_come_and_go_cost_nothing_to_the_paths_of_others(void **state)
{
	struct box *b = *state;
	box_link(b, 2);
	box_link(b, 4);
	for (uint32_t label = 1; label <= 1000; label++)
		box_row(b, 2, label, 4);
	box_link(b, 6);
	box_row(b, 6, 1, 4);
	box_row(b, 4, 1, 6);
	engine_link_gone(b->e, b->s[6].l, 0, b->now);
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_GET, 6, 1, 0)), -ENOENT);
	/* the row that left by it stays, without a way out */
	assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_GET, 4, 1, 0)), 0);
	uint8_t f[64];
	uint64_t before = engine_stats(b->e)->drops[DROP_EGRESS];
	box_rx(b, 4, f, box_frame(f, WIRE_DATA, 0, 1, 0, sizeof f));
	assert_int_equal(engine_stats(b->e)->drops[DROP_EGRESS], before + 1);
	for (uint32_t label = 1; label <= 1000; label++)
		assert_int_equal(box_apply(b, box_label_msg(SEAM_LABEL_GET, 2, label, 0)), 0);
}

static void paths_share_by_bytes(void **state)
{
	struct box *b = *state;
	static uint8_t f[32768];
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	box_row(b, 2, 8, 4);
	hold(b, 2, 4);
	for (unsigned i = 0; i < 60; i++)
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, i, 32768));
	for (unsigned i = 0; i < 300; i++)
		box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 8, i, 1024));
	b->s[4].out_len = 0;
	box_room(b, 4, HELD + (400 << 10));
	size_t bytes[2] = {0};
	for (size_t off = 0; off + WIRE_HEADER <= b->s[4].out_len;) {
		struct frame_header h = frame_header_decode(b->s[4].out + off);
		if (h.len == 32768 || h.len == 1024)
			bytes[h.label - 7] += h.len;
		off += h.len;
	}
	assert_true(bytes[0] > 100 << 10);
	assert_true(bytes[1] > 100 << 10);
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

/* Two workers of one node: link 2 belongs to the first, link 4 to the second. */
static void carry_mail(struct box *from, struct box *to)
{
	for (unsigned i = 0; i < from->mails; i++)
		engine_mail(to->e, &from->mail[i], to->now);
	from->mails = 0;
	box_flush(to);
}

static void frames_cross_workers(void **state)
{
	struct box *a = box_new(&serials, 0, 2, 0), *b = box_new(&serials, 1, 2, 0);
	static uint8_t in[50 * 4096];
	const uint8_t *p = NULL;
	(void)state;
	box_link(a, 2);
	box_link(b, 4);
	struct seam_msg m = box_label_msg(SEAM_LABEL_ADD, 2, 7, 4);
	assert_int_equal(box_apply(a, m), -ENOENT);
	assert_int_equal(box_apply_out(a, &m, 1), 0);
	size_t n = 0;
	for (unsigned i = 0; i < 50; i++)
		n += box_frame(in + n, WIRE_DATA, 0, 7, i, 4096);
	box_rx(a, 2, in, n);
	assert_int_equal(a->mails, 1); /* one run */
	carry_mail(a, b);
	assert_int_equal(b->s[4].sends, 1);
	assert_int_equal(b->s[4].pieces, 1);
	assert_memory_equal(b->s[4].out, in, n);
	carry_mail(b, a);
	assert_int_equal(a->s[2].out_len, 0);
	/* a worker that does not look at its mail pauses the sender */
	box_rx(a, 2, in, n);
	box_rx(a, 2, in, n);
	assert_int_equal(box_sent(a, 2, WIRE_LINK, LINK_PAUSE, &p), 1);
	carry_mail(a, b);
	carry_mail(b, a);
	assert_int_equal(box_sent(a, 2, WIRE_LINK, LINK_RESUME, &p), 1);
	assert_int_equal(get_be32(p + WIRE_HEADER), 7);
	/* so does a slow egress there, by what waits behind the send that it did not take */
	b->s[4].room = 0;
	for (unsigned i = 0; i < 3; i++) {
		box_rx(a, 2, in, n);
		carry_mail(a, b);
		carry_mail(b, a);
	}
	assert_int_equal(box_sent(a, 2, WIRE_LINK, LINK_PAUSE, &p), 2);
	box_room(b, 4, SIZE_MAX);
	carry_mail(b, a);
	assert_int_equal(box_sent(a, 2, WIRE_LINK, LINK_RESUME, &p), 2);
	/* PAUSE from behind finds the row */
	uint8_t f[20];
	box_frame(f, WIRE_LINK, LINK_PAUSE, 0, 0, 20);
	put_be32(f + WIRE_HEADER, 7);
	box_rx(b, 4, f, 20);
	carry_mail(b, a);
	assert_int_equal(box_sent(a, 2, WIRE_LINK, LINK_PAUSE, &p), 3);
	/* overrun */
	b->s[4].room = 0;
	for (unsigned i = 0; i < 24; i++) {
		box_rx(a, 2, in, n);
		carry_mail(a, b);
	}
	carry_mail(b, a);
	assert_int_equal(box_find(a, SEAM_LABEL_LOST)->m.code, RESET_OVERRUN);
	a->evs = 0;
	/* and in the mail */
	assert_int_equal(box_apply_out(a, &m, 1), 0);
	for (unsigned i = 0; i < 24; i++)
		box_rx(a, 2, in, n);
	assert_int_equal(box_find(a, SEAM_LABEL_LOST)->m.code, RESET_OVERRUN);
	carry_mail(a, b);
	carry_mail(b, a);
	/* the link goes */
	assert_int_equal(box_apply_out(a, &m, 1), 0);
	engine_link_gone(b->e, b->s[4].l, 0, b->now);
	carry_mail(b, a);
	box_rx(a, 2, in, 4096);
	assert_int_equal(a->mails, 0);
	box_free(a);
	box_free(b);
}

static void serials_are_never_taken_twice(void **state)
{
	(void)state;
	assert_int_equal(serials_take(&serials, 5), 0);
	assert_int_equal(serials_take(&serials, 5), -ESTALE);
	assert_int_equal(serials_take(&serials, 3), 0);
	assert_int_equal(serials_take(&serials, 100000), 0);
	assert_int_equal(serials_take(&serials, 4), -ESTALE); /* too old to know */
	assert_int_equal(serials_take(&serials, 100000 - SERIAL_WINDOW + 1), 0);
	assert_int_equal(serials_take(&serials, 100000 - SERIAL_WINDOW + 1), -ESTALE);
	assert_int_equal(serials_take(&serials, 100000 - SERIAL_WINDOW), -ESTALE);
	for (uint64_t i = 100001; i < 110000; i++)
		assert_int_equal(serials_take(&serials, i), 0);
	for (uint64_t i = 110000 - SERIAL_WINDOW; i < 110000; i++)
		assert_int_equal(serials_take(&serials, i), -ESTALE);
	assert_int_equal(serials_take(&serials, UINT64_MAX), -ESTALE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
		T(a_slow_egress_pauses_its_sender),
		T(pause_passes_through),
		T(an_overrun_resets_its_path_alone),
		T(memory_of_a_node_has_an_end),
		T(a_wanted_buffer_is_let_go),
		T(incomplete_frames_have_an_end_in_all),
		T(incomplete_frames_of_one_origin_crowd_out_each_other),
		T(answers_that_nobody_reads_have_an_end),
		T(a_link_sends_so_much_to_control),
		T(links_of_an_origin_send_no_more_than_one),
		T(a_storm_of_pauses_ends_with_what_was_asked),
		T(labels_that_are_paused_have_an_end),
		T(links_that_come_and_go_cost_nothing_to_the_paths_of_others),
		T(paths_share_by_bytes),
		T(rows_follow_the_contract),
		T(a_reset_waits_for_the_frames_before_it),
		T(too_big_for_the_way_out),
		T(an_incomplete_frame_ends_its_link),
		T(a_silent_link_is_asked_then_lost),
		T(frames_cross_workers),
		T(serials_are_never_taken_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
