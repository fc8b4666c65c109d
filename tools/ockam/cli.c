// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include "progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_env_on(const char *name)
{
	const char *v = getenv(name);
	return v && *v && strcmp(v, "0") && strcmp(v, "false");
}

void cli_init(struct cli *c)
{
	*c = (struct cli){
		.quiet = cli_env_on("QUIET"),
		.no_input = cli_env_on("NO_INPUT"),
		.no_color = cli_env_on("NO_COLOR"),
		.in_tty = isatty(STDIN_FILENO),
		.out_tty = isatty(STDOUT_FILENO),
		.err_tty = isatty(STDERR_FILENO),
	};
}

bool cli_may_ask(const struct cli *c)
{
	return c->in_tty && c->err_tty && !c->no_input;
}

int cli_fail(const struct cli *c, int code, const char *fmt, ...)
{
	bool color = c->err_tty && !c->no_color;
	va_list ap;
	if (c->mute)
		return code;
	progress_stop();
	fputs(color ? "\033[1;31merror:\033[0m " : "error: ", stderr);
	if (c->where)
		fprintf(stderr, "%s: ", c->where);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	if (c->quiet)
		return;
	progress_stop();
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int cli_code(int err)
{
	switch (err) {
	case 0:
		return CLI_OK;
	case -ENOENT:
		return CLI_NOT_FOUND;
	case -EEXIST:
		return CLI_EXISTS;
	case -EBUSY:
		return CLI_BUSY;
	case -EINVAL:
		return CLI_USAGE;
	case -EBADMSG:
	case -EKEYEXPIRED:
		return CLI_DATA;
	case -ENAMETOOLONG:
	case -EUCLEAN:
		return CLI_CONFIG;
	case -ESRCH:
	case -ETIMEDOUT:
	case -ECONNREFUSED:
		return CLI_UNREACHABLE;
	case -ENOMEM:
		return CLI_INTERNAL;
	default:
		return CLI_IO;
	}
}
