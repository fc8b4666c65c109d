// SPDX-License-Identifier: Apache-2.0
/* Which link is whose, what ends while it is in use, and frames that a link does not listen to. */
#include "fake_node.h"

#include "channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static int setup(void **state)
{
	static struct fake f;
	fake_init(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fake_fini(*state);
	return 0;
}

struct result {
	unsigned calls;
	struct link *l;
	struct link_wait *cancels; /* when it is told of an end */
	struct link *closes;
	struct reason why;
};

static void ready(struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	struct result *r = ctx;
	r->calls++;
	r->l = l;
	if (!why)
		return;
	r->why = *why;
	if (r->cancels)
		link_wait_cancel(n, r->cancels);
	if (r->closes)
		link_close(n, r->closes);
}

static struct link_target target(const char *text)
{
	struct link_target t;
	assert_int_equal(link_target_parse(&t, text), 0);
	return t;
}

static struct link_wait *acquire(struct fake *f, const struct link_target *t, struct result *r)
{
	return links_acquire(f->n, t, false, f->n->now_ms + 5000, ready, r);
}

static struct sockaddr_storage localhost(void)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *sa = (struct sockaddr_in *)&ss;
	sa->sin_family = AF_INET;
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return ss;
}

/* How many links are dialled for these two. */
static unsigned dials(struct fake *f, struct link_target a, struct link_target b)
{
	struct result r = {0}, s = {0};
	unsigned n = 0;
	struct link_wait *x = acquire(f, &a, &r), *y = acquire(f, &b, &s);
	for (struct link *l = links_first(f->n); l; l = l->next)
		n++;
	link_wait_cancel(f->n, x);
	link_wait_cancel(f->n, y);
	assert_null(links_first(f->n));
	return n;
}

static void a_name_is_shared_when_all_of_it_is_the_same(void **state)
{
	struct fake *f = *state;
	struct link_target t = target("host:22"), other = t;
	assert_int_equal(dials(f, t, t), 1);
	assert_int_equal(dials(f, t, target("host:23")), 2);
	assert_int_equal(dials(f, t, target("host2:22")), 2);
	other.kind = LINK_UDP;
	assert_int_equal(dials(f, t, other), 2);
	other = t;
	other.lane = 5;
	assert_int_equal(dials(f, t, other), 2);
}

static void a_link_that_was_lost_is_not_used(void **state)
{
	struct fake *f = *state;
	struct link_target t = target("host:22");
	struct result r = {0}, s = {0};
	struct sockaddr_storage at = localhost();
	links_connect(f->n, &t, f->n->now_ms + 1000, ready, &r);
	links_on_resolved(f->n, f->resolve_id, &at, 1, 0);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	uint32_t id = f->connect_id;
	links_on_lost(f->n, id, 0);
	assert_true(links_by_id(f->n, id)->lost);
	struct link_wait *w = acquire(f, &t, &s);
	assert_int_not_equal(f->resolve_id, id);
	link_wait_cancel(f->n, w);
	fake_forget(f);
	fake_hello(f, id, WIRE_VERSION, WIRE_FRAME_MAX); /* nor listened to */
	assert_int_equal(f->sent_n, 0);
	link_release(f->n, r.l);
	link_close(f->n, links_by_id(f->n, id));
}

static void a_dial_goes_on_while_one_waits(void **state)
{
	struct fake *f = *state;
	struct link_target t = target("127.0.0.1:6002");
	struct result r = {0}, s = {0};
	struct link_wait *w = acquire(f, &t, &r);
	acquire(f, &t, &s);
	link_wait_cancel(f->n, w);
	assert_non_null(links_by_id(f->n, f->connect_id));
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_hello(f, f->connect_id, WIRE_VERSION, WIRE_FRAME_MAX);
	fake_run(f);
	assert_int_equal(s.calls, 1);
	assert_non_null(s.l);
	link_release(f->n, s.l);
}

/* Who is told may end others that wait, and the link once more. */
static void who_is_told_of_an_end_may_do_as_it_likes(void **state)
{
	struct fake *f = *state;
	struct link_target t = target("127.0.0.1:6002");
	struct result r = {0}, s = {0};
	acquire(f, &t, &r);
	r.cancels = acquire(f, &t, &s);
	r.closes = links_by_id(f->n, f->connect_id);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_int_equal(r.calls, 1);
	assert_int_equal(s.calls, 0);
	assert_null(links_first(f->n));
}

static void two_dials_to_one_address_become_one(void **state)
{
	struct fake *f = *state;
	struct link_target name = target("host:22"), address = target("127.0.0.1:22");
	struct result r = {0}, s = {0};
	struct sockaddr_storage at = localhost();
	acquire(f, &name, &r);
	links_on_resolved(f->n, f->resolve_id, &at, 1, 0);
	uint32_t by_name = f->connect_id;
	acquire(f, &address, &s);
	assert_int_not_equal(f->connect_id, by_name);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	int fd = dup(0);
	links_on_connected(f->n, by_name, fd, 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
	assert_null(links_by_id(f->n, by_name));
	fake_hello(f, f->connect_id, WIRE_VERSION, WIRE_FRAME_MAX);
	fake_run(f);
	assert_non_null(r.l);
	assert_ptr_equal(r.l, s.l);
	link_release(f->n, r.l);
	link_release(f->n, r.l);
}

static void addresses_that_are_none_are_left_out(void **state)
{
	struct fake *f = *state;
	struct link_target t = target("host:22");
	struct result r = {0};
	struct sockaddr_storage at[2] = {{.ss_family = AF_UNIX}, {.ss_family = AF_UNIX}};
	acquire(f, &t, &r);
	links_on_resolved(f->n, f->resolve_id, at, 2, 0);
	assert_int_equal(r.calls, 1);
	assert_null(r.l);
	assert_int_equal(f->connects, 0);
}

/* Unlike a connection, which is shown as what it is. */
static void a_datagram_link_that_does_not_begin_goes(void **state)
{
	struct fake *f = *state;
	struct link_target t;
	struct result r = {0};
	assert_int_equal(link_target_parse_udp(&t, "127.0.0.1:6002"), 0);
	links_connect(f->n, &t, f->n->now_ms + 1000, ready, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	links_on_lost(f->n, f->connect_id, -ECONNREFUSED);
	assert_int_equal(r.calls, 1);
	assert_null(r.l);
	assert_null(links_first(f->n));
}

static void a_second_hello_means_nothing(void **state)
{
	struct fake *f = *state;
	fake_accept(f, 1, "192.0.2.1:5");
	fake_forget(f);
	fake_hello(f, 1, WIRE_VERSION, 5000);
	assert_int_equal(f->sent_n, 0);
	assert_int_equal(links_by_id(f->n, 1)->frame_max, WIRE_FRAME_MAX);
}

static void hello_has_no_label(void **state)
{
	struct fake *f = *state;
	uint8_t frame[] = {WIRE_VERSION << 4 | WIRE_LINK, LINK_BYE, 0, 17, 0, 0, 0, 9, [16] = 0x80};
	fake_accept(f, 1, "192.0.2.1:5");
	fake_input(f, 1, frame, sizeof frame);
	assert_non_null(links_by_id(f->n, 1));
	frame[7] = 0;
	fake_input(f, 1, frame, sizeof frame);
	assert_null(links_by_id(f->n, 1));
}

static void channel_links_have_their_bounds(void **state)
{
	struct fake *f = *state;
	static struct channel ch;
	uint8_t bye[] = {WIRE_VERSION << 4 | WIRE_LINK, LINK_BYE, 0, 17, [16] = 0x80};
	assert_null(links_add_channel(f->n, &ch, 7, WIRE_CHANNEL_LINK_OVERHEAD, false, 1, true));
	assert_null(links_add_channel(f->n, &ch, 7, 9000, false, WIRE_NESTING_MAX + 1, true));
	struct link *l = links_add_channel(f->n, &ch, 7, 9000, false, WIRE_NESTING_MAX, true);
	assert_non_null(l);
	assert_int_equal(l->frame_max, 9000 - WIRE_CHANNEL_LINK_OVERHEAD);
	fake_input(f, l->id, bye, sizeof bye); /* its end is the channel's */
	assert_ptr_equal(links_first(f->n), l);
	link_close(f->n, l);
	assert_null(links_first(f->n));
}

/* The data plane is gone at the first, or at the second message. */
static void a_channel_link_that_nobody_takes_is_none(void **state)
{
	struct fake *f = *state;
	static struct channel ch;
	for (unsigned some = 0; some < 2; some++) {
		unsigned takes = some;
		f->takes = &takes;
		assert_null(links_add_channel(f->n, &ch, 7, 9000, false, 1, true));
		f->takes = NULL;
		assert_null(links_first(f->n));
	}
}

static void a_link_that_went_is_not_made_known(void **state)
{
	struct fake *f = *state;
	struct link *l = fake_accept(f, 1, "192.0.2.1:5");
	link_hold(l);
	link_close(f->n, l);
	fake_forget(f);
	link_known(f->n, l);
	assert_int_equal(f->sent_n, 0);
	link_release(f->n, l);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(a_name_is_shared_when_all_of_it_is_the_same),
		with_node(a_link_that_was_lost_is_not_used),
		with_node(a_dial_goes_on_while_one_waits),
		with_node(who_is_told_of_an_end_may_do_as_it_likes),
		with_node(two_dials_to_one_address_become_one),
		with_node(addresses_that_are_none_are_left_out),
		with_node(a_datagram_link_that_does_not_begin_goes),
		with_node(a_second_hello_means_nothing),
		with_node(hello_has_no_label),
		with_node(channel_links_have_their_bounds),
		with_node(a_channel_link_that_nobody_takes_is_none),
		with_node(a_link_that_went_is_not_made_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
