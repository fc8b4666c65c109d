// SPDX-License-Identifier: Apache-2.0
#include "log_follow.h"

#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLL_MS = 200 };

/* 1 when something was copied, 0 at the end, negative errno of stdout. */
static int copy(int fd)
{
	char buf[16384];
	ssize_t n = read(fd, buf, sizeof buf);
	for (char *p = buf; n > 0;) {
		ssize_t w = write(STDOUT_FILENO, p, (size_t)n);
		if (w < 0 && errno != EINTR)
			return -errno;
		p += w > 0 ? w : 0;
		n -= w > 0 ? w : 0;
		if (n == 0)
			return 1;
	}
	return 0;
}

/* True when the name means another file now, or the file was cut. */
static bool was_rotated(int fd, const char *path)
{
	struct stat open_file, named;
	if (fstat(fd, &open_file) < 0 || stat(path, &named) < 0)
		return false;
	return open_file.st_ino != named.st_ino || lseek(fd, 0, SEEK_CUR) > open_file.st_size;
}

int log_follow(const struct cli *c, const char *path)
{
	int fd = -1;
	for (;;) {
		if (fd < 0)
			fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return cli_fail(c, CLI_IO, "could not read %s: %s", path, strerror(errno));
		int rc = fd < 0 ? 0 : copy(fd);
		if (rc < 0) {
			close(fd);
			return rc == -EPIPE
				       ? CLI_OK
				       : cli_fail(c, CLI_IO, "could not write: %s", strerror(-rc));
		}
		if (rc > 0)
			continue;
		if (fd >= 0 && was_rotated(fd, path)) {
			close(fd);
			fd = -1;
			continue;
		}
		progress_wait(-1, 0, progress_now() + POLL_MS);
	}
}
