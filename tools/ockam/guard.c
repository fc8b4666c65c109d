// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include "home.h"
#include "progress.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_MS = 20 };

/* The lock counts only when the file is still the one of that name: its last holder may have
 * removed it. */
static bool is_current(int fd, const char *path)
{
	struct stat held, named;
	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
	       held.st_dev == named.st_dev;
}

static int open_lock(const char *path)
{
	char dir[PATH_MAX];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	size_t n = (size_t)(strrchr(path, '/') - path);
	memcpy(dir, path, n);
	dir[n] = 0;
	int rc = tree_make(dir);
	if (rc)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int guard_take(const struct cli *c, const char *node, bool wait)
{
	char path[PATH_MAX];
	int rc = home_node_path(path, sizeof path, c->home, "nodes", node, "lock");
	if (rc < 0)
		return rc;
	for (;;) {
		int fd = open_lock(path);
		if (fd < 0 && fd != -ENOENT)
			return fd;
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_current(fd, path))
			return fd;
		bool held = fd >= 0 && errno == EWOULDBLOCK;
		if (fd >= 0)
			close(fd);
		if (held && !wait)
			return -EWOULDBLOCK;
		if (progress_wait(-1, 0, progress_now() + RETRY_MS) == -EINTR)
			return -EINTR;
	}
}

void guard_drop(int fd)
{
	if (fd >= 0)
		close(fd);
}
