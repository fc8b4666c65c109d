// SPDX-License-Identifier: Apache-2.0
#include "place.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 16 };

char place_base[PATH_MAX / 4], place_home[PATH_MAX / 3], place_v1[PATH_MAX / 3],
	place_v2[PATH_MAX / 3];

void fail(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("FAIL: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

void place_init(void)
{
	const char *where = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(place_base, sizeof place_base, "%s/storage_test.XXXXXX", where);
	if (!mkdtemp(place_base))
		fail("mkdtemp");
	snprintf(place_home, sizeof place_home, "%s/a/home", place_base);
	snprintf(place_v1, sizeof place_v1, "%s/v1", place_base);
	snprintf(place_v2, sizeof place_v2, "%s/v2", place_base);
}

struct saved {
	char path[PATH_MAX];
	uint8_t *content; /* NULL: a directory */
	size_t len;
};
static struct saved saved[FILES];
static unsigned saved_n;

void place_clear(void)
{
	char command[PATH_MAX + 32];
	snprintf(command, sizeof command, "rm -rf '%s'/*", place_base);
	if (system(command))
		fail("%s", command);
}

static void save_below(const char *at)
{
	DIR *d = opendir(at);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		if (e->d_name[0] == '.')
			continue;
		if (saved_n == FILES)
			fail("too many files to save");
		struct saved *s = &saved[saved_n++];
		if (snprintf(s->path, sizeof s->path, "%s/%s", at, e->d_name) >=
				(int)sizeof s->path ||
			stat(s->path, &st) < 0)
			fail("%s", s->path);
		s->content = NULL;
		if (S_ISDIR(st.st_mode)) {
			save_below(s->path);
			continue;
		}
		FILE *f = fopen(s->path, "rb");
		s->len = (size_t)st.st_size;
		s->content = malloc(s->len + 1);
		if (!f || !s->content || fread(s->content, 1, s->len, f) != s->len)
			fail("%s", s->path);
		fclose(f);
	}
	closedir(d);
}

void place_save(void)
{
	for (unsigned i = 0; i < saved_n; i++)
		free(saved[i].content);
	saved_n = 0;
	save_below(place_base);
}

static void empty_below(const char *at)
{
	char path[PATH_MAX];
	DIR *d = opendir(at);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
			snprintf(path, sizeof path, "%s/%s", at, e->d_name) >= (int)sizeof path)
			continue;
		if (unlink(path) < 0) {
			empty_below(path);
			rmdir(path);
		}
	}
	if (d)
		closedir(d);
}

void place_restore(void)
{
	empty_below(place_base);
	for (unsigned i = 0; i < saved_n; i++) {
		const struct saved *s = &saved[i];
		if (!s->content) {
			mkdir(s->path, 0700);
			continue;
		}
		int fd = open(s->path, O_CREAT | O_WRONLY, 0600);
		if (fd < 0 || write(fd, s->content, s->len) != (ssize_t)s->len)
			fail("%s", s->path);
		close(fd);
	}
}

void place_fini(void)
{
	empty_below(place_base);
	rmdir(place_base);
}
