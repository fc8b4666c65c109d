// SPDX-License-Identifier: Apache-2.0
#include "parse.h"

#include "address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { WORDS_MAX = 24 };

static struct cli cli;
static struct args args;
static char err[512];

/* Splits at spaces; the last result is freed by the next call. */
static int parse(const char *line)
{
	static char copy[1024];
	static char *words[WORDS_MAX];
	int n = 0;
	parse_fini(&args);
	memset(&cli, 0, sizeof cli);
	strcpy(copy, line);
	for (char *w = strtok(copy, " "); w && n < WORDS_MAX; w = strtok(NULL, " "))
		words[n++] = w;
	err[0] = 0;
	return parse_line(&cli, n, words, &args, err, sizeof err);
}

static void fails(const char *line, const char *says)
{
	assert_int_equal(parse(line), CLI_USAGE);
	if (!strstr(err, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", line, err, says);
}

static void the_table_is_sound(void **state)
{
	for (size_t i = 0; i < table_groups_n; i++) {
		const struct group *g = &table_groups[i];
		for (size_t k = 0; k < g->n; k++) {
			const struct command *cmd = &g->commands[k];
			assert_non_null(cmd->run);
			assert_non_null(cmd->line);
			for (size_t o = 0; o < COMMAND_OPTIONS_MAX && cmd->opt[o]; o++) {
				const struct option *opt = cmd->opt[o];
				assert_ptr_equal(
					table_option(cmd, opt->name, strlen(opt->name)), opt);
				if (opt->letter)
					assert_ptr_equal(
						table_option_letter(cmd, opt->letter), opt);
				if (!opt->refused) {
					assert_non_null(opt->help);
					assert_true(
						(opt->kind == VALUE_NONE) == (opt->meta == NULL));
				}
			}
		}
	}
}

static void options_stand_anywhere_and_have_two_forms(void **state)
{
	assert_int_equal(parse("ockam message send hi -t /service/echo -fn1 --output=json -q"), 0);
	assert_string_equal(args.command->name, "send");
	assert_string_equal(args.pos[0], "hi");
	assert_string_equal(args_text(&args, "to"), "/service/echo");
	assert_string_equal(args_text(&args, "from"), "n1");
	assert_int_equal(cli.format, OUTPUT_JSON);
	assert_true(cli.quiet);
	assert_int_equal(parse("ockam --no-color -vv node -v list"), 0);
	assert_true(cli.no_color);
	assert_int_equal(cli.verbose, 3);
	assert_int_equal(parse("ockam node create -ef n1 -t 127.0.0.1:0 -t unix:/s"), 0);
	assert_true(args_flag(&args, "foreground") && args_flag(&args, "exit-on-eof"));
	assert_string_equal(args_nth(&args, "tcp-listener-address", 1), "unix:/s");
	assert_null(args_nth(&args, "tcp-listener-address", 2));
}

static void aliases_are_taken(void **state)
{
	const char id[] = "I0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char line[256];
	assert_int_equal(parse("ockam secure-channel list --node /node/n1"), 0);
	assert_string_equal(args_node(args_text(&args, "at")), "n1");
	assert_int_equal(parse("ockam node delete n1 --force"), 0);
	assert_true(args_flag(&args, "yes"));
	snprintf(line, sizeof line,
		"ockam secure-channel create --from n1 --to /node/n2/service/api "
		"--authorized-identifier %s -a any",
		id);
	assert_int_equal(parse(line), 0);
	assert_string_equal(args_nth(&args, "authorized", 0), id);
	assert_string_equal(args_nth(&args, "authorized", 1), "any");
	assert_int_equal(parse("ockam forwarder create blue --at /node/relay --to /node/n2"), 0);
	assert_string_equal(args.group->name, "relay");
	assert_string_equal(args.group_name, "forwarder");
	fails("ockam relay create --at relay --node n2", "two things");
}

static void message_bodies_are_left_alone(void **state)
{
	assert_int_equal(parse("ockam message send -/service/x --to /service/echo"), 0);
	assert_string_equal(args.pos[0], "-/service/x");
	assert_int_equal(parse("ockam message send --to /service/echo -- --hex"), 0);
	assert_string_equal(args.pos[0], "--hex");
	assert_false(args_flag(&args, "hex"));
	assert_int_equal(parse("ockam message send - --to -/service/echo"), 0);
}

static void what_is_wrong_is_named(void **state)
{
	fails("ockam portal list", "unknown command 'portal'");
	fails("ockam credential issue", "unknown command 'credential'");
	fails("ockam node rename a", "unknown command 'node rename'");
	fails("ockam node create --allow x", "unknown option --allow");
	fails("ockam node create -z", "unknown option -z");
	fails("ockam node create a b", "unexpected argument 'b'");
	fails("ockam node create -n", "unknown option");
	fails("ockam node create --identity", "needs a value");
	fails("ockam node create bad/name", "invalid value 'bad/name'");
	fails("ockam node list --output xml", "plain or json");
	fails("ockam node delete --yes=1", "takes no value");
	fails("ockam message send hi", "--to ROUTE is missing");
	fails("ockam message send --to /service/x", "MESSAGE is missing");
	fails("ockam message send hi --to /foo/x", "unknown protocol");
	fails("ockam message send hi --to /service/x --to /service/y", "given twice");
	fails("ockam message send hi --to /service/x --timeout soon", "a time-out");
	fails("ockam message send hi --to /service/x --timeout 0", "not 0");
	fails("ockam secure-channel create --to /service/x -a I12", "64 hexadecimal");
	fails("ockam relay create --at bad.name", "invalid value");
	fails("ockam secure-channel show xyz", "HEX");
	fails("ockam secure-channel show 0123456789abcdef", "HEX");
	fails("ockam tcp-listener create nonsense", "HOST:PORT");
	fails("ockam tcp-connection create --to unix:", "HOST:PORT");
}

static void transport_addresses_are_checked(void **state)
{
	static const char *const good[] = {
		"127.0.0.1:0", "localhost:65535", "[::1]:4000", "unix:/tmp/s", "unix:s"};
	static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:x",
		"127.0.0.1:65536", "nonsense:1:2", "::1:80", "unix:"};
	static const char *const good_transit[] = {"10.0.0.0/8", "10.1.2.3", "10.0.0.0/8:4000",
		"0.0.0.0/0:1-65535", "fd00::/8", "[fd00::/8]:4000-4999", "[::1]"};
	static const char *const bad_transit[] = {"", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/8:0",
		"10.0.0.0/8:9-8", "10.0.0.0/8:", "fd00::/129", "[10.0.0.0/8]:1", "[::1", "host:1"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(address_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(address_valid(bad[i]));
	for (size_t i = 0; i < sizeof good_transit / sizeof *good_transit; i++)
		assert_true(address_transit_valid(good_transit[i]));
	for (size_t i = 0; i < sizeof bad_transit / sizeof *bad_transit; i++)
		assert_false(address_transit_valid(bad_transit[i]));
}

static void help_wins_over_what_is_missing(void **state)
{
	assert_int_equal(parse("ockam message send -h"), 0);
	assert_int_equal(args.help, HELP_SHORT);
	assert_int_equal(parse("ockam message --help send"), 0);
	assert_int_equal(args.help, HELP_LONG);
	assert_int_equal(parse("ockam node"), 0);
	assert_null(args.command);
	assert_int_equal(parse("ockam"), 0);
	assert_null(args.group);
	assert_int_equal(parse("ockam -V"), 0);
	assert_true(args.version);
}

static void the_timeout_has_three_sources(void **state)
{
	int64_t ms;
	assert_int_equal(parse("ockam message send hi --to /service/x"), 0);
	unsetenv("OCKAM_DEFAULT_TIMEOUT");
	assert_int_equal(args_timeout(&args, 10000, &ms), 0);
	assert_int_equal(ms, 10000);
	setenv("OCKAM_DEFAULT_TIMEOUT", "3s", 1);
	assert_int_equal(args_timeout(&args, 10000, &ms), 0);
	assert_int_equal(ms, 3000);
	assert_int_equal(parse("ockam message send hi --to /service/x --timeout 500ms"), 0);
	assert_int_equal(args_timeout(&args, 10000, &ms), 0);
	assert_int_equal(ms, 500);
	setenv("OCKAM_DEFAULT_TIMEOUT", "soon", 1);
	assert_true(args_timeout(&args, 10000, &ms) < 0);
	unsetenv("OCKAM_DEFAULT_TIMEOUT");
}

static int fini(void **state)
{
	parse_fini(&args);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(options_stand_anywhere_and_have_two_forms),
		cmocka_unit_test(aliases_are_taken),
		cmocka_unit_test(message_bodies_are_left_alone),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(transport_addresses_are_checked),
		cmocka_unit_test(help_wins_over_what_is_missing),
		cmocka_unit_test(the_timeout_has_three_sources),
	};
	return cmocka_run_group_tests(tests, NULL, fini);
}
