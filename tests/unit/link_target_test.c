// SPDX-License-Identifier: Apache-2.0
/* Where a link may lead, as users and routes write it. */
#include "link.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void addresses_are_parsed_whole(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"host:80", true},
		{"[::1]:80", true},
		{"127.0.0.1:65535", true},
		{"a-b.c:1", true},
		{"", false},
		{":", false},
		{":80", false},
		{"[]:80", false},
		{"host", false},
		{"host:", false},
		{"host:65536", false},
		{"host:8/", false},
		{"host:8:", false},
		{"host:+8", false},
		{"host:8a", false},
		{"[::1", false},
		{"[::1]", false},
		{"[::1]80", false},
		{"-host:80", false},
		{"ho st:80", false},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct link_target t;
		if ((link_target_parse(&t, cases[i].text) == 0) != cases[i].good)
			fail_msg("%s", cases[i].text);
	}
}

static void a_host_has_its_room(void **state)
{
	struct link_target t;
	char text[400];
	size_t last = 0;
	for (size_t n = 1; n < 380; n++) {
		memset(text, 'a', n);
		snprintf(text + n, sizeof text - n, ":80");
		if (link_target_parse(&t, text) == 0) {
			assert_int_equal(strlen(t.host), n);
			assert_int_equal(last, n - 1); /* all shorter ones, too */
			last = n;
		}
	}
	assert_in_range(last, 63, sizeof t.host - 1);
}

static void a_route_leads_where_it_says(void **state)
{
	static const struct {
		const char *text;
		int used; /* elements; 0: nowhere */
	} cases[] = {
		{"/ip4/10.0.0.1/tcp/22", 2},
		{"/dnsaddr/host/tcp/22/service/x", 2},
		{"/service/x", 0},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct link_target t;
		struct route r;
		char err[160];
		assert_int_equal(route_parse(&r, cases[i].text, err, sizeof err), 0);
		int used = link_target_from_route(&t, &r, 0);
		assert_int_equal(used < 0 ? 0 : used, cases[i].used);
		assert_true(link_target_from_route(&t, &r, r.n) < 0);
		if (cases[i].used) { /* without its port */
			r.n = 1;
			assert_true(link_target_from_route(&t, &r, 0) < 0);
		}
	}
}

/* Routes that no text makes. */
static void a_route_has_a_port_and_an_end(void **state)
{
	struct link_target t;
	struct route r = {.n = 2};
	r.e[0] = (struct route_element){.code = ROUTE_IP4, .addr = {127, 0, 0, 1}};
	r.e[1] = (struct route_element){.code = ROUTE_TCP, .port = 22};
	assert_int_equal(link_target_from_route(&t, &r, 0), 2);
	r.e[1].port = 0;
	assert_true(link_target_from_route(&t, &r, 0) < 0);
	r.e[1] = (struct route_element){.code = ROUTE_SERVICE, .port = 22};
	assert_true(link_target_from_route(&t, &r, 0) < 0);
	r.e[0] = (struct route_element){.code = ROUTE_UNIX, .text = "/tmp/x"};
	assert_int_equal(link_target_from_route(&t, &r, 0), 1);
	r.n = 0; /* what lies behind the end is none of it */
	assert_true(link_target_from_route(&t, &r, 0) < 0);
}

static void datagrams_go_to_hosts(void **state)
{
	struct link_target t = {.kind = LINK_UNIX, .host = "before"};
	assert_int_equal(link_target_parse_udp(&t, "host"), -EINVAL);
	assert_int_equal(link_target_parse_udp(&t, "unix:/tmp/x"), -EINVAL);
	assert_int_equal(t.kind, LINK_UNIX); /* written on success only */
	assert_int_equal(link_target_parse_udp(&t, "host:22"), 0);
	assert_int_equal(t.kind, LINK_UDP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_parsed_whole),
		cmocka_unit_test(a_host_has_its_room),
		cmocka_unit_test(a_route_leads_where_it_says),
		cmocka_unit_test(a_route_has_a_port_and_an_end),
		cmocka_unit_test(datagrams_go_to_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
