// SPDX-License-Identifier: Apache-2.0
/* Links that this node dials: to whom, shared by whom, and what ends the attempt. */
#include "fake_node.h"
#include "link_result.h"
#include "transit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct sockaddr_storage ip4(const char *text)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *sa = (struct sockaddr_in *)&ss;
	sa->sin_family = AF_INET;
	inet_pton(AF_INET, text, &sa->sin_addr);
	return ss;
}

static void targets_are_read_and_written(void **state)
{
	static const char *const same[] = {
		"127.0.0.1:4000", "[::1]:1", "localhost:0", "a-b.c_d:65535", "unix:/tmp/x y"};
	static const char *const bad[] = {"", ":1", "h", "h:", "h:x", "h:65536", "h:000001",
		"::1:1", "[::1]", "[::1]1", "[::1]x1", "[h]:1", "unix:", "-h:1", "h/x:1", "h:-1",
		"[]:1"};
	char text[160], path[160];
	struct link_target t;
	for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
		t = target(same[i]);
		link_target_format(&t, text, sizeof text);
		assert_string_equal(text, same[i]);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (link_target_parse(&t, bad[i]) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
	memset(path, 'x', sizeof path);
	memcpy(path, "unix:", 5);
	path[5 + 107] = 0;
	assert_int_equal(link_target_parse(&t, path), 0);
	path[5 + 107] = 'x';
	path[5 + 108] = 0;
	assert_int_equal(link_target_parse(&t, path), -EINVAL);
	char host[ROUTE_TEXT_MAX + 10];
	for (size_t len = ROUTE_TEXT_MAX; len <= ROUTE_TEXT_MAX + 1; len++) {
		memset(host, 'h', len);
		memcpy(host + len, ":1", 3);
		assert_int_equal(link_target_parse(&t, host), len > ROUTE_TEXT_MAX ? -EINVAL : 0);
	}
}

static void one_link_is_shared_and_lingers(void **state)
{
	struct fake *f = *state;
	struct result a = {0}, b = {0}, c = {0};
	assert_non_null(acquire(f, "127.0.0.1:6002", false, &a));
	assert_non_null(acquire(f, "127.0.0.1:6002", false, &b));
	assert_int_equal(f->connects, 1);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	struct fake_sent *add = fake_next(f, SEAM_LINK_ADD);
	assert_non_null(add);
	assert_int_equal(add->fd, 1000);
	assert_int_equal(add->link % 2, 0);
	assert_non_null(fake_frame(f, WIRE_LINK, add->link));
	fake_run(f);
	fake_hello(f, add->link, WIRE_VERSION, 9000);
	assert_int_equal(a.calls, 0);
	struct fake_sent *set = fake_next(f, SEAM_LINK_SET);
	assert_int_equal(set->frame_max, 9000);
	fake_run(f);
	assert_int_equal(a.calls + b.calls, 2);
	assert_ptr_equal(a.l, b.l);
	assert_int_equal(a.l->frame_max, 9000);
	assert_int_equal(a.l->users, 2);
	assert_null(acquire(f, "127.0.0.1:6002", true, &c)); /* transit: refused at once */
	assert_int_equal(c.code, RESET_TRANSIT);
	assert_int_equal(c.why.exit, EXIT_REFUSED);

	link_release(f->n, a.l);
	fake_pass(f, 60000);
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 0);
	link_release(f->n, b.l);
	fake_pass(f, WIRE_LINK_LINGER_MS - 1);
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 0);
	assert_int_equal(links_deadline(f->n), f->n->now_ms + 1);
	fake_pass(f, 1);
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 1);
	assert_null(links_first(f->n));
}

static void a_refused_connection_is_said_with_its_address(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	acquire(f, "127.0.0.1:6002", false, &r);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_int_equal(r.calls, 1);
	assert_null(r.l);
	assert_int_equal(r.code, RESET_NO_ROUTE);
	assert_int_equal(r.why.exit, EXIT_UNREACHABLE);
	assert_string_equal(r.why.text, "connect to 127.0.0.1:6002 failed: Connection refused");
	assert_null(links_first(f->n));
}

static void a_dial_ends_at_its_deadline(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	acquire(f, "127.0.0.1:6002", false, &r);
	fake_pass(f, 5000);
	assert_int_equal(r.calls, 1);
	assert_string_equal(r.why.text, "connect to 127.0.0.1:6002 failed: timed out");
	assert_int_equal(f->cancel_id, f->connect_id);
	assert_null(links_first(f->n));
}

static void a_mute_peer_ends_with_its_last_wait(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	acquire(f, "127.0.0.1:6002", false, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_run(f);
	fake_pass(f, 5000);
	assert_string_equal(r.why.text,
		"127.0.0.1:6002 accepts TCP connections but does not speak this protocol");
	assert_int_equal(r.why.exit, EXIT_UNREACHABLE);
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 1);
}

static void an_explicit_mute_link_stays(void **state)
{
	struct fake *f = *state;
	struct result r = {0}, other = {0};
	struct link_target t = target("127.0.0.1:22");
	links_connect(f->n, &t, f->n->now_ms + 1000, ready, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_pass(f, 1000);
	assert_non_null(r.l);
	assert_int_equal(r.l->state, LINK_AWAIT_HELLO);
	link_release(f->n, r.l);
	acquire(f, "127.0.0.1:22", false, &other);
	fake_pass(f, 100000);
	assert_null(other.l);
	assert_ptr_equal(links_first(f->n), r.l);
	/* its socket ends: it is still shown, but not used */
	links_on_lost(f->n, r.l->id, -EPROTO);
	assert_ptr_equal(links_first(f->n), r.l);
	acquire(f, "127.0.0.1:22", false, &other);
	assert_int_equal(f->connects, 2);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	/* and replaced when asked for again */
	links_connect(f->n, &t, f->n->now_ms + 1000, ready, &r);
	assert_int_equal(f->connects, 3);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_null(r.l);
	assert_null(links_first(f->n));
}

static void a_cancelled_wait_ends_the_dial(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	link_wait_cancel(f->n, acquire(f, "127.0.0.1:6002", false, &r));
	assert_int_equal(r.calls, 0);
	assert_int_equal(f->cancel_id, f->connect_id);
	assert_null(links_first(f->n));
}

static void each_address_of_a_name_is_tried(void **state)
{
	struct fake *f = *state;
	struct result r = {0}, again = {0};
	acquire(f, "localhost:4000", false, &r);
	struct sockaddr_storage addrs[] = {ip4("127.0.0.2"), ip4("127.0.0.1")};
	links_on_resolved(f->n, f->resolve_id, addrs, 2, 0);
	assert_int_equal(f->connects, 1);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_int_equal(f->connects, 2);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_hello(f, f->connect_id, WIRE_VERSION, 65535);
	fake_run(f);
	assert_string_equal(r.l->peer, "127.0.0.1:4000");
	acquire(f, "127.0.0.1:4000", false, &again);
	assert_ptr_equal(again.l, r.l);
	acquire(f, "localhost:4000", false, &again);
	assert_int_equal(again.calls, 2);
	assert_int_equal(f->connects, 2);
}

static void a_name_joins_the_link_to_its_address(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct link *l = fake_dial(f, "127.0.0.1:4000");
	acquire(f, "localhost:4000", false, &r);
	assert_int_equal(r.calls, 0);
	struct sockaddr_storage addr = ip4("127.0.0.1");
	links_on_resolved(f->n, f->resolve_id, &addr, 1, 0);
	assert_ptr_equal(r.l, l);
	assert_int_equal(f->connects, 1);
}

static void transit_is_asked_about_what_a_name_means(void **state)
{
	struct fake *f = *state;
	struct result r = {0}, s = {0};
	transit_allow(f->n->transit, "10.0.0.0/8");
	acquire(f, "evil.example:22", true, &r);
	struct sockaddr_storage addrs[] = {ip4("127.0.0.1"), ip4("10.0.0.9")};
	links_on_resolved(f->n, f->resolve_id, addrs, 1, 0);
	assert_int_equal(r.code, RESET_TRANSIT);
	assert_int_equal(f->connects, 0);
	acquire(f, "evil.example:22", true, &s);
	links_on_resolved(f->n, f->resolve_id, addrs, 2, 0);
	assert_int_equal(f->connects, 1);
	char to[64];
	link_target_format(&f->connect_to, to, sizeof to);
	assert_string_equal(to, "10.0.0.9:22");
}

static void others_do_not_join_what_transit_would_refuse(void **state)
{
	struct fake *f = *state;
	struct result own = {0}, other = {0};
	acquire(f, "localhost:4000", false, &own);
	uint32_t own_id = f->resolve_id;
	acquire(f, "localhost:4000", true, &other);
	assert_int_not_equal(f->resolve_id, own_id);
	struct sockaddr_storage addr = ip4("127.0.0.1");
	links_on_resolved(f->n, own_id, &addr, 1, 0);
	links_on_resolved(f->n, f->resolve_id, &addr, 1, 0);
	assert_int_equal(other.code, RESET_TRANSIT);
	assert_int_equal(own.calls, 0);
}

static void a_name_that_does_not_resolve(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	acquire(f, "nowhere.invalid:1", false, &r);
	links_on_resolved(f->n, f->resolve_id, NULL, 0, -3008);
	assert_string_equal(r.why.text, "cannot resolve nowhere.invalid: no such host");
	assert_int_equal(r.code, RESET_NO_ROUTE);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_read_and_written),
		with_node(one_link_is_shared_and_lingers),
		with_node(a_refused_connection_is_said_with_its_address),
		with_node(a_dial_ends_at_its_deadline),
		with_node(a_mute_peer_ends_with_its_last_wait),
		with_node(an_explicit_mute_link_stays),
		with_node(a_cancelled_wait_ends_the_dial),
		with_node(each_address_of_a_name_is_tried),
		with_node(a_name_joins_the_link_to_its_address),
		with_node(transit_is_asked_about_what_a_name_means),
		with_node(others_do_not_join_what_transit_would_refuse),
		with_node(a_name_that_does_not_resolve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
