// SPDX-License-Identifier: Apache-2.0
/* What waits for a slow egress: PAUSE, queues per path, whose turn it is, and when a path is given
 * up. */
#include "engine_alone.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_slow_egress_pauses_its_sender),
		T(a_wanted_buffer_is_let_go),
		T(pause_passes_through),
		T(an_overrun_resets_its_path_alone),
		T(memory_of_a_node_has_an_end),
		T(a_storm_of_pauses_ends_with_what_was_asked),
		T(labels_that_are_paused_have_an_end),
		T(paths_share_by_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
