// SPDX-License-Identifier: Apache-2.0
/* The calls are defined here under both of their names, with and without 64. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS = 1024, FILES = 32, WRITES = 4096, ENTRIES = 256, SECTOR = 512 };

/* A change of a file that was not synced. */
struct change {
	uint8_t *data; /* NULL: the size became `off` */
	size_t off, len;
};

struct file {
	char path[PATH_MAX];
	bool dirty, gone;
	uint8_t *synced; /* what is safe, from the first change after a sync on */
	size_t synced_len;
	struct change change[WRITES];
	unsigned n;
};

/* A change of a directory that was not synced: made, or removed with what was in it. */
struct entry {
	char path[PATH_MAX];
	bool removed, directory;
	uint8_t *content;
	size_t len;
};

static struct {
	bool armed, cut;
	const char *failed;
	char below[PATH_MAX];
	unsigned at, calls, seed;
	int err;
	enum disk_loss loss;
	int fd_file[FDS]; /* index + 1 */
	struct file file[FILES];
	unsigned files;
	struct entry entry[ENTRIES];
	unsigned entries;
} disk;

static unsigned dice(void)
{
	disk.seed = disk.seed * 1103515245 + 12345;
	return disk.seed >> 16;
}

static void arm(const char *below, unsigned n)
{
	disk.armed = true;
	disk.at = n;
	snprintf(disk.below, sizeof disk.below, "%s", below);
}

void disk_arm_error(const char *below, unsigned n, int err)
{
	disk.err = err;
	arm(below, n);
}

void disk_arm_cut(const char *below, unsigned n, enum disk_loss loss, unsigned seed)
{
	disk.cut = true;
	disk.loss = loss;
	disk.seed = seed;
	arm(below, n);
}

unsigned disk_calls(void)
{
	return disk.calls;
}

const char *disk_failed(void)
{
	return disk.failed;
}

static int sys_open(const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static void die(const char *what)
{
	fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
	_exit(98);
}

static uint8_t *read_all(int fd, size_t *len)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		die("fstat");
	uint8_t *p = malloc((size_t)st.st_size + 1);
	if (!p || pread(fd, p, (size_t)st.st_size, 0) != st.st_size)
		die("pread");
	*len = (size_t)st.st_size;
	return p;
}

static void put_file(const char *path, const uint8_t *p, size_t len)
{
	int fd = sys_open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || syscall(SYS_write, fd, p, len) != (long)len)
		die(path);
	syscall(SYS_close, fd);
}

/* What came of one write: whole, nothing, or some sectors. */
static void apply_change(uint8_t *image, size_t *len, const struct change *c)
{
	unsigned fate = disk.loss == DISK_LOSE ? 1 : dice() % 3;
	if (!c->data) {
		if (fate != 1) {
			if (c->off > *len)
				memset(image + *len, 0, c->off - *len);
			*len = c->off;
		}
		return;
	}
	for (size_t at = 0, n; at < c->len; at += n) {
		n = SECTOR - (c->off + at) % SECTOR;
		n = n < c->len - at ? n : c->len - at;
		if (fate == 1 || (fate == 2 && dice() % 2))
			continue;
		if (c->off + at > *len)
			memset(image + *len, 0, c->off + at - *len);
		memcpy(image + c->off + at, c->data + at, n);
		if (c->off + at + n > *len)
			*len = c->off + at + n;
	}
}

static void lose_changes(struct file *f)
{
	size_t len = f->synced_len, cap = len;
	for (unsigned i = 0; i < f->n; i++)
		if (f->change[i].off + f->change[i].len > cap)
			cap = f->change[i].off + f->change[i].len;
	uint8_t *image = calloc(1, cap + 1);
	if (!image)
		die("calloc");
	memcpy(image, f->synced, len);
	for (unsigned i = 0; i < f->n; i++)
		apply_change(image, &len, &f->change[i]);
	put_file(f->path, image, len);
	free(image);
}

/* The entries of directories are lost from the last one back. */
static void lose_entries(void)
{
	unsigned keep = disk.loss == DISK_LOSE ? 0 : dice() % (disk.entries + 1);
	while (disk.entries > keep) {
		struct entry *e = &disk.entry[--disk.entries];
		if (e->removed)
			put_file(e->path, e->content, e->len);
		else if (!e->directory)
			syscall(SYS_unlinkat, AT_FDCWD, e->path, 0);
		else if (syscall(SYS_unlinkat, AT_FDCWD, e->path, AT_REMOVEDIR) < 0) {
			/* what was synced in it is lost with it */
			char command[PATH_MAX + 16];
			snprintf(command, sizeof command, "rm -rf '%s'", e->path);
			disk.armed = false;
			if (system(command))
				die("rm");
		}
	}
}

void disk_cut(void)
{
	for (unsigned i = 0; disk.loss != DISK_KEEP && i < disk.files; i++)
		if (disk.file[i].dirty && !disk.file[i].gone)
			lose_changes(&disk.file[i]);
	if (disk.loss != DISK_KEEP)
		lose_entries();
	_exit(DISK_CUT_STATUS);
}

/* True when this call has to fail; errno is set. */
static bool strike(const char *call)
{
	if (++disk.calls != disk.at)
		return false;
	if (disk.cut)
		disk_cut();
	disk.failed = call;
	errno = disk.err;
	return true;
}

static bool is_ours(const char *path)
{
	return disk.armed && !strncmp(path, disk.below, strlen(disk.below));
}

static struct file *file_of(int fd)
{
	return disk.armed && fd >= 0 && fd < FDS && disk.fd_file[fd]
		       ? &disk.file[disk.fd_file[fd] - 1]
		       : NULL;
}

static void forget(struct file *f)
{
	for (unsigned i = 0; i < f->n; i++)
		free(f->change[i].data);
	free(f->synced);
	f->synced = NULL;
	f->n = 0;
	f->dirty = false;
}

static struct file *file_by_path(const char *path)
{
	for (unsigned i = 0; i < disk.files; i++)
		if (!disk.file[i].gone && !strcmp(disk.file[i].path, path))
			return &disk.file[i];
	if (disk.files == FILES)
		die("too many files");
	struct file *f = &disk.file[disk.files++];
	snprintf(f->path, sizeof f->path, "%s", path);
	return f;
}

static void add_entry(const char *path, bool removed, bool directory, uint8_t *content, size_t len)
{
	if (disk.entries == ENTRIES)
		die("too many entries");
	struct entry *e = &disk.entry[disk.entries++];
	*e = (struct entry){
		.removed = removed, .directory = directory, .content = content, .len = len};
	snprintf(e->path, sizeof e->path, "%s", path);
}

static bool is_in(const char *path, const char *directory)
{
	size_t n = strlen(directory);
	return !strncmp(path, directory, n) && path[n] == '/' && !strchr(path + n + 1, '/');
}

static void sync_directory(const char *directory)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < disk.entries; i++)
		if (!is_in(disk.entry[i].path, directory))
			disk.entry[kept++] = disk.entry[i];
	disk.entries = kept;
}

static void changed(struct file *f, int fd, const void *data, size_t len, size_t off)
{
	if (strlen(f->path) > 4 && !strcmp(f->path + strlen(f->path) - 4, "-shm"))
		return; /* made anew by whoever opens the database first */
	if (!f->dirty)
		f->synced = read_all(fd, &f->synced_len);
	f->dirty = true;
	if (f->n == WRITES)
		die("too many writes");
	struct change *c = &f->change[f->n++];
	*c = (struct change){.off = off, .len = data ? len : 0};
	if (data) {
		c->data = malloc(len + 1);
		if (!c->data)
			die("malloc");
		memcpy(c->data, data, len);
	}
}

/* The calls. */

static int do_open(const char *path, int flags, mode_t mode)
{
	bool writes = is_ours(path) && (flags & O_ACCMODE) != O_RDONLY;
	struct stat st;
	bool there = writes && !stat(path, &st);
	if (writes && !there && strike("open")) /* opening what is there changes nothing */
		return -1;
	int fd = sys_open(path, flags, mode);
	if (fd < 0 || fd >= FDS || !is_ours(path))
		return fd;
	if (writes && !there)
		add_entry(path, false, false, NULL, 0);
	disk.fd_file[fd] = (int)(file_by_path(path) - disk.file) + 1;
	return fd;
}

#define MODE(flags, mode)                                                                          \
	do {                                                                                       \
		if ((flags)&O_CREAT) {                                                             \
			va_list ap;                                                                \
			va_start(ap, flags);                                                       \
			mode = va_arg(ap, mode_t);                                                 \
			va_end(ap);                                                                \
		}                                                                                  \
	} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE(flags, mode);
	return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE(flags, mode);
	return do_open(path, flags, mode);
}

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return do_open(path, flags, 0);
}

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags)
{
	return do_open(path, flags, 0);
}

int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		disk.fd_file[fd] = 0;
	return (int)syscall(SYS_close, fd);
}

static ssize_t do_pwrite(int fd, const void *p, size_t n, off_t off)
{
	struct file *f = file_of(fd);
	if (f && strike("pwrite"))
		return -1;
	if (f)
		changed(f, fd, p, n, (size_t)off);
	return syscall(SYS_pwrite64, fd, p, n, off);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	return do_pwrite(fd, p, n, off);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	return do_pwrite(fd, p, n, off);
}

ssize_t write(int fd, const void *p, size_t n)
{
	struct file *f = file_of(fd);
	if (f && strike("write"))
		return -1;
	if (f)
		changed(f, fd, p, n, (size_t)lseek(fd, 0, SEEK_CUR));
	return syscall(SYS_write, fd, p, n);
}

static int do_sync(int fd)
{
	struct file *f = file_of(fd);
	struct stat st;
	if (!f)
		return 0;
	if (strike("fsync"))
		return -1;
	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		sync_directory(f->path);
	else
		forget(f);
	return 0;
}

int fsync(int fd)
{
	return do_sync(fd);
}

int fdatasync(int fd)
{
	return do_sync(fd);
}

static int do_truncate(int fd, off_t len)
{
	struct file *f = file_of(fd);
	if (f && strike("ftruncate"))
		return -1;
	if (f)
		changed(f, fd, NULL, 0, (size_t)len);
	return (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate(int fd, off_t len)
{
	return do_truncate(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	return do_truncate(fd, len);
}

int unlink(const char *path)
{
	struct stat st;
	if (is_ours(path) && !lstat(path, &st)) {
		if (strike("unlink"))
			return -1;
		struct file *f = file_by_path(path);
		int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
		size_t len = 0;
		uint8_t *content = fd < 0 ? NULL : read_all(fd, &len);
		if (f->dirty && disk.loss == DISK_LOSE) { /* it comes back as it was synced */
			free(content);
			content = malloc(f->synced_len + 1);
			memcpy(content, f->synced, f->synced_len);
			len = f->synced_len;
		}
		if (fd >= 0)
			syscall(SYS_close, fd);
		forget(f);
		f->gone = true;
		add_entry(path, true, false, content, len);
	}
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode)
{
	struct stat st;
	bool makes = is_ours(path) && lstat(path, &st) < 0;
	if (makes && strike("mkdir"))
		return -1;
	int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
	if (makes && rc == 0)
		add_entry(path, false, true, NULL, 0);
	return rc;
}

int rename(const char *from, const char *to)
{
	if (is_ours(from) && strike("rename"))
		return -1;
	return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}
