// SPDX-License-Identifier: Apache-2.0
/* Frames that leave by another worker's link: what is large goes where it lies, and not for ever.
 */
#include "engine_box.h"

enum { BODY = 60000, LARGE = 8 * BODY, PINNED_MAX = 8 << 20 };

static struct serials serials;

struct two {
	struct box *a, *b;
};

static int set_up(void **state)
{
	static struct two t;
	serials_init(&serials);
	t = (struct two){box_new(&serials, 0, 2, 0), box_new(&serials, 1, 2, 0)};
	box_link(t.a, 2);
	*state = &t;
	return 0;
}

static int tear_down(void **state)
{
	struct two *t = *state;
	box_free(t->a);
	box_free(t->b);
	serials_fini(&serials);
	return 0;
}

/* A path from link 2 of a to a link of b. */
static void path(struct two *t, uint32_t label, uint32_t out)
{
	box_link(t->b, out);
	struct seam_msg m = box_label_msg(SEAM_LABEL_ADD, 2, label, out);
	assert_int_equal(box_apply_out(t->a, &m, 1), 0);
}

static void carry(struct box *from, struct box *to)
{
	for (unsigned i = 0; i < from->mails; i++)
		engine_mail(to->e, &from->mail[i], to->now);
	from->mails = 0;
	box_flush(to);
}

/* n bytes of large frames of one path, received in shared memory. */
static struct buf *receive(struct two *t, uint32_t label, size_t n)
{
	struct buf *buf = buf_shared(LARGE);
	for (size_t off = 0; off < n; off += BODY)
		box_frame(buf->data + off, WIRE_DATA, 0, label, off / BODY, BODY);
	engine_rx(t->a->e, t->a->s[2].l, buf, buf->data, n, t->a->now);
	return buf;
}

static bool lies_in(const struct buf *b, const uint8_t *p)
{
	return p >= b->data && p < b->data + b->cap;
}

static void much_goes_where_it_lies(void **state)
{
	struct two *t = *state;
	path(t, 7, 4);
	struct buf *buf = receive(t, 7, LARGE);
	assert_int_equal(t->a->mails, 1);
	assert_true(lies_in(buf, t->a->mail[0].at));
	assert_false(buf_alone(buf));
	carry(t->a, t->b);
	assert_int_equal(t->b->s[4].out_len, LARGE);
	assert_memory_equal(t->b->s[4].out, buf->data, LARGE);
	assert_true(buf_alone(buf));
	carry(t->b, t->a);
	buf_put(buf);
}

static void a_little_is_copied(void **state)
{
	struct two *t = *state;
	path(t, 7, 4);
	struct buf *buf = receive(t, 7, BODY);
	assert_int_equal(t->a->mails, 1);
	assert_false(lies_in(buf, t->a->mail[0].at));
	assert_true(buf_alone(buf));
	carry(t->a, t->b);
	assert_int_equal(t->b->s[4].out_len, BODY);
	assert_memory_equal(t->b->s[4].out, buf->data, BODY);
	carry(t->b, t->a);
	buf_put(buf);
}

static void the_memory_outlives_its_receiver(void **state)
{
	struct two *t = *state;
	path(t, 7, 4);
	t->b->s[4].room = 100;
	buf_put(receive(t, 7, LARGE));
	carry(t->a, t->b);
	assert_int_equal(t->b->s[4].out_len, 100);
	box_room(t->b, 4, SIZE_MAX);
	assert_int_equal(t->b->s[4].out_len, LARGE);
	for (size_t off = 0; off < LARGE; off += BODY)
		assert_int_equal(get_be64(t->b->s[4].out + off + 8), off / BODY);
	carry(t->b, t->a);
}

/* Links that take nothing let go of the buffers before these are too many. */
static void blocked_links_hold_a_bounded_part(void **state)
{
	enum { LINKS = 40, FIRST = 4 };
	struct two *t = *state;
	struct buf *buf[LINKS];
	size_t pinned = 0;
	for (uint32_t i = 0; i < LINKS; i++) {
		path(t, 7 + i, FIRST + i);
		t->b->s[FIRST + i].room = 0;
		buf[i] = receive(t, 7 + i, LARGE / 2);
		carry(t->a, t->b);
		carry(t->b, t->a);
	}
	for (uint32_t i = 0; i < LINKS; i++)
		pinned += buf_alone(buf[i]) ? 0 : LARGE;
	assert_true(pinned > 0);
	assert_true(pinned <= PINNED_MAX);
	for (uint32_t i = 0; i < LINKS; i++) {
		if (buf_alone(buf[i]))
			memset(buf[i]->data, 0xee, LARGE);
		buf_put(buf[i]);
	}
	for (uint32_t i = 0; i < LINKS; i++) {
		box_room(t->b, FIRST + i, SIZE_MAX);
		assert_int_equal(t->b->s[FIRST + i].out_len, LARGE / 2);
		for (size_t off = 0; off < LARGE / 2; off += BODY)
			assert_int_equal(get_be64(t->b->s[FIRST + i].out + off + 8), off / BODY);
	}
	carry(t->b, t->a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(much_goes_where_it_lies),
		T(a_little_is_copied),
		T(the_memory_outlives_its_receiver),
		T(blocked_links_hold_a_bounded_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
