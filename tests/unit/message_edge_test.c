// SPDX-License-Identifier: Apache-2.0
/* Messages over links that are too narrow, replies that are none, and frames that are not whole. */
#include "message_frames.h"

#include "channel.h"
#include "message_private.h"
#include "relay_private.h"

#include <errno.h>
#include <stdio.h>

enum { P = 1, Q = 3, NARROW = WIRE_PATH_MIN - 1 };

static int setup(void **state)
{
	static struct fake f;
	fake_init(&f);
	f.own_listeners = true;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fake_fini(*state);
	return 0;
}

static void accept_narrow(struct fake *f, uint32_t id)
{
	links_on_new(f->n, id, 1, "127.0.0.1:50001");
	fake_hello(f, id, WIRE_VERSION, NARROW);
	fake_run(f);
}

static void a_narrow_link_takes_no_request(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct message got;
	send_to(f, "/ip4/127.0.0.1/tcp/4000/service/echo", "hi", 2, &r);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_hello(f, f->connect_id, WIRE_VERSION, NARROW);
	fake_run(f);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.why.exit, EXIT_UNREACHABLE);
	assert_false(left(f, 0, &got));
}

static void a_narrow_link_gets_no_reply(void **state)
{
	struct fake *f = *state;
	struct message m = request("/service/uppercase", 9, "hi"), got;
	accept_narrow(f, Q);
	arrive(f, Q, &m);
	assert_false(left(f, 0, &got));
}

static void nothing_is_forwarded_over_a_narrow_link(void **state)
{
	struct fake *f = *state;
	struct message got;
	char route[128];
	fake_accept(f, P, "127.0.0.1:50000");
	accept_narrow(f, Q);
	snprintf(route, sizeof route, "/service/%s/service/echo", links_by_id(f->n, Q)->address);
	struct message m = request(route, 9, "hi");
	arrive(f, P, &m);
	assert_true(left(f, P, &got)); /* the error */
	assert_int_equal(error_of(&got).code, RESET_OVERRUN);
	assert_false(left(f, Q, &got));
}

static void a_request_that_is_not_whole_is_dropped(void **state)
{
	struct fake *f = *state;
	struct message m = request("/service/uppercase", 9, "hi"), got;
	uint8_t *frame;
	size_t len;
	fake_accept(f, P, "127.0.0.1:50000");
	assert_int_equal(control_encode(&m, 0, WIRE_FRAME_MAX, &frame, &len), 0);
	for (size_t n = WIRE_HEADER; n < len; n++)
		fake_input(f, P, frame, n);
	assert_false(left(f, 0, &got));
	uint8_t more[300];
	assert_in_range(len, WIRE_HEADER, sizeof more - 1);
	memcpy(more, frame, len);
	more[len] = 0; /* nor does one that goes on behind its end count */
	put_be16(more + 2, (uint16_t)(len + 1));
	fake_input(f, P, more, len + 1);
	assert_false(left(f, 0, &got));
	fake_input(f, P, frame, len);
	assert_true(left(f, P, &got));
	free(frame);
}

/* The hop part's length, and each of its bytes, lead elsewhere. */
static void a_hop_part_that_is_none_is_refused(void **state)
{
	struct message m = request("/service/x", 7, "hello"), got;
	uint8_t *frame;
	size_t len;
	assert_int_equal(control_encode(&m, 0, WIRE_FRAME_MAX, &frame, &len), 0);
	assert_int_equal(control_decode(frame, len, &got), 0);
	uint16_t hop = get_be16(frame + WIRE_HEADER);
	for (unsigned n = 0; n < hop; n++) {
		put_be16(frame + WIRE_HEADER, (uint16_t)n);
		assert_int_equal(control_decode(frame, len, &got), -EBADMSG);
	}
	put_be16(frame + WIRE_HEADER, hop);
	frame[WIRE_HEADER + 2] = 0xff; /* and then nothing */
	assert_int_equal(control_decode(frame, len, &got), -EBADMSG);
	free(frame);
}

static struct message ask(struct fake *f, uint32_t link, uint64_t timeout_ms, struct result *r)
{
	struct message out;
	struct route to = fake_route("/ip4/127.0.0.1/tcp/4000/service/echo");
	assert_non_null(
		message_send(f->n, &to, NULL, (const uint8_t *)"hi", 2, timeout_ms, replied, r));
	assert_true(left(f, link, &out));
	return out;
}

static void a_reply_is_nothing_but_a_reply(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	uint32_t link = fake_dial(f, "127.0.0.1:4000")->id;
	struct message out = ask(f, link, 10000, &r), good = reply_to(out.hop.handle, "ho"),
		       bad = good;
	bad.hop.onward.n = 2; /* it leads further */
	bad.hop.onward.e[1] = (struct route_element){.code = ROUTE_SERVICE, .len = 1, .text = "x"};
	arrive(f, link, &bad);
	bad = good;
	bad.hop.has_handle = true; /* it wants a reply itself */
	arrive(f, link, &bad);
	bad = good;
	bad.hop.hops_left = 0; /* it has come too far */
	arrive(f, link, &bad);
	assert_int_equal(r.calls, 0);
	arrive(f, link, &good);
	assert_int_equal(r.calls, 1);
}

/* An own request has its own time, which may be longer than that of handles of others. */
static void handles_of_others_expire_and_own_ones_stay(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct message got;
	char route[128];
	fake_accept(f, P, "127.0.0.1:50000");
	struct link *l = fake_dial(f, "127.0.0.1:4000");
	struct message out = ask(f, l->id, 4 * WIRE_HANDLE_MS, &r);
	snprintf(route, sizeof route, "/service/%s/service/echo", l->address);
	struct message m = request(route, 9, "hi");
	arrive(f, P, &m);
	assert_true(left(f, l->id, &got));
	fake_pass(f, WIRE_HANDLE_MS);
	fake_pass(f, WIRE_HANDLE_MS);
	struct message theirs = reply_to(got.hop.handle, "no"),
		       ours = reply_to(out.hop.handle, "ho");
	arrive(f, l->id, &theirs);
	assert_false(left(f, P, &got));
	arrive(f, l->id, &ours);
	assert_int_equal(r.calls, 1);
	assert_memory_equal(r.reply, "ho", 2);
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
}

static void a_message_waits_for_a_channel_that_is_being_opened(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct route to = fake_route("/ip4/127.0.0.1/tcp/4000/service/api");
	struct trust any = {.any = true};
	char text[128];
	struct channel *ch = channel_open(f->n,
		&(struct channel_options){.to = &to, .trust = &any, .timeout_ms = 30000}, opened,
		f);
	assert_non_null(ch);
	fake_pass(f, 1);
	assert_int_equal(ch->state, CHANNEL_OPENING);
	snprintf(text, sizeof text, "/service/%s/service/echo", ch->address);
	assert_non_null(send_to(f, text, "hi", 2, &r));
	assert_int_equal(r.calls, 0);
	fake_pass(f, 10000);
	assert_int_equal(r.calls, 1);
	/* one that others opened does not come by itself: it fails at once */
	ch->role = SEAM_RESPONDER;
	struct route onward = fake_route("/service/echo");
	assert_null(
		message_send_in(f->n, ch, &onward, (const uint8_t *)"hi", 2, 10000, replied, &r));
	assert_int_equal(r.calls, 2);
	ch->role = SEAM_INITIATOR;
}

static void a_message_does_not_go_back_by_its_channel(void **state)
{
	struct fake *f = *state;
	static struct channel ch = {.state = CHANNEL_UP,
		.role = SEAM_RESPONDER,
		.session = 7,
		.path_max = 9000,
		.init_hops_left = WIRE_HOPS_MAX - 1};
	struct relay_request q = {.op = RELAY_REGISTER, .name = "forward_to_x", .lease_s = 60};
	uint8_t buf[RELAY_REQUEST_MAX], *reply, *body;
	char text[WIRE_ERROR_TEXT_MAX + 1];
	size_t len;
	struct link *l = ch.as_link = links_add_channel(f->n, &ch, 7, 9000, false, 1, false);
	assert_non_null(l);
	int n = relay_request_encode(&q, buf, sizeof buf);
	assert_true(n > 0);
	assert_int_equal(relay_service(f->n, &ch, buf, (size_t)n, &reply, &len, text), 0);
	free(reply);
	struct message m = request("/service/forward_to_x/service/echo", 9, "hi"), got;
	assert_int_equal(msg_encode(&m, 0, &body, &len), 0);
	messages_on_msg(f->n, &ch, 1, false, body, len);
	free(body);
	struct fake_sent *s = fake_next(f, SEAM_MSG);
	assert_non_null(s);
	assert_int_equal(msg_decode(s->frame, s->frame_len, &got), 0);
	assert_int_equal(error_of(&got).code, RESET_LOOP);
	assert_false(left(f, l->id, &got));
	relays_on_channel_gone(f->n, &ch);
	messages_on_channel_gone(f->n, &ch);
	link_close(f->n, l);
}

/* Over datagrams a message is one of them, or none. */
static void a_lossy_channel_takes_what_fits_one_frame(void **state)
{
	struct fake *f = *state;
	static char text[4000];
	struct channel ch = {.state = CHANNEL_UP,
		.session = 7,
		.path_flags = PATH_LOSSY,
		.frame_max = 1300,
		.path_max = 1300};
	memset(text, 'x', sizeof text - 1);
	struct message m = request("/service/echo", 9, text);
	assert_int_equal(message_to_channel(f->n, &ch, &m, 0), -EMSGSIZE);
	assert_int_equal(fake_count(f, SEAM_MSG), 0);
	text[1000] = 0;
	m = request("/service/echo", 9, text);
	assert_int_equal(message_to_channel(f->n, &ch, &m, 0), 0);
	assert_int_equal(fake_count(f, SEAM_MSG), 1);
	ch.path_flags = 0;
	text[1000] = 'x';
	m = request("/service/echo", 9, text);
	assert_int_equal(message_to_channel(f->n, &ch, &m, 0), 0);
}

/* The data plane has just died, and the channel does not know yet: it comes back, and so may the
 * message. */
static void a_message_waits_for_a_data_plane_that_died(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct route to = fake_route("/ip4/127.0.0.1/tcp/4000/service/api"),
		     onward = fake_route("/service/echo");
	struct trust any = {.any = true};
	struct channel *ch = channel_open(f->n,
		&(struct channel_options){.to = &to, .trust = &any, .timeout_ms = 30000}, opened,
		f);
	unsigned takes = 0;
	assert_non_null(ch);
	fake_pass(f, 1);
	ch->state = CHANNEL_UP;
	ch->session = 7;
	f->takes = &takes;
	assert_non_null(
		message_send_in(f->n, ch, &onward, (const uint8_t *)"hi", 2, 10000, replied, &r));
	f->takes = NULL;
	assert_int_equal(r.calls, 0);
	ch->state = CHANNEL_OPENING;
	ch->session = 0;
	fake_pass(f, 10000);
	assert_int_equal(r.calls, 1);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(a_narrow_link_takes_no_request),
		with_node(a_narrow_link_gets_no_reply),
		with_node(nothing_is_forwarded_over_a_narrow_link),
		with_node(a_request_that_is_not_whole_is_dropped),
		cmocka_unit_test(a_hop_part_that_is_none_is_refused),
		with_node(a_reply_is_nothing_but_a_reply),
		with_node(handles_of_others_expire_and_own_ones_stay),
		with_node(a_message_waits_for_a_channel_that_is_being_opened),
		with_node(a_message_does_not_go_back_by_its_channel),
		with_node(a_lossy_channel_takes_what_fits_one_frame),
		with_node(a_message_waits_for_a_data_plane_that_died),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
