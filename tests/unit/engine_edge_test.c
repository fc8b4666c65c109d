// SPDX-License-Identifier: Apache-2.0
/* What an engine refuses that only its own control, or a frame in the wrong moment, can bring
 * about. */
#include "engine_box.h"

#include "aead.h"

enum { LEN = 100, BIG = 60000 };

/* Under AddressSanitizer fresh memory reads as a frame of length 0. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "malloc_fill_byte=0:max_malloc_fill_size=65536";
}

static struct serials serials[2];

/* Two workers of one node. */
struct two {
	struct box *a, *b;
};

static int set_up(void **state)
{
	static struct two t;
	serials_init(&serials[0]);
	t = (struct two){box_new(&serials[0], 0, 2, 0), box_new(&serials[0], 1, 2, 0)};
	box_link(t.a, 2);
	box_link(t.a, 4);
	*state = &t;
	return 0;
}

static int tear_down(void **state)
{
	struct two *t = *state;
	box_free(t->a);
	box_free(t->b);
	serials_fini(&serials[0]);
	return 0;
}

static void link_set(struct box *b, uint32_t link, bool up, uint16_t frame_max)
{
	assert_int_equal(box_apply(b, (struct seam_msg){.cmd = SEAM_LINK_SET,
					      .fd = -1,
					      .has = H(LINK) | H(UP) | H(FRAME_MAX),
					      .link = link,
					      .up = up,
					      .frame_max = frame_max}),
		0);
}

/* A frame of that path has passed: what follows needs no look. */
static void use(struct box *b, uint32_t label, uint32_t out)
{
	uint8_t f[LEN];
	box_row(b, 2, label, out);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, label, 1, LEN));
	assert_int_equal(b->s[out].out_len, LEN);
	b->s[out].out_len = 0;
}

static uint64_t drops(const struct box *b, enum drop_reason why)
{
	return engine_stats(b->e)->drops[why];
}

static void nothing_is_relayed_from_a_link_that_is_down(void **state)
{
	struct box *b = ((struct two *)*state)->a;
	uint8_t f[LEN];
	use(b, 7, 4);
	link_set(b, 2, false, 65535);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 2, LEN));
	assert_int_equal(b->s[4].out_len, 0);
	assert_int_equal(drops(b, DROP_LINK_DOWN), 1);
	link_set(b, 2, true, 65535);
	link_set(b, 4, false, 65535);
	box_rx(b, 2, f, box_frame(f, WIRE_DATA, 0, 7, 3, LEN));
	assert_int_equal(b->s[4].out_len, 0);
	assert_int_equal(drops(b, DROP_EGRESS), 1);
}

/* Frames go on back to back, but not what lies between them. */
static void a_run_ends_at_a_frame_that_does_not_go_with_it(void **state)
{
	struct box *b = ((struct two *)*state)->a;
	uint8_t f[3 * LEN];
	use(b, 7, 4);
	box_frame(f, WIRE_DATA, 0, 7, 2, LEN);
	box_frame(f + LEN, WIRE_DATA, 0, 999, 3, LEN);
	box_frame(f + 2 * LEN, WIRE_DATA, 0, 7, 4, LEN);
	box_rx(b, 2, f, sizeof f);
	assert_int_equal(b->s[4].out_len, 2 * LEN);
	assert_memory_equal(b->s[4].out, f, LEN);
	assert_memory_equal(b->s[4].out + LEN, f + 2 * LEN, LEN);
}

static void a_run_for_another_worker_is_kept_apart(void **state)
{
	struct two *t = *state;
	uint8_t f[2 * LEN];
	use(t->a, 7, 4);
	struct seam_msg m = box_label_msg(SEAM_LABEL_ADD, 2, 8, 6);
	assert_int_equal(box_apply_out(t->a, &m, 1), 0);
	box_frame(f, WIRE_DATA, 0, 8, 2, LEN);
	box_frame(f + LEN, WIRE_DATA, 0, 7, 3, LEN);
	box_rx(t->a, 2, f, sizeof f);
	assert_int_equal(t->a->mails, 1);
	assert_int_equal(t->a->mail[0].len, LEN);
	assert_memory_equal(t->a->mail[0].at, f, LEN);
	assert_int_equal(t->a->s[4].out_len, LEN);
	assert_memory_equal(t->a->s[4].out, f + LEN, LEN);
}

static void what_another_worker_sends_meets_the_same_limits(void **state)
{
	struct two *t = *state;
	uint8_t f[LEN];
	box_link(t->b, 6);
	struct seam_msg m = box_label_msg(SEAM_LABEL_ADD, 2, 8, 6);
	assert_int_equal(box_apply_out(t->a, &m, 1), 0);
	for (unsigned i = 0; i < 3; i++) {
		if (i == 1)
			link_set(t->b, 6, true, LEN - 1);
		if (i == 2)
			link_set(t->b, 6, false, 65535);
		box_rx(t->a, 2, f, box_frame(f, WIRE_DATA, 0, 8, i, LEN));
		assert_int_equal(t->a->mails, 1);
		engine_mail(t->b->e, &t->a->mail[0], t->b->now);
		t->a->mails = 0;
		box_flush(t->b);
		assert_int_equal(t->b->s[6].out_len, LEN); /* the first alone */
	}
	assert_int_equal(drops(t->b, DROP_TOO_BIG), 1);
	assert_int_equal(drops(t->b, DROP_EGRESS), 1);
}

/* The frames in front of it were too many, and its path is gone. */
static void an_overrun_takes_what_follows_with_it(void **state)
{
	struct box *b = ((struct two *)*state)->a;
	enum { FRAMES = 140 };
	uint8_t *f = malloc((FRAMES + 1) * BIG + LEN), *p = f;
	assert_non_null(f);
	use(b, 7, 4);
	b->s[4].room = 0;
	p += box_frame(p, WIRE_DATA, 0, 7, 1, LEN);
	box_rx(b, 2, f, LEN); /* it blocks */
	p = f;
	for (unsigned i = 0; i < FRAMES; i++)
		p += box_frame(p, WIRE_DATA, 0, 7, i, BIG);
	p += box_frame(p, WIRE_DATA, 0, 999, 1, LEN);
	p += box_frame(p, WIRE_DATA, 0, 7, FRAMES, BIG);
	box_rx(b, 2, f, (size_t)(p - f));
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 1);
	assert_int_equal(drops(b, DROP_LABEL), 2);
	free(f);
}

/* What lies behind its first bytes is none of it. */
static void a_header_is_judged_when_it_is_whole(void **state)
{
	struct box *b = ((struct two *)*state)->a;
	uint8_t f[LEN];
	use(b, 7, 4);
	box_frame(f, WIRE_INIT, 0, 9, 0, 20);
	box_rx(b, 2, f, 3);
	box_rx(b, 2, f + 3, 17);
	box_frame(f, WIRE_DATA, 0, 7, 2, LEN);
	for (unsigned i = 0; i < LEN; i++)
		box_rx(b, 2, f + i, 1);
	assert_int_equal(b->s[4].out_len, LEN);
	assert_memory_equal(b->s[4].out, f, LEN);
}

static struct seam_msg session(uint32_t number, uint32_t serial)
{
	return (struct seam_msg){.cmd = SEAM_SESSION_ADD,
		.fd = -1,
		.has = H(SESSION) | H(SERIAL) | H(ROLE) | H(SUITE) | H(LINK) | H(LABEL) |
		       H(LABEL_TX) | H(FRAME_MAX) | H(CHAIN_RX) | H(CHAIN_TX) | H(EXPORTER),
		.session = number,
		.serial = serial,
		.role = SEAM_INITIATOR,
		.suite = SUITE_CHACHAPOLY,
		.link = 2,
		.label = 100 + serial,
		.label_tx = 200 + serial,
		.frame_max = 4096};
}

static void a_session_has_all_that_it_needs(void **state)
{
	struct box *b = ((struct two *)*state)->a;
	struct seam_msg bad[5] = {
		session(1, 1), session(1, 1), session(1, 1), session(1, 1), session(0, 1)};
	bad[0].role = 9;
	bad[1].label = 0;
	bad[2].label_tx = 0;
	bad[3].frame_max = WIRE_PATH_MIN - 1;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(box_apply(b, bad[i]), -EINVAL);
	assert_int_equal(box_apply(b, session(1, 1)), 0);
	assert_int_equal(box_apply(b, session(1, 2)), -EEXIST); /* its number is taken */
	assert_int_equal(box_apply(b, session(2, 2)), 0);
}

/* Its way is gone: it cannot say goodbye, and carries no links. */
static void a_session_without_its_link_ends_at_once(void **state)
{
	struct box *b = ((struct two *)*state)->a;
	assert_int_equal(box_apply(b, session(1, 1)), 0);
	engine_link_gone(b->e, b->s[2].l, 0, b->now);
	assert_int_equal(box_apply(b, (struct seam_msg){.cmd = SEAM_LINK_ADD,
					      .fd = -1,
					      .has = H(LINK) | H(SESSION),
					      .link = 20,
					      .session = 1}),
		-ENOENT);
	assert_int_equal(box_apply(b, (struct seam_msg){.cmd = SEAM_SESSION_DEL,
					      .fd = -1,
					      .has = H(SESSION) | H(CLOSE),
					      .session = 1,
					      .close = CLOSE_DONE}),
		0);
	assert_int_equal(box_count(b, SEAM_SESSION_CLOSED), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_is_relayed_from_a_link_that_is_down),
		T(a_run_ends_at_a_frame_that_does_not_go_with_it),
		T(a_run_for_another_worker_is_kept_apart),
		T(what_another_worker_sends_meets_the_same_limits),
		T(an_overrun_takes_what_follows_with_it),
		T(a_header_is_judged_when_it_is_whole),
		T(a_session_has_all_that_it_needs),
		T(a_session_without_its_link_ends_at_once),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
