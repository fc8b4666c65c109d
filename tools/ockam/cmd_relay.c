// SPDX-License-Identifier: Apache-2.0
/* relay, and forwarder: its older name, which prints the node's alias instead of the relay's. */
#include "object.h"
#include "progress.h"
#include "resolve.h"
#include "route.h"
#include "table.h"

#include <string.h>

enum { RELAY_MS = 30000 };

static const char *const owner_options[] = {"to", "at", NULL};

static const struct object relays = {
	.noun = "relay",
	.plural = "relays",
	.path = "/v1/relays",
	.key = "name",
	.shown = "name",
	.at = owner_options,
	.columns =
		(const struct column[]){
			{"name", "NAME"},
			{"remote_address", "ADDRESS"},
			{"state", "STATE"},
			{"at", "AT"},
			{NULL, NULL},
		},
};

int cmd_relay_create(struct cli *c, const struct args *a)
{
	char at[ROUTE_STRING_MAX];
	struct node_ref node;
	struct retry retry = retry_options(a);
	int64_t timeout_ms;
	if (args_timeout(a, RELAY_MS, &timeout_ms))
		return cli_fail(c, CLI_CONFIG, "OCKAM_DEFAULT_TIMEOUT is not a duration like 10s");
	int rc = resolve_place(c, args_text(a, "at"), at, sizeof at);
	if (!rc)
		rc = node_find(c, args_text(a, "to"), MISSING_IS_MADE, &node);
	if (rc)
		return rc;
	json_t *body = json_pack("{s:s, s:s, s:b, s:o, s:o, s:b, s:I}", "name",
		a->pos_n ? a->pos[0] : "default", "at", at, "node_name_first",
		!strcmp(a->group_name, "forwarder"), "listeners", object_strings(a, "listener"),
		"authorized", object_strings(a, "authorized"), "wait",
		!args_flag(a, "no-connection-wait"), "timeout_ms", (json_int_t)timeout_ms);
	if (!body)
		return cli_fail(c, CLI_INTERNAL, "out of memory, or an argument is not UTF-8 text");
	progress_start(c, "creating the relay");
	return object_create(c, &node, &relays, body, timeout_ms, &retry, "remote_address",
		"/service/", "was created");
}

int cmd_relay_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &relays);
}

int cmd_relay_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &relays);
}

int cmd_relay_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &relays);
}
