// SPDX-License-Identifier: Apache-2.0
#include "home_place.h"
#include "hex.h"
#include "http_guard.h"

static struct reason why;
static struct secret32 token;

static void own_names_are_hosts(void **state)
{
	assert_true(http_host_fits("127.0.0.1:4000", 4000));
	assert_true(http_host_fits("localhost:4000", 4000));
	assert_true(http_host_fits("LOCALHOST:4000", 4000));
	assert_true(http_host_fits("localhost", 80));
	assert_false(http_host_fits(NULL, 4000));
	assert_false(http_host_fits("", 4000));
	assert_false(http_host_fits("localhost", 4000));
	assert_false(http_host_fits("localhost:4001", 4000));
	assert_false(http_host_fits("localhost:40000", 4000));
	assert_false(http_host_fits("localhost.evil.example:4000", 4000));
	assert_false(http_host_fits("evil.example:4000", 4000));
	assert_false(http_host_fits("[::1]:4000", 4000));
	assert_false(http_host_fits("0.0.0.0:4000", 4000));
	assert_false(http_host_fits("user@localhost:4000", 4000));
}

static void pages_of_others_are_refused(void **state)
{
	assert_true(http_origin_fits(NULL, 4000));
	assert_true(http_origin_fits("http://localhost:4000", 4000));
	assert_false(http_origin_fits("null", 4000));
	assert_false(http_origin_fits("", 4000));
	assert_false(http_origin_fits("http://evil.example", 4000));
	assert_false(http_origin_fits("https://localhost:4000", 4000));
	assert_false(http_origin_fits("http://localhost:4001", 4000));
}

static void only_the_token_fits(void **state)
{
	char text[128], hex[65];
	for (unsigned i = 0; i < sizeof token.b; i++)
		token.b[i] = (uint8_t)(i * 7 + 1);
	hex_encode(hex, token.b, sizeof token.b);
	snprintf(text, sizeof text, "Bearer %s", hex);
	assert_true(http_token_fits(text, &token));
	snprintf(text, sizeof text, "bearer   %s", hex);
	assert_true(http_token_fits(text, &token));
	for (size_t i = 0; i < 64; i++) { /* any digit wrong */
		snprintf(text, sizeof text, "Bearer %s", hex);
		text[7 + i] = text[7 + i] == '0' ? '1' : '0';
		assert_false(http_token_fits(text, &token));
		text[7 + i] = 'x';
		assert_false(http_token_fits(text, &token));
	}
	snprintf(text, sizeof text, "Bearer %.63s", hex);
	assert_false(http_token_fits(text, &token));
	snprintf(text, sizeof text, "Bearer %s0", hex);
	assert_false(http_token_fits(text, &token));
	snprintf(text, sizeof text, "Basic %s", hex);
	assert_false(http_token_fits(text, &token));
	snprintf(text, sizeof text, "Bearer%s", hex);
	assert_false(http_token_fits(text, &token));
	assert_false(http_token_fits(hex, &token));
	assert_false(http_token_fits("Bearer ", &token));
	assert_false(http_token_fits("Bearer", &token));
	assert_false(http_token_fits("", &token));
	assert_false(http_token_fits(NULL, &token));
}

static void is_made_once(void **state)
{
	struct secret32 again = {{0}}, other = {{0}};
	struct place *p = *state;
	const char *path = in(p, "token");
	assert_int_equal(http_token_load(path, &token, &why), 0);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(http_token_load(path, &again, &why), 0);
	assert_memory_equal(&token, &again, sizeof token);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(http_token_load(path, &other, &why), 0);
	assert_memory_not_equal(&token, &other, sizeof token);
	assert_false(exists(in(p, "token.new")));
}

static void refuses_one_that_others_could_read(void **state)
{
	static const struct secret32 none;
	struct place *p = *state;
	const char *path = in(p, "token");
	assert_int_equal(http_token_load(path, &token, &why), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(http_token_load(path, &token, &why), -EACCES);
	assert_int_equal(why.exit, EXIT_CONFIG);
	assert_non_null(strstr(why.text, path));
	assert_memory_equal(&token, &none, sizeof token);
}

static void refuses_what_is_no_token(void **state)
{
	char command[3 * PATH], path[2 * PATH];
	struct place *p = *state;
	snprintf(path, sizeof path, "%s", in(p, "token"));
	static const char *const made[] = {"printf '' >'%s'", "printf x >'%s'",
		"printf %%064d 0 >'%s'; printf 00 >>'%s'", "printf %%063dx 0 >'%s'", "mkdir '%s'",
		"mkfifo '%s'", "ln -s /dev/null '%s'"};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		umask(077);
		snprintf(command, sizeof command, made[i], path, path);
		assert_int_equal(system(command), 0);
		assert_true(http_token_load(path, &token, &why) < 0);
		assert_int_equal(why.exit, EXIT_CONFIG);
		snprintf(command, sizeof command, "rm -r '%s'", path);
		assert_int_equal(system(command), 0);
	}
	assert_true(http_token_load(in(p, "nowhere/token"), &token, &why) < 0);
	assert_int_equal(why.exit, EXIT_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_names_are_hosts),
		cmocka_unit_test(pages_of_others_are_refused),
		cmocka_unit_test(only_the_token_fits),
		TEST(is_made_once),
		TEST(refuses_one_that_others_could_read),
		TEST(refuses_what_is_no_token),
	};
	return cmocka_run_group_tests_name("http_guard", tests, NULL, NULL);
}
