// SPDX-License-Identifier: Apache-2.0
/* Datagram links in the engine: what leaves as which datagram, tags, and whether the other end is there. */
#include "datagram.h"

#include "engine_box.h"

enum { TAG_RX = 0x1111, TAG_TX = 0x2222 };

static void frames_become_runs(void **state)
{
	static uint8_t b[4096];
	size_t n = 0, split;
	(void)state;
	n += box_frame(b + n, WIRE_DATA, 0, 7, 0, 100);
	n += box_frame(b + n, WIRE_DATA, 0, 7, 1, 100);
	split = n;
	n += box_frame(b + n, WIRE_DATA, 0, 7, 2, 40); /* a shorter one is the last of its run */
	n += box_frame(b + n, WIRE_DATA, 0, 7, 3, 100);
	n += box_frame(b + n, WIRE_DATA, 0, 8, 0, 100); /* another label is another run */
	n += box_frame(b + n, WIRE_DATA, 0, 8, 1, 200); /* and so is a longer one */
	const struct iovec iov[] = {{b, split}, {b + split, n - split}};
	struct datagrams d = {iov, 2, 0};
	struct datagram_run run;
	assert_int_equal(datagrams_next(&d, 64, &run), 240);
	assert_int_equal(run.frames, 3);
	assert_int_equal(run.segment, 100);
	assert_int_equal(run.pieces, 1); /* they lie back to back */
	assert_int_equal(datagrams_next(&d, 64, &run), 100);
	assert_int_equal(datagrams_next(&d, 64, &run), 100);
	assert_int_equal(datagrams_next(&d, 64, &run), 200);
	assert_int_equal(run.segment, 200);
	assert_int_equal(datagrams_next(&d, 64, &run), 0);
	d = (struct datagrams){iov, 2, 0};
	for (unsigned i = 0; i < 6; i++) {
		datagrams_next(&d, 1, &run);
		assert_int_equal(run.frames, 1);
	}
	assert_int_equal(datagrams_next(&d, 1, &run), 0);
}

static void a_run_has_an_end(void **state)
{
	static uint8_t b[200 * 1000];
	struct datagram_run run;
	size_t n = 0;
	(void)state;
	for (unsigned i = 0; i < 200; i++)
		n += box_frame(b + n, WIRE_DATA, 0, 7, i, 1000);
	const struct iovec iov = {b, n};
	struct datagrams d = {&iov, 1, 0};
	for (unsigned left = 200; left; left -= run.frames) {
		assert_true(datagrams_next(&d, 64, &run));
		assert_true(run.frames <= 64 && run.bytes <= DATAGRAM_RUN_BYTES);
	}
	assert_int_equal(datagrams_next(&d, 64, &run), 0);
}

struct two {
	struct serials serials;
	struct box *b;
};

/* Link 1: a stream; link 2: datagrams, dialled. */
static int setup(void **state)
{
	static struct two t;
	serials_init(&t.serials);
	t.b = box_new(&t.serials, 0, 1, 0);
	box_link(t.b, 1);
	assert_int_equal(box_apply(t.b, (struct seam_msg){.cmd = SEAM_LINK_ADD,
						.has = H(LINK) | H(TAG_RX),
						.link = 2,
						.tag_rx = TAG_RX,
						.fd = 2}),
		0);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	struct two *t = *state;
	box_free(t->b);
	serials_fini(&t->serials);
	return 0;
}

static void bring_up(struct box *b)
{
	assert_int_equal(box_apply(b, (struct seam_msg){.cmd = SEAM_LINK_SET,
					      .fd = -1,
					      .has = H(LINK) | H(UP) | H(FRAME_MAX) | H(TAG_TX),
					      .link = 2,
					      .up = 1,
					      .tag_tx = TAG_TX,
					      .frame_max = 1024}),
		0);
}

/* Datagrams of n bytes in all, `segment` each. */
static void datagrams_in(struct box *b, const void *p, size_t n, size_t segment)
{
	struct buf *buf = buf_plain((uint32_t)n); /* what is read behind them is seen */
	memcpy(buf->data, p, n);
	b->rx_lo = buf->data;
	b->rx_hi = buf->data + n;
	if (b->s[2].l)
		engine_rx_datagrams(b->e, b->s[2].l, buf, buf->data, n, segment, b->now);
	buf_put(buf);
	box_flush(b);
}

static void only_frames_with_the_tag_are_heard(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	static const uint8_t types[] = {WIRE_CONTROL, WIRE_INIT, WIRE_RESP, WIRE_RESET, WIRE_LINK};
	const struct stats *s = engine_stats(b->e);
	uint8_t f[64];
	bring_up(b);
	for (unsigned i = 0; i < sizeof types; i++) {
		size_t n = box_frame(f, types[i], 0, 0, TAG_RX ^ 1, 40);
		datagrams_in(b, f, n, n);
		assert_int_equal(box_count(b, SEAM_FRAME), i);
		assert_int_equal(s->drops[DROP_TAG], i + 1);
		put_be64(f + 8, TAG_RX);
		datagrams_in(b, f, n, n);
		assert_int_equal(box_count(b, SEAM_FRAME), i + 1);
	}
}

static void cookie_and_hello_come_up_before_the_link_is(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	uint8_t f[64];
	size_t n = box_frame(f, WIRE_COOKIE, 0, 0, TAG_RX, 33);
	datagrams_in(b, f, n, n);
	n = box_frame(f, WIRE_LINK, LINK_HELLO, 0, TAG_RX, 60);
	datagrams_in(b, f, n, n);
	assert_int_equal(box_count(b, SEAM_FRAME), 2);
	n = box_frame(f, WIRE_INIT, 0, 5, TAG_RX, 60);
	datagrams_in(b, f, n, n);
	assert_int_equal(box_count(b, SEAM_FRAME), 2);
	/* none of a stream */
	n = box_frame(f, WIRE_COOKIE, 0, 0, 0, 33);
	box_rx(b, 1, f, n);
	assert_int_equal(box_count(b, SEAM_FRAME), 3); /* to control, which ignores it */
}

static void what_leaves_has_the_tag_of_the_peer(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	const uint8_t *out = NULL;
	uint8_t f[64];
	bring_up(b);
	box_frame(f, WIRE_INIT, 0, 5, 0, 40);
	box_apply(b, (struct seam_msg){.cmd = SEAM_FRAME,
			     .fd = -1,
			     .has = H(LINK) | H(FRAME),
			     .link = 2,
			     .frame = f,
			     .frame_len = 40});
	box_frame(f, WIRE_FINISH, 0, 5, 0, 40);
	box_apply(b, (struct seam_msg){.cmd = SEAM_FRAME,
			     .fd = -1,
			     .has = H(LINK) | H(FRAME),
			     .link = 2,
			     .frame = f,
			     .frame_len = 40});
	box_flush(b);
	assert_int_equal(box_sent(b, 2, WIRE_INIT, 0, &out), 1);
	assert_int_equal(get_be64(out + 8), TAG_TX);
	assert_int_equal(box_sent(b, 2, WIRE_FINISH, 0, &out), 1);
	assert_int_equal(get_be64(out + 8), 0); /* it is never rewritten, so it has none */
}

/* A datagram is one whole frame: no more, no less. */
static void a_datagram_is_a_frame(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	const struct stats *s = engine_stats(b->e);
	uint8_t f[400];
	size_t n;
	bring_up(b);
	box_row(b, 2, 7, 1);
	n = box_frame(f, WIRE_DATA, 0, 7, 0, 100);
	datagrams_in(b, f, n, n);
	datagrams_in(b, f, n - 1, n - 1);
	f[100] = 0;
	datagrams_in(b, f, n + 1, n + 1);
	datagrams_in(b, f, 15, 15);
	f[0] = 0x25; /* another version */
	datagrams_in(b, f, n, n);
	assert_int_equal(s->drops[DROP_SHORT], 4);
	assert_int_equal(b->s[1].out_len, 100);
	assert_non_null(b->s[2].l); /* nothing of that ends the link */
	/* many at once, one of them bad */
	for (unsigned i = 0; i < 4; i++)
		box_frame(f + 100 * i, WIRE_DATA, 0, 7, i, 100);
	put_be16(f + 202, 99);
	datagrams_in(b, f, 400, 100);
	assert_int_equal(b->s[1].out_len, 400);
	assert_int_equal(s->drops[DROP_SHORT], 5);
	/* the last is shorter */
	box_frame(f + 200, WIRE_DATA, 0, 7, 2, 50);
	datagrams_in(b, f, 250, 100);
	assert_int_equal(b->s[1].out_len, 650);
}

static void what_is_no_whole_frame_is_dropped(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	uint8_t f[120];
	uint64_t before = engine_stats(b->e)->drops[DROP_SHORT];
	memset(f, 0, sizeof f);
	for (size_t n = 1; n <= WIRE_HEADER; n++) { /* the last of several is short */
		box_frame(f, WIRE_RESET, 0, 7, TAG_RX, 40);
		frame_header_encode(f + 40, WIRE_RESET, 0, (uint16_t)(n < WIRE_HEADER ? n : 17), 7, TAG_RX);
		datagrams_in(b, f, 40 + n, 40);
		assert_int_equal(engine_stats(b->e)->drops[DROP_SHORT], before + n);
	}
}

static void a_full_queue_drops_and_the_path_goes_on(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	const struct stats *s = engine_stats(b->e);
	static uint8_t f[1000];
	bring_up(b);
	box_row(b, 1, 7, 2);
	b->s[2].room = 0;
	for (unsigned i = 0; i < 6000; i++) {
		box_frame(f, WIRE_DATA, 0, 7, i, sizeof f);
		box_rx(b, 1, f, sizeof f);
	}
	assert_true(s->drops[DROP_QUEUE] > 1000);
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 0);
	assert_true(box_sent(b, 1, WIRE_LINK, LINK_PAUSE, NULL) == 1);
	box_room(b, 2, SIZE_MAX);
	assert_true(box_sent(b, 1, WIRE_LINK, LINK_RESUME, NULL) == 1);
	assert_true(b->s[2].out_len > 1000000 && b->s[2].out_len < 2500000);
	/* too big for the way: dropped alone */
	static uint8_t big[1025];
	box_frame(big, WIRE_DATA, 0, 7, 9, sizeof big);
	box_rx(b, 1, big, sizeof big);
	assert_int_equal(s->drops[DROP_TOO_BIG], 1);
	assert_int_equal(box_count(b, SEAM_LABEL_LOST), 0);
}

static unsigned pings(struct box *b)
{
	return box_sent(b, 2, WIRE_LINK, LINK_PING, NULL);
}

/* Ticks whenever something is due, until then. */
static void pass(struct box *b, uint64_t ms)
{
	uint64_t end = b->now + ms;
	while (engine_deadline(b->e) <= end)
		box_tick(b, engine_deadline(b->e) > b->now ? engine_deadline(b->e) : b->now);
	b->now = end;
}

static void pong(struct box *b)
{
	uint8_t f[WIRE_HEADER + 8];
	box_frame(f, WIRE_LINK, LINK_PONG, 0, TAG_RX, sizeof f);
	datagrams_in(b, f, sizeof f, sizeof f);
}

static void an_idle_link_is_kept_alive(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	bring_up(b);
	pass(b, WIRE_UDP_PING_DIALLED_MS - 1);
	assert_int_equal(pings(b), 0);
	for (unsigned i = 1; i <= 10; i++) {
		pass(b, i == 1 ? 1 : WIRE_UDP_PING_DIALLED_MS);
		assert_int_equal(pings(b), i);
		pong(b);
	}
	assert_int_equal(box_count(b, SEAM_LINK_SILENT), 0);
	assert_non_null(b->s[2].l);
}

static void silence_is_told_and_ends_it(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	uint8_t f[100];
	bring_up(b);
	box_row(b, 1, 7, 2);
	box_frame(f, WIRE_DATA, 0, 7, 0, sizeof f);
	box_rx(b, 1, f, sizeof f);
	pass(b, WIRE_UDP_SILENT_MS - 1);
	assert_int_equal(pings(b), 0);
	pass(b, 1);
	assert_int_equal(pings(b), 1);
	assert_int_equal(box_count(b, SEAM_LINK_SILENT), 0);
	pass(b, 1000);
	assert_int_equal(box_count(b, SEAM_LINK_SILENT), 1);
	pass(b, 2000);
	assert_int_equal(box_count(b, SEAM_LINK_SILENT), 1);
	pong(b); /* it was there after all */
	box_rx(b, 1, f, sizeof f);
	pass(b, WIRE_UDP_LOST_MS - 1);
	assert_int_equal(box_count(b, SEAM_LINK_LOST), 0);
	assert_int_equal(box_count(b, SEAM_LINK_SILENT), 2);
	pass(b, 1);
	assert_int_equal(box_count(b, SEAM_LINK_LOST), 1);
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.error, -ETIMEDOUT);
	assert_null(b->s[2].l);
}

/* A PONG asks for no answer, or two idle ends would PING each other for ever. */
static void answers_ask_for_nothing(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	uint8_t f[WIRE_HEADER + 8];
	bring_up(b);
	for (unsigned i = 0; i < 4; i++) {
		pass(b, WIRE_UDP_PING_DIALLED_MS - 1);
		box_frame(f, WIRE_LINK, LINK_PING, 0, TAG_RX, sizeof f);
		datagrams_in(b, f, sizeof f, sizeof f);
		assert_int_equal(box_sent(b, 2, WIRE_LINK, LINK_PONG, NULL), i + 1);
	}
	assert_int_equal(pings(b), 0);
}

static void the_end_of_a_link_is_said(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	bring_up(b);
	engine_link_gone(b->e, b->s[2].l, -ENETUNREACH, b->now);
	assert_true(b->s[2].closed);
	assert_int_equal(box_count(b, SEAM_LINK_LOST), 1);
}

static void a_link_at_a_listener_needs_one(void **state)
{
	struct box *b = ((struct two *)*state)->b;
	struct seam_msg m = {.cmd = SEAM_LINK_ADD,
		.fd = -1,
		.has = H(LINK) | H(LISTENER) | H(TAG_RX) | H(ADDRESS),
		.link = 4,
		.listener = 1,
		.tag_rx = 5};
	assert_int_equal(box_apply(b, m), -EOPNOTSUPP); /* this engine has no such sockets */
	m.has &= ~H(ADDRESS);
	assert_int_equal(box_apply(b, m), -EBADF);
	assert_null(engine_link(b->e, 4));
	struct seam_msg move = {.cmd = SEAM_LINK_SET,
		.fd = -1,
		.has = H(LINK) | H(UP) | H(FRAME_MAX) | H(ADDRESS),
		.link = 1,
		.up = 1,
		.frame_max = 1024};
	assert_int_equal(box_apply(b, move), -EOPNOTSUPP); /* streams do not move */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_become_runs),
		cmocka_unit_test(a_run_has_an_end),
		T(only_frames_with_the_tag_are_heard),
		T(cookie_and_hello_come_up_before_the_link_is),
		T(what_leaves_has_the_tag_of_the_peer),
		T(a_datagram_is_a_frame),
		T(what_is_no_whole_frame_is_dropped),
		T(a_full_queue_drops_and_the_path_goes_on),
		T(an_idle_link_is_kept_alive),
		T(silence_is_told_and_ends_it),
		T(answers_ask_for_nothing),
		T(the_end_of_a_link_is_said),
		T(a_link_at_a_listener_needs_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
