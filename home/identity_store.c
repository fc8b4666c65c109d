// SPDX-License-Identifier: Apache-2.0
/*
 * A secret is stored before the row that needs it and dropped after it: where both are in one
 * database that is one transaction, and where the vault is a file of its own stray.h remembers what
 * is under way.
 */
#include "record.h"
#include "stray.h"
#include "vault_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRIES = 100 }; /* against another command that cleans up just then */

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
	if (rc == 0 && !vault_is_inside(h, &v))
		rc = stray_claim(h, v.path, info->identity.public_key);
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

/* Writes down the key that is about to come into a vault's file, in a transaction of its own. */
static int announce(struct home *h, const char *vault, const struct identity_info *info)
{
	struct vault_info v;
	int rc = vault_get(h, vault, &v);
	if (rc == -ENOENT || (rc == 0 && vault_is_inside(h, &v)))
		return 0; /* it is made inside, or is missed later */
	if (rc == 0)
		rc = db_begin(&h->db);
	if (rc < 0)
		return rc;
	rc = check_free(h, info);
	return db_end(&h->db, rc < 0 ? rc : stray_add(h, v.path, info->identity.public_key));
}

static int announce_and_insert(struct home *h, const char *vault, const struct secret32 *secret,
	struct identity_info *info,
	int (*fn)(struct home *, const char *, const struct secret32 *, struct identity_info *))
{
	int rc = -EAGAIN;
	for (int i = 0; i < TRIES && rc == -EAGAIN; i++) {
		rc = announce(h, vault, info);
		if (rc == 0)
			rc = db_begin(&h->db);
		if (rc == 0)
			rc = db_end(&h->db, fn(h, vault, secret, info));
	}
	if (rc < 0)
		stray_sweep(h);
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
		rc = announce_and_insert(h, vault, &key, info, insert);
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

/* With the row that needed it, or after that. */
static int drop_secret(struct home *h, const struct vault_info *v, const uint8_t *key)
{
	return vault_is_inside(h, v) ? vault_secret_delete(h, v, key) : stray_add(h, v->path, key);
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
	if (rc >= 0)
		rc = drop_secret(h, v, info->identity.public_key);
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
	if (rc == 0)
		stray_sweep(h);
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

/* A further change of an identity, before it is stored. */
struct renewal {
	struct identity_info info; /* with the new history */
	struct vault_info vault;
	uint8_t old_key[32];
	uint8_t old_history[IDENTITY_HISTORY_MAX];
	size_t old_history_len;
	struct secret32 fresh;
};

static int rotate(struct home *h, struct renewal *r)
{
	struct secret32 old;
	struct identity_info *info = &r->info;
	int rc = vault_secret_get(h, &r->vault, info->identity.public_key, &old);
	if (rc < 0)
		return rc;
	memcpy(r->old_key, info->identity.public_key, sizeof r->old_key);
	memcpy(r->old_history, info->history, info->history_len);
	r->old_history_len = info->history_len;
	int n = identity_rotate(r->old_history, r->old_history_len, &old, false, now_s(), &r->fresh,
		info->history, sizeof info->history);
	secret_wipe(&old, sizeof old);
	if (n < 0)
		return home_fail(h, n == -EMSGSIZE ? -ENOSPC : n,
			"identity %s cannot take another key: a history ends with %d changes; make "
			"a new identity",
			info->name, IDENTITY_CHANGES_MAX);
	info->history_len = (size_t)n;
	return identity_verify(info->history, info->history_len, 0, &info->identity);
}

static int find_and_rotate(struct home *h, const char *name, struct renewal *r)
{
	int rc = identity_get(h, name, &r->info);
	if (rc == 0)
		rc = vault_get(h, r->info.vault, &r->vault);
	if (rc == 0)
		rc = rotate(h, r);
	if (rc == 0 && !vault_is_inside(h, &r->vault))
		rc = stray_add(h, r->vault.path, r->info.identity.public_key);
	return rc;
}

/* -EAGAIN when another command has changed the identity or its vault in between. */
static int store_renewal(struct home *h, struct renewal *r)
{
	int64_t same = 0;
	const struct identity_info *info = &r->info;
	int rc = db_int(&h->db, &same, 0,
		"SELECT count(*) FROM identity WHERE name = ?1 AND vault = ?2 AND history = ?3",
		"ttb", info->name, info->vault, r->old_history, r->old_history_len);
	if (rc == 0 && !same)
		rc = home_fail(
			h, -EAGAIN, "identity %s was changed meanwhile; try again", info->name);
	if (rc == 0 && !vault_is_inside(h, &r->vault))
		rc = stray_claim(h, r->vault.path, info->identity.public_key);
	if (rc == 0)
		rc = vault_secret_put(h, &r->vault, info->identity.public_key, &r->fresh);
	if (rc == 0)
		rc = db_run(&h->db, "UPDATE identity SET history = ?2 WHERE name = ?1", "tb",
			info->name, info->history, info->history_len);
	if (rc >= 0)
		rc = drop_secret(h, &r->vault, r->old_key);
	return rc;
}

/* In a vault's file the new key is written down first, in a transaction of its own. */
static int renew(struct home *h, const char *name, struct renewal *r)
{
	int rc = db_begin(&h->db);
	if (rc < 0)
		return rc;
	rc = find_and_rotate(h, name, r);
	if (rc == 0 && !vault_is_inside(h, &r->vault)) {
		rc = db_end(&h->db, 0);
		if (rc == 0)
			rc = db_begin(&h->db);
		if (rc < 0)
			return rc;
	}
	return db_end(&h->db, rc < 0 ? rc : store_renewal(h, r));
}

int identity_renew(struct home *h, const char *name, struct identity_info *out)
{
	struct renewal *r = calloc(1, sizeof *r);
	if (!r)
		return home_fail(h, -ENOMEM, "out of memory");
	int rc = -EAGAIN;
	for (int i = 0; i < TRIES && rc == -EAGAIN; i++)
		rc = renew(h, name, r);
	stray_sweep(h);
	if (rc == 0)
		*out = r->info;
	secret_wipe(&r->fresh, sizeof r->fresh);
	free(r);
	return rc;
}

/* Asks again under the write lock: of parallel calls one makes it. */
static int insert_first(
	struct home *h, const char *vault, const struct secret32 *key, struct identity_info *info)
{
	int64_t n = 0;
	int rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM identity", "");
	return rc < 0 || n ? rc : insert(h, vault, key, info);
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
		rc = announce_and_insert(h, NULL, &key, info, insert_first);
	if (rc == -EEXIST) /* another call was first */
		rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM identity", "");
	stray_sweep(h);
	secret_wipe(&key, sizeof key);
	free(info);
	return rc;
}
