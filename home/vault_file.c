// SPDX-License-Identifier: Apache-2.0
#include "vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY = 32, APPLICATION_ID = 0x4f4b5654 }; /* "OKVT" */

bool vault_is_inside(const struct home *h, const struct vault_info *v)
{
	return !strcmp(v->path, h->db.path);
}

/* `db` is where the vault's secrets are: the home's own connection, or `own` opened on the file. */
static int vault_open(struct home *h, const struct vault_info *v, struct db *own, struct db **db)
{
	*own = (struct db){.home = h, .read_only = h->db.read_only};
	*db = &h->db;
	if (vault_is_inside(h, v))
		return 0;
	snprintf(own->path, sizeof own->path, "%s", v->path);
	*db = own;
	int rc = db_open(own);
	if (rc < 0)
		db_close(own);
	return rc;
}

static void vault_close(struct db *own)
{
	if (own->sql)
		db_close(own);
}

static int fill(struct db *db)
{
	char pragma[64];
	int64_t id = 0, tables = 0;
	int rc = db_begin(db);
	if (rc < 0)
		return rc;
	rc = db_int(db, &id, 0, "PRAGMA application_id", "");
	if (rc == 0)
		rc = db_int(db, &tables, 0, "SELECT count(*) FROM sqlite_master", "");
	if (rc == 0 && tables && id != APPLICATION_ID)
		rc = home_fail(db->home, -EEXIST,
			"%s exists and is not a vault; choose another path", db->path);
	if (rc == 0 && !tables) {
		snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d", APPLICATION_ID);
		rc = db_run(db, pragma, "");
		if (rc >= 0)
			rc = db_run(db,
				"CREATE TABLE secret(public_key BLOB PRIMARY KEY NOT NULL,"
				"secret BLOB NOT NULL)",
				"");
	}
	return db_end(db, rc);
}

int vault_file_create(struct home *h, const char *path)
{
	struct db db = {.home = h};
	snprintf(db.path, sizeof db.path, "%s", path);
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno != EEXIST)
		return home_fail_file(h, errno, "create", path);
	int rc = fd < 0 ? 0 : db_sync_parent(path);
	if (fd >= 0)
		close(fd);
	rc = rc < 0 ? home_fail_file(h, rc, "create", path) : db_open(&db);
	if (rc == 0)
		rc = fill(&db);
	if (rc == -EUCLEAN)
		rc = home_fail(
			h, -EEXIST, "%s exists and is not a vault; choose another path", path);
	db_close(&db);
	if (rc < 0 && fd >= 0)
		unlink(path);
	return rc < 0 ? rc : 0;
}

void vault_file_remove_empty(struct home *h, const char *path)
{
	struct db db = {.home = h};
	int64_t secrets = 1;
	snprintf(db.path, sizeof db.path, "%s", path);
	int rc = db_open(&db);
	if (rc == 0)
		rc = db_int(&db, &secrets, 1, "SELECT count(*) FROM secret", "");
	db_close(&db);
	if (rc == 0 && !secrets)
		unlink(path);
}

int vault_secret_put(struct home *h, const struct vault_info *v, const uint8_t key[static 32],
	const struct secret32 *secret)
{
	struct db own, *db;
	int rc = vault_open(h, v, &own, &db);
	if (rc == 0)
		rc = db_run(db, "INSERT OR REPLACE INTO secret(public_key, secret) VALUES(?1, ?2)",
			"bb", key, (size_t)KEY, secret->b, sizeof secret->b);
	vault_close(&own);
	return rc < 0 ? rc : 0;
}

int vault_secret_get(struct home *h, const struct vault_info *v, const uint8_t key[static 32],
	struct secret32 *out)
{
	sqlite3_stmt *st = NULL;
	struct db own, *db;
	int rc = vault_open(h, v, &own, &db);
	if (rc == 0)
		rc = db_prepare(db, &st, "SELECT secret FROM secret WHERE public_key = ?1", "b",
			key, (size_t)KEY);
	if (rc == 0)
		rc = db_step(db, st);
	if (rc == 0)
		rc = home_fail(h, -ENOENT,
			"NotFound: the secret is not in vault %s (%s); was that file replaced?",
			v->name, v->path);
	if (rc == 1 && sqlite3_column_bytes(st, 0) != (int)sizeof out->b)
		rc = home_fail(h, -EUCLEAN, "vault %s (%s) is damaged; restore it from a copy",
			v->name, v->path);
	if (rc == 1) {
		memcpy(out->b, sqlite3_column_blob(st, 0), sizeof out->b);
		rc = 0;
	}
	sqlite3_finalize(st);
	if (db->sql)
		sqlite3_db_release_memory(db->sql); /* the page with the secret: wiped by db_memory.c */
	vault_close(&own);
	return rc;
}

int vault_secret_delete(struct home *h, const struct vault_info *v, const uint8_t key[static 32])
{
	struct db own, *db;
	int rc = vault_open(h, v, &own, &db);
	if (rc == 0)
		rc = db_run(db, "DELETE FROM secret WHERE public_key = ?1", "b", key, (size_t)KEY);
	vault_close(&own);
	return rc < 0 ? rc : 0;
}
