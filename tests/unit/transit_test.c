// SPDX-License-Identifier: Apache-2.0
#include "fake_node.h"
#include "transit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool admits(struct fake *f, const char *to)
{
	struct link_target t;
	assert_int_equal(link_target_parse(&t, to), 0);
	return transit_admits(f->n, &t);
}

static void what_is_not_a_rule_is_refused(void **state)
{
	static const char *const bad[] = {"", "x", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/",
		"10.0.0.0/8:", "10.0.0.0/8:0", "10.0.0.0/8:5-4", "10.0.0.0/8:70000",
		"10.0.0.0/8:1-70000", "10.0.0.0/8:1x", "10.0.0.0/8:1-", "[10.0.0.0/8]:1",
		"[fd00::/8", "[fd00::/8]x", "[fd00::/8]x80", "[fd00::/8]:", "fd00::/129", "10.0.0.0/+8",
		"10.0.0.0/8 ", ":80", "[]:80"};
	struct transit *t = transit_new();
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (transit_allow(t, bad[i]) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
	unsigned n = 0;
	while (n < 1000 && transit_allow(t, "10.0.0.0/8") == 0)
		n++;
	assert_in_range(n, 16, 999); /* there is an end */
	char text[200];
	memset(text, '1', sizeof text - 1);
	text[sizeof text - 1] = 0; /* longer than any address */
	assert_int_equal(transit_allow(t, text), -EINVAL);
	transit_free(t);
}

static void rules_admit_by_prefix_and_port(void **state)
{
	struct fake f;
	fake_init(&f);
	assert_false(admits(&f, "10.1.2.3:80"));
	assert_int_equal(transit_allow(f.n->transit, "10.0.0.0/9:4000-4999"), 0);
	assert_int_equal(transit_allow(f.n->transit, "192.0.2.7"), 0);
	assert_int_equal(transit_allow(f.n->transit, "[fd00::/8]:443"), 0);
	assert_int_equal(transit_allow(f.n->transit, "2001:db8::/32"), 0);
	assert_true(admits(&f, "10.0.0.1:4000"));
	assert_true(admits(&f, "10.127.255.255:4999"));
	assert_false(admits(&f, "10.128.0.0:4000"));
	assert_false(admits(&f, "10.0.0.1:3999"));
	assert_false(admits(&f, "10.0.0.1:5000"));
	assert_true(admits(&f, "192.0.2.7:1"));
	assert_false(admits(&f, "192.0.2.6:1"));
	assert_true(admits(&f, "[fdff::1]:443"));
	assert_false(admits(&f, "[fdff::1]:444"));
	assert_false(admits(&f, "[fe00::1]:443"));
	assert_true(admits(&f, "[2001:db8:ffff::]:9"));
	fake_fini(&f);
}

static void ip4_in_ip6_clothes_is_ip4(void **state)
{
	struct fake f;
	fake_init(&f);
	assert_int_equal(transit_allow(f.n->transit, "::/0"), 0);
	assert_false(admits(&f, "[::ffff:127.0.0.1]:22"));
	assert_int_equal(transit_allow(f.n->transit, "127.0.0.0/8"), 0);
	assert_true(admits(&f, "[::ffff:127.0.0.1]:22"));
	fake_fini(&f);
}

static void a_name_is_never_admitted(void **state)
{
	struct fake f;
	fake_init(&f);
	assert_int_equal(transit_allow(f.n->transit, "0.0.0.0/0"), 0);
	f.own_listeners = true;
	assert_false(admits(&f, "localhost:80"));
	fake_fini(&f);
}

static void own_listeners_are_admitted(void **state)
{
	struct fake f;
	fake_init(&f);
	assert_int_equal(transit_allow(f.n->transit, "0.0.0.0/0"), 0);
	assert_false(admits(&f, "unix:/tmp/x"));
	f.own_listeners = true;
	assert_true(admits(&f, "unix:/tmp/x"));
	assert_true(admits(&f, "[::1]:4000"));
	fake_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_a_rule_is_refused),
		cmocka_unit_test(rules_admit_by_prefix_and_port),
		cmocka_unit_test(ip4_in_ip6_clothes_is_ip4),
		cmocka_unit_test(a_name_is_never_admitted),
		cmocka_unit_test(own_listeners_are_admitted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
