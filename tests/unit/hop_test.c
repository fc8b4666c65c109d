// SPDX-License-Identifier: Apache-2.0
#include "channel.h"
#include "fake_node.h"
#include "hop.h"
#include "listener.h"
#include "service.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static int setup(void **state)
{
	static struct fake f;
	static const struct trust nobody;
	struct listener *l;
	fake_init(&f);
	assert_int_equal(listener_add(f.n, "api", &nobody, NULL, NULL, &l), 0);
	*state = &f;
	return 0;
}

static struct hop decide(
	struct fake *f, enum hop_rights rights, struct link *ingress, const char *text)
{
	struct hop h;
	struct route r = fake_route(text);
	hop_decide(f->n, rights, ingress, NULL, &r, &h);
	return h;
}

static void listener_names_are_checked(void **state)
{
	struct fake *f = *state;
	static const struct trust nobody;
	static const char *const bad[] = {"", "a/b", "a b"};
	struct listener *l;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(listener_add(f->n, bad[i], &nobody, NULL, NULL, &l), -EINVAL);
	assert_int_equal(listener_add(f->n, "api", &nobody, NULL, NULL, &l), -EEXIST);
	assert_int_equal(listener_add(f->n, "echo", &nobody, NULL, NULL, &l), -EEXIST);
}

static void who_may_go_where(void **state)
{
	struct fake *f = *state;
	struct link *in = fake_accept(f, 1, "127.0.0.1:50000");
	enum { REFUSED = 100 };
	static const struct {
		const char *route;
		int plain, session, own; /* enum hop_kind, or REFUSED + code */
	} table[] = {
		{"/service/api", HOP_LISTENER, HOP_LISTENER, HOP_LISTENER},
		{"/worker/api", HOP_LISTENER, HOP_LISTENER, HOP_LISTENER},
		{"/service/echo", HOP_SERVICE, HOP_SERVICE, HOP_SERVICE},
		{"/service/uppercase", HOP_SERVICE, HOP_SERVICE, HOP_SERVICE},
		{"/service/hop/service/echo", HOP_SERVICE, HOP_SERVICE, HOP_SERVICE},
		{"/service/forwarding_service", REFUSED + RESET_REFUSED, HOP_SERVICE, HOP_SERVICE},
		{"/service/hop/service/forwarding_service", REFUSED + RESET_REFUSED, HOP_SERVICE,
			HOP_SERVICE},
		{"/service/nothing", REFUSED + RESET_NOT_FOUND, REFUSED + RESET_NOT_FOUND,
			REFUSED + RESET_NOT_FOUND},
		{"/service/hop", REFUSED + RESET_NOT_FOUND, REFUSED + RESET_NOT_FOUND,
			REFUSED + RESET_NOT_FOUND},
		{"/service/api/service/echo", REFUSED + RESET_NOT_FOUND, REFUSED + RESET_NOT_FOUND,
			REFUSED + RESET_NOT_FOUND},
		{"/service/echo/service/echo", REFUSED + RESET_NOT_FOUND, REFUSED + RESET_NOT_FOUND,
			REFUSED + RESET_NOT_FOUND},
		{"/ip4/10.0.0.1/tcp/22/service/x", HOP_DIAL, HOP_DIAL, HOP_DIAL},
		{"/dnsaddr/hop/tcp/22/service/x", HOP_DIAL, HOP_DIAL, HOP_DIAL},
		{"/ip4/10.0.0.1/tcp/22", REFUSED + RESET_NOT_FOUND, REFUSED + RESET_NOT_FOUND,
			REFUSED + RESET_NOT_FOUND},
		{"/node/n2/service/x", REFUSED + RESET_NOT_FOUND, REFUSED + RESET_NOT_FOUND,
			REFUSED + RESET_NOT_FOUND},
		{"/secure/api/service/x", REFUSED + RESET_NOT_FOUND, REFUSED + RESET_NOT_FOUND,
			REFUSED + RESET_NOT_FOUND},
	};
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		const int want[] = {table[i].plain, table[i].session, table[i].own};
		for (int rights = HOP_PLAIN; rights <= HOP_OWN; rights++) {
			struct hop h = decide(f, (enum hop_rights)rights,
				rights == HOP_PLAIN ? in : NULL, table[i].route);
			int got = h.kind == HOP_REFUSE ? REFUSED + h.code : (int)h.kind;
			if (got != want[rights])
				fail_msg("%s with rights %d: %d, not %d", table[i].route, rights,
					got, want[rights]);
			assert_true(h.kind != HOP_REFUSE || h.why.exit);
			if (h.kind == HOP_DIAL)
				assert_int_equal(h.for_other, rights != HOP_OWN);
		}
	}
}

static void an_empty_route_is_not_found(void **state)
{
	struct fake *f = *state;
	struct route r = {0};
	struct hop h;
	hop_decide(f->n, HOP_SESSION, NULL, NULL, &r, &h);
	assert_int_equal(h.kind, HOP_REFUSE);
	assert_int_equal(h.code, RESET_NOT_FOUND);
}

/* Routes that the wire can carry though nobody can write them. */
static void half_a_host_leads_nowhere(void **state)
{
	struct fake *f = *state;
	struct route whole = fake_route("/ip4/10.0.0.1/tcp/22/service/x"), r = whole;
	struct hop h;
	r.n = 2;
	r.e[1] = whole.e[2]; /* a host without a port */
	hop_decide(f->n, HOP_OWN, NULL, NULL, &r, &h);
	assert_true(h.kind == HOP_REFUSE && h.code == RESET_NO_ROUTE);
	r.e[0] = whole.e[1]; /* a port without a host */
	hop_decide(f->n, HOP_OWN, NULL, NULL, &r, &h);
	assert_true(h.kind == HOP_REFUSE && h.code == RESET_NO_ROUTE);
}

static void what_is_used_and_what_it_costs(void **state)
{
	struct fake *f = *state;
	struct hop h =
		decide(f, HOP_OWN, NULL, "/service/hop/service/hop/ip4/10.0.0.1/tcp/22/service/x");
	assert_int_equal(h.kind, HOP_DIAL);
	assert_int_equal(h.used, 4);
	assert_int_equal(h.cost, 2);
	assert_int_equal(h.target.port, 22);
	h = decide(f, HOP_OWN, NULL, "/unix/%2Ftmp%2Fx/service/x");
	assert_int_equal(h.used, 1);
	assert_string_equal(h.target.host, "/tmp/x");
	h = decide(f, HOP_OWN, NULL, "/service/echo");
	assert_int_equal(h.used, 1);
	assert_string_equal(h.service, "echo");
}

static void a_connection_counts_as_dialling_its_other_end(void **state)
{
	struct fake *f = *state;
	char route[128];
	struct link *in = fake_accept(f, 1, "127.0.0.1:50000");
	struct link *l = fake_dial(f, "127.0.0.1:4000");
	snprintf(route, sizeof route, "/service/%s/service/x", l->address);
	assert_int_equal(decide(f, HOP_PLAIN, in, route).code, RESET_TRANSIT);
	assert_int_equal(decide(f, HOP_SESSION, NULL, route).code, RESET_TRANSIT);
	struct hop h = decide(f, HOP_OWN, NULL, route);
	assert_int_equal(h.kind, HOP_LINK);
	assert_ptr_equal(h.link, l);
	assert_int_equal(h.used, 1);
	f->own_listeners = true;
	assert_int_equal(decide(f, HOP_PLAIN, in, route).kind, HOP_LINK);
	snprintf(route, sizeof route, "/service/%s", l->address);
	assert_int_equal(decide(f, HOP_OWN, NULL, route).code, RESET_NOT_FOUND);
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
}

/* A channel leads to the node at its other end, so it counts as dialling what its path begins with.
 */
static void a_channel_counts_as_dialling_its_first_hop(void **state)
{
	struct fake *f = *state;
	static const struct trust nobody;
	char route[128];
	struct route to = fake_route("/ip4/127.0.0.1/tcp/4000/service/api");
	struct channel_options o = {.to = &to, .trust = &nobody, .timeout_ms = 10000};
	struct link *in = fake_accept(f, 1, "127.0.0.1:50000");
	struct link *l = fake_dial(f, "127.0.0.1:4000");
	struct channel *ch = channel_open(f->n, &o, opened, NULL);
	assert_non_null(ch);
	snprintf(route, sizeof route, "/service/%s/service/x", ch->address);
	assert_int_equal(
		decide(f, HOP_SESSION, NULL, route).code, RESET_NO_ROUTE); /* it is not up */
	const struct channel before = *ch;
	ch->link = l;
	ch->state = CHANNEL_UP;
	struct hop plain = decide(f, HOP_PLAIN, in, route),
		   session = decide(f, HOP_SESSION, NULL, route);
	struct hop own = decide(f, HOP_OWN, NULL, route);
	f->own_listeners = true;
	struct hop allowed = decide(f, HOP_PLAIN, in, route);
	ch->hidden = true;
	struct hop hidden = decide(f, HOP_SESSION, NULL, route);
	*ch = before;
	assert_true(plain.kind == HOP_REFUSE && plain.code == RESET_TRANSIT);
	assert_true(session.kind == HOP_REFUSE && session.code == RESET_TRANSIT);
	assert_true(own.kind == HOP_CHANNEL && own.channel == ch);
	assert_true(allowed.kind == HOP_CHANNEL && allowed.channel == ch);
	assert_true(hidden.kind == HOP_REFUSE && hidden.code == RESET_NOT_FOUND);
}

static void a_link_that_was_dialled_serves_nothing(void **state)
{
	struct fake *f = *state;
	static const char *const routes[] = {"/service/api", "/service/echo",
		"/service/hop/service/echo", "/ip4/127.0.0.1/tcp/4000/service/x"};
	struct link *l = fake_dial(f, "127.0.0.1:4000");
	f->own_listeners = true;
	for (unsigned i = 0; i < sizeof routes / sizeof *routes; i++) {
		struct hop h = decide(f, HOP_PLAIN, l, routes[i]);
		assert_int_equal(h.kind, HOP_REFUSE);
		assert_int_equal(h.code, RESET_NOT_FOUND);
	}
}

static void a_handle_stands_alone(void **state)
{
	struct fake *f = *state;
	struct link *l = fake_dial(f, "127.0.0.1:4000");
	struct route r = {.n = 1,
		.e = {{.code = ROUTE_SERVICE, .is_handle = true, .len = 16, .addr = {1, 2}}}};
	struct hop h;
	hop_decide(f->n, HOP_PLAIN, l, NULL, &r, &h);
	assert_int_equal(h.kind, HOP_HANDLE);
	assert_memory_equal(h.handle, r.e[0].addr, WIRE_HANDLE);
	route_append_text(&r, ROUTE_SERVICE, "echo");
	hop_decide(f->n, HOP_PLAIN, l, NULL, &r, &h);
	assert_int_equal(h.kind, HOP_REFUSE);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(listener_names_are_checked),
		with_node(who_may_go_where),
		with_node(an_empty_route_is_not_found),
		with_node(half_a_host_leads_nowhere),
		with_node(what_is_used_and_what_it_costs),
		with_node(a_connection_counts_as_dialling_its_other_end),
		with_node(a_channel_counts_as_dialling_its_first_hop),
		with_node(a_link_that_was_dialled_serves_nothing),
		with_node(a_handle_stands_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
