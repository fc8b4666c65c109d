// SPDX-License-Identifier: Apache-2.0
#include "db.h"
#include "db_memory.h"
#include "schema.h"
#include "stray.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOCKET_PATH_MAX = 107 };

int home_directory(char *dst, size_t cap)
{
	char cwd[PATH_MAX] = "";
	const char *dir = getenv("OCKAM_HOME"), *below = "";
	if (!dir || !*dir) {
		dir = getenv("HOME");
		below = "/.ockam";
	}
	if (!dir || !*dir)
		return -ENOENT;
	if (*dir != '/' && !getcwd(cwd, sizeof cwd))
		return -errno;
	size_t len = strlen(dir);
	while (len > 1 && dir[len - 1] == '/')
		len--;
	int n = snprintf(dst, cap, "%s%s%.*s%s", cwd, *cwd ? "/" : "", (int)len, dir, below);
	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

int home_node_path(char *dst, size_t cap, const char *dir, const char *kind, const char *node,
	const char *file)
{
	static const char longest_socket[] = "control.sock";
	size_t tail = file && strlen(file) > strlen(longest_socket) ? strlen(file)
								    : strlen(longest_socket);
	int n = snprintf(
		dst, cap, "%s/%s/%s%s%s", dir, kind, node, file ? "/" : "", file ? file : "");
	if (n < 0 || (size_t)n >= cap)
		return -ENAMETOOLONG;
	if (!strcmp(kind, "run") &&
		strlen(dir) + strlen("/run//") + strlen(node) + tail > SOCKET_PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

/* mkdir -p, each new directory 0700. */
static int make_directories(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	snprintf(path, sizeof path, "%s", dir);
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char end = *p;
		*p = 0;
		int err = mkdir(path, 0700) < 0 ? errno : 0;
		if (err && err != EEXIST && stat(path, &st) < 0)
			return -err;
		int rc = err ? 0 : db_sync_parent(path);
		if (rc < 0)
			return rc;
		*p = end;
		if (!end)
			break;
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/*
 * Creates the file before SQLite does, so that it is 0600 from its first moment. Only who created
 * it closes a descriptor of it: closing one drops all locks that this process has on the file.
 */
static int make_file(struct db *db)
{
	struct stat st;
	int fd = open(db->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		close(fd);
		int rc = db_sync_parent(db->path);
		return rc < 0 ? home_fail_file(db->home, rc, "create", db->path) : 0;
	}
	if (errno != EEXIST)
		return home_fail_file(db->home, errno, "create", db->path);
	if (!stat(db->path, &st) && st.st_mode & 077 && st.st_uid == geteuid())
		chmod(db->path, 0600);
	return 0;
}

/* One process at a time makes the file and switches it to WAL, which SQLite's time-out does not
 * cover. */
static int make_database(struct home *h)
{
	int lock = open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	if (lock < 0)
		return home_fail_file(h, errno, "open", h->dir);
	do
		rc = flock(lock, LOCK_EX);
	while (rc < 0 && errno == EINTR);
	rc = rc < 0 ? home_fail_file(h, errno, "lock", h->dir) : make_file(&h->db);
	if (rc == 0)
		rc = db_open(&h->db);
	if (rc == 0)
		rc = schema_update(&h->db);
	close(lock);
	return rc;
}

static int open_writable(struct home *h)
{
	struct stat st;
	int64_t version = 0;
	int rc = make_directories(h->dir);
	if (rc < 0)
		return home_fail_file(h, rc, "create", h->dir);
	if (!stat(h->db.path, &st) && st.st_size && !(st.st_mode & 077)) {
		if (!db_writable(h->db.path))
			return home_fail_file(h, EROFS, "write", h->db.path);
		rc = db_open(&h->db);
		if (rc == 0)
			rc = schema_version(&h->db, &version);
		if (rc < 0 || version == schema_latest())
			return rc;
		db_close(&h->db);
	}
	return make_database(h);
}

/* A database that is not there, or empty, reads as a home without anything. */
static int open_readable(struct home *h)
{
	struct stat st;
	int64_t version = 0;
	h->db.read_only = true;
	if (stat(h->db.path, &st) < 0)
		return errno == ENOENT ? 0 : home_fail_file(h, errno, "open", h->db.path);
	if (!st.st_size && db_wal_is_empty(&h->db))
		return 0;
	int rc = db_open(&h->db);
	if (rc == 0)
		rc = schema_version(&h->db, &version);
	if (rc < 0 || version == schema_latest())
		return rc;
	db_close(&h->db);
	if (!version)
		return 0;
	h->db.read_only =
		false; /* of an older version: brought up to date, which changes no content */
	return make_database(h);
}

int home_open(struct home **out, const char *dir, enum home_mode mode)
{
	struct home *h = calloc(1, sizeof *h);
	*out = h;
	if (!h)
		return -ENOMEM;
	h->db.home = h;
	db_memory_init();
	int n = snprintf(h->dir, sizeof h->dir, "%s", dir);
	int k = snprintf(h->db.path, sizeof h->db.path, "%s/database.sqlite3", dir);
	if (n >= (int)sizeof h->dir || k >= (int)sizeof h->db.path)
		return home_fail_file(h, ENAMETOOLONG, "open", "the home");
	int rc = mode == HOME_WRITE ? open_writable(h) : open_readable(h);
	if (rc < 0)
		db_close(&h->db);
	else if (mode == HOME_WRITE)
		stray_sweep(h);
	return rc;
}

void home_close(struct home *h)
{
	if (!h)
		return;
	db_close(&h->db);
	free(h);
}

const char *home_error(const struct home *h)
{
	return h ? h->error : "out of memory";
}

const char *home_dir(const struct home *h)
{
	return h->dir;
}
