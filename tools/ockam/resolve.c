// SPDX-License-Identifier: Apache-2.0
#include "resolve.h"

#include "node_config.h"
#include "route.h"
#include "stdin_route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int from_stdin(const struct cli *c, const char *text, char *dst, size_t cap)
{
	static bool taken;
	char line[ROUTE_STRING_MAX], why[200] = "";
	if (taken)
		return cli_fail(
			c, CLI_USAGE, "only one `-` of a command can take the line from stdin");
	taken = true;
	if (c->in_tty)
		return cli_fail(c, CLI_DATA,
			"'%s' wants a line from stdin, which is a terminal; put a command and a "
			"pipe before this one",
			text);
	int rc = stdin_route_read(STDIN_FILENO, line, sizeof line);
	if (rc == -EMSGSIZE || rc == -EBADMSG)
		return cli_fail(c, CLI_DATA, "the line from stdin for '%s' is not a route", text);
	if (rc < 0)
		return cli_fail(
			c, CLI_IO, "could not read stdin for '%s': %s", text, strerror(-rc));
	rc = stdin_route_join(text, line, dst, cap, why, sizeof why);
	if (rc == -ENODATA)
		return cli_fail(c, CLI_DATA,
			"the command before the pipe printed nothing, so '%s' has no route", text);
	if (rc)
		return cli_fail(c, CLI_DATA,
			"the line from stdin, '%.80s', does not make a route of '%s': %s", line,
			text, rc == -ENAMETOOLONG ? "it is too long" : why);
	return CLI_OK;
}

static int append_listener(const struct cli *c, struct route *out, const char *node)
{
	char text[ROUTE_STRING_MAX], why[200];
	struct route at;
	int rc = node_listener(c->home, node, text, sizeof text);
	if (rc == -ENOENT)
		return cli_fail(c, CLI_NOT_FOUND,
			"NotFound: there is no node %s in %s; `ockam node list` shows them", node,
			c->home);
	if (rc == -ESRCH)
		return cli_fail(c, CLI_UNREACHABLE,
			"node %s is not running; start it with `ockam node start %s`", node, node);
	if (rc || route_parse(&at, text, why, sizeof why))
		return cli_fail(c, CLI_UNREACHABLE,
			"node %s has no address to reach it at; give it one with `ockam "
			"tcp-listener create`",
			node);
	for (unsigned i = 0; i < at.n; i++)
		if (route_append(out, &at.e[i]))
			return cli_fail(c, CLI_USAGE,
				"the route is too long with the address of node %s", node);
	return CLI_OK;
}

int resolve_route(const struct cli *c, const char *text, char *dst, size_t cap)
{
	char joined[ROUTE_STRING_MAX], why[200];
	struct route in, out = {0};
	if (stdin_route_wanted(text)) {
		int rc = from_stdin(c, text, joined, sizeof joined);
		if (rc)
			return rc;
		text = joined;
	}
	if (route_parse(&in, text, why, sizeof why))
		return cli_fail(c, CLI_USAGE, "'%s' is not a route: %s", text, why);
	for (unsigned i = 0; i < in.n; i++) {
		int rc = CLI_OK;
		if (in.e[i].code == ROUTE_NODE)
			rc = append_listener(c, &out, in.e[i].text);
		else if (route_append(&out, &in.e[i]))
			rc = cli_fail(c, CLI_USAGE, "the route '%s' is too long", text);
		if (rc)
			return rc;
	}
	if (route_format(&out, dst, cap) < 0)
		return cli_fail(c, CLI_USAGE, "the route '%s' is too long", text);
	return CLI_OK;
}

int resolve_place(const struct cli *c, const char *text, char *dst, size_t cap)
{
	char node[WIRE_NAME_MAX + 8];
	if (strchr(text, '/'))
		return resolve_route(c, text, dst, cap);
	snprintf(node, sizeof node, "/node/%s", text);
	return resolve_route(c, node, dst, cap);
}
