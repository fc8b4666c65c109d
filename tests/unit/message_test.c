// SPDX-License-Identifier: Apache-2.0
#include "channel.h"
#include "message_frames.h"
#include "service.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void own_services_answer_at_once(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	assert_null(send_to(f, "/service/uppercase", "h\xc3\xa9llo", 6, &r));
	assert_int_equal(r.calls, 1);
	assert_memory_equal(r.reply, "H\xc3\xa9LLO", 6);
	assert_null(send_to(f, "/service/hop/service/echo", "", 0, &r));
	assert_int_equal(r.calls, 2);
	assert_int_equal(r.len, 0);
	assert_int_equal(r.why.exit, 0);
	assert_null(send_to(f, "/service/nothing", "", 0, &r));
	assert_int_equal(r.why.exit, EXIT_NOT_FOUND);
	assert_non_null(strstr(r.why.text, "NotFound"));
}

static void services_are_started_and_stopped(void **state)
{
	struct fake *f = *state;
	struct service *s;
	assert_int_equal(service_start(f->n, "uppercase", NULL, &s), -EEXIST);
	assert_int_equal(service_start(f->n, "lowercase", NULL, &s), -ENOENT);
	assert_int_equal(service_start(f->n, "uppercase", "a b", &s), -EINVAL);
	assert_int_equal(service_start(f->n, "uppercase", "up", &s), 0);
	assert_string_equal(s->type, "uppercase");
	assert_int_equal(service_stop(f->n, "up"), 0);
	assert_int_equal(service_stop(f->n, "up"), -ENOENT);
}

static void a_plain_request_is_answered(void **state)
{
	struct fake *f = *state;
	struct message m = request("/service/uppercase", 9, "hi"), got;
	fake_accept(f, 1, "127.0.0.1:50000");
	arrive(f, 1, &m);
	assert_true(left(f, 1, &got));
	assert_int_equal(got.kind, MSG_REPLY);
	assert_false(got.hop.has_handle);
	assert_true(got.hop.onward.e[0].is_handle);
	assert_memory_equal(got.hop.onward.e[0].addr, m.hop.handle, WIRE_HANDLE);
	assert_memory_equal(got.payload, "HI", 2);
}

/* CONTROL is for the neighbour itself: its header has no label and no subtype. */
static void a_request_with_a_label_is_dropped(void **state)
{
	struct fake *f = *state;
	struct message m = request("/service/uppercase", 9, "hi"), got;
	uint8_t *frame;
	size_t len;
	fake_accept(f, 1, "127.0.0.1:50000");
	assert_int_equal(control_encode(&m, 0, WIRE_FRAME_MAX, &frame, &len), 0);
	frame[7] = 1;
	fake_input(f, 1, frame, len);
	frame[7] = 0;
	frame[1] = 1;
	fake_input(f, 1, frame, len);
	assert_false(left(f, 1, &got));
	frame[1] = 0;
	fake_input(f, 1, frame, len);
	assert_true(left(f, 1, &got));
	free(frame);
}

static void a_refusal_says_where_it_arose(void **state)
{
	struct fake *f = *state;
	struct message m = request("/service/nothing", 9, "hi"), got;
	m.hop.hops_left = 12;
	fake_accept(f, 1, "127.0.0.1:50000");
	arrive(f, 1, &m);
	assert_true(left(f, 1, &got));
	struct message_error e = error_of(&got);
	assert_int_equal(e.code, RESET_NOT_FOUND);
	assert_int_equal(e.hops_left, 12);
	m.hop.hops_left = 0;
	arrive(f, 1, &m);
	assert_true(left(f, 1, &got));
	assert_int_equal(error_of(&got).code, RESET_LOOP);
}

static void what_asks_for_no_reply_gets_none(void **state)
{
	struct fake *f = *state;
	struct message m = request("/service/echo", 9, "hi"), got;
	uint8_t unknown[WIRE_HANDLE] = {1};
	fake_accept(f, 1, "127.0.0.1:50000");
	m.hop.has_handle = false;
	arrive(f, 1, &m);
	m = reply_to(unknown, "x");
	arrive(f, 1, &m);
	m.kind = MSG_REQUEST;
	m.hop.has_handle = true;
	arrive(f, 1, &m);
	assert_false(left(f, 1, &got));
}

/* Two accepted links and one dialled; a request from link 1 goes on by the dialled one. */
static struct link *forwarded(struct fake *f, struct message *out)
{
	char route[128];
	f->own_listeners = true;
	fake_accept(f, 1, "127.0.0.1:50000");
	fake_accept(f, 3, "127.0.0.1:50001");
	struct link *l = fake_dial(f, "127.0.0.1:4000");
	snprintf(route, sizeof route, "/service/%s/service/echo", l->address);
	struct message m = request(route, 9, "hi");
	arrive(f, 1, &m);
	assert_true(left(f, l->id, out));
	return l;
}

static void a_forwarded_request_has_a_handle_of_this_node(void **state)
{
	struct fake *f = *state;
	struct message out, got;
	struct link *l = forwarded(f, &out);
	uint8_t theirs[WIRE_HANDLE];
	memset(theirs, 9, sizeof theirs);
	assert_int_equal(out.hop.hops_left, 15);
	assert_int_equal(out.hop.onward.n, 1);
	assert_true(out.hop.has_handle);
	assert_memory_not_equal(out.hop.handle, theirs, WIRE_HANDLE);
	struct message back = reply_to(out.hop.handle, "ho");
	arrive(f, 3, &back); /* from elsewhere: does not count */
	arrive(f, 1, &back);
	assert_false(left(f, 1, &got));
	arrive(f, l->id, &back);
	assert_true(left(f, 1, &got));
	assert_memory_equal(got.hop.onward.e[0].addr, theirs, WIRE_HANDLE);
	assert_memory_equal(got.payload, "ho", 2);
	assert_int_equal(got.hop.hops_left, 15);
	arrive(f, l->id, &back); /* one reply */
	assert_false(left(f, 1, &got));
}

static void handles_expire(void **state)
{
	struct fake *f = *state;
	struct message out, got;
	struct link *l = forwarded(f, &out);
	assert_int_equal(l->users, 1);
	fake_pass(f, WIRE_HANDLE_MS);
	assert_int_equal(l->users, 0);
	struct message back = reply_to(out.hop.handle, "ho");
	arrive(f, l->id, &back);
	assert_false(left(f, 1, &got));
}

static void a_lost_link_is_told_to_who_asked(void **state)
{
	struct fake *f = *state;
	struct message out, got;
	struct link *l = forwarded(f, &out);
	links_on_lost(f->n, l->id, 0);
	assert_true(left(f, 1, &got));
	assert_int_equal(error_of(&got).code, RESET_LINK_LOST);
	assert_int_equal(error_of(&got).hops_left, 16);
}

static void who_asked_is_gone(void **state)
{
	struct fake *f = *state;
	struct message out, got;
	struct link *l = forwarded(f, &out);
	links_on_lost(f->n, 1, 0);
	struct message back = reply_to(out.hop.handle, "ho");
	arrive(f, l->id, &back);
	assert_false(left(f, 0, &got));
}

static void a_stranger_evicts_only_its_own_handles(void **state)
{
	struct fake *f = *state;
	struct message out, got;
	struct link *l = forwarded(f, &out);
	char route[128];
	snprintf(route, sizeof route, "/service/%s/service/echo", l->address);
	struct message m = request(route, 8, "x");
	uint8_t first[WIRE_HANDLE];
	for (unsigned i = 0; i <= 256; i++) {
		arrive(f, 3, &m);
		assert_true(left(f, l->id, &got));
		if (i == 0)
			memcpy(first, got.hop.handle, WIRE_HANDLE);
	}
	struct message back = reply_to(first, "ho");
	arrive(f, l->id, &back);
	assert_false(left(f, 3, &got));
	back = reply_to(out.hop.handle, "ho");
	arrive(f, l->id, &back);
	assert_true(left(f, 1, &got));
}

static void a_route_back_over_its_own_link_is_refused(void **state)
{
	struct fake *f = *state;
	struct message got;
	char route[128];
	f->own_listeners = true;
	struct link *l = fake_accept(f, 1, "127.0.0.1:50000");
	snprintf(route, sizeof route, "/service/%s/service/echo", l->address);
	struct message m = request(route, 9, "hi");
	arrive(f, 1, &m);
	assert_true(left(f, 1, &got));
	assert_int_equal(error_of(&got).code, RESET_LOOP);
}

static void a_forwarder_dials_if_transit_allows(void **state)
{
	struct fake *f = *state;
	struct message got;
	struct message m = request("/ip4/127.0.0.1/tcp/4000/service/echo", 9, "hi");
	fake_accept(f, 1, "127.0.0.1:50000");
	arrive(f, 1, &m);
	assert_true(left(f, 1, &got));
	assert_int_equal(error_of(&got).code, RESET_TRANSIT);
	assert_string_equal(error_of(&got).text, "127.0.0.1:4000");
	f->own_listeners = true;
	arrive(f, 1, &m);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_true(left(f, 1, &got));
	assert_int_equal(error_of(&got).code, RESET_NO_ROUTE);
	assert_string_equal(
		error_of(&got).text, "connect to 127.0.0.1:4000 failed: Connection refused");
	arrive(f, 1, &m);
	arrive(f, 1, &m);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_hello(f, f->connect_id, WIRE_VERSION, WIRE_FRAME_MAX);
	fake_run(f);
	assert_true(left(f, f->connect_id, &got));
	assert_true(left(f, f->connect_id, &got));
	assert_int_equal(got.hop.onward.n, 1);
	/* one that waits is forgotten with who asked */
	m = request("/ip4/127.0.0.1/tcp/4001/service/echo", 9, "hi");
	arrive(f, 1, &m);
	links_on_lost(f->n, 1, 0);
	assert_int_equal(f->cancel_id, f->connect_id);
}

static void a_reply_that_does_not_fit_is_an_error(void **state)
{
	struct fake *f = *state;
	static char big[2000];
	struct message m = request("/service/echo", 9, ""), got;
	memset(big, 'x', sizeof big - 1);
	m.payload = (uint8_t *)big;
	m.len = sizeof big;
	m.hop.path_max = 1024;
	fake_accept(f, 1, "127.0.0.1:50000");
	arrive(f, 1, &m);
	assert_true(left(f, 1, &got));
	assert_int_equal(error_of(&got).code, RESET_OVERRUN);
}

static void an_own_request_over_a_link(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct message out;
	assert_non_null(send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", "hi", 2, &r));
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_hello(f, f->connect_id, WIRE_VERSION, WIRE_FRAME_MAX);
	fake_run(f);
	assert_true(left(f, f->connect_id, &out));
	assert_int_equal(out.hop.hops_left, 16);
	assert_int_equal(out.hop.onward.n, 1);
	struct message back = reply_to(out.hop.handle, "ho");
	arrive(f, f->connect_id, &back);
	assert_int_equal(r.calls, 1);
	assert_memory_equal(r.reply, "ho", 2);
	assert_int_equal(links_first(f->n)->users, 0);
	arrive(f, f->connect_id, &back);
	assert_int_equal(r.calls, 1);
}

static void an_own_request_fails_in_many_ways(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	static char big[70000];
	struct message out;
	send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", "hi", 2, &r);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_string_equal(r.why.text, "connect to 127.0.0.1:4000 failed: Connection refused");

	struct link *l = fake_dial(f, "127.0.0.1:4000");
	assert_null(send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", big, sizeof big, &r));
	assert_int_equal(r.why.exit, EXIT_DATA);
	assert_non_null(strstr(r.why.text, "secure channel"));

	send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", "hi", 2, &r);
	assert_int_equal(messages_deadline(f->n), f->n->now_ms + 10000);
	fake_pass(f, 10000);
	assert_int_equal(r.calls, 3);
	assert_string_equal(r.why.text,
		"timed out: no reply within 10 s from /ip4/127.0.0.1/tcp/4000/service/echo");

	send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", "hi", 2, &r);
	while (left(f, l->id, &out))
		;
	uint8_t payload[ERROR_PAYLOAD_MAX];
	struct message_error e = {.code = RESET_NOT_FOUND, .hops_left = 16, .text = "echo"};
	struct message back = reply_to(out.hop.handle, "");
	back.kind = MSG_ERROR;
	back.payload = payload;
	back.len = message_error_encode(payload, &e);
	arrive(f, l->id, &back);
	assert_int_equal(r.calls, 4);
	assert_int_equal(r.why.exit, EXIT_NOT_FOUND);

	send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", "hi", 2, &r);
	links_on_lost(f->n, l->id, 0);
	assert_int_equal(r.calls, 5);
	assert_int_equal(r.why.exit, EXIT_UNREACHABLE);
	assert_int_equal(messages_deadline(f->n), UINT64_MAX);
}

static void a_cancelled_request_calls_nobody(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	message_cancel(f->n, send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", "hi", 2, &r));
	message_cancel(
		f->n, send_to(f, "/ip4/127.0.0.1/tcp/4000/secure/api/service/echo", "hi", 2, &r));
	fake_pass(f, 1);
	fake_pass(f, 20000);
	assert_int_equal(r.calls, 0);
	assert_null(channels_first(f->n));
	assert_null(links_first(f->n));
}

static void a_secure_route_that_cannot_be_opened(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	assert_non_null(send_to(f, "/ip4/127.0.0.1/tcp/4000/secure/api/service/echo", "hi", 2, &r));
	fake_pass(f, 1);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	fake_pass(f, 1);
	assert_int_equal(r.calls, 1);
	assert_string_equal(r.why.text, "connect to 127.0.0.1:4000 failed: Connection refused");
	assert_null(channels_first(f->n));
	assert_int_equal(messages_deadline(f->n), UINT64_MAX);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(own_services_answer_at_once),
		with_node(services_are_started_and_stopped),
		with_node(a_plain_request_is_answered),
		with_node(a_request_with_a_label_is_dropped),
		with_node(a_refusal_says_where_it_arose),
		with_node(what_asks_for_no_reply_gets_none),
		with_node(a_forwarded_request_has_a_handle_of_this_node),
		with_node(handles_expire),
		with_node(a_lost_link_is_told_to_who_asked),
		with_node(who_asked_is_gone),
		with_node(a_stranger_evicts_only_its_own_handles),
		with_node(a_route_back_over_its_own_link_is_refused),
		with_node(a_forwarder_dials_if_transit_allows),
		with_node(a_reply_that_does_not_fit_is_an_error),
		with_node(an_own_request_over_a_link),
		with_node(an_own_request_fails_in_many_ways),
		with_node(a_cancelled_request_calls_nobody),
		with_node(a_secure_route_that_cannot_be_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
