// SPDX-License-Identifier: Apache-2.0
#include "stdin_route.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void a_dash_counts_only_as_a_whole_part(void **state)
{
	assert_true(stdin_route_wanted("-/service/uppercase"));
	assert_true(stdin_route_wanted("/node/n1/-"));
	assert_true(stdin_route_wanted("/node/n1/-/service/api"));
	assert_false(stdin_route_wanted("-"));
	assert_false(stdin_route_wanted("/service/a-b"));
	assert_false(stdin_route_wanted("/service/-a/service/b"));
	assert_false(stdin_route_wanted("/service/b-/service/c"));
}

static void joins(const char *text, const char *line, const char *want)
{
	char got[256], why[128];
	assert_int_equal(stdin_route_join(text, line, got, sizeof got, why, sizeof why), 0);
	assert_string_equal(got, want);
}

static void the_line_takes_the_place_of_the_dash(void **state)
{
	joins("-/service/uppercase", "/service/abc", "/service/abc/service/uppercase");
	joins("-/service/uppercase", " service/abc\t\r", "/service/abc/service/uppercase");
	joins("/node/n1/-", "/service/abc", "/node/n1/service/abc");
	joins("/node/n1/-/service/api", "/service/abc", "/node/n1/service/abc/service/api");
}

static void a_bad_line_is_told_from_an_empty_one(void **state)
{
	char got[64], why[128];
	static const char *const blank[] = {"", " ", "\t \r"};
	static const char *const bad[] = {
		"hello", "/foo/bar", "/service", "error: no", "/service/a/", "-/service/x"};
	for (size_t i = 0; i < sizeof blank / sizeof *blank; i++)
		assert_int_equal(
			stdin_route_join("-/service/x", blank[i], got, sizeof got, why, sizeof why),
			-ENODATA);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(
			stdin_route_join("-/service/x", bad[i], got, sizeof got, why, sizeof why),
			-EBADMSG);
	assert_int_equal(stdin_route_join("-/service/x",
				 "/service/0123456789012345678901234567890123456789"
				 "/service/0123456789",
				 got, sizeof got, why, sizeof why),
		-ENAMETOOLONG);
}

static void a_bad_route_on_the_command_line_is_seen_without_the_line(void **state)
{
	char why[128];
	assert_int_equal(stdin_route_check("-/service/uppercase", why, sizeof why), 0);
	assert_int_equal(stdin_route_check("/node/n1/-/service/api", why, sizeof why), 0);
	assert_int_equal(stdin_route_check("-/foo/uppercase", why, sizeof why), -EINVAL);
	assert_int_equal(stdin_route_check("-/service", why, sizeof why), -EINVAL);
	assert_int_equal(stdin_route_check("-/-/service/x", why, sizeof why), -EINVAL);
	assert_int_equal(stdin_route_check("-/service/x/-", why, sizeof why), -EINVAL);
	assert_int_equal(stdin_route_check("", why, sizeof why), -EINVAL);
}

static int read_from(const char *bytes, size_t len, char *dst, size_t cap)
{
	int p[2];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], bytes, len), (ssize_t)len);
	close(p[1]);
	int rc = stdin_route_read(p[0], dst, cap);
	close(p[0]);
	return rc;
}

static void one_bounded_line_is_read(void **state)
{
	char line[8];
	assert_int_equal(read_from("abc\ndef\n", 8, line, sizeof line), 3);
	assert_string_equal(line, "abc");
	assert_int_equal(read_from("abc", 3, line, sizeof line), 3);
	assert_int_equal(read_from("", 0, line, sizeof line), 0);
	assert_int_equal(read_from("\n", 1, line, sizeof line), 0);
	assert_int_equal(read_from("1234567\n", 8, line, sizeof line), 7);
	assert_int_equal(read_from("12345678\n", 9, line, sizeof line), -EMSGSIZE);
	assert_int_equal(read_from("a\0b\n", 4, line, sizeof line), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dash_counts_only_as_a_whole_part),
		cmocka_unit_test(the_line_takes_the_place_of_the_dash),
		cmocka_unit_test(a_bad_line_is_told_from_an_empty_one),
		cmocka_unit_test(a_bad_route_on_the_command_line_is_seen_without_the_line),
		cmocka_unit_test(one_bounded_line_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
