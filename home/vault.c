// SPDX-License-Identifier: Apache-2.0
#include "vault_file.h"

#include "hex.h"
#include "record.h"
#include "stray.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 100 }; /* against another command that changes the same just then */

int record_name(struct home *h, const char *noun, const char *given, char dst[static 65])
{
	uint8_t random[4];
	if (!given) {
		if (sodium_init() < 0)
			return home_fail(h, -EIO, "the system has no random numbers");
		randombytes_buf(random, sizeof random);
		hex_encode(dst, random, sizeof random);
		return 0;
	}
	if (!route_name_valid(given))
		return home_fail(h, -EINVAL,
			"\"%.64s\" is no name for %s; use letters, digits, _ and - (at most %d, "
			"not - first)",
			given, noun, WIRE_NAME_MAX);
	strcpy(dst, given);
	return 0;
}

int record_missing(struct home *h, const char *noun, const char *name)
{
	if (name)
		return home_fail(h, -ENOENT,
			"NotFound: there is no %s %.64s in %s; `ockam %s list` shows them", noun,
			name, h->dir, noun);
	return home_fail(h, -ENOENT,
		"NotFound: there is no %s in %s; make one with `ockam %s create`", noun, h->dir,
		noun);
}

static int absolute_path(struct home *h, const char *path, char dst[static PATH_MAX])
{
	char cwd[PATH_MAX] = "";
	if (*path != '/' && !getcwd(cwd, sizeof cwd))
		return home_fail_file(h, errno, "find", path);
	int n = snprintf(dst, PATH_MAX, "%s%s%s", cwd, *cwd ? "/" : "", path);
	return n >= PATH_MAX ? home_fail_file(h, ENAMETOOLONG, "create", path) : 0;
}

static void read_row(const struct home *h, sqlite3_stmt *st, struct vault_info *out)
{
	struct vault_info v = {0};
	db_text(st, 0, v.name, sizeof v.name);
	if (sqlite3_column_type(st, 1) == SQLITE_NULL)
		snprintf(v.path, sizeof v.path, "%s", h->db.path);
	else
		db_text(st, 1, v.path, sizeof v.path);
	v.is_default = sqlite3_column_int(st, 2);
	*out = v;
}

int vault_get(struct home *h, const char *name, struct vault_info *out)
{
	sqlite3_stmt *st;
	int rc = db_prepare(&h->db, &st,
		"SELECT name, path, is_default FROM vault WHERE name = ?1 OR (?1 IS NULL AND "
		"is_default)",
		"t", name);
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 1)
		read_row(h, st, out);
	sqlite3_finalize(st);
	return rc == 1 ? 0 : rc == 0 || rc == -ENOENT ? record_missing(h, "vault", name) : rc;
}

int vault_insert(struct home *h, const char *name, const char *path)
{
	int rc = db_run(&h->db,
		"INSERT INTO vault(name, path, is_default) VALUES(?1, ?2, NOT EXISTS(SELECT 1 FROM "
		"vault))",
		"tt", name, path);
	return rc < 0 ? rc : 0;
}

/* -EEXIST when the name or the path is taken by a vault. */
static int check_free(struct home *h, const char *name, const char *path)
{
	int64_t n = 0;
	int rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM vault WHERE name = ?1", "t", name);
	if (rc == 0 && n)
		return home_fail(h, -EEXIST, "vault %s exists already; choose another name", name);
	if (rc == 0 && path)
		rc = db_int(&h->db, &n, 0, "SELECT count(*) FROM vault WHERE path = ?1", "t", path);
	if (rc == 0 && path && !strcmp(path, h->db.path))
		return home_fail(
			h, -EEXIST, "%s is the database of the home; choose another path", path);
	if (rc == 0 && n)
		return home_fail(
			h, -EEXIST, "%s is the file of another vault; choose another path", path);
	return rc;
}

static int create(struct home *h, const char *name, const char *path, struct vault_info *out)
{
	int rc = check_free(h, name, path);
	if (rc == 0 && path)
		rc = vault_file_create(h, path);
	if (rc == 0)
		rc = vault_insert(h, name, path);
	return rc == 0 ? vault_get(h, name, out) : rc;
}

int vault_create(struct home *h, const char *name, const char *path, struct vault_info *out)
{
	char own[65], absolute[PATH_MAX];
	struct vault_info v;
	int rc = record_name(h, "a vault", name, own);
	if (rc == 0 && path)
		rc = absolute_path(h, path, absolute);
	if (rc == 0)
		rc = db_begin(&h->db);
	if (rc < 0)
		return rc;
	rc = db_end(&h->db, create(h, own, path ? absolute : NULL, &v));
	if (rc == 0)
		*out = v;
	return rc;
}

int vault_each(struct home *h, int (*fn)(void *ctx, const struct vault_info *), void *ctx)
{
	struct db_names names;
	int rc = db_names(&h->db, &names, "SELECT name FROM vault ORDER BY name", "");
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < names.n && rc == 0; i++) {
		struct vault_info v;
		rc = vault_get(h, names.name[i], &v);
		rc = rc == 0 ? fn(ctx, &v) : rc == -ENOENT ? 0 : rc;
	}
	db_names_fini(&names);
	return rc;
}

/* Calls fn with the newest public key of each identity in the vault. */
static int each_key(struct home *h, const char *vault,
	int (*fn)(struct home *, const uint8_t *key, void *ctx), void *ctx)
{
	struct db_names names = {0};
	struct identity_info *info = malloc(sizeof *info);
	if (!info)
		return home_fail(h, -ENOMEM, "out of memory");
	int rc = db_names(&h->db, &names, "SELECT name FROM identity WHERE vault = ?1", "t", vault);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = identity_get(h, names.name[i], info);
		if (rc == 0)
			rc = fn(h, info->identity.public_key, ctx);
	}
	free(info);
	db_names_fini(&names);
	return rc;
}

struct move {
	struct vault_info from, to;
	bool made; /* the file of `to` may be ours */
};

static int copy_key(struct home *h, const uint8_t *key, void *ctx)
{
	const struct move *m = ctx;
	struct secret32 secret;
	int rc = vault_secret_get(h, &m->from, key, &secret);
	if (rc == 0 && !vault_is_inside(h, &m->to))
		rc = stray_claim(h, m->to.path, key);
	if (rc == 0)
		rc = vault_secret_put(h, &m->to, key, &secret);
	secret_wipe(&secret, sizeof secret);
	return rc;
}

static int announce_key(struct home *h, const uint8_t *key, void *ctx)
{
	const struct move *m = ctx;
	return stray_add(h, m->to.path, key);
}

static int drop_key(struct home *h, const uint8_t *key, void *ctx)
{
	const struct move *m = ctx;
	return vault_is_inside(h, &m->from) ? vault_secret_delete(h, &m->from, key)
					    : stray_add(h, m->from.path, key);
}

/* Both places, checked; then the keys that are about to come into a file are written down. */
static int plan(struct home *h, const char *name, const char *path, struct move *m)
{
	int rc = vault_get(h, name, &m->from);
	if (rc < 0)
		return rc;
	m->to = m->from;
	snprintf(m->to.path, sizeof m->to.path, "%s", path ? path : h->db.path);
	if (!strcmp(m->to.path, m->from.path))
		return home_fail(h, -EEXIST, "vault %s is at %s already; choose another path", name,
			m->to.path);
	if (path)
		rc = check_free(h, "", path);
	return rc == 0 && path ? each_key(h, name, announce_key, m) : rc;
}

/* Secrets are in the new place before the row says so, and leave the old one with it or after. */
static int move(struct home *h, const char *name, const char *path, struct move *m)
{
	struct vault_info now;
	int rc = vault_get(h, name, &now);
	if (rc == 0 && strcmp(now.path, m->from.path))
		rc = home_fail(h, -EAGAIN, "vault %s was moved meanwhile; try again", name);
	if (rc == 0 && path)
		rc = check_free(h, "", path);
	if (rc == 0 && path)
		rc = vault_file_create(h, path);
	m->made |= rc == 0 && path;
	if (rc == 0)
		rc = each_key(h, name, copy_key, m);
	if (rc == 0)
		rc = db_run(&h->db, "UPDATE vault SET path = ?2 WHERE name = ?1", "tt", name, path);
	if (rc >= 0)
		rc = each_key(h, name, drop_key, m);
	return rc < 0 ? rc : 0;
}

static int plan_and_move(struct home *h, const char *name, const char *path, struct move *m)
{
	int rc = db_begin(&h->db);
	if (rc == 0)
		rc = db_end(&h->db, plan(h, name, path, m));
	if (rc == 0)
		rc = db_begin(&h->db);
	return rc < 0 ? rc : db_end(&h->db, move(h, name, path, m));
}

/* Takes the secrets out of the file that is no longer, or did not become, the vault's. */
static void clean_up(struct home *h, bool moved, const struct move *m)
{
	char sentence[sizeof h->error];
	const struct vault_info *left = moved ? &m->from : &m->to;
	stray_sweep(h);
	if ((!moved && !m->made) || vault_is_inside(h, left))
		return;
	memcpy(sentence, h->error, sizeof sentence);
	vault_file_remove_empty(h, left->path);
	memcpy(h->error, sentence, sizeof sentence);
}

int vault_move(struct home *h, const char *name, const char *path)
{
	char absolute[PATH_MAX];
	struct move m = {.made = false};
	int rc = path ? absolute_path(h, path, absolute) : 0;
	if (rc < 0)
		return rc;
	rc = -EAGAIN;
	for (int i = 0; i < TRIES && rc == -EAGAIN; i++)
		rc = plan_and_move(h, name, path ? absolute : NULL, &m);
	clean_up(h, rc == 0, &m);
	return rc;
}

static int remove_row(struct home *h, const char *name, struct vault_info *v)
{
	int64_t used = 0;
	int rc = vault_get(h, name, v);
	if (rc == 0)
		rc = db_int(&h->db, &used, 0, "SELECT count(*) FROM identity WHERE vault = ?1", "t",
			name);
	if (rc == 0 && used)
		rc = home_fail(h, -EBUSY,
			"vault %s holds the secrets of %lld identities; delete these first", name,
			(long long)used);
	if (rc == 0)
		rc = db_run(&h->db, "DELETE FROM vault WHERE name = ?1", "t", name);
	if (rc >= 0)
		rc = db_run(&h->db,
			"UPDATE vault SET is_default = 1 WHERE rowid = (SELECT min(rowid) FROM "
			"vault)"
			" AND NOT EXISTS(SELECT 1 FROM vault WHERE is_default)",
			"");
	return rc < 0 ? rc : 0;
}

int vault_delete(struct home *h, const char *name)
{
	struct vault_info v;
	int rc = db_begin(&h->db);
	if (rc < 0)
		return rc;
	rc = db_end(&h->db, remove_row(h, name, &v));
	stray_sweep(h);
	if (rc == 0 && !vault_is_inside(h, &v))
		vault_file_remove_empty(h, v.path);
	return rc;
}
