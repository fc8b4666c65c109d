// SPDX-License-Identifier: Apache-2.0
/* Links that are there: HELLO, their end, and how many others may have made. */
#include "fake_node.h"
#include "link_result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { ACCEPTED_MAX = 8192, MUTE_MAX = 1024 };

static void an_accepted_link_greets_when_it_is_up(void **state)
{
	struct fake *f = *state;
	links_on_new(f->n, 1, 1, "127.0.0.1:50000");
	assert_null(fake_frame(f, WIRE_LINK, 1));
	fake_hello(f, 1, WIRE_VERSION, 65535);
	assert_non_null(fake_next(f, SEAM_LINK_SET));
	assert_non_null(fake_frame(f, WIRE_LINK, 1));
	fake_run(f);
	assert_int_equal(links_by_id(f->n, 1)->state, LINK_UP);
	fake_pass(f, 1000000);
	assert_non_null(links_by_id(f->n, 1));
}

static void an_accepted_link_without_hello_ends(void **state)
{
	struct fake *f = *state;
	links_on_new(f->n, 1, 1, "127.0.0.1:50000");
	fake_pass(f, 9999);
	assert_non_null(links_by_id(f->n, 1));
	fake_pass(f, 1);
	assert_null(links_by_id(f->n, 1));
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 1);
}

static void no_common_version_is_answered_with_bye(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	acquire(f, "127.0.0.1:6002", false, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_run(f);
	fake_hello(f, f->connect_id, 9, 65535);
	assert_int_equal(r.calls, 1);
	assert_non_null(fake_frame(f, WIRE_LINK, 0)); /* HELLO */
	struct fake_sent *bye = fake_frame(f, WIRE_LINK, 0);
	assert_int_equal(frame_header_decode(bye->frame).sub, LINK_BYE);
	assert_non_null(fake_next(f, SEAM_LINK_DEL));
	assert_non_null(strstr(r.why.text, "version 9"));
}

static void bye_ends_a_link(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	uint8_t bye[WIRE_HEADER + 2] = {[WIRE_HEADER] = 0x81, [WIRE_HEADER + 1] = 9};
	frame_header_encode(bye, WIRE_LINK, LINK_BYE, sizeof bye, 0, 0);
	acquire(f, "127.0.0.1:6002", false, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_run(f);
	fake_input(f, f->connect_id, bye, sizeof bye);
	assert_int_equal(r.calls, 1);
	assert_null(links_first(f->n));
}

static void a_broken_hello_ends_the_link(void **state)
{
	struct fake *f = *state;
	uint8_t frame[128] = {0};
	/* {1: [1], 2: 2000}, cut short and with one byte too many, and each byte made wrong */
	static const uint8_t good[] = {0xa2, 0x01, 0x81, 0x01, 0x02, 0x19, 0x07, 0xd0};
	uint32_t id = 1;
	for (size_t len = 0; len <= sizeof good + 1; len++, id += 2) {
		memcpy(frame + WIRE_HEADER, good, sizeof good);
		frame_header_encode(
			frame, WIRE_LINK, LINK_HELLO, (uint16_t)(WIRE_HEADER + len), 0, 0);
		links_on_new(f->n, id, 1, "unix");
		fake_input(f, id, frame, WIRE_HEADER + len);
		fake_run(f);
		if (len == sizeof good)
			assert_int_equal(links_by_id(f->n, id)->state, LINK_UP);
		else
			assert_null(links_by_id(f->n, id));
	}
	for (size_t at = 0; at < sizeof good; at++, id += 2) {
		memcpy(frame + WIRE_HEADER, good, sizeof good);
		frame[WIRE_HEADER + at] ^= 0xff;
		frame_header_encode(
			frame, WIRE_LINK, LINK_HELLO, (uint16_t)(WIRE_HEADER + sizeof good), 0, 0);
		links_on_new(f->n, id, 1, "unix");
		fake_input(f, id, frame, WIRE_HEADER + sizeof good);
		fake_run(f);
	}
}

static void a_lost_link_tells_who_waits(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	acquire(f, "127.0.0.1:6002", false, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_run(f);
	links_on_lost(f->n, f->connect_id, -ECONNRESET);
	assert_int_equal(r.calls, 1);
	assert_string_equal(
		r.why.text, "the connection to 127.0.0.1:6002 was lost: Connection reset by peer");
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 0);
}

static void a_held_link_outlives_its_end(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct link *l = fake_dial(f, "127.0.0.1:6002");
	acquire(f, "127.0.0.1:6002", false, &r);
	links_on_lost(f->n, l->id, 0);
	assert_null(links_first(f->n));
	assert_true(l->gone);
	link_release(f->n, l); /* frees it; the sanitizer looks */
}

static void a_data_plane_that_takes_no_link(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	acquire(f, "127.0.0.1:6002", false, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	f->ack_error = -EMFILE;
	fake_run(f);
	assert_int_equal(r.calls, 1);
	assert_null(r.l);
	assert_null(links_first(f->n));
}

static void a_data_plane_that_has_lost_it_already(void **state)
{
	struct fake *f = *state;
	links_on_new(f->n, 1, 1, "127.0.0.1:50000");
	f->ack_error = -ENOENT; /* to LINK_SET */
	fake_hello(f, 1, WIRE_VERSION, 65535);
	fake_run(f);
	assert_null(links_by_id(f->n, 1));
}

/* Answers to a dial that is over already. */
static void late_answers_change_nothing(void **state)
{
	struct fake *f = *state;
	struct link *l = fake_dial(f, "127.0.0.1:6002");
	links_on_connected(f->n, l->id, -1, -ECONNREFUSED);
	links_on_resolved(f->n, l->id, NULL, 0, -ENOENT);
	assert_int_equal(l->state, LINK_UP);
	links_on_connected(f->n, 4711, -1, -ECONNREFUSED);
	links_on_resolved(f->n, 4711, NULL, 0, -ENOENT);
}

static void links_without_hello_have_an_end(void **state)
{
	struct fake *f = *state;
	struct link *up = fake_accept(f, 1, "192.0.2.1:5");
	for (uint32_t id = 3; id < 3 + 2 * (MUTE_MAX + 100); id += 2)
		links_on_new(f->n, id, 1, "192.0.2.2:5");
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 100);
	assert_null(links_by_id(f->n, 3)); /* the oldest */
	assert_non_null(links_by_id(f->n, 3 + 2 * 100));
	assert_ptr_equal(links_by_id(f->n, 1), up);
	/* one that says it now stays when others come */
	fake_hello(f, 3 + 2 * 100, WIRE_VERSION, WIRE_FRAME_MAX);
	fake_run(f);
	for (uint32_t id = 20001; id < 20001 + 2 * 200; id += 2)
		links_on_new(f->n, id, 1, "192.0.2.2:5");
	assert_non_null(links_by_id(f->n, 3 + 2 * 100));
	assert_null(links_by_id(f->n, 3 + 2 * 101));
}

static void an_address_without_hello_crowds_out_only_itself(void **state)
{
	struct fake *f = *state;
	uint32_t id = 1;
	links_on_new(f->n, id, 1, "192.0.2.2:5");
	for (unsigned i = 0; i < 2 * MUTE_MAX; i++, fake_forget(f))
		links_on_new(f->n, id += 2, 1, i % 2 ? "192.0.2.3:5" : "[2001:db8::1]:5");
	assert_non_null(links_by_id(f->n, 1));
	/* the same /64 is the same neighbour, as is an address that is mapped */
	for (unsigned i = 0; i < 2 * MUTE_MAX; i++, fake_forget(f))
		links_on_new(
			f->n, id += 2, 1, i % 2 ? "[::ffff:192.0.2.3]:6" : "[2001:db8::2:1]:5");
	assert_non_null(links_by_id(f->n, 1));
	assert_null(links_by_id(f->n, 3));
}

static void links_of_an_address_count_together_until_they_are_known(void **state)
{
	struct fake *f = *state;
	struct link *a = fake_accept(f, 1, "192.0.2.2:5"), *b = fake_accept(f, 3, "192.0.2.2:6"),
		    *c = fake_accept(f, 5, "192.0.2.3:5"), *u = fake_accept(f, 7, "unix"),
		    *v = fake_accept(f, 9, "unix");
	assert_ptr_equal(crowd_group(&a->half_open), crowd_group(&b->half_open));
	assert_ptr_not_equal(crowd_group(&a->half_open), crowd_group(&c->half_open));
	assert_ptr_not_equal(crowd_group(&u->half_open), crowd_group(&v->half_open));
	fake_forget(f);
	link_known(f->n, a);
	link_known(f->n, a); /* once is enough */
	assert_ptr_not_equal(crowd_group(&a->half_open), crowd_group(&b->half_open));
	assert_ptr_not_equal(crowd_group(&a->tombs), crowd_group(&b->tombs));
	assert_int_equal(fake_count(f, SEAM_LINK_SET), 1);
	const struct fake_sent *m = fake_next(f, SEAM_LINK_SET);
	assert_int_equal(m->link, 1);
	assert_true(m->has & SEAM_HAS(SEAM_A_ORIGIN));
}

static void idle_links_make_room_and_used_ones_stay(void **state)
{
	struct fake *f = *state;
	uint32_t id = 1;
	for (unsigned i = 0; i < ACCEPTED_MAX; i++, id += 2) {
		struct link *l = fake_accept(f, id, "192.0.2.2:5");
		assert_non_null(l);
		if (i < 10 || i >= 40)
			link_hold(l);
		fake_forget(f);
	}
	/* 30 are idle, among the oldest */
	for (unsigned i = 0; i < 30; i++, id += 2)
		assert_non_null(fake_accept(f, id, "192.0.2.3:5"));
	assert_non_null(links_by_id(f->n, 1));
	assert_null(links_by_id(f->n, 1 + 2 * 10));
	assert_null(links_by_id(f->n, 1 + 2 * 39));
	/* all that it looks at are in use: none of the same address, which has most of them */
	fake_forget(f);
	assert_null(fake_accept(f, id, "192.0.2.2:5"));
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 1);
	/* but one of another's, in the place of the oldest of whom nobody knows */
	link_known(f->n, links_by_id(f->n, 1));
	struct link *used = links_by_id(f->n, 3);
	assert_non_null(fake_accept(f, id, "192.0.2.3:5"));
	assert_null(links_by_id(f->n, 3));
	assert_non_null(links_by_id(f->n, 1));
	link_release(f->n, used);
	for (struct link *l = links_first(f->n), *next; l; l = next) {
		next = l->next;
		if (l->users)
			link_release(f->n, l);
	}
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(an_accepted_link_greets_when_it_is_up),
		with_node(an_accepted_link_without_hello_ends),
		with_node(no_common_version_is_answered_with_bye),
		with_node(bye_ends_a_link),
		with_node(a_broken_hello_ends_the_link),
		with_node(a_lost_link_tells_who_waits),
		with_node(a_held_link_outlives_its_end),
		with_node(a_data_plane_that_takes_no_link),
		with_node(a_data_plane_that_has_lost_it_already),
		with_node(late_answers_change_nothing),
		with_node(links_without_hello_have_an_end),
		with_node(an_address_without_hello_crowds_out_only_itself),
		with_node(links_of_an_address_count_together_until_they_are_known),
		with_node(idle_links_make_room_and_used_ones_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
