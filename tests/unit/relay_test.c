// SPDX-License-Identifier: Apache-2.0
#include "fake_node.h"
#include "relay_private.h"

#include "hop.h"
#include "listener.h"
#include "note.h"
#include "service.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* A session of a registrant: identity and node are told by one byte each. */
static struct channel session(uint8_t identity, uint8_t node)
{
	struct channel ch = {.role = SEAM_RESPONDER, .state = CHANNEL_UP, .init_hops_left = 16};
	memset(&ch.peer.id, identity, sizeof ch.peer.id);
	memset(ch.peer_static, node, sizeof ch.peer_static);
	return ch;
}

static int ask_way(
	struct fake *f, struct channel *from, enum relay_op op, const char *name, unsigned way)
{
	struct relay_request q = {.op = op, .lease_s = 60, .way = way};
	uint8_t buf[RELAY_REQUEST_MAX], *reply = NULL, status = 0xff;
	char text[WIRE_ERROR_TEXT_MAX + 1] = "";
	size_t reply_len = 0;
	uint32_t lease;
	memcpy(q.name, name, strlen(name) + 1);
	int len = relay_request_encode(&q, buf, sizeof buf);
	assert_true(len > 0);
	assert_int_equal(relay_service(f->n, from, buf, (size_t)len, &reply, &reply_len, text), 0);
	assert_int_equal(relay_answer_decode(reply, reply_len, &status, &lease), 0);
	free(reply);
	return status;
}

static int ask(struct fake *f, struct channel *from, enum relay_op op, const char *name)
{
	return ask_way(f, from, op, name, 0);
}

static int join(struct fake *f, struct channel *from, unsigned way)
{
	return ask_way(f, from, RELAY_JOIN, "forward_to_a", way);
}

static void what_is_said_comes_back(void **state)
{
	struct relay_request q = {.op = RELAY_REGISTER,
				     .name = "forward_to_a",
				     .lease_s = 60,
				     .listeners_n = 2,
				     .listeners = {"api", "echo"}},
			     got;
	uint8_t buf[RELAY_REQUEST_MAX];
	int len = relay_request_encode(&q, buf, sizeof buf);
	assert_int_equal(relay_request_decode(buf, (size_t)len, &got), 0);
	assert_int_equal(got.op, RELAY_REGISTER);
	assert_string_equal(got.name, "forward_to_a");
	assert_int_equal(got.listeners_n, 2);
	assert_string_equal(got.listeners[1], "echo");
	for (int cut = 0; cut < len; cut++)
		assert_int_equal(relay_request_decode(buf, (size_t)cut, &got), -EBADMSG);
	/* the largest fits */
	memset(q.name, 'n', WIRE_NAME_MAX);
	q.listeners_n = RELAY_LISTENERS_MAX;
	for (unsigned i = 0; i < RELAY_LISTENERS_MAX; i++)
		memset(q.listeners[i], 'l', WIRE_NAME_MAX);
	len = relay_request_encode(&q, buf, sizeof buf);
	assert_true(len > 0);
	assert_int_equal(relay_request_decode(buf, (size_t)len, &got), 0);
	memcpy(q.name, "not a name", 11);
	len = relay_request_encode(&q, buf, sizeof buf);
	assert_int_equal(relay_request_decode(buf, (size_t)len, &got), -EBADMSG);
	/* each has so many fields */
	static const uint8_t lengths[][5] = {
		{0x83, 1, 0x61, 'a', 20}, {0x83, 2, 0x61, 'a', 20}, {0x82, 2, 0x61, 'a'}};
	assert_int_equal(relay_request_decode(lengths[0], 5, &got), -EBADMSG);
	assert_int_equal(relay_request_decode(lengths[1], 5, &got), -EBADMSG);
	assert_int_equal(relay_request_decode(lengths[2], 4, &got), 0);
	uint8_t more[] = {0x83, 2, 0x61, 'a'}; /* says three, has two */
	assert_int_equal(relay_request_decode(more, sizeof more, &got), -EBADMSG);
	/* so many ways join, and no other request is known */
	for (uint8_t way = 0; way < 24; way++) {
		const uint8_t join[] = {0x84, 3, 0x61, 'a', 10, way};
		int rc = relay_request_decode(join, sizeof join, &got);
		assert_int_equal(rc, way >= 1 && way < RELAY_WAYS_MAX ? 0 : -EBADMSG);
		assert_true(rc || (got.op == RELAY_JOIN && got.way == way && got.lease_s == 10));
	}
	const uint8_t other[] = {0x84, 4, 0x61, 'a', 10, 1}, none[] = {0x84, 0, 0x61, 'a', 10, 1};
	assert_int_equal(relay_request_decode(other, sizeof other, &got), -EBADMSG);
	assert_int_equal(relay_request_decode(none, sizeof none, &got), -EBADMSG);
	/* a registration ends with a list, a join does not */
	assert_int_equal(
		relay_request_decode((uint8_t[]){0x84, 1, 0x61, 'a', 20, 0x80}, 6, &got), 0);
	assert_int_equal(
		relay_request_decode((uint8_t[]){0x84, 3, 0x61, 'a', 20, 0x80}, 6, &got), -EBADMSG);
}

static void an_answer_has_two_numbers(void **state)
{
	static const struct {
		uint8_t len, p[8];
		int rc;
	} table[] = {
		{3, {0x82, 1, 20}, 0},
		{3, {0x83, 1, 20}, -EBADMSG},
		{2, {0x81, 1}, -EBADMSG},
		{3, {0x81, 1, 20}, -EBADMSG}, /* what follows is none of it */
		{4, {0x82, 1, 20, 0}, -EBADMSG},
		{4, {0x82, 0x18, 0xff, 20}, 0},
		{5, {0x82, 0x19, 1, 0, 20}, -EBADMSG},
	};
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		uint8_t status;
		uint32_t lease;
		if (relay_answer_decode(table[i].p, table[i].len, &status, &lease) != table[i].rc)
			fail_msg("line %u of the table", i);
	}
}

static void registering_needs_a_channel(void **state)
{
	struct fake *f = *state;
	uint8_t *reply = NULL;
	size_t len;
	char text[WIRE_ERROR_TEXT_MAX + 1] = "";
	assert_int_equal(relay_service(f->n, NULL, (const uint8_t *)"", 0, &reply, &len, text),
		RESET_REFUSED);
	struct channel ch = session(1, 1);
	assert_int_equal(relay_service(f->n, &ch, (const uint8_t *)"", 0, &reply, &len, text),
		RESET_REFUSED);
	assert_null(reply);
	struct relay_request q = {.op = RELAY_RELEASE, .name = "forward_to_a"};
	uint8_t buf[RELAY_REQUEST_MAX];
	int n = relay_request_encode(&q, buf, sizeof buf); /* nor does a good one */
	assert_true(n > 0);
	assert_int_equal(
		relay_service(f->n, NULL, buf, (size_t)n, &reply, &len, text), RESET_REFUSED);
	assert_null(reply);
}

/* A session that is taken over, of an earlier one, does not get the name of a later one. */
static void names_are_taken_over_with_their_sessions(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1), b = session(2, 2);
	struct note_name names[4], one = {.name = "forward_to_a", .lease_end_ms = UINT64_MAX};
	a.session = 7;
	b.session = 9;
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_int_equal(ask(f, &b, RELAY_REGISTER, "forward_to_b"), RELAY_OK);
	assert_int_equal(relay_names_of(f->n, &a, names, 4), 1);
	assert_string_equal(names[0].name, "forward_to_a");
	assert_int_equal(relay_names_of(f->n, &b, names, 4), 1);
	assert_string_equal(names[0].name, "forward_to_b");
	relay_name_adopt(f->n, &b, &one);
	assert_int_equal(relay_names_of(f->n, &b, names, 4), 2);
	relay_name_adopt(f->n, &a, &one);
	assert_int_equal(relay_names_of(f->n, &a, names, 4), 0);
	relays_on_channel_gone(f->n, &a);
	relays_on_channel_gone(f->n, &b);
}

static void a_name_belongs_to_an_identity(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1), again = session(1, 1), other_node = session(1, 2),
		       other = session(2, 3);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_ptr_equal(relay_name_channel(f->n, "forward_to_a"), &a);
	assert_int_equal(ask(f, &other, RELAY_REGISTER, "forward_to_a"), RELAY_OTHER_IDENTITY);
	assert_int_equal(ask(f, &other_node, RELAY_REGISTER, "forward_to_a"), RELAY_OTHER_NODE);
	assert_int_equal(ask(f, &again, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_ptr_equal(relay_name_channel(f->n, "forward_to_a"), &again);
	relays_on_channel_gone(f->n, &a); /* the session before: nothing happens */
	assert_ptr_equal(relay_name_channel(f->n, "forward_to_a"), &again);
	relays_on_channel_gone(f->n, &again);
	assert_null(relay_name_channel(f->n, "forward_to_a"));
	assert_int_equal(ask(f, &other, RELAY_REGISTER, "forward_to_a"), RELAY_OTHER_IDENTITY);
	assert_int_equal(ask(f, &other_node, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	relays_on_channel_gone(f->n, &other_node);
	node_enter(f->n, f->n->now_ms, f->n->unix_s + 24 * 3600);
	assert_int_equal(ask(f, &other, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	relays_on_channel_gone(f->n, &other);
}

/* A neighbour is reached over the link that it came by, while that is up. */
static void a_name_leads_to_a_link_that_is_up(void **state)
{
	struct fake *f = *state;
	struct link *from = fake_accept(f, 1, "127.0.0.1:50000"),
		    *to = fake_accept(f, 3, "127.0.0.1:50001");
	struct channel a = session(1, 1);
	struct route r = fake_route("/service/forward_to_a/service/api");
	struct hop hop;
	a.link = to;
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	hop_decide(f->n, HOP_PLAIN, from, NULL, &r, &hop);
	assert_int_equal(hop.kind, HOP_LINK);
	assert_ptr_equal(hop.link, to);
	to->state = LINK_AWAIT_HELLO;
	hop_decide(f->n, HOP_PLAIN, from, NULL, &r, &hop);
	assert_int_equal(hop.kind, HOP_REFUSE);
	assert_int_equal(hop.code, RESET_NO_ROUTE);
	to->state = LINK_UP;
	a.link = NULL;
	hop_decide(f->n, HOP_PLAIN, from, NULL, &r, &hop);
	assert_int_equal(hop.kind, HOP_REFUSE);
	assert_int_equal(hop.code, RESET_NO_ROUTE);
	relays_on_channel_gone(f->n, &a);
}

static void a_name_is_released_by_its_holder(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1), other_node = session(1, 2), other = session(2, 3);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_int_equal(ask(f, &other, RELAY_RELEASE, "forward_to_a"), RELAY_OTHER_IDENTITY);
	assert_int_equal(ask(f, &other_node, RELAY_RELEASE, "forward_to_a"), RELAY_OTHER_NODE);
	assert_int_equal(ask(f, &a, RELAY_RELEASE, "forward_to_a"), RELAY_OK);
	assert_null(relay_name_channel(f->n, "forward_to_a"));
	assert_int_equal(ask(f, &other, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_int_equal(ask(f, &other, RELAY_RELEASE, "forward_to_nobody"), RELAY_OK);
	relays_on_channel_gone(f->n, &other);
}

static void a_lease_ends(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1), other = session(2, 3);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	fake_pass(f, 59999);
	assert_non_null(relay_name_channel(f->n, "forward_to_a"));
	fake_pass(f, 1);
	assert_null(relay_name_channel(f->n, "forward_to_a"));
	assert_int_equal(ask(f, &other, RELAY_REGISTER, "forward_to_a"), RELAY_OTHER_IDENTITY);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_non_null(relay_name_channel(f->n, "forward_to_a"));
	relays_on_channel_gone(f->n, &a);
}

static void names_are_not_taken_from_services(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1);
	struct service *s;
	assert_int_equal(service_start(f->n, "echo", "forward_to_x", &s), 0);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_x"), RELAY_NAME_IN_USE);
	static const struct trust nobody;
	struct listener *l;
	assert_int_equal(listener_add(f->n, "forward_to_l", &nobody, NULL, NULL, &l), 0);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_l"), RELAY_NAME_IN_USE);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "api"), RELAY_BAD_NAME);
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_int_equal(service_start(f->n, "echo", "forward_to_a", &s), -EEXIST);
	relays_on_channel_gone(f->n, &a);
}

static void an_identity_holds_so_many_names(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1), b = session(2, 2);
	char name[32] = "forward_to_0000";
	for (unsigned i = 0; i < 256; i++) {
		name[11] = (char)('a' + i / 16);
		name[12] = (char)('a' + i % 16);
		assert_int_equal(ask(f, &a, RELAY_REGISTER, name), RELAY_OK);
	}
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_more"), RELAY_TOO_MANY);
	assert_int_equal(ask(f, &b, RELAY_REGISTER, "forward_to_more"), RELAY_OK);
	relays_on_channel_gone(f->n, &a);
	relays_on_channel_gone(f->n, &b);
}

static void a_route_through_a_name_leads_to_its_link(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1);
	struct hop h;
	struct route r = fake_route("/service/forward_to_a/service/api"),
		     bare = fake_route("/service/forward_to_a");
	struct link *in = fake_accept(f, 1, "127.0.0.1:50000");
	a.link = fake_accept(f, 3, "127.0.0.1:50001");
	ask(f, &a, RELAY_REGISTER, "forward_to_a");
	hop_decide(f->n, HOP_PLAIN, in, NULL, &r, &h); /* no transit policy for relay names */
	assert_int_equal(h.kind, HOP_LINK);
	assert_ptr_equal(h.link, a.link);
	assert_int_equal(h.used, 1);
	assert_int_equal(h.cost, 1);
	hop_decide(f->n, HOP_PLAIN, in, NULL, &bare, &h);
	assert_int_equal(h.code, RESET_NOT_FOUND);
	a.init_hops_left =
		15; /* behind another hop: only through the channel, which is not there here */
	a.state = CHANNEL_BROKEN;
	hop_decide(f->n, HOP_PLAIN, in, NULL, &r, &h);
	assert_int_equal(h.kind, HOP_REFUSE);
	relays_on_channel_gone(f->n, &a);
}

/* Where a new path for the name goes. */
static struct link *way_of(struct fake *f)
{
	const struct channel *ch = relay_name_channel(f->n, "forward_to_a");
	return ch ? ch->link : NULL;
}

static void paths_are_spread_over_the_ways(void **state)
{
	struct fake *f = *state;
	struct channel ch[RELAY_WAYS_MAX];
	struct link *l[RELAY_WAYS_MAX];
	unsigned got[RELAY_WAYS_MAX] = {0};
	for (unsigned i = 0; i < RELAY_WAYS_MAX; i++) {
		ch[i] = session(1, 1);
		ch[i].link = l[i] = fake_accept(f, 2 * i + 1, "127.0.0.1:50000");
	}
	assert_int_equal(ask(f, &ch[0], RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	for (unsigned i = 1; i < RELAY_WAYS_MAX; i++)
		assert_int_equal(join(f, &ch[i], i), RELAY_OK);
	for (unsigned n = 0; n < 3 * RELAY_WAYS_MAX; n++) {
		struct link *w = way_of(f);
		for (unsigned i = 0; i < RELAY_WAYS_MAX; i++)
			got[i] += w == l[i];
		link_hold(w);
	}
	for (unsigned i = 0; i < RELAY_WAYS_MAX; i++)
		assert_int_equal(got[i], 3);
	/* one that has gone, or whose lease ended, is none */
	link_release(f->n, l[2]);
	assert_ptr_equal(way_of(f), l[2]);
	relays_on_channel_gone(f->n, &ch[2]);
	assert_ptr_not_equal(way_of(f), l[2]);
	link_release(f->n, l[1]);
	assert_ptr_equal(way_of(f), l[1]);
	fake_pass(f, 59000);
	assert_int_equal(ask(f, &ch[0], RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	fake_pass(f, 1000);
	assert_ptr_equal(way_of(f), l[0]);
	/* with the registration all end */
	assert_int_equal(join(f, &ch[1], 1), RELAY_OK);
	assert_ptr_equal(way_of(f), l[1]);
	relays_on_channel_gone(f->n, &ch[0]);
	assert_null(way_of(f));
	assert_int_equal(join(f, &ch[1], 1), RELAY_NOT_HELD);
	/* and who registers anew has only that */
	assert_int_equal(ask(f, &ch[0], RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_int_equal(join(f, &ch[1], 1), RELAY_OK);
	assert_int_equal(ask(f, &ch[3], RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	assert_ptr_equal(way_of(f), l[3]);
	relays_on_channel_gone(f->n, &ch[3]);
}

static void only_the_node_that_registered_joins(void **state)
{
	struct fake *f = *state;
	struct channel a = session(1, 1), more = session(1, 1), other_node = session(1, 2),
		       other = session(2, 3);
	assert_int_equal(join(f, &more, 1), RELAY_NOT_HELD);
	a.link = fake_accept(f, 1, "127.0.0.1:50000");
	more.link = fake_accept(f, 3, "127.0.0.1:50001");
	assert_int_equal(ask(f, &a, RELAY_REGISTER, "forward_to_a"), RELAY_OK);
	link_hold(a.link);
	assert_int_equal(join(f, &other, 1), RELAY_OTHER_IDENTITY);
	assert_int_equal(join(f, &other_node, 1), RELAY_OTHER_NODE);
	assert_ptr_equal(way_of(f), a.link);
	assert_int_equal(join(f, &more, 1), RELAY_OK);
	assert_ptr_equal(way_of(f), more.link);
	/* a way by itself is not the registration: what it lets go of stays, and it cannot hold on
	 */
	assert_int_equal(ask(f, &a, RELAY_RELEASE, "forward_to_a"), RELAY_OK);
	assert_null(way_of(f));
	assert_int_equal(join(f, &more, 1), RELAY_NOT_HELD);
	relays_on_channel_gone(f->n, &more);
	relays_on_channel_gone(f->n, &a);
}

static void told(struct node *n, void *ctx, struct registration *r, const struct reason *why)
{
	struct reason *out = ctx;
	*out = why ? *why : reason_make(EXIT_OK, "%s", r->state);
}

static struct relay_options options(const char *name, const struct route *at, bool wait)
{
	return (struct relay_options){.name = name, .at = at, .wait = wait, .timeout_ms = 5000};
}

static void a_registration_that_waits_and_fails_leaves_nothing(void **state)
{
	struct fake *f = *state;
	struct registration *r;
	struct reason why = {.exit = -1};
	struct route at = fake_route("/ip4/127.0.0.1/tcp/4000");
	struct relay_options o = options("blue", &at, true);
	assert_int_equal(relay_create(f->n, &o, told, &why, &r), 0);
	assert_int_equal(relay_create(f->n, &o, told, &why, &r), -EEXIST);
	fake_pass(f, 1);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_string_equal(why.text, "connect to 127.0.0.1:4000 failed: Connection refused");
	assert_null(relays_first(f->n));
	fake_pass(f, 1);
	assert_null(channels_first(f->n));
	assert_int_equal(relays_deadline(f->n), UINT64_MAX);

	why.exit = -1;
	assert_int_equal(relay_create(f->n, &o, told, &why, &r), 0);
	fake_pass(f, 6000);
	assert_int_equal(why.exit, EXIT_UNREACHABLE);
	assert_null(relays_first(f->n));
}

static void a_registration_that_does_not_wait_stays(void **state)
{
	struct fake *f = *state;
	struct registration *r;
	struct reason why = {.exit = -1};
	struct route at = fake_route("/ip4/127.0.0.1/tcp/4000");
	struct relay_options o = options("blue", &at, false);
	assert_int_equal(relay_create(f->n, &o, told, &why, &r), 0);
	assert_int_equal(why.exit, -1);
	assert_string_equal(r->printed, "forward_to_blue");
	fake_pass(f, 1);
	assert_int_equal(why.exit, EXIT_OK);
	links_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_ptr_equal(relays_first(f->n), r);
	assert_string_equal(r->state, "connecting");
	assert_int_equal(r->last_error.exit, EXIT_UNREACHABLE);
	unsigned tries = f->connects;
	for (unsigned i = 0; i < 60; i++)
		fake_pass(f, 1000);
	assert_true(f->connects > tries);
	assert_int_equal(relay_delete(f->n, "blue"), 0);
	assert_int_equal(relay_delete(f->n, "blue"), -ENOENT);
	fake_pass(f, 1);
	assert_null(channels_first(f->n));
}

static void names_too_long_for_an_address(void **state)
{
	struct fake *f = *state;
	struct registration *r;
	char name[WIRE_NAME_MAX + 1] = "";
	struct route at = fake_route("/ip4/127.0.0.1/tcp/4000");
	memset(name, 'x', 54);
	struct relay_options o = options(name, &at, false);
	assert_int_equal(relay_create(f->n, &o, told, NULL, &r), -EINVAL);
	/* nor more listeners than there is room for, nor what is no name */
	const char *many[17];
	for (unsigned i = 0; i < 17; i++)
		many[i] = "api";
	o.name = "a";
	o.listeners = many;
	o.listeners_n = 17;
	assert_int_equal(relay_create(f->n, &o, told, NULL, &r), -EINVAL);
	many[0] = "a/b";
	o.listeners_n = 1;
	assert_int_equal(relay_create(f->n, &o, told, NULL, &r), -EINVAL);
	o = options("a/b", &at, false); /* nor a name that is none, printed or not */
	assert_int_equal(relay_create(f->n, &o, told, NULL, &r), -EINVAL);
	o.node_name_first = true;
	assert_int_equal(relay_create(f->n, &o, told, NULL, &r), -EINVAL);
	assert_null(relays_first(f->n));
	o = options(name, &at, false);
	o.node_name_first = true; /* printed is the node's, the long one goes without */
	struct reason why;
	assert_int_equal(relay_create(f->n, &o, told, &why, &r), 0);
	assert_string_equal(r->printed, "forward_to_n1");
	relay_forget_fn(f->n, &why);
	assert_int_equal(relay_delete(f->n, name), 0);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_comes_back),
		with_node(registering_needs_a_channel),
		with_node(names_are_taken_over_with_their_sessions),
		with_node(an_answer_has_two_numbers),
		with_node(a_name_belongs_to_an_identity),
		with_node(a_name_leads_to_a_link_that_is_up),
		with_node(a_name_is_released_by_its_holder),
		with_node(a_lease_ends),
		with_node(names_are_not_taken_from_services),
		with_node(an_identity_holds_so_many_names),
		with_node(a_route_through_a_name_leads_to_its_link),
		with_node(paths_are_spread_over_the_ways),
		with_node(only_the_node_that_registered_joins),
		with_node(a_registration_that_waits_and_fails_leaves_nothing),
		with_node(a_registration_that_does_not_wait_stays),
		with_node(names_too_long_for_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
