// SPDX-License-Identifier: Apache-2.0
/* tcp-inlet and tcp-outlet. */
#include "address.h"
#include "object.h"
#include "progress.h"
#include "resolve.h"
#include "route.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

enum { CONNECT_WAIT_MS = 5000, PARALLEL_MAX = 16 };

static const char *const at_options[] = {"at", NULL};

static const struct object outlets = {
	.noun = "tcp outlet",
	.plural = "tcp outlets",
	.path = "/v1/tcp-outlets",
	.key = "worker_address",
	.shown = "worker_address",
	.at = at_options,
	.columns =
		(const struct column[]){
			{"worker_address", "ADDRESS"},
			{"to", "TO"},
			{"open", "OPEN"},
			{"connections", "CONNECTIONS"},
			{"failures", "FAILURES"},
			{NULL, NULL},
		},
};

static const struct object inlets = {
	.noun = "tcp inlet",
	.plural = "tcp inlets",
	.path = "/v1/tcp-inlets",
	.key = "alias",
	.shown = "alias",
	.at = at_options,
	.columns =
		(const struct column[]){
			{"alias", "ALIAS"},
			{"bind_addr", "FROM"},
			{"to", "TO"},
			{"state", "STATE"},
			{"open", "OPEN"},
			{"connections", "CONNECTIONS"},
			{NULL, NULL},
		},
};

int cmd_outlet_create(struct cli *c, const struct args *a)
{
	char to[PATH_MAX];
	struct node_ref node;
	int rc = address_absolute(c, args_text(a, "to"), to, sizeof to);
	if (!rc)
		rc = node_find(c, args_text(a, "at"), MISSING_IS_MADE, &node);
	if (rc)
		return rc;
	json_t *body = json_pack("{s:s, s:s*}", "to", to, "from", args_text(a, "from"));
	if (!body)
		return cli_fail(c, CLI_INTERNAL, "out of memory, or an argument is not UTF-8 text");
	return object_create(
		c, &node, &outlets, body, NODE_CALL_MS, NULL, "worker_address", "", "was created");
}

int cmd_outlet_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &outlets);
}

int cmd_outlet_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &outlets);
}

int cmd_outlet_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &outlets);
}

/* `--via R --to S` is R/secure/api/service/S; without --via, --to is the whole route. */
static int inlet_route(const struct cli *c, const struct args *a, char *dst, size_t cap)
{
	char text[ROUTE_STRING_MAX];
	const char *via = args_text(a, "via"), *to = args_text(a, "to");
	if (!via && !strchr(to, '/'))
		return cli_fail(c, CLI_USAGE,
			"--to %s names an outlet but not where it is; give --via ROUTE, or a whole "
			"route like /node/n2/secure/api/service/%s",
			to, to);
	if (!via)
		return resolve_route(c, to, dst, cap);
	if (strchr(to, '/'))
		return cli_fail(c, CLI_USAGE, "with --via, --to is the name of the outlet alone");
	if (snprintf(text, sizeof text, "%s/secure/api/service/%s", via, to) >= (int)sizeof text)
		return cli_fail(c, CLI_USAGE, "the route is too long");
	return resolve_route(c, text, dst, cap);
}

static int inlet_body(const struct cli *c, const struct args *a, json_t **out)
{
	char to[ROUTE_STRING_MAX], from[PATH_MAX] = "";
	const char *bind = args_text(a, "from");
	unsigned long parallel = args_count(a, "parallel", 0);
	int64_t wait_ms = args_ms(a, "connection-wait", CONNECT_WAIT_MS);
	if (args_text(a, "parallel") && (parallel < 1 || parallel > PARALLEL_MAX))
		return cli_fail(c, CLI_USAGE, "--parallel is a number from 1 to %d", PARALLEL_MAX);
	int rc = inlet_route(c, a, to, sizeof to);
	if (!rc && bind)
		rc = address_absolute(c, bind, from, sizeof from);
	if (rc)
		return rc;
	json_t *body = json_pack("{s:s, s:s*, s:s*, s:s*, s:o, s:I, s:I, s:b, s:I}", "to", to, "from",
		bind ? from : NULL, "alias", args_text(a, "alias"), "identity",
		args_text(a, "identity"), "authorized", object_strings(a, "authorized"), "parallel",
		(json_int_t)parallel, "retry_wait_ms", (json_int_t)args_ms(a, "retry-wait", 0), "wait", !args_flag(a, "no-connection-wait"), "timeout_ms",
		(json_int_t)wait_ms);
	if (!body)
		return cli_fail(c, CLI_INTERNAL, "out of memory, or an argument is not UTF-8 text");
	*out = body;
	return CLI_OK;
}

int cmd_inlet_create(struct cli *c, const struct args *a)
{
	struct node_ref node;
	json_t *body, *doc;
	int rc = inlet_body(c, a, &body);
	if (rc)
		return rc;
	rc = node_find(c, args_text(a, "at"), MISSING_IS_MADE, &node);
	if (rc) {
		json_decref(body);
		return rc;
	}
	int64_t wait_ms = json_integer_value(json_object_get(body, "timeout_ms"));
	progress_start(c, "creating the inlet");
	rc = node_call(c, &node, "POST", inlets.path, body, wait_ms + NODE_CALL_MS, &doc);
	if (rc)
		return rc;
	char text[256], bind[160];
	const char *state = json_string_value(json_object_get(doc, "state"));
	const char *error = json_string_value(json_object_get(doc, "last_error"));
	const char *address = json_string_value(json_object_get(doc, "bind_addr"));
	snprintf(bind, sizeof bind, "%s", address ? address : "");
	if (!args_flag(a, "no-connection-wait") && state && strcmp(state, "up"))
		cli_note(c, "the inlet is not connected yet: %s; the node goes on trying",
			error ? error : "no answer so far");
	snprintf(text, sizeof text, "tcp inlet %s was created", bind);
	return output_value(c, doc, bind, text);
}

int cmd_inlet_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &inlets);
}

int cmd_inlet_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &inlets);
}

int cmd_inlet_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &inlets);
}
