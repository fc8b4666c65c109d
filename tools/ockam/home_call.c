// SPDX-License-Identifier: Apache-2.0
#include "home_call.h"

#include <errno.h>
#include <string.h>

int home_call_open(const struct cli *c, enum home_mode mode, struct home **out)
{
	int rc = home_open(out, c->home, mode);
	if (!rc)
		return CLI_OK;
	rc = cli_fail(c, cli_code(rc), "%s", home_error(*out));
	home_close(*out);
	*out = NULL;
	return rc;
}

int home_call_failed(
	const struct cli *c, const struct home *h, int err, const char *noun, const char *name)
{
	if (err == -ENOENT && name)
		return cli_fail(c, CLI_NOT_FOUND,
			"NotFound: there is no %s %s in %s; `ockam %s list` shows them", noun, name,
			c->home, noun);
	if (err == -ENOENT)
		return cli_fail(c, CLI_NOT_FOUND,
			"NotFound: there is no %s in %s; make one with `ockam %s create`", noun,
			c->home, noun);
	return cli_fail(c, cli_code(err), "%s", home_error(h));
}

int home_call_check_depth(const struct cli *c, const char *node)
{
	char path[PATH_MAX];
	if (home_node_path(path, sizeof path, c->home, "run", node, "control.sock") >= 0)
		return CLI_OK;
	return cli_fail(c, CLI_CONFIG,
		"the home %s is too deep for node %s: the path of its socket would have %zu bytes, "
		"and 107 is the limit",
		c->home, node, strlen(c->home) + strlen("/run//control.sock") + strlen(node));
}
