// SPDX-License-Identifier: Apache-2.0
#include "log_rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy(int from, int to, off_t size)
{
	while (size > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size -= n;
	}
	return 0;
}

static int copy_to_old(int from, const char *path, off_t size)
{
	char old[PATH_MAX];
	if (snprintf(old, sizeof old, "%s.1", path) >= (int)sizeof old)
		return -ENAMETOOLONG;
	int to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return -errno;
	int rc = copy(from, to, size);
	close(to);
	return rc;
}

int log_rotate(int fd, const char *path, off_t max)
{
	struct stat open_file, named;
	if (fstat(fd, &open_file) < 0 || !S_ISREG(open_file.st_mode) || open_file.st_size <= max)
		return 0;
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = 0;
	if (fstat(from, &named) == 0 && named.st_ino == open_file.st_ino &&
		named.st_dev == open_file.st_dev) {
		/* emptied even when the disk is too full for the old part: a full disk stops the
		 * node */
		rc = copy_to_old(from, path, named.st_size);
		int flags = fcntl(fd, F_GETFL);
		if (flags >= 0 && !(flags & O_APPEND))
			fcntl(fd, F_SETFL, flags | O_APPEND);
		if (ftruncate(fd, 0) < 0)
			rc = -errno;
		else if (rc == 0)
			rc = 1;
	}
	close(from);
	return rc;
}
