/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command of `ockam` shares: how it was asked to speak, the home it works on, the exit
 * codes, and the one error sentence. A command function returns an exit code and has then written
 * its result (code 0) or its error sentence. One thread.
 */
#ifndef OCKAM_CLI_H
#define OCKAM_CLI_H

#include <limits.h>
#include <stdbool.h>

enum exit_code {
	CLI_OK = 0,
	CLI_USAGE = 2,
	CLI_DATA = 65, /* malformed data */
	CLI_NOT_FOUND = 66,
	CLI_UNREACHABLE = 69, /* or timed out */
	CLI_INTERNAL = 70,
	CLI_EXISTS = 73,
	CLI_IO = 74,
	CLI_BUSY = 75,
	CLI_REFUSED = 77,
	CLI_CONFIG = 78,
};

enum output_format { OUTPUT_AUTO, OUTPUT_PLAIN, OUTPUT_JSON };

struct cli {
	enum output_format format;
	const char *jq; /* filter, or NULL */
	bool compact, pretty, quiet, no_input, no_color;
	bool mute;	   /* a failure will be tried again: its sentence is not written */
	bool silent;	   /* this command is a step of another: its result is not written */
	void *step_ctx;	   /* of the step; see config_run.c */
	const char *where; /* what an error sentence begins with: FILE:LINE, or NULL */
	int verbose;
	bool in_tty, out_tty, err_tty;
	char home[PATH_MAX]; /* empty for commands that need none */
};

/* Takes what the environment and the terminal say; options are applied by the parser later. */
void cli_init(struct cli *c);
/* True when an environment variable is on: set, and not empty, `0` or `false`. */
bool cli_env_on(const char *name);
/* True when questions may be asked. */
bool cli_may_ask(const struct cli *c);

/* Writes the one error sentence to stderr and returns `code`. */
int cli_fail(const struct cli *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A hint or warning on stderr, unless quiet. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The exit code that belongs to a negative errno. */
int cli_code(int err);

#endif
