// SPDX-License-Identifier: Apache-2.0
/* tcp-listener and tcp-connection, and the same of UDP. */
#include "address.h"
#include "object.h"
#include "progress.h"
#include "table.h"

enum { CONNECT_MS = 10000 };

static const char *const at_options[] = {"at", NULL};
static const char *const from_options[] = {"at", "from", NULL};

static const struct column listener_columns[] = {
	{"address", "ADDRESS"},
	{"route", "ROUTE"},
	{NULL, NULL},
};
static const struct column connection_columns[] = {
	{"address", "ADDRESS"},
	{"mode", "MODE"},
	{"state", "STATE"},
	{"from", "FROM"},
	{"to", "TO"},
	{NULL, NULL},
};

static const struct object listeners = {
	.noun = "tcp listener",
	.plural = "tcp listeners",
	.path = "/v1/tcp-listeners",
	.key = "address",
	.shown = "address",
	.at = at_options,
	.columns = listener_columns,
};

static const struct object connections = {
	.noun = "tcp connection",
	.plural = "tcp connections",
	.path = "/v1/tcp-connections",
	.key = "address",
	.shown = "address",
	.at = from_options,
	.columns = connection_columns,
};

static const struct object udp_listeners = {
	.noun = "udp listener",
	.plural = "udp listeners",
	.path = "/v1/udp-listeners",
	.key = "address",
	.shown = "address",
	.at = at_options,
	.columns = listener_columns,
};

static const struct object udp_connections = {
	.noun = "udp connection",
	.plural = "udp connections",
	.path = "/v1/udp-connections",
	.key = "address",
	.shown = "address",
	.at = from_options,
	.columns = connection_columns,
};

static int listener_create(struct cli *c, const struct args *a, const struct object *o)
{
	char address[PATH_MAX];
	struct node_ref node;
	int rc = address_absolute(c, a->pos[0], address, sizeof address);
	if (!rc)
		rc = node_find(c, args_text(a, "at"), MISSING_IS_MADE, &node);
	if (rc)
		return rc;
	json_t *body = json_pack("{s:s}", "address", address);
	return object_create(
		c, &node, o, body, NODE_CALL_MS, NULL, "route", "", "was created");
}

int cmd_tcp_listener_create(struct cli *c, const struct args *a)
{
	return listener_create(c, a, &listeners);
}

int cmd_tcp_listener_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &listeners);
}

int cmd_tcp_listener_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &listeners);
}

int cmd_tcp_listener_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &listeners);
}

static int connection_create(struct cli *c, const struct args *a, const struct object *o)
{
	char address[PATH_MAX];
	struct node_ref node;
	struct retry retry = retry_options(a);
	int64_t timeout_ms;
	if (args_timeout(a, CONNECT_MS, &timeout_ms))
		return cli_fail(c, CLI_CONFIG, "OCKAM_DEFAULT_TIMEOUT is not a duration like 10s");
	int rc = address_absolute(c, args_text(a, "to"), address, sizeof address);
	if (!rc)
		rc = node_find(c, args_text(a, "from"), MISSING_IS_MADE, &node);
	if (rc)
		return rc;
	json_t *body = json_pack("{s:s, s:I}", "to", address, "timeout_ms", (json_int_t)timeout_ms);
	progress_start(c, "connecting");
	return object_create(
		c, &node, o, body, timeout_ms, &retry, "address", "", "was created");
}

int cmd_tcp_connection_create(struct cli *c, const struct args *a)
{
	return connection_create(c, a, &connections);
}

int cmd_tcp_connection_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &connections);
}

int cmd_tcp_connection_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &connections);
}

int cmd_tcp_connection_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &connections);
}

int cmd_udp_listener_create(struct cli *c, const struct args *a)
{
	return listener_create(c, a, &udp_listeners);
}

int cmd_udp_listener_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &udp_listeners);
}

int cmd_udp_listener_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &udp_listeners);
}

int cmd_udp_listener_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &udp_listeners);
}

int cmd_udp_connection_create(struct cli *c, const struct args *a)
{
	return connection_create(c, a, &udp_connections);
}

int cmd_udp_connection_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &udp_connections);
}

int cmd_udp_connection_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &udp_connections);
}

int cmd_udp_connection_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &udp_connections);
}
