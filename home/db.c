// SPDX-License-Identifier: Apache-2.0
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BUSY_MS = 10000 };

int home_fail(struct home *h, int rc, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(h->error, sizeof h->error, fmt, ap);
	va_end(ap);
	return rc;
}

int home_fail_file(struct home *h, int err, const char *verb, const char *path)
{
	switch (err < 0 ? -err : err) {
	case ENOSPC:
	case EDQUOT:
		return home_fail(h, -ENOSPC,
			"cannot %s %s: the disk is full; free some space and try again", verb,
			path);
	case EROFS:
	case EACCES:
	case EPERM:
		return home_fail(h, -EROFS,
			"cannot %s %s: it is read-only or belongs to somebody else; check its "
			"owner and mode",
			verb, path);
	default:
		return home_fail(h, -EIO, "cannot %s %s: %s; check that place and try again", verb,
			path, strerror(err < 0 ? -err : err));
	}
}

/* SQLite tries again read-only when it cannot create a file, and that error hides the first. */
static bool disk_is_full(const char *path)
{
	struct statvfs st;
	return !statvfs(path, &st) && (!st.f_bavail || (st.f_files && !st.f_favail));
}

int db_fail(struct db *db)
{
	int code = sqlite3_errcode(db->sql) & 0xff;
	int err = sqlite3_system_errno(db->sql);
	const char *cause = sqlite3_errmsg(db->sql);
	switch (code) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* a table or column that is not there */
		return home_fail(db->home, -EUCLEAN,
			"the database %s is damaged (%s); restore it from a copy, or start anew "
			"with `ockam reset`",
			db->path, cause);
	case SQLITE_FULL:
		return home_fail_file(db->home, ENOSPC, "write", db->path);
	case SQLITE_CANTOPEN:
		return home_fail_file(db->home,
			disk_is_full(db->path) ? ENOSPC
			: err		       ? err
					       : EROFS,
			"open", db->path);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return home_fail_file(db->home, EROFS, "write", db->path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return home_fail(db->home, -EBUSY,
			"the database %s is locked by another program; try again when that is done",
			db->path);
	case SQLITE_IOERR:
		return home_fail_file(db->home,
			err			 ? err
			: disk_is_full(db->path) ? ENOSPC
						 : EIO,
			"read or write", db->path);
	case SQLITE_NOMEM:
		return home_fail(db->home, -ENOMEM, "out of memory");
	case SQLITE_CONSTRAINT:
		return home_fail(db->home, -EEXIST, "%s holds that already (%s)", db->path, cause);
	default:
		return home_fail(db->home, -EIO, "the database %s failed: %s", db->path, cause);
	}
}

/* Appends path to a "file:" URI. */
static bool uri_escape(char *dst, size_t cap, const char *path)
{
	size_t n = strlen(dst);
	for (; *path; path++) {
		const char *shape = strchr("?#%", *path) ? "%%%02X" : "%c";
		int k = snprintf(dst + n, cap - n, shape, (unsigned char)*path);
		if (k < 0 || (size_t)k >= cap - n)
			return false;
		n += (size_t)k;
	}
	return true;
}

bool db_writable(const char *path)
{
	char dir[PATH_MAX];
	if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
		return false;
	char *slash = strrchr(dir, '/');
	*(slash && slash != dir ? slash : dir + 1) = 0;
	return !faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) &&
	       !faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS);
}

int db_sync_parent(const char *path)
{
	char parent[PATH_MAX];
	snprintf(parent, sizeof parent, "%s", path);
	char *slash = strrchr(parent, '/');
	slash[slash == parent] = 0;
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : -errno; /* one that we may enter and not read */
	int rc = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
	close(fd);
	return rc;
}

bool db_wal_is_empty(const struct db *db)
{
	char wal[PATH_MAX + 8];
	struct stat st;
	snprintf(wal, sizeof wal, "%s-wal", db->path);
	return stat(wal, &st) < 0 || st.st_size == 0;
}

/*
 * A place that we may not write has no room for the write-ahead log's index either. When there is
 * no log, nobody is writing, and the file is taken as it is.
 */
static int open_unwritable(struct db *db)
{
	char uri[3 * PATH_MAX + 32] = "file:";
	bool fits = uri_escape(uri, sizeof uri - sizeof "?immutable=1", db->path);
	if (fits && db_wal_is_empty(db))
		strcat(uri, "?immutable=1");
	return sqlite3_open_v2(fits ? uri : db->path, &db->sql,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | (fits ? SQLITE_OPEN_URI : 0), NULL);
}

/* Reading goes by a writable connection too, where possible: it leaves no log files behind. */
static int open_file(struct db *db)
{
	if (db->read_only && !db_writable(db->path))
		return open_unwritable(db);
	return sqlite3_open_v2(
		db->path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
}

/*
 * EXTRA, for the files of vaults, which have no write-ahead log: with FULL a power cut right after
 * a commit can bring back the journal that undoes it.
 */
int db_open(struct db *db)
{
	static const char settings[] = "PRAGMA synchronous=EXTRA;PRAGMA foreign_keys=ON;"
				       "PRAGMA secure_delete=ON;";
	int rc = open_file(db);
	if (!db->sql)
		return home_fail(db->home, -ENOMEM, "out of memory");
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK && db->read_only)
		rc = sqlite3_exec(db->sql, "PRAGMA query_only=ON;", NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_fail(db);
}

void db_close(struct db *db)
{
	sqlite3_close(db->sql);
	db->sql = NULL;
}

static int bind(sqlite3_stmt *st, const char *types, va_list ap)
{
	int rc = SQLITE_OK;
	for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
		if (*types == 't') {
			rc = sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		} else if (*types == 'i') {
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		} else {
			const void *p = va_arg(ap, const void *);
			rc = sqlite3_bind_blob64(st, i, p, va_arg(ap, size_t), SQLITE_STATIC);
		}
	}
	return rc;
}

static int prepare(struct db *db, sqlite3_stmt **st, const char *sql, const char *types, va_list ap)
{
	*st = NULL;
	if (!db->sql)
		return -ENOENT;
	if (sqlite3_prepare_v2(db->sql, sql, -1, st, NULL) == SQLITE_OK &&
		bind(*st, types, ap) == SQLITE_OK)
		return 0;
	int rc = db_fail(db);
	sqlite3_finalize(*st);
	*st = NULL;
	return rc;
}

int db_prepare(struct db *db, sqlite3_stmt **st, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	int rc = prepare(db, st, sql, types, ap);
	va_end(ap);
	return rc;
}

int db_step(struct db *db, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_fail(db);
}

int db_run(struct db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	if (!db->sql || db->read_only)
		return home_fail(
			db->home, -EROFS, "cannot write %s: it was opened read-only", db->path);
	va_start(ap, types);
	int rc = prepare(db, &st, sql, types, ap);
	va_end(ap);
	if (rc < 0)
		return rc;
	rc = db_step(db, st);
	sqlite3_finalize(st);
	return rc < 0 ? rc : sqlite3_changes(db->sql);
}

int db_int(struct db *db, int64_t *out, int64_t dflt, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	va_start(ap, types);
	int rc = prepare(db, &st, sql, types, ap);
	va_end(ap);
	if (rc == 0)
		rc = db_step(db, st);
	if (rc >= 0)
		*out = rc ? sqlite3_column_int64(st, 0) : dflt;
	sqlite3_finalize(st);
	if (rc == -ENOENT)
		*out = dflt;
	return rc > 0 || rc == -ENOENT ? 0 : rc;
}

int db_begin(struct db *db)
{
	int rc = db_run(db, "BEGIN IMMEDIATE", "");
	return rc < 0 ? rc : 0;
}

int db_end(struct db *db, int rc)
{
	if (rc >= 0) {
		int done = db_run(db, "COMMIT", "");
		if (done >= 0)
			return rc;
		rc = done;
	}
	if (!sqlite3_get_autocommit(db->sql))
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

void db_text(sqlite3_stmt *st, int column, char *dst, size_t cap)
{
	const unsigned char *text = sqlite3_column_text(st, column);
	snprintf(dst, cap, "%s", text ? (const char *)text : "");
}

static int names_add(struct db_names *names, const unsigned char *text)
{
	char **more = reallocarray(names->name, names->n + 1, sizeof *more);
	if (!more)
		return -ENOMEM;
	names->name = more;
	names->name[names->n] = strdup(text ? (const char *)text : "");
	if (!names->name[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

int db_names(struct db *db, struct db_names *out, const char *sql, const char *types, ...)
{
	struct db_names names = {0};
	sqlite3_stmt *st;
	va_list ap;
	va_start(ap, types);
	int rc = prepare(db, &st, sql, types, ap);
	va_end(ap);
	while (rc == 0 && (rc = db_step(db, st)) > 0) {
		rc = names_add(&names, sqlite3_column_text(st, 0));
		if (rc < 0)
			home_fail(db->home, rc, "out of memory");
	}
	sqlite3_finalize(st);
	if (rc < 0 && rc != -ENOENT) {
		db_names_fini(&names);
		return rc;
	}
	*out = names;
	return 0;
}

void db_names_fini(struct db_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct db_names){0};
}
