// SPDX-License-Identifier: Apache-2.0
/* What one link, or all of an origin, may make an engine hold or do. */
#include "engine_alone.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(incomplete_frames_have_an_end_in_all),
		T(incomplete_frames_of_one_origin_crowd_out_each_other),
		T(answers_that_nobody_reads_have_an_end),
		T(a_link_sends_so_much_to_control),
		T(links_of_an_origin_send_no_more_than_one),
		T(links_that_come_and_go_cost_nothing_to_the_paths_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
