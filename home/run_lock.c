// SPDX-License-Identifier: Apache-2.0
#include "run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TAKEN = 0, PUBLISHED = 1, ENDING = 2, PUBLISH_WAIT_MS = 200 };

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

/* True while `path` still names the file behind fd: another command may have removed the directory.
 */
static bool same_file(int fd, const char *path)
{
	struct stat a, b;
	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int run_lock_take(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int rc = lock_byte(fd, TAKEN);
	if (rc == 0 && !same_file(fd, path))
		rc = -EEXIST;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int run_lock_publish(int fd, int pid)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d\n", pid);
	errno = 0;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return errno ? -errno : -EIO;
	return lock_byte(fd, PUBLISHED);
}

void run_lock_ending(int fd)
{
	lock_byte(fd, ENDING);
}

struct run_lock_holder run_lock_holder(const char *path)
{
	static const struct timespec ms = {.tv_nsec = 1000000};
	struct run_lock_holder h = {.lives = false};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return h;
	h.lives = is_locked(fd, TAKEN);
	for (int i = 0; h.lives && i < PUBLISH_WAIT_MS && !is_locked(fd, PUBLISHED); i++) {
		nanosleep(&ms, NULL);
		h.lives = is_locked(fd, TAKEN);
	}
	if (h.lives && is_locked(fd, PUBLISHED))
		h.pid = read_pid(fd);
	h.ending = h.lives && is_locked(fd, ENDING);
	close(fd);
	return h;
}
