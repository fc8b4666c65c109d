// SPDX-License-Identifier: Apache-2.0
/*
 * A registration at a relay: what is asked for, and which answers count. The channel to the relay
 * is put up by hand; what is said in it are the frames of the seam.
 */
#include "fake_node.h"

#include "channel.h"
#include "listener.h"
#include "message.h"
#include "relay_private.h"
#include "message_codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

struct place {
	struct fake f;
	struct registration *r;
	struct message asked;	/* the last request, */
	struct relay_request q; /* and what it says */
	unsigned told;
	struct reason why;
};

static void on_told(struct node *n, void *ctx, struct registration *r, const struct reason *why)
{
	struct place *pl = ctx;
	pl->told++;
	if (why)
		pl->why = *why;
}

static int setup(void **state)
{
	static struct place pl;
	static const struct trust nobody;
	struct listener *l;
	memset(&pl, 0, sizeof pl);
	fake_init(&pl.f);
	assert_int_equal(listener_add(pl.f.n, "other", &nobody, NULL, NULL, &l), 0);
	*state = &pl;
	return 0;
}

static int teardown(void **state)
{
	struct place *pl = *state;
	if (pl->r && pl->r->channel) { /* there is no session to close */
		pl->r->channel->state = CHANNEL_BROKEN;
		pl->r->channel->session = 0;
	}
	fake_fini(&pl->f);
	return 0;
}

static void no_news(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
}

static void create(struct place *pl, const char *const *listeners, unsigned n)
{
	struct route at = fake_route("/ip4/127.0.0.1/tcp/4000");
	struct relay_options o = {.name = "blue",
		.at = &at,
		.wait = true,
		.timeout_ms = 60000,
		.listeners = listeners,
		.listeners_n = n};
	assert_int_equal(relay_create(pl->f.n, &o, on_told, pl, &pl->r), 0);
	fake_pass(&pl->f, 1);
}

/* The next request that was sent in the channel: false when there is none. */
static bool asks(struct place *pl)
{
	struct fake_sent *s = fake_next(&pl->f, SEAM_MSG);
	if (!s)
		return false;
	assert_int_equal(msg_decode(s->frame, s->frame_len, &pl->asked), 0);
	assert_int_equal(relay_request_decode(pl->asked.payload, pl->asked.len, &pl->q), 0);
	return true;
}

static void channel_opens(struct place *pl)
{
	struct channel *ch = pl->r->channel;
	channel_open_fn *fn = ch->open_fn;
	ch->state = CHANNEL_UP;
	ch->session = 99;
	ch->open_fn = NULL;
	fn(pl->f.n, ch->open_ctx, ch, NULL);
}

static void answer(struct place *pl, const uint8_t *payload, size_t len)
{
	static uint32_t number;
	struct message m = {
		.kind = MSG_REPLY,
		.hop = {.hops_left = 16, .path_max = WIRE_FRAME_MAX, .has_return_field = true},
		.payload = payload,
		.len = len,
	};
	uint8_t *body;
	size_t body_len;
	m.hop.onward.n = 1;
	m.hop.onward.e[0] = (struct route_element){
		.code = ROUTE_SERVICE, .is_handle = true, .len = WIRE_HANDLE};
	memcpy(m.hop.onward.e[0].addr, pl->asked.hop.handle, WIRE_HANDLE);
	assert_int_equal(msg_encode(&m, 0, &body, &body_len), 0);
	messages_on_msg(pl->f.n, pl->r->channel, ++number, false, body, body_len);
	free(body);
}

static void grant(struct place *pl, enum relay_status status, uint32_t lease_s)
{
	uint8_t buf[RELAY_ANSWER_MAX];
	answer(pl, buf, relay_answer_encode(buf, status, lease_s));
}

static void what_is_asked_for_is_held(void **state)
{
	struct place *pl = *state;
	create(pl, NULL, 0);
	channel_opens(pl);
	assert_true(asks(pl));
	assert_int_equal(pl->q.op, RELAY_REGISTER);
	assert_string_equal(pl->q.name, "forward_to_blue");
	assert_int_equal(pl->q.listeners_n, 3); /* all of the node, and the two for tests */
	assert_string_equal(pl->q.listeners[0], "other");
	grant(pl, RELAY_OK, 60);
	assert_true(asks(pl)); /* the node's name, too */
	assert_string_equal(pl->q.name, "forward_to_n1");
	assert_int_equal(pl->told, 0);
	grant(pl, RELAY_OTHER_IDENTITY, 60);
	assert_int_equal(pl->told, 1);
	assert_int_equal(pl->why.exit, 0);
	assert_string_equal(pl->r->state, "up");
	assert_int_equal(pl->r->addresses_n, 1);
	/* it is renewed before the lease ends; nobody is told of that */
	fake_pass(&pl->f, 20000);
	assert_true(asks(pl));
	grant(pl, RELAY_OK, 60);
	assert_true(asks(pl));
	grant(pl, RELAY_OK, 60);
	assert_int_equal(pl->told, 1);
	assert_int_equal(pl->r->addresses_n, 2);
}

/* Those alone that were named are said to be there. */
static void listeners_that_are_named_are_offered(void **state)
{
	struct place *pl = *state;
	static const char *const some[] = {"api", "web"};
	create(pl, some, 2);
	channel_opens(pl);
	assert_true(asks(pl));
	assert_int_equal(pl->q.listeners_n, 2);
	assert_string_equal(pl->q.listeners[0], "api");
	assert_string_equal(pl->q.listeners[1], "web");
}

static void an_answer_that_is_none_ends_it(void **state)
{
	struct place *pl = *state;
	create(pl, NULL, 0);
	channel_opens(pl);
	assert_true(asks(pl));
	answer(pl, (const uint8_t *)"\x82\x01", 2);
	assert_int_equal(pl->told, 1);
	assert_int_equal(pl->why.exit, EXIT_DATA);
	pl->r = NULL; /* with its channel */
}

static void a_lease_that_is_no_time_ends_it(void **state)
{
	struct place *pl = *state;
	create(pl, NULL, 0);
	channel_opens(pl);
	assert_true(asks(pl));
	grant(pl, RELAY_OK, 2);
	assert_int_equal(pl->told, 1);
	assert_int_equal(pl->why.exit, EXIT_DATA);
	pl->r = NULL;
}

static void a_relay_that_is_silent_is_not_waited_for(void **state)
{
	struct place *pl = *state;
	create(pl, NULL, 0);
	channel_opens(pl);
	assert_true(asks(pl));
	fake_pass(&pl->f, 59000);
	assert_int_equal(pl->told, 1);
	assert_int_equal(pl->why.exit, EXIT_UNREACHABLE);
	assert_null(relays_first(pl->f.n));
	pl->r = NULL;
}

/* A channel that an earlier control process has left: it is taken, and no other made. */
static void a_channel_that_is_there_is_used(void **state)
{
	struct place *pl = *state;
	static const struct trust same;
	struct route to = fake_route("/ip4/127.0.0.1/tcp/4000/service/api");
	struct channel *ch = channel_open(pl->f.n,
		&(struct channel_options){.to = &to,
			.trust = &same,
			.timeout_ms = 60000,
			.hidden = true,
			.persistent = true},
		no_news, pl);
	assert_non_null(ch);
	ch->unclaimed = true;
	create(pl, NULL, 0);
	assert_ptr_equal(pl->r->channel, ch);
	assert_ptr_equal(channels_first(pl->f.n), ch);
	assert_null(ch->next);
}

static void one_that_was_deleted_asks_for_nothing(void **state)
{
	struct place *pl = *state;
	create(pl, NULL, 0);
	struct channel *ch = pl->r->channel;
	assert_int_equal(relay_delete(pl->f.n, "blue"), 0);
	channel_opens(pl); /* before it was closed */
	assert_false(asks(pl));
	assert_int_equal(pl->told, 0);
	ch->state = CHANNEL_OPENING;
	ch->session = 0;
	fake_pass(&pl->f, 1);
	assert_null(channels_first(pl->f.n));
	pl->r = NULL;
}

/* The relay may send by the channel's link: but nothing before it holds a name. */
static void who_holds_no_name_is_not_reached(void **state)
{
	struct place *pl = *state;
	create(pl, NULL, 0);
	struct link *l = fake_dial(&pl->f, "127.0.0.1:4001"), *before = pl->r->channel->link;
	pl->r->channel->link = l;
	assert_false(relay_accepts(pl->f.n, l, "other"));
	channel_opens(pl);
	assert_true(asks(pl));
	grant(pl, RELAY_OK, 60);
	assert_true(relay_accepts(pl->f.n, l, "other"));
	assert_false(relay_accepts(pl->f.n, l, "nothing"));
	assert_true(relay_accepts(pl->f.n, NULL, "other")); /* from here */
	pl->r->channel->link = before;
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(what_is_asked_for_is_held),
		with_node(listeners_that_are_named_are_offered),
		with_node(an_answer_that_is_none_ends_it),
		with_node(a_lease_that_is_no_time_ends_it),
		with_node(a_relay_that_is_silent_is_not_waited_for),
		with_node(a_channel_that_is_there_is_used),
		with_node(one_that_was_deleted_asks_for_nothing),
		with_node(who_holds_no_name_is_not_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
