// SPDX-License-Identifier: Apache-2.0
/* secure-channel and secure-channel-listener. */
#include "home_call.h"
#include "node_start.h"
#include "object.h"
#include "progress.h"
#include "resolve.h"
#include "route.h"
#include "table.h"

#include <string.h>

enum { CHANNEL_MS = 30000 };

static const char *const at_options[] = {"at", NULL};

static const struct object channels = {
	.noun = "secure channel",
	.plural = "secure channels",
	.path = "/v1/secure-channels",
	.key = "address",
	.shown = "address",
	.at = at_options,
	.columns =
		(const struct column[]){
			{"address", "ADDRESS"},
			{"role", "ROLE"},
			{"state", "STATE"},
			{"peer_identifier", "PEER"},
			{"route", "ROUTE"},
			{NULL, NULL},
		},
};

static const struct object listeners = {
	.noun = "secure channel listener",
	.plural = "secure channel listeners",
	.path = "/v1/secure-channel-listeners",
	.key = "address",
	.shown = "address",
	.at = at_options,
	.columns =
		(const struct column[]){
			{"address", "ADDRESS"},
			{"identity", "IDENTITY"},
			{"authorized", "AUTHORIZED"},
			{NULL, NULL},
		},
};

static void set_text(json_t *body, const char *name, const char *value)
{
	if (value)
		json_object_set_new(body, name, json_string(value));
}

int cmd_channel_create(struct cli *c, const struct args *a)
{
	char to[ROUTE_STRING_MAX];
	struct node_ref node;
	struct retry retry = retry_options(a);
	int64_t timeout_ms;
	if (args_timeout(a, CHANNEL_MS, &timeout_ms))
		return cli_fail(c, CLI_CONFIG, "OCKAM_DEFAULT_TIMEOUT is not a duration like 10s");
	int rc = resolve_route(c, args_text(a, "to"), to, sizeof to);
	if (!rc)
		rc = node_find(c, args_text(a, "from"), MISSING_IS_MADE, &node);
	if (rc)
		return rc;
	json_t *body = json_object();
	set_text(body, "to", to);
	json_object_set_new(body, "authorized", object_strings(a, "authorized"));
	set_text(body, "identity", args_text(a, "identity"));
	json_object_set_new(body, "timeout_ms", json_integer(timeout_ms));
	progress_start(c, "creating the secure channel");
	return object_create(
		c, &node, &channels, body, timeout_ms, &retry, "address", "", "was created");
}

int cmd_channel_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &channels);
}

int cmd_channel_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &channels);
}

int cmd_channel_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &channels);
}

/* The identity that --identity and --vault name; empty when neither was given. */
static int listener_identity(const struct cli *c, const struct args *a, char *out)
{
	struct home *h;
	bool made;
	out[0] = 0;
	if (!args_text(a, "identity") && !args_text(a, "vault"))
		return CLI_OK;
	int rc = home_call_open(c, HOME_WRITE, &h);
	if (rc)
		return rc;
	rc = identity_choose(c, h, args_text(a, "identity"), args_text(a, "vault"), out, &made);
	home_close(h);
	return rc;
}

int cmd_listener_create(struct cli *c, const struct args *a)
{
	char identity[WIRE_NAME_MAX + 1];
	struct node_ref node;
	int rc = node_find(c, args_text(a, "at"), MISSING_IS_MADE, &node);
	if (!rc)
		rc = listener_identity(c, a, identity);
	if (rc)
		return rc;
	json_t *body = json_object();
	set_text(body, "name", a->pos[0]);
	json_object_set_new(body, "authorized", object_strings(a, "authorized"));
	set_text(body, "identity", identity[0] ? identity : NULL);
	return object_create(
		c, &node, &listeners, body, NODE_CALL_MS, NULL, "address", "", "was created");
}

int cmd_listener_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &listeners);
}

int cmd_listener_show(struct cli *c, const struct args *a)
{
	return object_show(c, a, &listeners);
}

int cmd_listener_delete(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &listeners);
}
