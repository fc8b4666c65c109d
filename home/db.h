/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite as this directory uses it: one connection, arguments by a string of types, result codes as
 * negative errno with a sentence in the home they belong to. Internal to home/.
 *
 * Types of arguments: "t" const char * (NULL: null), "i" int64_t, "b" const void *, size_t. Text
 * and blobs are borrowed until the statement is finalized.
 */
#ifndef OCKAM_DB_H
#define OCKAM_DB_H

#include "home.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdint.h>

struct db {
	sqlite3 *sql;	   /* NULL: there is no database, reads find nothing */
	struct home *home; /* where sentences go */
	bool read_only;
	char path[PATH_MAX];
};

struct home {
	struct db db;
	char dir[PATH_MAX];
	char error[2 * PATH_MAX];
};

/* Sets the sentence and returns rc. */
int home_fail(struct home *h, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same from an errno of a file operation on `path`; `verb` as in "cannot VERB path". */
int home_fail_file(struct home *h, int err, const char *verb, const char *path);

/* True when the file, and the directory it is in, can be written. */
bool db_writable(const char *path);
/* What was made at `path` outlives a power cut when the directory that it is in was synced. */
int db_sync_parent(const char *path);
/* True when no write-ahead log with content lies beside the file. */
bool db_wal_is_empty(const struct db *db);

/* Opens db->path, which must exist when read_only. */
int db_open(struct db *db);
void db_close(struct db *db);
/* The sentence and errno of the connection's last failure. */
int db_fail(struct db *db);

/* A statement; -ENOENT without a sentence when there is no database. */
int db_prepare(struct db *db, sqlite3_stmt **st, const char *sql, const char *types, ...);
/* 1 a row, 0 none left, < 0. */
int db_step(struct db *db, sqlite3_stmt *st);
/* Runs a statement without result: the number of rows it changed, -EEXIST on a broken constraint.
 */
int db_run(struct db *db, const char *sql, const char *types, ...);
/* The first column of the first row; `dflt` without a row. */
int db_int(struct db *db, int64_t *out, int64_t dflt, const char *sql, const char *types, ...);

/* A transaction that holds the write lock from its beginning. db_end commits when rc >= 0, else
 * rolls back; it returns rc or the error of the commit. */
int db_begin(struct db *db);
int db_end(struct db *db, int rc);

/* Copies a text column; "" for null. */
void db_text(sqlite3_stmt *st, int column, char *dst, size_t cap);

/* The first text column of all rows: collected first, so that a callback may write. */
struct db_names {
	char **name;
	size_t n;
};
int db_names(struct db *db, struct db_names *out, const char *sql, const char *types, ...);
void db_names_fini(struct db_names *names);

#endif
