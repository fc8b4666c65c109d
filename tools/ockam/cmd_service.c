// SPDX-License-Identifier: Apache-2.0
/* service and worker. */
#include "object.h"
#include "table.h"

static const char *const at_options[] = {"at", NULL};

static const struct object services = {
	.noun = "service",
	.plural = "services",
	.path = "/v1/services",
	.key = "addr",
	.shown = "route",
	.at = at_options,
	.columns =
		(const struct column[]){
			{"addr", "ADDRESS"},
			{"type", "TYPE"},
			{"route", "ROUTE"},
			{NULL, NULL},
		},
};

static const struct object workers = {
	.noun = "worker",
	.plural = "workers",
	.path = "/v1/workers",
	.key = "addr",
	.shown = "addr",
	.at = at_options,
	.columns =
		(const struct column[]){
			{"addr", "ADDRESS"},
			{"type", "TYPE"},
			{NULL, NULL},
		},
};

int cmd_service_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &services);
}

int cmd_service_start(struct cli *c, const struct args *a)
{
	struct node_ref node;
	const char *addr = args_text(a, "addr");
	int rc = node_find(c, args_text(a, "at"), MISSING_IS_MADE, &node);
	if (rc)
		return rc;
	json_t *body = json_pack("{s:s, s:s}", "name", a->pos[0], "addr", addr ? addr : a->pos[0]);
	return object_create(
		c, &node, &services, body, NODE_CALL_MS, NULL, "addr", "/service/", "was started");
}

int cmd_service_stop(struct cli *c, const struct args *a)
{
	return object_delete(c, a, &services);
}

int cmd_worker_list(struct cli *c, const struct args *a)
{
	return object_list(c, a, &workers);
}
