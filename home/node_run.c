// SPDX-License-Identifier: Apache-2.0
/*
 * Two bytes of `pid` are locked in turn: the first says that the node is taken, the second that the
 * number in the file is that of the holder. So a reader never takes the number of an earlier
 * process for the present one. The locks are of the open file description (F_OFD_SETLK): asking for
 * them takes nothing, and a reader that closes the file does not drop the holder's.
 */
#include "node_config.h"

#include "route.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TAKEN = 0, PUBLISHED = 1, PUBLISH_WAIT_MS = 200, LISTENERS_MAX = 64 << 10 };

static int run_path(
	char dst[static PATH_MAX], const char *home_dir, const char *name, const char *file)
{
	if (!route_name_valid(name))
		return -ENOENT;
	return home_node_path(dst, PATH_MAX, home_dir, "run", name, file);
}

static bool is_locked(int fd, int byte)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static int lock_byte(int fd, int byte)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EEXIST : -errno;
}

static int read_pid(int fd)
{
	char text[16] = "";
	if (pread(fd, text, sizeof text - 1, 0) <= 0)
		return 0;
	long pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

enum node_status node_status(const char *home_dir, const char *name, int *pid)
{
	static const struct timespec ms = {.tv_nsec = 1000000};
	char path[PATH_MAX];
	*pid = 0;
	if (run_path(path, home_dir, name, "pid") < 0)
		return NODE_STOPPED;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NODE_STOPPED;
	bool running = is_locked(fd, TAKEN);
	for (int i = 0; running && i < PUBLISH_WAIT_MS && !is_locked(fd, PUBLISHED); i++) {
		nanosleep(&ms, NULL);
		running = is_locked(fd, TAKEN);
	}
	if (running && is_locked(fd, PUBLISHED))
		*pid = read_pid(fd);
	close(fd);
	return running ? NODE_RUNNING : NODE_STOPPED;
}

static int make_run_directory(const char *home_dir, const char *name)
{
	char path[PATH_MAX];
	int rc = run_path(path, home_dir, name, NULL);
	if (rc < 0)
		return rc;
	char *slash = strrchr(path, '/');
	*slash = 0;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	*slash = '/';
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* True while `path` still names the file behind fd: another command may have removed the directory.
 */
static bool same_file(int fd, const char *path)
{
	struct stat a, b;
	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int node_lock(const char *home_dir, const char *name)
{
	char path[PATH_MAX], text[16];
	int rc = run_path(path, home_dir, name, "pid");
	if (rc == 0)
		rc = make_run_directory(home_dir, name);
	if (rc < 0)
		return rc;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	rc = lock_byte(fd, TAKEN);
	if (rc == 0 && (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n))
		rc = errno ? -errno : -EIO;
	if (rc == 0)
		rc = lock_byte(fd, PUBLISHED);
	if (rc == 0 && !same_file(fd, path))
		rc = -EEXIST;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* The listeners file as one text, or NULL and a negative errno. */
static char *read_listeners(const char *home_dir, const char *name, int *err)
{
	char path[PATH_MAX], *text = NULL;
	struct stat st;
	*err = run_path(path, home_dir, name, "listeners");
	if (*err < 0)
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		*err = -errno;
	} else if (st.st_size > LISTENERS_MAX) {
		*err = -EFBIG;
	} else if (!(text = calloc(1, (size_t)st.st_size + 1))) {
		*err = -ENOMEM;
	} else if (read(fd, text, (size_t)st.st_size) != st.st_size) {
		*err = -EIO; /* it is replaced as a whole, never cut */
		free(text);
		text = NULL;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static bool node_has_directory(const char *home_dir, const char *name)
{
	static const char *const kinds[] = {"run", "nodes"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!home_node_path(path, sizeof path, home_dir, kinds[i], name, NULL) &&
			!access(path, F_OK))
			return true;
	return false;
}

int node_listener(const char *home_dir, const char *name, char *dst, size_t cap)
{
	int pid, err;
	if (!route_name_valid(name) || !node_has_directory(home_dir, name))
		return -ENOENT;
	if (node_status(home_dir, name, &pid) != NODE_RUNNING)
		return -ESRCH;
	char *text = read_listeners(home_dir, name, &err);
	if (!text)
		return err == -ENOENT ? -ENODATA : err;
	size_t len = strcspn(text, "\n");
	int rc = !len ? -ENODATA : len >= cap ? -ENAMETOOLONG : 0;
	if (rc == 0) {
		memcpy(dst, text, len);
		dst[len] = 0;
	}
	free(text);
	return rc;
}

static int each_line(
	char *text, const char *name, int (*fn)(void *ctx, const char *, const char *), void *ctx)
{
	int rc = 0;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line && rc == 0;
		line = strtok_r(NULL, "\n", &save))
		rc = fn(ctx, name, line);
	return rc;
}

int node_listeners_each(
	const char *home_dir, int (*fn)(void *ctx, const char *node, const char *route), void *ctx)
{
	char path[PATH_MAX];
	int rc = 0, pid, err;
	if (snprintf(path, sizeof path, "%s/run", home_dir) >= (int)sizeof path)
		return -ENAMETOOLONG;
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *e; rc == 0 && (e = readdir(dir));) {
		if (e->d_name[0] == '.' || node_status(home_dir, e->d_name, &pid) != NODE_RUNNING)
			continue;
		char *text = read_listeners(home_dir, e->d_name, &err);
		if (text)
			rc = each_line(text, e->d_name, fn, ctx);
		free(text);
	}
	closedir(dir);
	return rc;
}

static int write_lines(int fd, const char *const *lines, unsigned n)
{
	FILE *f = fdopen(fd, "w");
	if (!f) {
		int err = errno;
		close(fd);
		return -err;
	}
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s\n", lines[i]);
	bool bad = ferror(f);
	if (fclose(f) || bad)
		return -(errno ? errno : EIO);
	return 0;
}

int node_publish_listeners(
	const char *home_dir, const char *name, const char *const *routes, unsigned n)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	int rc = run_path(path, home_dir, name, "listeners");
	if (rc == 0)
		rc = run_path(fresh, home_dir, name, "listeners.new");
	if (rc == 0)
		rc = make_run_directory(home_dir, name);
	if (rc < 0)
		return rc;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = write_lines(fd, routes, n);
	if (rc == 0 && rename(fresh, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(fresh);
	return rc;
}
