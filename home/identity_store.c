// SPDX-License-Identifier: Apache-2.0
/*
 * A secret is stored before the row that needs it and dropped after it: where both are in one
 * database that is one transaction, and where the vault is a file of its own a crash leaves at
 * worst a secret that nothing refers to.
 */
#include "record.h"
#include "vault_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

static int read_row(struct home *h, sqlite3_stmt *st, struct identity_info *out)
{
	size_t len = (size_t)sqlite3_column_bytes(st, 2);
	const void *history = sqlite3_column_blob(st, 2);
	struct identity id;
	char name[65];
	db_text(st, 0, name, sizeof name);
	if (len > IDENTITY_HISTORY_MAX || identity_verify(history, len, 0, &id) < 0)
		return home_fail(h, -EUCLEAN,
			"the change history of identity %s in %s is damaged; restore the database "
			"from a copy",
			name, h->db.path);
	memcpy(out->name, name, sizeof name);
	db_text(st, 1, out->vault, sizeof out->vault);
	memcpy(out->history, history, len);
	out->history_len = len;
	out->identity = id;
	out->is_default = sqlite3_column_int(st, 3);
	return 0;
}

int identity_get(struct home *h, const char *name, struct identity_info *out)
{
	sqlite3_stmt *st;
	int rc = db_prepare(&h->db, &st,
		"SELECT name, vault, history, is_default FROM identity"
		" WHERE name = ?1 OR (?1 IS NULL AND is_default)",
		"t", name);
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 0 || rc == -ENOENT)
		rc = record_missing(h, "identity", name);
	else if (rc == 1)
		rc = read_row(h, st, out);
	sqlite3_finalize(st);
	return rc;
}

int identity_each(struct home *h, int (*fn)(void *ctx, const struct identity_info *), void *ctx)
{
	struct db_names names;
	int rc = db_names(&h->db, &names, "SELECT name FROM identity ORDER BY name", "");
	if (rc < 0)
		return rc;
	struct identity_info *info = malloc(sizeof *info);
	if (!info)
		rc = home_fail(h, -ENOMEM, "out of memory");
	for (size_t i = 0; i < names.n && rc == 0; i++) {
		rc = identity_get(h, names.name[i], info);
		rc = rc == 0 ? fn(ctx, info) : rc == -ENOENT ? 0 : rc;
	}
	free(info);
	db_names_fini(&names);
	return rc;
}

/* The vault named, or the default, or a first one. */
static int choose_vault(struct home *h, const char *name, struct vault_info *out)
{
	int rc = vault_get(h, name, out);
	if (rc != -ENOENT || name)
		return rc;
	rc = vault_insert(h, "default", NULL);
	return rc == 0 ? vault_get(h, NULL, out) : rc;
}

/* Checks an imported history or makes a new one; fills everything of `info` but name and vault. */
static int prepare(struct home *h, const uint8_t *history, size_t len, struct secret32 *secret,
	struct identity_info *info)
{
	if (history) {
		if (len > sizeof info->history ||
			identity_verify(history, len, 0, &info->identity) < 0)
			return home_fail(h, -EBADMSG,
				"this is not the change history of an identity, or a signature in "
				"it is wrong");
		if (!identity_key_matches(&info->identity, secret))
			return home_fail(h, -EKEYREJECTED,
				"the secret key is not the one that this change history ends with");
		memcpy(info->history, history, len);
		info->history_len = len;
		return 0;
	}
	int n = identity_create(secret, info->history, sizeof info->history, now_s());
	if (n < 0)
		return home_fail(h, n, "cannot make an identity: %s", strerror(-n));
	info->history_len = (size_t)n;
	return identity_verify(info->history, info->history_len, 0, &info->identity);
}

/* -EEXIST when the name or the identifier is there. */
static int check_free(struct home *h, const struct identity_info *info)
{
	int64_t n = 0;
	int rc = db_int(
		&h->db, &n, 0, "SELECT count(*) FROM identity WHERE name = ?1", "t", info->name);
	if (rc == 0 && n)
		return home_fail(
			h, -EEXIST, "identity %s exists already; choose another name", info->name);
	if (rc == 0)
		rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM identity WHERE identifier = ?1",
			"b", info->identity.id.b, sizeof info->identity.id.b);
	if (rc == 0 && n)
		return home_fail(
			h, -EEXIST, "this identity is in the home already, by another name");
	return rc;
}

static int insert(struct home *h, const char *vault, const struct secret32 *secret,
	struct identity_info *info)
{
	struct vault_info v;
	int rc = choose_vault(h, vault, &v);
	if (rc == 0)
		rc = check_free(h, info);
	if (rc == 0)
		rc = vault_secret_put(h, &v, info->identity.public_key, secret);
	if (rc < 0)
		return rc;
	memcpy(info->vault, v.name, sizeof v.name);
	rc = db_run(&h->db,
		"INSERT INTO identity(name, vault, identifier, history, is_default)"
		" VALUES(?1, ?2, ?3, ?4, NOT EXISTS(SELECT 1 FROM identity))",
		"ttbb", info->name, v.name, info->identity.id.b, sizeof info->identity.id.b,
		info->history, info->history_len);
	if (rc < 0)
		return rc;
	int64_t is_default = 0;
	rc = db_int(&h->db, &is_default, 0, "SELECT is_default FROM identity WHERE name = ?1", "t",
		info->name);
	info->is_default = is_default;
	return rc;
}

int identity_store(struct home *h, const char *name, const char *vault, const uint8_t *history,
	size_t len, const struct secret32 *secret, struct identity_info *out)
{
	struct secret32 key = {{0}};
	struct identity_info *info = calloc(1, sizeof *info);
	if (!info)
		return home_fail(h, -ENOMEM, "out of memory");
	if (history)
		key = *secret;
	int rc = record_name(h, "an identity", name, info->name);
	if (rc == 0)
		rc = prepare(h, history, len, &key, info);
	if (rc == 0)
		rc = db_begin(&h->db);
	if (rc == 0)
		rc = db_end(&h->db, insert(h, vault, &key, info));
	if (rc == 0)
		*out = *info;
	secret_wipe(&key, sizeof key);
	free(info);
	return rc;
}

int identity_set_default(struct home *h, const char *name)
{
	int64_t n = 0;
	int rc = db_begin(&h->db);
	if (rc < 0)
		return rc;
	rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM identity WHERE name = ?1", "t", name);
	if (rc == 0 && !n)
		rc = record_missing(h, "identity", name);
	if (rc == 0)
		rc = db_run(&h->db, "UPDATE identity SET is_default = (name = ?1)", "t", name);
	rc = db_end(&h->db, rc);
	return rc < 0 ? rc : 0;
}

static int remove_row(
	struct home *h, const char *name, struct identity_info *info, struct vault_info *v)
{
	int64_t used = 0;
	int rc = identity_get(h, name, info);
	if (rc == 0)
		rc = vault_get(h, info->vault, v);
	if (rc == 0)
		rc = db_int(&h->db, &used, 0, "SELECT count(*) FROM node WHERE identity = ?1", "t",
			name);
	if (rc == 0 && used)
		rc = home_fail(h, -EBUSY, "identity %s is used by %lld node%s; delete %s first",
			name, (long long)used, used == 1 ? "" : "s", used == 1 ? "it" : "them");
	if (rc == 0)
		rc = db_run(&h->db, "DELETE FROM identity WHERE name = ?1", "t", name);
	if (rc >= 0 && vault_is_inside(h, v))
		rc = vault_secret_delete(h, v, info->identity.public_key);
	if (rc >= 0)
		rc = db_run(&h->db,
			"UPDATE identity SET is_default = 1 WHERE rowid = (SELECT min(rowid) FROM "
			"identity)"
			" AND NOT EXISTS(SELECT 1 FROM identity WHERE is_default)",
			"");
	return rc < 0 ? rc : 0;
}

int identity_delete(struct home *h, const char *name)
{
	struct vault_info v;
	struct identity_info *info = malloc(sizeof *info);
	if (!info)
		return home_fail(h, -ENOMEM, "out of memory");
	int rc = db_begin(&h->db);
	if (rc == 0)
		rc = db_end(&h->db, remove_row(h, name, info, &v));
	if (rc == 0 && !vault_is_inside(h, &v))
		rc = vault_secret_delete(h, &v, info->identity.public_key);
	free(info);
	return rc;
}

int identity_secret(struct home *h, const char *name, struct secret32 *out)
{
	struct vault_info v;
	struct identity_info *info = malloc(sizeof *info);
	if (!info)
		return home_fail(h, -ENOMEM, "out of memory");
	int rc = identity_get(h, name, info);
	if (rc == 0)
		rc = vault_get(h, info->vault, &v);
	if (rc == 0)
		rc = vault_secret_get(h, &v, info->identity.public_key, out);
	free(info);
	return rc;
}

int identity_is_own(struct home *h, const struct identifier *id)
{
	sqlite3_stmt *st;
	struct secret32 secret;
	char name[65];
	int rc = db_prepare(&h->db, &st, "SELECT name FROM identity WHERE identifier = ?1", "b",
		id->b, sizeof id->b);
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 1)
		db_text(st, 0, name, sizeof name);
	sqlite3_finalize(st);
	if (rc != 1)
		return 0;
	rc = identity_secret(h, name, &secret);
	secret_wipe(&secret, sizeof secret);
	return rc == 0 ? 1 : rc == -EROFS ? rc : 0;
}

static int rotate(struct home *h, const char *name, struct identity_info *info,
	struct vault_info *v, uint8_t old_key[static 32])
{
	struct secret32 old, fresh;
	uint8_t history[IDENTITY_HISTORY_MAX];
	int rc = identity_get(h, name, info);
	if (rc == 0)
		rc = vault_get(h, info->vault, v);
	if (rc == 0)
		rc = vault_secret_get(h, v, info->identity.public_key, &old);
	if (rc < 0)
		return rc;
	memcpy(old_key, info->identity.public_key, sizeof info->identity.public_key);
	int n = identity_rotate(info->history, info->history_len, &old, false, now_s(), &fresh,
		history, sizeof history);
	secret_wipe(&old, sizeof old);
	if (n < 0)
		return home_fail(h, n == -EMSGSIZE ? -ENOSPC : n,
			"identity %s cannot take another key: a history ends with %d changes; make "
			"a new identity",
			info->name, IDENTITY_CHANGES_MAX);
	memcpy(info->history, history, (size_t)n);
	info->history_len = (size_t)n;
	rc = identity_verify(history, (size_t)n, 0, &info->identity);
	if (rc == 0)
		rc = vault_secret_put(h, v, info->identity.public_key, &fresh);
	secret_wipe(&fresh, sizeof fresh);
	if (rc == 0)
		rc = db_run(&h->db, "UPDATE identity SET history = ?2 WHERE name = ?1", "tb",
			info->name, info->history, info->history_len);
	if (rc >= 0 && vault_is_inside(h, v))
		rc = vault_secret_delete(h, v, old_key);
	return rc < 0 ? rc : 0;
}

int identity_renew(struct home *h, const char *name, struct identity_info *out)
{
	struct vault_info v;
	uint8_t old_key[32];
	struct identity_info *info = malloc(sizeof *info);
	if (!info)
		return home_fail(h, -ENOMEM, "out of memory");
	int rc = db_begin(&h->db);
	if (rc == 0)
		rc = db_end(&h->db, rotate(h, name, info, &v, old_key));
	if (rc == 0 && !vault_is_inside(h, &v))
		vault_secret_delete(h, &v, old_key);
	if (rc == 0)
		*out = *info;
	free(info);
	return rc;
}

/* Asks again under the write lock: of parallel calls one makes it. */
static int make_default(struct home *h, const struct secret32 *key, struct identity_info *info)
{
	int64_t n = 0;
	int rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM identity", "");
	return rc < 0 || n ? rc : insert(h, NULL, key, info);
}

int home_ensure_default(struct home *h)
{
	int64_t n = 0;
	int rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM identity", "");
	if (rc < 0 || n)
		return rc;
	struct secret32 key = {{0}};
	struct identity_info *info = calloc(1, sizeof *info);
	if (!info)
		return home_fail(h, -ENOMEM, "out of memory");
	strcpy(info->name, "default");
	rc = prepare(h, NULL, 0, &key, info);
	if (rc == 0)
		rc = db_begin(&h->db);
	if (rc == 0)
		rc = db_end(&h->db, make_default(h, &key, info));
	secret_wipe(&key, sizeof key);
	free(info);
	return rc;
}
