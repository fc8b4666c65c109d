// SPDX-License-Identifier: Apache-2.0
/* The command `ockam`: reads the line, finds the home, runs one command. */
#include "help.h"
#include "home.h"
#include "progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int find_home(struct cli *c)
{
	int rc = home_directory(c->home, sizeof c->home);
	if (!rc)
		return CLI_OK;
	if (rc == -ENOENT)
		return cli_fail(c, CLI_CONFIG,
			"neither OCKAM_HOME nor HOME is set; set OCKAM_HOME to a directory");
	return cli_fail(c, CLI_CONFIG, "the path in OCKAM_HOME cannot be used: %s", strerror(-rc));
}

static int run(struct cli *c, const struct args *a)
{
	if (a->version) {
		puts("ockam " OCKAM_VERSION);
		return CLI_OK;
	}
	if (a->help || !a->command) {
		help_print(stdout, a->group, a->command, a->group_name, a->help == HELP_LONG);
		return CLI_OK;
	}
	if (!a->command->no_home) {
		int rc = find_home(c);
		if (rc)
			return rc;
	}
	return a->command->run(c, a);
}

int main(int argc, char **argv)
{
	struct cli c;
	struct args a;
	char err[512];
	cli_init(&c);
	int rc = parse_line(&c, argc, argv, &a, err, sizeof err);
	if (rc)
		cli_fail(&c, rc, "%s", err);
	else
		rc = run(&c, &a);
	progress_stop();
	parse_fini(&a);
	if (fflush(stdout) && rc == CLI_OK)
		rc = cli_fail(
			&c, CLI_IO, "could not write the result to stdout: %s", strerror(errno));
	progress_release_signals();
	return rc;
}
