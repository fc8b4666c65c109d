// SPDX-License-Identifier: Apache-2.0
#include "tcp_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct tcp_address parsed(const char *text)
{
	struct tcp_address a;
	struct reason why;
	assert_int_equal(tcp_address_parse(&a, text, &why), 0);
	return a;
}

static void assert_forms(const char *text, const char *shown, const char *route)
{
	char got[TCP_ADDRESS_TEXT], got_route[ROUTE_STRING_MAX];
	struct tcp_address a = parsed(text);
	tcp_address_format(&a, got);
	assert_string_equal(got, shown);
	assert_true(tcp_address_route(&a, got_route, sizeof got_route) > 0);
	assert_string_equal(got_route, route);
}

static void shows_addresses_and_routes(void **state)
{
	assert_forms("127.0.0.1:4000", "127.0.0.1:4000", "/dnsaddr/localhost/tcp/4000");
	assert_forms("localhost:4000", "127.0.0.1:4000", "/dnsaddr/localhost/tcp/4000");
	assert_forms("4000", "127.0.0.1:4000", "/dnsaddr/localhost/tcp/4000");
	assert_forms("0.0.0.0:4000", "0.0.0.0:4000", "/dnsaddr/localhost/tcp/4000");
	/* localhost is 127.0.0.1 alone */
	assert_forms("127.0.0.2:4000", "127.0.0.2:4000", "/ip4/127.0.0.2/tcp/4000");
	assert_forms("10.1.2.3:4000", "10.1.2.3:4000", "/ip4/10.1.2.3/tcp/4000");
	assert_forms("[::1]:4000", "[::1]:4000", "/ip6/::1/tcp/4000");
	assert_forms("[::]:4000", "[::]:4000", "/ip6/::1/tcp/4000");
	assert_forms("unix:/tmp/a", "unix:/tmp/a", "/unix/%2Ftmp%2Fa");
	assert_forms("unix:/tmp/100%", "unix:/tmp/100%", "/unix/%2Ftmp%2F100%25");
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const bad[] = {"", ":", "x", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1", "::1:4000",
		"[127.0.0.1]:1", "[]:1", "host:1", "unix:", "unix:relative", "unix:/two\nlines", "1.2.3.4.5:6"};
	struct tcp_address a;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct reason why = {.exit = 0};
		assert_int_equal(tcp_address_parse(&a, bad[i], &why), -EINVAL);
		assert_int_equal(why.exit, EXIT_USAGE);
	}
}

static void picks_a_port_and_knows_one_in_use(void **state)
{
	struct reason why;
	char text[TCP_ADDRESS_TEXT];
	struct tcp_address a = parsed("127.0.0.1:0");
	int fd = tcp_address_listen(&a, &why);
	assert_true(fd >= 0);
	tcp_address_format(&a, text);
	assert_string_not_equal(text, "127.0.0.1:0");
	struct tcp_address again = parsed(text);
	assert_int_equal(tcp_address_listen(&again, &why), -EADDRINUSE);
	assert_int_equal(why.exit, EXIT_IN_USE);
	close(fd);
}

static void replaces_a_stale_socket_only(void **state)
{
	char dir[] = "/tmp/listener-test-XXXXXX", text[64];
	struct reason why;
	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof text, "unix:%s/s", dir);
	struct tcp_address a = parsed(text);
	int fd = tcp_address_listen(&a, &why);
	assert_true(fd >= 0);
	assert_int_equal(tcp_address_listen(&a, &why), -EADDRINUSE);
	assert_int_equal(why.exit, EXIT_IN_USE);
	close(fd);
	fd = tcp_address_listen(&a, &why);
	assert_true(fd >= 0);
	close(fd);
	unlink(a.un.sun_path);

	FILE *f = fopen(a.un.sun_path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(tcp_address_listen(&a, &why), -EADDRINUSE);
	unlink(a.un.sun_path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_addresses_and_routes),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(picks_a_port_and_knows_one_in_use),
		cmocka_unit_test(replaces_a_stale_socket_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
