// SPDX-License-Identifier: Apache-2.0
/* vault: create, list, show, move, delete. */
#include "vault.h"

#include "delete.h"
#include "home_call.h"
#include "output.h"
#include "table.h"

#include <stdio.h>

static json_t *vault_json(const struct vault_info *v)
{
	return json_pack("{s:{s:s, s:s, s:s}}", "vault", "name", v->name, "path", v->path,
		"use_aws_kms", "No");
}

int cmd_vault_create(struct cli *c, const struct args *a)
{
	char text[160];
	struct vault_info v;
	struct home *h;
	int rc = home_call_open(c, HOME_WRITE, &h);
	if (rc)
		return rc;
	int err = vault_create(h, a->pos[0], args_text(a, "path"), &v);
	if (err)
		rc = home_call_failed(c, h, err, "vault", a->pos[0]);
	home_close(h);
	if (rc)
		return rc;
	snprintf(text, sizeof text, "vault %s was created", v.name);
	return output_value(c, vault_json(&v), v.name, text);
}

static int add_vault(void *ctx, const struct vault_info *v)
{
	return json_array_append_new(ctx, vault_json(v));
}

static int list_vaults(const struct cli *c, json_t **out)
{
	struct home *h;
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	*out = json_array();
	int err = vault_each(h, add_vault, *out);
	if (err) {
		rc = home_call_failed(c, h, err, "vault", NULL);
		json_decref(*out);
	}
	home_close(h);
	return rc;
}

int cmd_vault_list(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {{"name", "NAME"}, {"path", "PATH"}, {NULL, NULL}};
	json_t *list, *item;
	size_t i;
	int rc = list_vaults(c, &list);
	if (rc || output_is_json(c) || !c->out_tty)
		return rc ? rc : output_record(c, list);
	json_t *flat = json_array(); /* a table wants the members themselves */
	json_array_foreach(list, i, item) json_array_append(flat, json_object_get(item, "vault"));
	json_decref(list);
	return output_list(c, flat, columns, "vaults");
}

int cmd_vault_show(struct cli *c, const struct args *a)
{
	struct vault_info v;
	struct home *h;
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	int err = vault_get(h, a->pos[0], &v);
	if (err)
		rc = home_call_failed(c, h, err, "vault", a->pos[0]);
	home_close(h);
	return rc ? rc : output_record(c, vault_json(&v));
}

int cmd_vault_move(struct cli *c, const struct args *a)
{
	char text[160];
	struct vault_info v;
	struct home *h;
	int rc = home_call_open(c, HOME_WRITE, &h);
	if (rc)
		return rc;
	int err = vault_move(h, a->pos[0], args_text(a, "path"));
	if (!err)
		err = vault_get(h, a->pos[0], &v);
	if (err)
		rc = home_call_failed(c, h, err, "vault", a->pos[0]);
	home_close(h);
	if (rc)
		return rc;
	snprintf(text, sizeof text, "vault %s was moved", v.name);
	return output_value(c, vault_json(&v), v.name, text);
}

static int vault_names(const struct cli *c, void *ctx, json_t **out)
{
	json_t *list, *item;
	size_t i;
	int rc = list_vaults(c, &list);
	if (rc)
		return rc;
	*out = json_array();
	json_array_foreach(list, i, item)
		json_array_append(*out, json_object_get(json_object_get(item, "vault"), "name"));
	json_decref(list);
	return CLI_OK;
}

static int remove_vault(const struct cli *c, void *ctx, const char *name, json_t **shown)
{
	struct home *h;
	int rc = home_call_open(c, HOME_WRITE, &h);
	if (rc)
		return rc;
	int err = vault_delete(h, name);
	if (err)
		rc = home_call_failed(c, h, err, "vault", name);
	else
		*shown = json_pack("{s:s}", "name", name);
	home_close(h);
	return rc;
}

int cmd_vault_delete(struct cli *c, const struct args *a)
{
	static const struct delete_ops ops = {"vault", "vaults", vault_names, remove_vault, "name"};
	return delete_run(c, a, &ops, NULL);
}
