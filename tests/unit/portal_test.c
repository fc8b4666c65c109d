// SPDX-License-Identifier: Apache-2.0
/* Outlets and the routes of inlets, behind a fake door. */
#include "channel.h"
#include "fake_node.h"
#include "inlet.h"
#include "outlet.h"
#include "service.h"

#include "end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SESSION = 77 };

static struct link_target target(const char *text)
{
	struct link_target t;
	assert_int_equal(link_target_parse(&t, text), 0);
	return t;
}

static struct outlet *add(struct fake *f, const char *name, const char *to)
{
	struct outlet *o;
	struct link_target t = target(to);
	assert_int_equal(outlet_add(f->n, name, &t, &o), 0);
	return o;
}

/* A channel that a peer has opened (or, as initiator, this node). */
static struct channel *session(struct fake *f, uint8_t role)
{
	struct channel *ch = channel_new(f->n, role);
	ch->state = CHANNEL_UP;
	ch->session = SESSION;
	return ch;
}

static void ask(struct fake *f, uint32_t stream, const char *service)
{
	outlets_on_asked(f->n, SESSION, stream, service);
}

static void closed(struct fake *f, uint32_t stream)
{
	outlets_on_closed(f->n, SESSION, stream);
}

static unsigned refused(struct fake *f)
{
	return fake_count(f, SEAM_STREAM_REFUSE);
}

static void a_stream_becomes_a_connection(void **state)
{
	struct fake *f = *state;
	struct outlet *o = add(f, "db", "192.0.2.1:5432");
	session(f, SEAM_RESPONDER);
	ask(f, 1, "db");
	assert_int_equal(f->connects, 1);
	assert_true(f->connect_id & NODE_DIAL_OUTLET);
	assert_int_equal(o->dialling, 1);
	node_on_connected(f->n, f->connect_id, 1000, 0);
	struct fake_sent *s = fake_next(f, SEAM_STREAM_ACCEPT);
	assert_non_null(s);
	assert_int_equal(s->session, SESSION);
	assert_int_equal(s->fd, 1000);
	assert_int_equal(o->dialling, 0);
	closed(f, 1); /* of nobody */
	assert_int_equal(f->cancel_id, 0);
}

static void only_peers_reach_only_outlets(void **state)
{
	struct fake *f = *state;
	add(f, "db", "192.0.2.1:5432");
	ask(f, 1, "db"); /* no such session */
	assert_int_equal(refused(f), 1);
	struct channel *ch = session(f, SEAM_RESPONDER);
	ask(f, 1, "uppercase");
	ask(f, 3, "");
	assert_int_equal(refused(f), 3);
	ch->role = SEAM_INITIATOR;
	ask(f, 5, "db");
	assert_int_equal(refused(f), 4);
	assert_int_equal(f->connects, 0);
}

static void addresses_are_tried_in_turn(void **state)
{
	struct fake *f = *state;
	struct sockaddr_storage addrs[2] = {0};
	struct outlet *o = add(f, "web", "example.org:80");
	session(f, SEAM_RESPONDER);
	ask(f, 1, "web");
	assert_int_equal(f->connects, 0);
	addrs[0].ss_family = AF_INET6;
	addrs[1].ss_family = AF_INET;
	inet_pton(AF_INET6, "2001:db8::1", &((struct sockaddr_in6 *)&addrs[0])->sin6_addr);
	inet_pton(AF_INET, "192.0.2.9", &((struct sockaddr_in *)&addrs[1])->sin_addr);
	node_on_resolved(f->n, f->resolve_id, addrs, 2, 0);
	assert_int_equal(f->connects, 1);
	assert_int_equal(f->connect_to.port, 80);
	node_on_connected(f->n, f->connect_id, -1, -ENETUNREACH);
	assert_int_equal(f->connects, 2);
	assert_int_equal(f->connect_to.addr.ss_family, AF_INET);
	node_on_connected(f->n, f->connect_id, -1, -ECONNREFUSED);
	assert_int_equal(refused(f), 1);
	assert_int_equal(o->failures, 1);
	assert_int_equal(o->dialling, 0);
	assert_non_null(strstr(o->last_error.text, "refused"));
	ask(f, 3, "web");
	node_on_resolved(f->n, f->resolve_id, NULL, 0, -3008);
	assert_int_equal(refused(f), 2);
}

static void a_dial_has_its_time(void **state)
{
	struct fake *f = *state;
	add(f, "db", "192.0.2.1:5432");
	session(f, SEAM_RESPONDER);
	ask(f, 1, "db");
	fake_pass(f, OUTLET_DIAL_MS - 1);
	assert_int_equal(refused(f), 0);
	fake_pass(f, 1);
	assert_int_equal(refused(f), 1);
	assert_int_equal(f->cancel_id, f->connect_id);
	assert_int_equal(outlets_deadline(f->n), UINT64_MAX);
}

static void a_dial_ends_with_its_stream(void **state)
{
	struct fake *f = *state;
	struct outlet *o = add(f, "db", "192.0.2.1:5432");
	session(f, SEAM_RESPONDER);
	ask(f, 1, "db");
	closed(f, 1);
	assert_int_equal(f->cancel_id, f->connect_id);
	assert_int_equal(o->dialling, 0);
	ask(f, 3, "db");
	assert_int_equal(outlet_del(f->n, "db"), 0);
	node_on_connected(f->n, f->connect_id, 1000, 0); /* it was accepted before */
	assert_non_null(fake_next(f, SEAM_STREAM_ACCEPT));
	closed(f, 3);
	ask(f, 5, "db");
	assert_int_equal(refused(f), 1);
}

static void dials_are_bounded(void **state)
{
	struct fake *f = *state;
	struct outlet *o = add(f, "db", "192.0.2.1:5432");
	session(f, SEAM_RESPONDER);
	for (uint32_t i = 0; i <= OUTLET_DIALS_MAX; i++)
		ask(f, 2 * i + 1, "db");
	assert_int_equal(f->connects, OUTLET_DIALS_MAX);
	assert_int_equal(refused(f), 1);
	assert_int_equal(o->dialling, OUTLET_DIALS_MAX);
	outlets_on_dataplane_lost(f->n);
	assert_int_equal(o->dialling, 0);
}

static int aims;

static int aim(void *ctx, const struct link_target *t)
{
	(void)ctx;
	assert_int_equal(t->kind, LINK_TCP);
	return aims++ < 1000 ? 2000 + aims : -EMFILE;
}

/* What is asked for again and again is connected by the data plane. */
static void who_is_asked_often_is_aimed_at(void **state)
{
	struct fake *f = *state;
	struct node_io io = *f->n->io;
	io.aim = aim;
	f->n->io = &io;
	aims = 0;
	add(f, "db", "192.0.2.1:5432");
	add(f, "web", "example.org:80"); /* its name is resolved for each */
	add(f, "sock", "unix:/run/db");
	session(f, SEAM_RESPONDER);
	ask(f, 1, "db");
	fake_pass(f, OUTLET_OFTEN_MS);
	ask(f, 3, "db"); /* not often */
	assert_int_equal(fake_count(f, SEAM_DIAL_ADD), 0);
	ask(f, 5, "db");
	assert_int_equal(fake_count(f, SEAM_DIAL_ADD), OUTLET_AIMED);
	ask(f, 7, "db");
	for (uint32_t i = 9; i < 15; i += 2)
		ask(f, i, i % 4 == 1 ? "web" : "sock");
	assert_int_equal(fake_count(f, SEAM_DIAL_ADD), OUTLET_AIMED);
	fake_pass(f, OUTLET_AIM_MS - 1);
	outlets_on_wanted(f->n, "db");
	outlets_on_wanted(f->n, "web");
	outlets_on_wanted(f->n, "none");
	assert_int_equal(fake_count(f, SEAM_DIAL_ADD), 2 * OUTLET_AIMED);
	fake_pass(f, OUTLET_AIM_MS - 1);
	assert_int_equal(fake_count(f, SEAM_DIAL_DEL), 0);
	fake_pass(f, 1); /* nobody wants more */
	assert_int_equal(fake_count(f, SEAM_DIAL_DEL), 1);
	outlets_on_wanted(f->n, "db");
	assert_int_equal(outlet_del(f->n, "db"), 0);
	assert_int_equal(fake_count(f, SEAM_DIAL_DEL), 2);
	fake_pass(f, OUTLET_AIM_MS);
	assert_int_equal(fake_count(f, SEAM_DIAL_DEL), 2);
}

static void an_address_is_taken_once(void **state)
{
	struct fake *f = *state;
	struct outlet *o;
	struct service *s;
	struct link_target t = target("192.0.2.1:1");
	add(f, "db", "192.0.2.1:5432");
	assert_int_equal(outlet_add(f->n, "db", &t, &o), -EEXIST);
	assert_int_equal(outlet_add(f->n, "echo", &t, &o), -EEXIST);
	assert_int_equal(outlet_add(f->n, "a/b", &t, &o), -EINVAL);
	assert_int_equal(service_start(f->n, "echo", "db", &s), -EEXIST);
}

/* The parts of a route, as text; NULL: it is refused. */
static void parses(struct fake *f, const char *text, const char *channel, const char *service)
{
	char got[ROUTE_STRING_MAX];
	struct inlet_route r;
	struct reason why = {.text = ""};
	struct route in = fake_route(text);
	int rc = inlet_route_parse(f->n, &in, &r, &why);
	if (!channel) {
		assert_int_equal(rc, -EINVAL);
		assert_true(why.text[0]);
		return;
	}
	assert_int_equal(rc, 0);
	assert_true(route_format(&r.channel, got, sizeof got) > 0);
	assert_string_equal(got, channel);
	assert_string_equal(r.service, service);
}

static void no_inlet_is_without_a_channel(void **state)
{
	struct fake *f = *state;
	char existing[96], hex[64];
	parses(f, "/ip4/192.0.2.1/tcp/4000/secure/guests/service/db",
		"/ip4/192.0.2.1/tcp/4000/service/guests", "db");
	parses(f, "/ip4/192.0.2.1/tcp/4000/service/db", "/ip4/192.0.2.1/tcp/4000/service/api",
		"db");
	parses(f, "/ip4/192.0.2.1/tcp/4000/service/forward_to_n2/secure/api/service/db",
		"/ip4/192.0.2.1/tcp/4000/service/forward_to_n2/service/api", "db");
	parses(f, "/service/db", NULL, NULL);
	parses(f, "/ip4/192.0.2.1/tcp/4000", NULL, NULL);
	parses(f, "/ip4/192.0.2.1/tcp/4000/secure/api", NULL, NULL);
	parses(f, "/ip4/192.0.2.1/tcp/4000/secure/api/service/a/service/b", NULL, NULL);
	parses(f, "/ip4/192.0.2.1/tcp/4000/secure/a/secure/b/service/c", NULL, NULL);
	struct channel *ch = session(f, SEAM_INITIATOR);
	snprintf(hex, sizeof hex, "/service/%s", ch->address);
	snprintf(existing, sizeof existing, "%s/service/db", hex);
	parses(f, existing, hex, "db");
}

#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_stream_becomes_a_connection),
		T(only_peers_reach_only_outlets),
		T(addresses_are_tried_in_turn),
		T(a_dial_has_its_time),
		T(a_dial_ends_with_its_stream),
		T(dials_are_bounded),
		T(who_is_asked_often_is_aimed_at),
		T(an_address_is_taken_once),
		T(no_inlet_is_without_a_channel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
