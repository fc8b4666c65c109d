// SPDX-License-Identifier: Apache-2.0
#include "unix_address.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

int unix_address(const struct cli *c, const char *text, char *dst, size_t cap)
{
	char cwd[PATH_MAX] = "";
	const char *path = text + 5;
	int n;
	if (strncmp(text, "unix:", 5)) {
		n = snprintf(dst, cap, "%s", text);
		return n < 0 || (size_t)n >= cap ? cli_fail(c, CLI_USAGE, "an address is too long")
						 : CLI_OK;
	}
	if (!*path)
		return cli_fail(c, CLI_USAGE, "'unix:' needs a path");
	if (*path != '/' && !getcwd(cwd, sizeof cwd))
		return cli_fail(c, CLI_IO, "the working directory cannot be read");
	n = snprintf(dst, cap, "unix:%s%s%s", cwd, *cwd ? "/" : "", path);
	if (n < 0 || (size_t)n >= cap || (size_t)n - 5 >= sizeof((struct sockaddr_un *)0)->sun_path)
		return cli_fail(c, CLI_USAGE,
			"the path of '%.80s' is longer than the 107 bytes a socket may have", text);
	return CLI_OK;
}
