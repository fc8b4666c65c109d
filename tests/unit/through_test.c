// SPDX-License-Identifier: Apache-2.0
/* Frames that pass by a conduit: which may, their order among others, and what becomes of them when
 * something is in the way. */
#include "engine_box.h"

enum { BODY = 60000, ROOM = 64 * BODY };

/* A conduit of memory. Its references are counted by hand. */
struct tube {
	struct conduit c;
	unsigned refs;
	size_t in, out;
	uint8_t b[ROOM];
};

static bool tube_read(struct conduit *c, uint8_t *dst, size_t n)
{
	struct tube *t = (struct tube *)c;
	assert_true(t->out + n <= t->in);
	memcpy(dst, t->b + t->out, n);
	t->out += n;
	return true;
}

static void tube_put(struct conduit *c, size_t left)
{
	struct tube *t = (struct tube *)c;
	assert_true(t->refs > 0);
	t->refs--;
	if (left == CONDUIT_SPOIL)
		return;
	assert_true(t->out + left <= t->in);
	t->out += left;
}

static struct serials serials;

struct two {
	struct box *a, *b;
	struct tube tube;
	uint64_t seq;
};

static int set_up(void **state)
{
	struct two *t = calloc(1, sizeof *t);
	serials_init(&serials);
	t->a = box_new(&serials, 0, 2, 0);
	t->b = box_new(&serials, 1, 2, 0);
	t->tube.c = (struct conduit){tube_read, tube_put};
	box_link(t->a, 2);
	box_link(t->a, 4);
	box_link(t->b, 6);
	box_row(t->a, 2, 7, 4);
	struct seam_msg m = box_label_msg(SEAM_LABEL_ADD, 2, 8, 6);
	assert_int_equal(box_apply_out(t->a, &m, 1), 0);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct two *t = *state;
	box_free(t->a);
	box_free(t->b);
	assert_int_equal(t->tube.refs, 0);
	serials_fini(&serials);
	free(t);
	return 0;
}

/* By memory, which makes a path used. */
static void by_memory(struct two *t, uint32_t label, size_t len)
{
	uint8_t f[256];
	box_frame(f, WIRE_DATA, 0, label, t->seq++, len);
	box_rx_only(t->a, 2, f, len);
}

/* A frame of another path, to a link that is behind: it waits in a queue. */
static void queued(struct box *b, uint32_t link, uint32_t out)
{
	uint8_t f[256];
	box_link(b, link);
	box_row(b, link, 99, out);
	box_frame(f, WIRE_DATA, 0, 99, 0, 100);
	engine_rx(b->e, b->s[link].l, NULL, f, 100, b->now);
}

static enum through_may may(
	struct two *t, uint8_t type, uint32_t label, uint16_t len, struct through_way *w)
{
	uint8_t h[WIRE_HEADER];
	frame_header_encode(h, type, 0, len, label, 0);
	return engine_rx_way(t->a->e, t->a->s[2].l, h, w);
}

/* n frames come by the tube. */
static void by_tube(struct two *t, uint32_t label, unsigned n)
{
	struct through th = {.c = &t->tube.c,
		.label = label,
		.len = n * (size_t)BODY,
		.frames = n,
		.biggest = BODY};
	assert_int_equal(may(t, WIRE_DATA, label, BODY, &th.way), THROUGH_YES);
	for (unsigned i = 0; i < n; i++, t->tube.in += BODY)
		box_frame(t->tube.b + t->tube.in, WIRE_DATA, 0, label, t->seq++, BODY);
	t->tube.refs++;
	engine_rx_through(t->a->e, t->a->s[2].l, &th, t->a->now);
}

static void carry(struct box *from, struct box *to)
{
	for (unsigned i = 0; i < from->mails; i++)
		engine_mail(to->e, &from->mail[i], to->now);
	from->mails = 0;
	box_flush(to);
}

/* What left are whole frames, numbered from `first` on, up to `next`. */
static void left_in_order(const struct box_socket *s, uint64_t first, uint64_t next)
{
	size_t off = 0;
	for (; first < next; first++) {
		assert_true(off + WIRE_HEADER <= s->out_len);
		struct frame_header h = frame_header_decode(s->out + off);
		assert_int_equal(h.type, WIRE_DATA);
		if (h.label == 99) {
			off += h.len;
			h = frame_header_decode(s->out + off);
		}
		assert_int_equal(h.seq, first);
		off += h.len;
	}
	assert_int_equal(off, s->out_len);
}

static void large_data_of_a_used_path_may(void **state)
{
	struct two *t = *state;
	struct through_way w = {0};
	assert_int_equal(
		may(t, WIRE_DATA, 7, BODY, &w), THROUGH_NO); /* LABEL_USED has to be told */
	by_memory(t, 7, 100);
	by_memory(t, 8, 100);
	assert_int_equal(may(t, WIRE_DATA, 7, BODY, &w), THROUGH_YES);
	assert_int_equal(w.link, 4);
	assert_int_equal(w.worker, ENGINE_LOCAL);
	assert_int_equal(may(t, WIRE_DATA, 8, BODY, &w), THROUGH_YES);
	assert_int_equal(w.link, 6);
	assert_int_equal(w.worker, 1);
	assert_int_equal(may(t, WIRE_DATA, 7, THROUGH_FRAME_MIN - 1, &w), THROUGH_NO);
	assert_int_equal(may(t, WIRE_FINISH, 7, BODY, &w), THROUGH_NO);
	assert_int_equal(may(t, WIRE_CONTROL, 0, BODY, &w), THROUGH_NO);
	assert_int_equal(may(t, WIRE_DATA, 99, BODY, &w), THROUGH_NO);
	uint8_t h[WIRE_HEADER];
	frame_header_encode(h, WIRE_DATA, 0, BODY, 7, 0);
	h[0] ^= 0x30; /* another version */
	assert_int_equal(engine_rx_way(t->a->e, t->a->s[2].l, h, &w), THROUGH_NO);
	assert_true(engine_rx_forwards(t->a->e, t->a->s[2].l));
	assert_false(engine_rx_forwards(t->a->e, t->a->s[4].l));
	carry(t->a, t->b);
}

static void a_queue_in_front_is_waited_for(void **state)
{
	struct two *t = *state;
	struct through_way w;
	by_memory(t, 7, 100);
	box_room(t->a, 4, 50);
	queued(t->a, 10, 4);
	assert_int_equal(may(t, WIRE_DATA, 7, BODY, &w), THROUGH_BUSY);
	box_room(t->a, 4, SIZE_MAX);
	assert_int_equal(may(t, WIRE_DATA, 7, BODY, &w), THROUGH_YES);
}

static void it_is_alone_when_one_path_moves(void **state)
{
	struct two *t = *state;
	by_memory(t, 7, 100);
	t->a->now += 2000;
	by_memory(t, 7, 100);
	assert_true(engine_rx_alone(t->a->e, t->a->s[2].l));
	by_memory(t, 8, 100);
	assert_false(engine_rx_alone(t->a->e, t->a->s[2].l));
	carry(t->a, t->b);
}

static void they_leave_behind_what_was_there_and_before_what_comes(void **state)
{
	struct two *t = *state;
	box_room(t->a, 4, 150); /* the second frame gets stuck in its middle */
	by_memory(t, 7, 100);
	by_memory(t, 7, 100);
	box_flush(t->a);
	assert_int_equal(t->a->s[4].out_len, 150);
	by_tube(t, 7, 3);
	by_tube(t, 7, 2);
	by_memory(t, 7, 200);
	box_flush(t->a);
	assert_int_equal(t->a->s[4].out_len, 150);
	box_room(t->a, 4, BODY + 1000); /* and one that passes */
	box_room(t->a, 4, SIZE_MAX);
	left_in_order(&t->a->s[4], 0, t->seq);
	assert_int_equal(t->a->s[4].conduits, 2); /* joined: a part, the rest */
	assert_int_equal(link_bytes_through(t->a->s[2].l), 5 * BODY);
}

static void what_is_released_goes_on_from_memory(void **state)
{
	struct two *t = *state;
	by_memory(t, 7, 100);
	box_flush(t->a);
	box_room(t->a, 4, BODY / 2);
	by_tube(t, 7, 3);
	box_flush(t->a);
	const struct through_way w = {4, ENGINE_LOCAL};
	t->tube.refs++;
	engine_through_release(t->a->e, &w, &t->tube.c, t->a->now);
	assert_int_equal(t->tube.refs, 0);
	assert_int_equal(t->tube.out, t->tube.in);
	by_memory(t, 7, 100);
	box_room(t->a, 4, SIZE_MAX);
	left_in_order(&t->a->s[4], 0, t->seq);
}

static void to_another_worker(void **state)
{
	struct two *t = *state;
	by_memory(t, 8, 100);
	by_tube(t, 8, 2);
	by_memory(t, 8, 100);
	carry(t->a, t->b);
	left_in_order(&t->b->s[6], 0, 4);
	assert_int_equal(t->b->s[6].conduits, 1);
	carry(t->b, t->a);
	/* it is behind: a release finds what is in front of it in the mail */
	box_room(t->b, 6, 1000);
	by_tube(t, 8, 2);
	const struct through_way w = {6, 1};
	t->tube.refs++;
	engine_through_release(t->a->e, &w, &t->tube.c, t->a->now);
	carry(t->a, t->b);
	assert_int_equal(t->tube.refs, 0);
	assert_int_equal(t->tube.out, t->tube.in);
	box_room(t->b, 6, SIZE_MAX);
	left_in_order(&t->b->s[6], 0, t->seq);
}

/* On the other worker something waits that could not be known of. */
static void behind_a_queue_they_are_read(void **state)
{
	struct two *t = *state;
	by_memory(t, 8, 100);
	carry(t->a, t->b);
	carry(t->b, t->a);
	box_room(t->b, 6, 1000);
	by_tube(t, 8, 1);
	carry(t->a, t->b);
	queued(t->b, 10, 6);
	by_tube(t, 8, 2);
	by_memory(t, 8, 100);
	carry(t->a, t->b);
	assert_int_equal(t->tube.refs, 0);
	assert_int_equal(t->tube.out, t->tube.in);
	box_room(t->b, 6, SIZE_MAX);
	left_in_order(&t->b->s[6], 0, t->seq);
}

static void a_way_that_is_gone_throws_away_in_order(void **state)
{
	struct two *t = *state;
	by_memory(t, 8, 100);
	carry(t->a, t->b);
	box_room(t->b, 6, 1000);
	by_tube(t, 8, 2);
	carry(t->a, t->b);
	by_tube(t, 8, 1);
	engine_link_gone(t->b->e, t->b->s[6].l, -ECONNRESET, t->b->now);
	assert_int_equal(t->tube.out, 2 * BODY);
	carry(t->a, t->b);
	assert_int_equal(t->tube.out, t->tube.in);
	assert_int_equal(t->tube.refs, 0);
}

static void too_large_for_the_way_out_ends_the_path(void **state)
{
	struct two *t = *state;
	by_memory(t, 8, 100);
	carry(t->a, t->b);
	assert_int_equal(box_apply(t->b, (struct seam_msg){.cmd = SEAM_LINK_SET,
						 .fd = -1,
						 .has = H(LINK) | H(UP) | H(FRAME_MAX),
						 .link = 6,
						 .up = 1,
						 .frame_max = BODY - 1}),
		0);
	by_tube(t, 8, 1);
	carry(t->a, t->b);
	carry(t->b, t->a);
	assert_int_equal(t->tube.out, t->tube.in);
	struct through_way w;
	assert_int_equal(may(t, WIRE_DATA, 8, BODY, &w), THROUGH_NO);
	assert_int_equal(t->a->ev[t->a->evs - 1].m.cmd, SEAM_LABEL_LOST);
	assert_int_equal(t->a->ev[t->a->evs - 1].m.code, RESET_OVERRUN);
}

/* A frame of which the rest does not come ends the link, however it comes. */
static void half_a_frame_has_ten_seconds(void **state)
{
	struct two *t = *state;
	by_memory(t, 7, 100);
	struct link *l = t->a->s[2].l;
	engine_rx_passes(t->a->e, l, true, t->a->now);
	t->a->now += WIRE_FRAME_TIMEOUT_MS - 1;
	engine_rx_passes(t->a->e, l, true, t->a->now); /* another byte */
	engine_tick(t->a->e, t->a->now);
	assert_false(t->a->s[2].closed);
	t->a->now += 1;
	engine_tick(t->a->e, t->a->now);
	assert_true(t->a->s[2].closed);
}

static void the_rest_of_a_frame_is_known(void **state)
{
	struct two *t = *state;
	uint8_t f[100];
	struct link *l = t->a->s[2].l;
	box_frame(f, WIRE_DATA, 0, 7, 0, sizeof f);
	assert_int_equal(engine_rx_need(l), 0);
	engine_rx(t->a->e, l, NULL, f, 10, t->a->now);
	assert_int_equal(engine_rx_need(l), WIRE_HEADER - 10);
	engine_rx(t->a->e, l, NULL, f + 10, 10, t->a->now);
	assert_int_equal(engine_rx_need(l), 80);
	engine_rx(t->a->e, l, NULL, f + 20, 80, t->a->now);
	assert_int_equal(engine_rx_need(l), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(large_data_of_a_used_path_may),
		T(a_queue_in_front_is_waited_for),
		T(it_is_alone_when_one_path_moves),
		T(they_leave_behind_what_was_there_and_before_what_comes),
		T(what_is_released_goes_on_from_memory),
		T(to_another_worker),
		T(behind_a_queue_they_are_read),
		T(a_way_that_is_gone_throws_away_in_order),
		T(too_large_for_the_way_out_ends_the_path),
		T(half_a_frame_has_ten_seconds),
		T(the_rest_of_a_frame_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
