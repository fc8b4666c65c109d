// SPDX-License-Identifier: Apache-2.0
/* identity: create, list, show, delete, default. */
#include "cbor.h"
#include "delete.h"
#include "hex.h"
#include "home_call.h"
#include "output.h"
#include "table.h"
#include "vault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *identity_json(const struct identity_info *i)
{
	char id[IDENTIFIER_TEXT];
	return json_pack("{s:s, s:s, s:s, s:b}", "name", i->name, "identifier",
		identifier_format(&i->identity.id, id), "vault", i->vault, "is_default",
		i->is_default);
}

struct key_search {
	const struct identity *wanted;
	char name[65];
};

static int same_identifier(void *ctx, const struct identity_info *i)
{
	struct key_search *s = ctx;
	if (!identifier_equal(&i->identity.id, &s->wanted->id))
		return 0;
	memcpy(s->name, i->name, sizeof s->name);
	return 1;
}

/* A history given as hex; its secret key must be in a vault of this home. */
static int import(
	const struct cli *c, struct home *h, const struct args *a, struct identity_info *out)
{
	uint8_t history[IDENTITY_HISTORY_MAX];
	char id[IDENTIFIER_TEXT];
	const char *hex = args_text(a, "identity");
	struct identity identity;
	struct key_search s = {.wanted = &identity};
	struct secret32 secret;
	int len = hex_decode(history, sizeof history, hex, strlen(hex));
	if (len < 0 || identity_verify(history, (size_t)len, 0, &identity))
		return cli_fail(c, CLI_DATA,
			"--identity is no valid change history; `ockam identity show --full "
			"--encoding hex` prints one");
	int err = identity_each(h, same_identifier, &s);
	if (err == 0)
		return cli_fail(c, CLI_NOT_FOUND,
			"NotFound: no vault in %s has the secret key of %s", c->home,
			identifier_format(&identity.id, id));
	if (err == 1)
		err = identity_secret(h, s.name, &secret);
	if (!err)
		err = identity_store(
			h, a->pos[0], args_text(a, "vault"), history, (size_t)len, &secret, out);
	secret_wipe(&secret, sizeof secret);
	return err ? home_call_failed(c, h, err, "identity", s.name) : CLI_OK;
}

int cmd_identity_create(struct cli *c, const struct args *a)
{
	struct identity_info info;
	struct vault_info v;
	char id[IDENTIFIER_TEXT], text[256];
	const char *vault = args_text(a, "vault");
	struct home *h;
	int err, rc = home_call_open(c, HOME_WRITE, &h);
	if (rc)
		return rc;
	if (vault && (err = vault_get(h, vault, &v)))
		rc = home_call_failed(c, h, err, "vault", vault);
	else if (args_text(a, "identity"))
		rc = import(c, h, a, &info);
	else if ((err = identity_store(h, a->pos[0], vault, NULL, 0, NULL, &info)))
		rc = home_call_failed(c, h, err, "identity", a->pos[0]);
	home_close(h);
	if (rc)
		return rc;
	identifier_format(&info.identity.id, id);
	snprintf(text, sizeof text, "identity %s was created: %s", info.name, id);
	return output_value(c, identity_json(&info), id, text);
}

static int add_identity(void *ctx, const struct identity_info *i)
{
	return json_array_append_new(ctx, identity_json(i));
}

static int list_identities(const struct cli *c, json_t **out)
{
	struct home *h;
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	*out = json_array();
	int err = identity_each(h, add_identity, *out);
	if (err) {
		rc = home_call_failed(c, h, err, "identity", NULL);
		json_decref(*out);
	}
	home_close(h);
	return rc;
}

int cmd_identity_list(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{"name", "NAME"},
		{"identifier", "IDENTIFIER"},
		{"vault", "VAULT"},
		{"is_default", "DEFAULT"},
		{NULL, NULL},
	};
	json_t *list;
	int rc = list_identities(c, &list);
	return rc ? rc : output_list(c, list, columns, "identities");
}

/* The changes one by one: what the history said when it had only the first k. */
static json_t *changes_json(const struct identity_info *i)
{
	uint8_t part[IDENTITY_HISTORY_MAX];
	char hash[65], key[65];
	json_t *list = json_array();
	struct rd r = rd_init(i->history, i->history_len);
	size_t n = cbor_get_array(&r, IDENTITY_CHANGES_MAX);
	for (size_t k = 1; k <= n; k++) {
		struct identity at;
		struct wr w = wr_init(part, sizeof part);
		cbor_skip(&r);
		cbor_put_array(&w, k);
		const uint8_t *body =
			i->history + 1; /* an array of up to 23 has a head of one byte */
		wr_bytes(&w, body, (size_t)(r.p - body));
		if (r.bad || w.bad || identity_verify(part, wr_len(&w), 0, &at))
			break;
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b}", "identifier",
				      hex_encode(hash, at.latest_hash, 32), "primary_public_key",
				      hex_encode(key, at.public_key, 32), "revoke_all_purpose_keys",
				      at.revoke_purpose_keys));
	}
	return list;
}

static char *full_text(const char *id, const json_t *changes)
{
	char *text = NULL;
	size_t len = 0, i;
	json_t *change;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	fprintf(f, "Identifier: %s", id);
	json_array_foreach(changes, i, change) fprintf(f,
		"\n  Change[%zu]:\n    identifier: %s\n    primary_public_key: EdDSACurve25519: %s"
		"\n    revoke_all_purpose_keys: %s",
		i, json_string_value(json_object_get(change, "identifier")),
		json_string_value(json_object_get(change, "primary_public_key")),
		json_is_true(json_object_get(change, "revoke_all_purpose_keys")) ? "true"
										 : "false");
	return fclose(f) ? NULL : text;
}

static int show_full(const struct cli *c, const struct args *a, const struct identity_info *info)
{
	char id[IDENTIFIER_TEXT], *text;
	const char *encoding = args_text(a, "encoding");
	json_t *doc = identity_json(info);
	if (encoding && !strcmp(encoding, "hex")) {
		text = malloc(2 * info->history_len + 1);
		if (text)
			hex_encode(text, info->history, info->history_len);
		json_object_set_new(doc, "change_history", json_string(text ? text : ""));
	} else {
		json_t *changes = changes_json(info);
		text = full_text(identifier_format(&info->identity.id, id), changes);
		json_object_set_new(doc, "changes", changes);
	}
	if (!text) {
		json_decref(doc);
		return cli_fail(c, CLI_INTERNAL, "out of memory");
	}
	int rc = output_value(c, doc, text, NULL);
	free(text);
	return rc;
}

static int get_identity(const struct cli *c, const char *name, struct identity_info *out)
{
	struct home *h;
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	int err = identity_get(h, name, out);
	if (err)
		rc = home_call_failed(c, h, err, "identity", name);
	home_close(h);
	return rc;
}

int cmd_identity_show(struct cli *c, const struct args *a)
{
	struct identity_info info;
	char id[IDENTIFIER_TEXT];
	int rc = get_identity(c, a->pos[0], &info);
	if (rc)
		return rc;
	if (args_flag(a, "full"))
		return show_full(c, a, &info);
	return output_value(
		c, identity_json(&info), identifier_format(&info.identity.id, id), NULL);
}

int cmd_identity_default(struct cli *c, const struct args *a)
{
	struct identity_info info;
	char text[160];
	if (a->pos_n) {
		struct home *h;
		int rc = home_call_open(c, HOME_WRITE, &h);
		if (rc)
			return rc;
		int err = identity_set_default(h, a->pos[0]);
		if (err)
			rc = home_call_failed(c, h, err, "identity", a->pos[0]);
		home_close(h);
		if (rc)
			return rc;
	}
	int rc = get_identity(c, a->pos[0], &info);
	if (rc)
		return rc;
	snprintf(text, sizeof text, "the default identity is %s", info.name);
	return output_value(c, identity_json(&info), info.name, text);
}

static int identity_names(const struct cli *c, void *ctx, json_t **out)
{
	json_t *list, *item;
	size_t i;
	int rc = list_identities(c, &list);
	if (rc)
		return rc;
	*out = json_array();
	json_array_foreach(list, i, item) json_array_append(*out, json_object_get(item, "name"));
	json_decref(list);
	return CLI_OK;
}

static int remove_identity(const struct cli *c, void *ctx, const char *name, json_t **shown)
{
	struct home *h;
	int rc = home_call_open(c, HOME_WRITE, &h);
	if (rc)
		return rc;
	int err = identity_delete(h, name);
	if (err)
		rc = home_call_failed(c, h, err, "identity", name);
	else
		*shown = json_pack("{s:s}", "name", name);
	home_close(h);
	return rc;
}

int cmd_identity_delete(struct cli *c, const struct args *a)
{
	static const struct delete_ops ops = {
		"identity", "identities", identity_names, remove_identity, "name"};
	return delete_run(c, a, &ops, NULL);
}
