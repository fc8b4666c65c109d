// SPDX-License-Identifier: Apache-2.0
/* Large receives: a frame that is incomplete at the end stays with who receives. */
#include "engine_alone.h"

/* Who receives: what it keeps lies in front of what comes. */
struct receiver {
	struct box *b;
	uint32_t link;
	uint8_t kept[ENGINE_KEEP_MAX];
	size_t n_kept;
};

static void receive(struct receiver *r, const uint8_t *p, size_t n, bool keep)
{
	struct box_socket *s = &r->b->s[r->link];
	struct buf *b = buf_plain((uint32_t)(r->n_kept + n) + 1);
	memcpy(b->data, r->kept, r->n_kept);
	memcpy(b->data + r->n_kept, p, n);
	n += r->n_kept;
	r->n_kept = 0;
	r->b->rx_lo = b->data;
	r->b->rx_hi = b->data + n;
	if (keep)
		r->n_kept = engine_rx_keep(r->b->e, s->l, b, b->data, n, r->b->now);
	else
		engine_rx(r->b->e, s->l, b, b->data, n, r->b->now);
	assert_true(r->n_kept <= n && r->n_kept <= sizeof r->kept);
	memcpy(r->kept, b->data + n - r->n_kept, r->n_kept);
	box_flush(r->b);
	buf_put(b);
}

enum { FRAMES = 6 };

static size_t six_frames(uint8_t *p)
{
	static const size_t len[FRAMES] = {32, 33, 100, 64, 257, 40};
	size_t n = 0;
	for (unsigned i = 0; i < FRAMES; i++)
		n += box_frame(p + n, WIRE_DATA, 0, 7, i, len[i]);
	return n;
}

/* Every size of receive; kept each time, or handed over to the engine each third time. */
static void any_split(struct box *b, bool change)
{
	static struct receiver r;
	uint8_t in[1000];
	size_t n = six_frames(in);
	for (size_t step = 1; step <= n; step++) {
		unsigned turn = 0;
		r = (struct receiver){.b = b, .link = 2};
		b->s[4].out_len = 0;
		for (size_t off = 0; off < n; off += step)
			receive(&r, in + off, step < n - off ? step : n - off,
				!change || turn++ % 3);
		assert_int_equal(b->s[4].out_len, n);
		assert_memory_equal(b->s[4].out, in, n);
		assert_int_equal(r.n_kept, 0);
	}
	assert_int_equal(b->evs, 1); /* the label was used */
}

static void any_split_gives_the_same_frames(void **state)
{
	struct box *b = *state;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	b->copied = false;
	any_split(b, false);
	assert_false(b->copied); /* all left from where they were received */
}

static void receivers_may_change_their_way(void **state)
{
	struct box *b = *state;
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	any_split(b, true);
}

static void what_is_kept_is_counted_once(void **state)
{
	struct box *b = *state;
	static struct receiver r;
	uint8_t f[1000];
	r = (struct receiver){.b = b, .link = 2};
	box_link(b, 2);
	box_link(b, 4);
	box_row(b, 2, 7, 4);
	size_t n = six_frames(f);
	for (size_t off = 0; off < n; off += 10)
		receive(&r, f + off, n - off < 10 ? n - off : 10, true);
	struct seam_msg get = {.cmd = SEAM_LINK_GET, .fd = -1, .has = H(LINK), .link = 2},
			answer = {0};
	assert_int_equal(engine_apply(b->e, &get, ENGINE_LOCAL, &answer, b->now), 0);
	assert_int_equal(answer.bytes_rx, n);
}

static void an_unsound_header_ends_the_link(void **state)
{
	struct box *b = *state;
	static struct receiver r;
	uint8_t f[64] = {0xff};
	r = (struct receiver){.b = b, .link = 2};
	box_link(b, 2);
	receive(&r, f, WIRE_HEADER - 1, true);
	assert_false(b->s[2].closed);
	assert_int_equal(r.n_kept, WIRE_HEADER - 1);
	receive(&r, f, 1, true);
	assert_true(b->s[2].closed);
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.error, -EPROTO);
}

static void an_incomplete_frame_ends_its_link(void **state)
{
	struct box *b = *state;
	static struct receiver r;
	uint8_t f[200];
	r = (struct receiver){.b = b, .link = 2};
	box_link(b, 2);
	box_frame(f, WIRE_INIT, 0, 7, 1, 100);
	box_frame(f + 100, WIRE_INIT, 0, 8, 1, 100);
	uint64_t start = b->now;
	receive(&r, f, 50, true);
	assert_true(engine_deadline(b->e) <= start + WIRE_FRAME_TIMEOUT_MS);
	box_tick(b, start + 9000);
	receive(&r, f + 50, 60, true); /* the next one has its own time */
	box_tick(b, start + 18000);
	receive(&r, f + 110, 40, true); /* trickling on does not help */
	assert_false(b->s[2].closed);
	box_tick(b, start + 9000 + WIRE_FRAME_TIMEOUT_MS);
	assert_true(b->s[2].closed);
	assert_int_equal(box_find(b, SEAM_LINK_LOST)->m.error, -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(any_split_gives_the_same_frames),
		T(receivers_may_change_their_way),
		T(what_is_kept_is_counted_once),
		T(an_unsound_header_ends_the_link),
		T(an_incomplete_frame_ends_its_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
