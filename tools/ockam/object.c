// SPDX-License-Identifier: Apache-2.0
#include "object.h"

#include "delete.h"

#include <stdio.h>
#include <string.h>

enum { TARGET_MAX = 1024 };

struct object_ctx {
	const struct object *object;
	struct node_ref node;
};

static int find(const struct cli *c, const struct args *a, const struct object *o,
	enum missing_node missing, struct object_ctx *out)
{
	const char *given = NULL;
	out->object = o;
	for (const char *const *at = o->at; *at; at++) {
		const char *v = args_text(a, *at);
		if (v && given && strcmp(args_node(v), args_node(given)))
			return cli_fail(
				c, CLI_USAGE, "two nodes are named, %s and %s; name one", given, v);
		given = v ? v : given;
	}
	return node_find(c, given, missing, &out->node);
}

/* What the API calls the object: an address as it is printed may be given for it. */
static int target(const struct cli *c, const struct object_ctx *x, const char *name, char *dst)
{
	char encoded[TARGET_MAX - 64], address[256];
	const struct object *o = x->object;
	json_t *list, *item;
	size_t i;
	if (!strncmp(name, "/service/", 9))
		name += 9;
	else if (!strncmp(name, "service/", 8))
		name += 8;
	if (name[0] == '/') { /* a listener by the route that its create printed */
		int rc = node_call(c, &x->node, "GET", o->path, NULL, NODE_CALL_MS, &list);
		if (rc)
			return rc;
		json_array_foreach(list, i, item)
		{
			const char *route = json_string_value(json_object_get(item, "route"));
			const char *key = json_string_value(json_object_get(item, o->key));
			if (!route || !key || strcmp(route, name))
				continue;
			snprintf(address, sizeof address, "%s", key);
			name = address;
			break;
		}
		json_decref(list);
	}
	if (!*name || http_encode(encoded, sizeof encoded, name))
		return cli_fail(c, CLI_USAGE, "'%.80s' names no %s", name, o->noun);
	snprintf(dst, TARGET_MAX, "%s/%s", o->path, encoded);
	return CLI_OK;
}

/* A home without nodes has no objects either. */
static int get_list(const struct cli *c, const struct object_ctx *x, json_t **out)
{
	if (x->node.name[0])
		return node_call(c, &x->node, "GET", x->object->path, NULL, NODE_CALL_MS, out);
	*out = json_array();
	return CLI_OK;
}

int object_list(const struct cli *c, const struct args *a, const struct object *o)
{
	struct object_ctx x;
	json_t *list;
	int rc = find(c, a, o, MISSING_IS_EMPTY, &x);
	if (!rc)
		rc = get_list(c, &x, &list);
	return rc ? rc : output_list(c, list, o->columns, o->plural);
}

int object_show(const struct cli *c, const struct args *a, const struct object *o)
{
	char path[TARGET_MAX];
	struct object_ctx x;
	json_t *doc;
	int rc = find(c, a, o, MISSING_IS_ERROR, &x);
	if (!rc)
		rc = target(c, &x, a->pos[0], path);
	if (!rc)
		rc = node_call(c, &x.node, "GET", path, NULL, NODE_CALL_MS, &doc);
	return rc ? rc : output_record(c, doc);
}

static int list_names(const struct cli *c, void *ctx, json_t **out)
{
	const struct object_ctx *x = ctx;
	json_t *list, *item;
	size_t i;
	int rc = get_list(c, x, &list);
	if (rc)
		return rc;
	*out = json_array();
	json_array_foreach(list, i, item)
		json_array_append(*out, json_object_get(item, x->object->key));
	json_decref(list);
	return CLI_OK;
}

static int remove_one(const struct cli *c, void *ctx, const char *name, json_t **shown)
{
	const struct object_ctx *x = ctx;
	char path[TARGET_MAX];
	int rc = target(c, x, name, path);
	if (!rc)
		rc = node_call(c, &x->node, "DELETE", path, NULL, NODE_CALL_MS, shown);
	return rc;
}

int object_delete(const struct cli *c, const struct args *a, const struct object *o)
{
	struct object_ctx x;
	const struct delete_ops ops = {o->noun, o->plural, list_names, remove_one, o->shown};
	int rc = find(c, a, o, a->pos_n ? MISSING_IS_ERROR : MISSING_IS_EMPTY, &x);
	return rc ? rc : delete_run(c, a, &ops, &x);
}

int object_create(const struct cli *c, const struct node_ref *node, const struct object *o,
	json_t *body, int64_t timeout_ms, const struct retry *retry, const char *key,
	const char *prefix, const char *made)
{
	char bare[512], text[640];
	json_t *doc;
	struct retry_state r = retry_begin(c, retry);
	int rc;
	do {
		rc = node_call(&r.cli, node, "POST", o->path, json_incref(body), timeout_ms, &doc);
	} while (retry_again(&r, rc));
	json_decref(body);
	if (rc)
		return rc;
	const char *value = json_string_value(json_object_get(doc, key));
	if (!value) {
		json_decref(doc);
		return cli_fail(c, CLI_INTERNAL, "node %s made the %s but did not say its address",
			node->name, o->noun);
	}
	snprintf(bare, sizeof bare, "%s%s", prefix, value);
	snprintf(text, sizeof text, "%s %s %s", o->noun, bare, made);
	return output_value(c, doc, bare, text);
}

json_t *object_strings(const struct args *a, const char *option)
{
	json_t *list = json_array();
	const char *v;
	for (unsigned i = 0; (v = args_nth(a, option, i)); i++)
		json_array_append_new(list, json_string(v));
	return list;
}
