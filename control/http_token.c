// SPDX-License-Identifier: Apache-2.0
/* The token of the HTTP server: 32 random bytes, in hexadecimal digits, in a file of the node. */
#include "http_guard.h"

#include "hex.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGITS = 64 };

/* 0, or -EACCES: others could have read it, or put it there. */
static int check_owner(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077) ? 0 : -EACCES;
}

static int token_read(const char *path, struct secret32 *out)
{
	char text[DIGITS + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ELOOP ? -EACCES : -errno;
	int rc = check_owner(fd);
	ssize_t n = rc < 0 ? rc : read(fd, text, sizeof text);
	close(fd);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (rc == 0)
		rc = n == DIGITS && hex_decode(out->b, sizeof out->b, text, DIGITS) > 0 ? 0
											: -EBADMSG;
	secret_wipe(text, sizeof text);
	return rc;
}

/* Whole or not at all: a file of another name that gets the right one. */
static int token_write(const char *path, const struct secret32 *token)
{
	char text[DIGITS + 2], fresh[PATH_MAX + 8];
	int rc = 0;
	snprintf(fresh, sizeof fresh, "%s.new", path);
	unlink(fresh);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	hex_encode(text, token->b, sizeof token->b);
	text[DIGITS] = '\n';
	ssize_t n = write(fd, text, DIGITS + 1);
	secret_wipe(text, sizeof text);
	if (n != DIGITS + 1 || fsync(fd) < 0 || rename(fresh, path) < 0)
		rc = n >= 0 && n != DIGITS + 1 ? -ENOSPC : -errno;
	close(fd);
	if (rc < 0)
		unlink(fresh);
	return rc;
}

int http_token_load(const char *path, struct secret32 *out, struct reason *why)
{
	int rc = token_read(path, out);
	if (rc == -ENOENT) {
		randombytes_buf(out->b, sizeof out->b);
		rc = token_write(path, out);
	}
	if (rc == 0)
		return 0;
	secret_wipe(out, sizeof *out);
	if (rc == -EACCES || rc == -EBADMSG)
		*why = reason_make(EXIT_CONFIG,
			"%.200s is no token that only this user can read: remove it, and a new one "
			"is made",
			path);
	else
		*why = reason_make(
			EXIT_IO, "the token %.200s cannot be kept: %s", path, strerror(-rc));
	return rc;
}
