// SPDX-License-Identifier: Apache-2.0
/* Who waits behind whom at one egress, and how much of whom may wait. */
#include "engine_box.h"

#include "engine_private.h"

#include "allowance.h"

enum {
	IN = 2,
	OTHER_IN = 6,
	OUT = 4,
	BULK = 7,
	FIRST = 1000,
	MANY = 100,
	SMALL = 100,
	LARGE = 32768
};

static struct serials serials;
static uint8_t f[LARGE];

static void send_frame(struct box *b, uint32_t link, uint32_t label, uint64_t seq, uint16_t len)
{
	box_rx(b, link, f, box_frame(f, WIRE_DATA, 0, label, seq, len));
}

/* An egress that takes nothing: what comes straight fills what may wait in its pieces. */
static void block(struct box *b)
{
	box_row(b, IN, 9, OUT);
	b->s[OUT].room = 0;
	for (unsigned i = 0; i < 64; i++)
		send_frame(b, IN, 9, i, 4096);
}

static void rows(struct box *b)
{
	box_link(b, IN);
	box_link(b, OUT);
	box_row(b, IN, BULK, OUT);
	for (uint32_t i = 0; i < MANY; i++)
		box_row(b, IN, FIRST + i, OUT);
}

/* Two megabytes of one path wait; a frame of each of a hundred others leaves before the third of
 * it. */
static void small_paths_do_not_wait_behind_a_large_one(void **state)
{
	(void)state;
	struct box *b = box_new(&serials, 0, 1, 0);
	rows(b);
	block(b);
	for (unsigned i = 0; i < 60; i++)
		send_frame(b, IN, BULK, i, LARGE);
	for (uint32_t i = 0; i < MANY; i++)
		send_frame(b, IN, FIRST + i, i, SMALL);
	b->s[OUT].out_len = 0;
	box_room(b, OUT, SIZE_MAX);
	unsigned small = 0, large = 0;
	uint64_t seq = 0;
	for (size_t off = 0; off < b->s[OUT].out_len;) {
		struct frame_header h = frame_header_decode(b->s[OUT].out + off);
		if (h.label >= FIRST) {
			assert_true(large <= 2);
			assert_int_equal(
				h.label, FIRST + small); /* in the order in which they came */
			small++;
		} else if (h.label == BULK) {
			assert_int_equal(h.seq, seq++);
			large++;
		}
		off += h.len;
	}
	assert_int_equal(small, MANY);
	assert_int_equal(large, 60);
	box_free(b);
}

/* The same when they come while its frames leave, a little at a time. */
static void small_paths_do_not_wait_while_a_large_one_leaves(void **state)
{
	(void)state;
	struct box *b = box_new(&serials, 0, 1, 0);
	rows(b);
	block(b);
	for (unsigned i = 0; i < 60; i++)
		send_frame(b, IN, BULK, i, LARGE);
	box_room(b, OUT, 64 * 4096); /* what came straight */
	for (uint32_t i = 0; i < MANY; i++) {
		size_t before = b->s[OUT].out_len;
		send_frame(b, IN, FIRST + i, i, SMALL);
		send_frame(b, IN, BULK, 60 + i, LARGE);
		/* behind what the send that is under way has taken, and one turn of the large one
		 */
		box_room(b, OUT, (256 << 10) + 2 * LARGE);
		bool left = false;
		for (size_t off = 0; off + SMALL <= b->s[OUT].out_len;) {
			struct frame_header h = frame_header_decode(b->s[OUT].out + off);
			left |= h.label == FIRST + i;
			off += h.len;
		}
		assert_true(left && b->s[OUT].out_len > before);
	}
	box_free(b);
}

static struct box *limited(struct allowances **a, struct limits *l)
{
	struct box *b = box_new(&serials, 0, 1, 0);
	limits_init(l);
	*a = allowances_new(l);
	struct engine_config cfg = b->e->cfg;
	engine_free(b->e);
	cfg.allowances = *a;
	b->e = engine_new(&cfg);
	assert_non_null(b->e);
	return b;
}

/* A link's frames wait up to its limit, to the byte; then the path that is too much ends, and
 * others lose nothing. */
static void what_a_link_lets_wait_is_limited(void **state)
{
	struct allowances *a;
	struct limits l;
	(void)state;
	struct box *b = limited(&a, &l);
	rows(b);
	box_link(b, OTHER_IN);
	box_row(b, OTHER_IN, BULK, OUT);
	block(b);
	atomic_store(&l.queue, 10 * LARGE);
	send_frame(b, OTHER_IN, BULK, 0, LARGE);
	send_frame(b, IN, FIRST, 0, SMALL);
	for (unsigned i = 0; i < 9; i++)
		send_frame(b, IN, BULK, i, LARGE);
	send_frame(b, IN, FIRST + 1, 0, LARGE - SMALL); /* all of it */
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 0);
	assert_true(box_sent(b, IN, WIRE_LINK, LINK_PAUSE, NULL) > 0);
	assert_int_equal(box_sent(b, OTHER_IN, WIRE_LINK, LINK_PAUSE, NULL), 0);
	send_frame(b, IN, BULK, 9, WIRE_DATA_MIN);
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 1);
	assert_int_equal(box_find(b, SEAM_LABEL_LOST)->m.label, BULK);
	assert_int_equal(box_find(b, SEAM_LABEL_LOST)->m.link, IN);
	for (unsigned i = 1; i < 10; i++) /* the other link has its own */
		send_frame(b, OTHER_IN, BULK, i, LARGE);
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 1);
	struct seam_msg m = {.cmd = SEAM_LINK_GET, .fd = -1, .has = H(LINK), .link = IN}, answer;
	assert_int_equal(engine_apply(b->e, &m, ENGINE_LOCAL, &answer, b->now), 0);
	assert_int_equal(answer.limited, 1);
	b->s[OUT].out_len = 0;
	box_room(b, OUT, SIZE_MAX);
	assert_int_equal(b->s[OUT].out_len, 64 * 4096 + 10 * LARGE + SMALL + LARGE - SMALL);
	b->s[OUT].room = 0; /* nothing waits any more: there is room again */
	block(b);
	for (unsigned i = 0; i < 9; i++)
		send_frame(b, IN, FIRST + 2, i, LARGE);
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 1);
	box_free(b);
	allowances_free(a);
}

/* Two links of one identity have one limit. */
static void links_of_an_identity_share_a_limit(void **state)
{
	struct allowances *a;
	struct limits l;
	(void)state;
	struct box *b = limited(&a, &l);
	rows(b);
	box_link(b, OTHER_IN);
	box_row(b, OTHER_IN, BULK, OUT);
	for (unsigned i = 0; i < 2; i++) {
		struct seam_msg m = {.cmd = SEAM_LINK_SET,
			.fd = -1,
			.has = H(LINK) | H(UP) | H(FRAME_MAX) | H(TENANT),
			.link = i ? IN : OTHER_IN,
			.up = 1,
			.frame_max = 65535,
			.tenant = 99};
		assert_int_equal(box_apply(b, m), 0);
	}
	block(b);
	atomic_store(&l.queue, 10 * LARGE);
	for (unsigned i = 0; i < 10; i++)
		send_frame(b, i % 2 ? IN : OTHER_IN, BULK, i / 2, LARGE);
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 0);
	send_frame(b, IN, FIRST, 0, SMALL);
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 1);
	box_free(b);
	allowances_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_paths_do_not_wait_behind_a_large_one),
		cmocka_unit_test(small_paths_do_not_wait_while_a_large_one_leaves),
		cmocka_unit_test(what_a_link_lets_wait_is_limited),
		cmocka_unit_test(links_of_an_identity_share_a_limit),
	};
	serials_init(&serials);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	serials_fini(&serials);
	return rc;
}
