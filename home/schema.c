// SPDX-License-Identifier: Apache-2.0
#include "schema.h"

#include <errno.h>
#include <stdio.h>

/* steps[n] leads from version n to n + 1. */
static const char *const steps[] = {
	"CREATE TABLE vault("
	"  name TEXT PRIMARY KEY NOT NULL,"
	"  path TEXT UNIQUE," /* null: secrets lie in this database */
	"  is_default INTEGER NOT NULL);"
	"CREATE TABLE identity("
	"  name TEXT PRIMARY KEY NOT NULL,"
	"  vault TEXT NOT NULL REFERENCES vault(name),"
	"  identifier BLOB UNIQUE NOT NULL,"
	"  history BLOB NOT NULL,"
	"  is_default INTEGER NOT NULL);"
	"CREATE TABLE secret("
	"  public_key BLOB PRIMARY KEY NOT NULL,"
	"  secret BLOB NOT NULL);"
	"CREATE TABLE node("
	"  name TEXT PRIMARY KEY NOT NULL,"
	"  identity TEXT NOT NULL REFERENCES identity(name),"
	"  static_key BLOB NOT NULL,"
	"  config TEXT NOT NULL,"
	"  is_default INTEGER NOT NULL);"
	"CREATE TABLE node_object("
	"  id INTEGER PRIMARY KEY," /* in order of creation */
	"  node TEXT NOT NULL REFERENCES node(name) ON DELETE CASCADE,"
	"  kind TEXT NOT NULL,"
	"  name TEXT NOT NULL,"
	"  config TEXT NOT NULL,"
	"  UNIQUE(node, kind, name));"
	"CREATE TABLE relay_name("
	"  node TEXT NOT NULL REFERENCES node(name) ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  owner BLOB NOT NULL,"
	"  last_used INTEGER NOT NULL,"
	"  PRIMARY KEY(node, name));",
	"CREATE TABLE stray_secret(" /* in files of vaults, to be removed: stray.h */
	"  path TEXT NOT NULL,"
	"  public_key BLOB NOT NULL,"
	"  PRIMARY KEY(path, public_key));",
	"CREATE TABLE known_history("
	"  identifier BLOB PRIMARY KEY NOT NULL,"
	"  history BLOB NOT NULL);",
};

enum { LATEST = sizeof steps / sizeof *steps };

int64_t schema_latest(void)
{
	return LATEST;
}

int schema_version(struct db *db, int64_t *out)
{
	return db_int(db, out, 0, "PRAGMA user_version", "");
}

/* An empty file is ours to fill; one with tables but without a version is somebody else's. */
static int check_version(struct db *db, int64_t version)
{
	int64_t tables = 0;
	if (version > LATEST)
		return home_fail(db->home, -EIO,
			"the database %s was written by a newer ockam (format %lld, this one knows "
			"%d); use that version",
			db->path, (long long)version, LATEST);
	int rc = version ? 0 : db_int(db, &tables, 0, "SELECT count(*) FROM sqlite_master", "");
	if (rc == 0 && (tables || version < 0))
		rc = home_fail(db->home, -EUCLEAN,
			"%s is a database of another program; move it away and try again",
			db->path);
	return rc;
}

static int run_steps(struct db *db)
{
	char pragma[64];
	int64_t version;
	int rc = schema_version(db, &version);
	if (rc == 0)
		rc = check_version(db, version);
	for (; rc == 0 && version < LATEST; version++)
		if (sqlite3_exec(db->sql, steps[version], NULL, NULL, NULL) != SQLITE_OK)
			rc = db_fail(db);
	snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", LATEST);
	return rc < 0 ? rc : db_run(db, pragma, "");
}

int schema_update(struct db *db)
{
	int64_t version;
	int rc = schema_version(db, &version);
	if (rc == 0)
		rc = check_version(db, version);
	if (rc < 0 || version == LATEST)
		return rc;
	if (sqlite3_exec(db->sql, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(db);
	rc = db_begin(db);
	if (rc < 0)
		return rc;
	rc = db_end(db, run_steps(db));
	return rc < 0 ? rc : 0;
}
