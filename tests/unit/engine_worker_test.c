// SPDX-License-Identifier: Apache-2.0
/* Two workers of one node: frames between their links, and what they share. */
#include "engine_alone.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_cross_workers),
		T(serials_are_never_taken_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
