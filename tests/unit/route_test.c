// SPDX-License-Identifier: Apache-2.0
#include "route.h"

#include "cbor.h"

#include <errno.h>
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct route route;
static char err[256];

static void assert_canonical(const char *text, const char *canonical)
{
	char out[ROUTE_STRING_MAX];
	if (route_parse(&route, text, err, sizeof err) < 0)
		fail_msg("%s: %s", text, err);
	assert_int_equal(route_format(&route, out, sizeof out), strlen(canonical));
	assert_string_equal(out, canonical);
	assert_int_equal(route_format(&route, out, strlen(canonical)), -ENAMETOOLONG);
}

static void assert_clause(const char *text, const char *clause)
{
	assert_int_equal(route_parse(&route, text, err, sizeof err), -EINVAL);
	assert_string_equal(err, clause);
	assert_int_equal(route.n, 0);
}

static void parses_every_protocol(void **state)
{
	(void)state;
	assert_canonical("/node/n2/service/api", "/node/n2/service/api");
	assert_canonical("service/api", "/service/api");
	assert_canonical("/ip4/127.0.0.1/tcp/6002/ip4/127.0.0.1/tcp/6003/service/api",
		"/ip4/127.0.0.1/tcp/6002/ip4/127.0.0.1/tcp/6003/service/api");
	assert_canonical("/ip6/0:0::1/udp/080/worker/x", "/ip6/::1/udp/80/worker/x");
	assert_canonical("/dnsaddr/relay.example.org/tcp/65535/secure/api/service/_-",
		"/dnsaddr/relay.example.org/tcp/65535/secure/api/service/_-");
}

static void names_the_part_that_is_wrong(void **state)
{
	(void)state;
	assert_clause("/foo/bar", "unknown protocol \"foo\"");
	assert_clause("/node/n2/foo", "unknown protocol \"foo\"");
	assert_clause("//node/n2", "unknown protocol \"\"");
	assert_clause("/ip4/1.2.3.4/tcp/x", "\"tcp\" needs a port, got \"x\"");
	assert_clause("/ip4/1.2.3.4/tcp/0", "\"tcp\" needs a port, got \"0\"");
	assert_clause("/ip4/1.2.3.4/udp/65536", "\"udp\" needs a port, got \"65536\"");
	assert_clause("/ip4/1.2.3.4/tcp/-1", "\"tcp\" needs a port, got \"-1\"");
	assert_clause("/ip4/1.2.3.4/tcp/4294967297", "\"tcp\" needs a port, got \"4294967297\"");
	assert_clause("/ip4/1.2.3/tcp/1", "\"ip4\" needs an IPv4 address, got \"1.2.3\"");
	assert_clause("/ip6/1.2.3.4/tcp/1", "\"ip6\" needs an IPv6 address, got \"1.2.3.4\"");
	assert_clause("/dnsaddr/a b/tcp/1", "\"dnsaddr\" needs a host name, got \"a b\"");
	assert_clause("/dnsaddr/.a/tcp/1", "\"dnsaddr\" needs a host name, got \".a\"");
	assert_clause("/node", "route ends after \"/node\"");
	assert_clause("/node/n1/service", "route ends after \"/service\"");
	assert_clause("/node/n1/", "the route ends with \"/\"");
	assert_clause("/node//service/x", "\"node\" needs a node name, got \"\"");
	assert_clause("/service/\x1b[31m", "\"service\" needs an address, got \"?[31m\"");
	assert_clause("", "the route is empty");
	assert_clause("/", "the route is empty");
	assert_clause("/ip4/1.2.3.4/service/api",
		"\"/ip4/1.2.3.4\" must be followed by /tcp/PORT or /udp/PORT");
	assert_clause(
		"/node/n/dnsaddr/h", "\"/dnsaddr/h\" must be followed by /tcp/PORT or /udp/PORT");
	assert_clause("/tcp/4000/service/api", "\"/tcp/4000\" must follow a host");
	assert_clause("/ip4/1.2.3.4/tcp/1/tcp/2", "\"/tcp/2\" must follow a host");
}

static void hops_and_bytes_are_limited(void **state)
{
	(void)state;
	static const char clause[] = "the route is too long: it may have 16 hops and 512 bytes";
	char text[2048] = "";
	for (unsigned i = 0; i < 16; i++)
		strcat(text, "/ip4/127.0.0.1/tcp/4000");
	assert_int_equal(route_parse(&route, text, err, sizeof err), 0);
	assert_int_equal(route_hops(&route), 16);
	strcat(text, "/service/api");
	assert_clause(text, clause);

	text[0] = 0;
	for (unsigned i = 0; i < 60; i++)
		strcat(text, "/service/x");
	assert_clause(text, clause);
	text[0] = 0;
	for (unsigned i = 0; i < 9; i++)
		strcat(text, "/service/"
			     "0123456789012345678901234567890123456789012345678901234567890123");
	assert_clause(text, clause);
	text[0] = 0;
	for (unsigned i = 0; i < 100; i++)
		strcat(text, "/tcp/1");
	assert_int_equal(route_parse(&route, text, err, sizeof err), -EINVAL);
}

static void unix_paths_are_escaped(void **state)
{
	(void)state;
	assert_canonical("/unix/%2Ftmp%2fa%25b/service/api", "/unix/%2Ftmp%2Fa%25b/service/api");
	assert_string_equal(route.e[0].text, "/tmp/a%b");
	assert_clause("/unix/%41", "\"unix\" needs a path with %2F for each /, got \"%41\"");
	assert_clause("/unix/a%2", "\"unix\" needs a path with %2F for each /, got \"a%2\"");
	char text[200] = "/unix/";
	memset(text + 6, 'a', 107);
	assert_int_equal(route_parse(&route, text, err, sizeof err), 0);
	text[6 + 107] = 'a';
	assert_int_equal(route_parse(&route, text, err, sizeof err), -EINVAL);
}

static void names_are_checked(void **state)
{
	(void)state;
	char name[66];
	assert_true(route_name_valid("a"));
	assert_true(route_name_valid("_a-B-9"));
	assert_true(route_name_valid("9"));
	assert_false(route_name_valid(""));
	assert_false(route_name_valid("-a"));
	assert_false(route_name_valid("a.b"));
	assert_false(route_name_valid("a/b"));
	assert_false(route_name_valid("\xc3\xa9"));
	memset(name, 'n', 65);
	name[65] = 0;
	assert_false(route_name_valid(name));
	name[64] = 0;
	assert_true(route_name_valid(name));
}

static void append_checks_and_ends(void **state)
{
	(void)state;
	struct route r = {0};
	assert_int_equal(route_append_text(&r, ROUTE_SERVICE, "a/b"), -EINVAL);
	assert_int_equal(route_append_text(&r, (enum route_code)7, "a"), -EINVAL);
	for (unsigned i = 0; i < ROUTE_ELEMENTS_MAX; i++)
		assert_int_equal(route_append_text(&r, ROUTE_SERVICE, "a"), 0);
	assert_int_equal(route_append_text(&r, ROUTE_SERVICE, "a"), -E2BIG);
	assert_int_equal(r.n, ROUTE_ELEMENTS_MAX);
}

static void the_wire_form_round_trips(void **state)
{
	(void)state;
	static const char text[] = "/ip4/127.0.0.1/tcp/6002/ip6/fe80::1/udp/1/dnsaddr/h/tcp/2"
				   "/unix/%2Fs/worker/w/service/api";
	uint8_t buf[WIRE_ROUTE_MAX];
	char out[ROUTE_STRING_MAX];
	assert_int_equal(route_parse(&route, text, err, sizeof err), 0);
	struct route_element handle = {
		.code = ROUTE_SERVICE, .is_handle = true, .len = 16, .addr = {0xab}};
	route_append(&route, &handle);
	struct wr w = wr_init(buf, sizeof buf);
	route_encode(&w, &route, 2);
	assert_false(w.bad);

	struct route back;
	struct rd r = rd_init(buf, wr_len(&w));
	route_decode(&r, &back);
	assert_true(rd_done(&r));
	assert_int_equal(back.n, route.n - 2);
	assert_true(route_format(&back, out, sizeof out) > 0);
	assert_string_equal(out, "/ip6/fe80::1/udp/1/dnsaddr/h/tcp/2/unix/%2Fs/worker/w/service/api"
				 "/service/ab000000000000000000000000000000");
	assert_true(back.e[back.n - 1].is_handle);
	for (size_t n = 0; n < wr_len(&w); n++) {
		r = rd_init(buf, n);
		route_decode(&r, &back);
		assert_true(r.bad);
		assert_int_equal(back.n, 0);
		struct wr cut = wr_init((uint8_t[WIRE_ROUTE_MAX]){0}, n);
		route_encode(&cut, &route, 2);
		assert_true(cut.bad);
	}
	w = wr_init(buf, sizeof buf);
	route_encode(&w, &route, route.n);
	assert_int_equal(wr_len(&w), 1);
	r = rd_init(buf, 1);
	route_decode(&r, &back);
	assert_true(rd_done(&r));
	assert_int_equal(back.n, 0);
}

static void local_parts_never_reach_the_wire(void **state)
{
	(void)state;
	uint8_t buf[WIRE_ROUTE_MAX];
	static const char *const texts[] = {"/node/n2/service/api", "/service/a/secure/api"};
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(route_parse(&route, texts[i], err, sizeof err), 0);
		struct wr w = wr_init(buf, sizeof buf);
		route_encode(&w, &route, 0);
		assert_true(w.bad);
	}
}

/* One element [code, value] in an array. */
static bool element_decodes(uint64_t code, enum cbor_kind kind, const char *value, size_t len)
{
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof buf);
	cbor_put_array(&w, 1);
	cbor_put_array(&w, 2);
	cbor_put_uint(&w, code);
	if (kind == CBOR_TEXT)
		cbor_put_text(&w, value, len);
	else if (kind == CBOR_BYTES)
		cbor_put_bytes(&w, value, len);
	else
		cbor_put_uint(&w, len);
	struct rd r = rd_init(buf, wr_len(&w));
	struct route out;
	route_decode(&r, &out);
	assert_true(r.bad || (rd_done(&r) && out.n == 1));
	return !r.bad;
}

static void wrong_values_are_refused(void **state)
{
	(void)state;
	static const char b[128] = "0123456789abcdef";
	assert_true(element_decodes(ROUTE_SERVICE, CBOR_TEXT, "api", 3));
	assert_true(element_decodes(ROUTE_SERVICE, CBOR_BYTES, b, 16));
	assert_true(element_decodes(ROUTE_UNIX, CBOR_BYTES, "/s", 2));
	assert_false(element_decodes(ROUTE_SERVICE, CBOR_TEXT, "", 0));
	assert_false(element_decodes(ROUTE_SERVICE, CBOR_TEXT, "a\0b", 3));
	assert_false(element_decodes(ROUTE_SERVICE, CBOR_TEXT, "a/b", 3));
	assert_false(element_decodes(ROUTE_SERVICE, CBOR_BYTES, b, 15));
	assert_false(element_decodes(ROUTE_SERVICE, CBOR_BYTES, b, 17));
	assert_false(element_decodes(ROUTE_SERVICE, CBOR_UINT, NULL, 1));
	assert_false(element_decodes(ROUTE_WORKER, CBOR_BYTES, b, 16));
	assert_false(element_decodes(ROUTE_UNIX, CBOR_BYTES, "a\0b", 3));
	assert_false(element_decodes(ROUTE_UNIX, CBOR_BYTES, b, 0));
	assert_false(element_decodes(ROUTE_UNIX, CBOR_BYTES, b, 108));
	assert_false(element_decodes(ROUTE_NODE, CBOR_TEXT, "n", 1));
	assert_false(element_decodes(ROUTE_SECURE, CBOR_TEXT, "n", 1));
	assert_false(element_decodes(99, CBOR_TEXT, "n", 1));
	assert_false(element_decodes(ROUTE_TCP, CBOR_UINT, NULL, 80)); /* no host */
	assert_false(element_decodes(ROUTE_IP4, CBOR_BYTES, b, 4));    /* no port */
}

static bool host_decodes(uint64_t code, size_t len, uint64_t port)
{
	uint8_t buf[128], b[32] = {0};
	struct wr w = wr_init(buf, sizeof buf);
	cbor_put_array(&w, 2);
	cbor_put_array(&w, 2);
	cbor_put_uint(&w, code);
	cbor_put_bytes(&w, b, len);
	cbor_put_array(&w, 2);
	cbor_put_uint(&w, ROUTE_TCP);
	cbor_put_uint(&w, port);
	struct rd r = rd_init(buf, wr_len(&w));
	struct route out;
	route_decode(&r, &out);
	return rd_done(&r);
}

static void hosts_and_ports_are_bounded(void **state)
{
	(void)state;
	assert_true(host_decodes(ROUTE_IP4, 4, 1));
	assert_true(host_decodes(ROUTE_IP6, 16, 65535));
	assert_false(host_decodes(ROUTE_IP4, 5, 1));
	assert_false(host_decodes(ROUTE_IP6, 4, 1));
	assert_false(host_decodes(ROUTE_IP4, 4, 0));
	assert_false(host_decodes(ROUTE_IP4, 4, 65536 + 80));
}

static void seventeen_hops_are_refused_from_the_wire(void **state)
{
	(void)state;
	uint8_t buf[WIRE_ROUTE_MAX];
	struct route r = {0}, out;
	for (unsigned i = 0; i < 17; i++) {
		struct wr w = wr_init(buf, sizeof buf);
		route_append_text(&r, ROUTE_SERVICE, "s");
		route_encode(&w, &r, 0);
		struct rd rd = rd_init(buf, wr_len(&w));
		route_decode(&rd, &out);
		assert_int_equal(rd_done(&rd), i < 16);
	}
}

/* Every way in which a value is nearly one. */
static void values_that_are_nearly_right_are_refused(void **state)
{
	static const char *const good[] = {"/dnsaddr/a-b/tcp/8/service/x", "/unix/%2Ftmp%2Fs/service/x"};
	static const char *const bad[] = {
		"/dnsaddr//tcp/8/service/x",
		"/dnsaddr/-a/tcp/8/service/x",
		"/dnsaddr/.a/tcp/8/service/x",
		"/ip4/10.0.0.1/tcp//service/x",
		"/ip4/10.0.0.1/tcp/8./service/x",
		"/ip4/10.0.0.1/tcp/+8/service/x",
		"/ip4/1000000000000000000000000000000000000000000000000.0.0.1/tcp/8/service/x",
		"/unix/%2Ftmp%/service/x",
		"/unix/%2Ftmp%2/service/x",
		"/unix/%2Ftmp%3F/service/x",
		"/unix/%2Ftmp%35/service/x",
		"/unix/%2Ftmp%20/service/x",
	};
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(route_parse(&route, good[i], err, sizeof err), 0);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (route_parse(&route, bad[i], err, sizeof err) == 0)
			fail_msg("%s", bad[i]);
	char host[200] = "/dnsaddr/";
	for (size_t n = ROUTE_TEXT_MAX; n <= ROUTE_TEXT_MAX + 1; n++) {
		memset(host + 9, 'h', n);
		strcpy(host + 9 + n, "/tcp/8");
		assert_int_equal(route_parse(&route, host, err, sizeof err),
			n > ROUTE_TEXT_MAX ? -EINVAL : 0);
	}
}

/* An element that says it has one part, or three, in front of as many bytes as two. */
static void an_element_has_two_parts(void **state)
{
	for (unsigned parts = 1; parts <= 3; parts++) {
		uint8_t buf[32];
		struct wr w = wr_init(buf, sizeof buf);
		struct route out;
		cbor_put_array(&w, 1);
		cbor_put_array(&w, parts);
		cbor_put_uint(&w, ROUTE_SERVICE);
		cbor_put_text(&w, "api", 3);
		struct rd r = rd_init(buf, wr_len(&w));
		route_decode(&r, &out);
		assert_int_equal(r.bad, parts != 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_every_protocol),
		cmocka_unit_test(values_that_are_nearly_right_are_refused),
		cmocka_unit_test(an_element_has_two_parts),
		cmocka_unit_test(names_the_part_that_is_wrong),
		cmocka_unit_test(hops_and_bytes_are_limited),
		cmocka_unit_test(unix_paths_are_escaped),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(append_checks_and_ends),
		cmocka_unit_test(the_wire_form_round_trips),
		cmocka_unit_test(local_parts_never_reach_the_wire),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(hosts_and_ports_are_bounded),
		cmocka_unit_test(seventeen_hops_are_refused_from_the_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
