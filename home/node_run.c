// SPDX-License-Identifier: Apache-2.0
/* The directory run/NAME: who lives there, and where it listens. */
#include "node_config.h"

#include "route.h"
#include "run_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTENERS_MAX = 64 << 10 };

static int run_path(
	char dst[static PATH_MAX], const char *home_dir, const char *name, const char *file)
{
	if (!route_name_valid(name))
		return -ENOENT;
	return home_node_path(dst, PATH_MAX, home_dir, "run", name, file);
}

enum node_status node_status(const char *home_dir, const char *name, int *pid)
{
	char path[PATH_MAX];
	*pid = 0;
	if (run_path(path, home_dir, name, "pid") < 0)
		return NODE_STOPPED;
	struct run_lock_holder h = run_lock_holder(path);
	*pid = h.pid;
	if (h.lives)
		return h.ending ? NODE_ENDING : NODE_RUNNING;
	if (node_dataplane_pid(home_dir, name) != 0)
		return NODE_CONTROL_DOWN;
	return run_path(path, home_dir, name, "failed") == 0 && !access(path, F_OK)
		       ? NODE_FAILED
		       : NODE_STOPPED;
}

const char *node_status_word(enum node_status status)
{
	static const char *const words[] = {
		[NODE_STOPPED] = "stopped",
		[NODE_RUNNING] = "running",
		[NODE_ENDING] = "running",
		[NODE_CONTROL_DOWN] = "control down",
		[NODE_FAILED] = "failed",
	};
	return words[status];
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

int node_lock(const char *home_dir, const char *name)
{
	char path[PATH_MAX];
	int rc = run_path(path, home_dir, name, "pid");
	if (rc == 0)
		rc = make_run_directory(home_dir, name);
	if (rc < 0)
		return rc;
	int fd = run_lock_take(path);
	if (fd < 0)
		return fd;
	rc = run_lock_publish(fd, getpid());
	if (rc < 0) {
		close(fd);
		return rc;
	}
	if (run_path(path, home_dir, name, "failed") == 0)
		unlink(path); /* tried again */
	return fd;
}

void node_lock_ending(int fd)
{
	if (fd >= 0)
		run_lock_ending(fd);
}

int node_dataplane_lock(const char *home_dir, const char *name)
{
	char path[PATH_MAX];
	int rc = run_path(path, home_dir, name, "dataplane.pid");
	return rc < 0 ? rc : run_lock_take(path);
}

int node_dataplane_publish(int fd, int pid)
{
	return run_lock_publish(fd, pid);
}

int node_dataplane_pid(const char *home_dir, const char *name)
{
	char path[PATH_MAX];
	if (run_path(path, home_dir, name, "dataplane.pid") < 0)
		return 0;
	struct run_lock_holder h = run_lock_holder(path);
	return !h.lives ? 0 : h.pid ? h.pid : -1;
}

/* One of the node's files as one text, or NULL and a negative errno. */
static char *read_file(const char *home_dir, const char *name, const char *file, int *err)
{
	char path[PATH_MAX], *text = NULL;
	struct stat st;
	*err = run_path(path, home_dir, name, file);
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
	char *text = read_file(home_dir, name, "listeners", &err);
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
		char *text = read_file(home_dir, e->d_name, "listeners", &err);
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

/* Replaces run/NAME/FILE as a whole. */
static int publish(const char *home_dir, const char *name, const char *file,
	const char *const *lines, unsigned n)
{
	char path[PATH_MAX], fresh[PATH_MAX], fresh_name[64];
	snprintf(fresh_name, sizeof fresh_name, "%s.new", file);
	int rc = run_path(path, home_dir, name, file);
	if (rc == 0)
		rc = run_path(fresh, home_dir, name, fresh_name);
	if (rc == 0)
		rc = make_run_directory(home_dir, name);
	if (rc < 0)
		return rc;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = write_lines(fd, lines, n);
	if (rc == 0 && rename(fresh, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(fresh);
	return rc;
}

int node_publish_listeners(
	const char *home_dir, const char *name, const char *const *routes, unsigned n)
{
	return publish(home_dir, name, "listeners", routes, n);
}

int node_set_failed(const char *home_dir, const char *name, const char *why)
{
	return publish(home_dir, name, "failed", &why, 1);
}

void node_clear_failed(const char *home_dir, const char *name)
{
	char path[PATH_MAX];
	if (run_path(path, home_dir, name, "failed") == 0)
		unlink(path);
}

int node_failed_reason(const char *home_dir, const char *name, char *dst, size_t cap)
{
	int err;
	char *text = read_file(home_dir, name, "failed", &err);
	if (!text)
		return err;
	snprintf(dst, cap, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	return 0;
}
