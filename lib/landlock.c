// SPDX-License-Identifier: Apache-2.0
/*
 * The Landlock half of confine.h. Debian's headers know the first versions of the interface only,
 * and libc has no wrappers: structures and numbers are written down here as the kernel's
 * include/uapi/linux/landlock.h has them. What a kernel does not know is left out of what it is
 * asked for.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum fs_access {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_VERSION_1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,	/* version 2 */
	FS_TRUNCATE = 1 << 14,	/* version 3 */
	FS_IOCTL_DEV = 1 << 15, /* version 5 */
	FS_OF_A_FILE = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
};
enum net_access { NET_BIND_TCP = 1, NET_CONNECT_TCP = 2 };	 /* version 4 */
enum scope { SCOPE_ABSTRACT_UNIX_SOCKET = 1, SCOPE_SIGNAL = 2 }; /* version 6 */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_beneath_attr {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));

static long version(void)
{
	return syscall(__NR_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
}

static unsigned lacks(long v)
{
	return (v <= 0 ? CONFINE_LACKS_FILES : 0u) | (v < 4 ? CONFINE_LACKS_TCP : 0u) |
	       (v < 6 ? CONFINE_LACKS_SIGNALS : 0u);
}

unsigned confine_files_lacks(void)
{
	return lacks(version());
}

static uint64_t handled(long v)
{
	return FS_VERSION_1 | (v >= 2 ? FS_REFER : 0) | (v >= 3 ? FS_TRUNCATE : 0) |
	       (v >= 5 ? FS_IOCTL_DEV : 0);
}

#ifdef UNDER_SANITIZER
/* A sanitizer reads what the process maps, and writes its reports where log_path says. */
static void allow_reports(int rules, const char *variable)
{
	const char *options = getenv(variable), *at = options ? strstr(options, "log_path=") : NULL;
	char dir[4096];
	size_t n = at ? strcspn(at + 9, ":") : 0;
	if (!n || n >= sizeof dir)
		return;
	memcpy(dir, at + 9, n);
	dir[n] = 0;
	char *slash = strrchr(dir, '/');
	if (!slash)
		return;
	*slash = 0;
	confine_files_allow(rules, dir, CONFINE_READ | CONFINE_WRITE | CONFINE_CREATE);
}
#endif

int confine_files_new(unsigned reach)
{
	long v = version();
	if (v <= 0)
		return -ENOSYS;
	struct ruleset_attr attr = {.fs = handled(v)};
	size_t size = v < 4 ? 8 : v < 6 ? 16 : 24;
	if (v >= 4 && reach & CONFINE_NO_TCP)
		attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (v >= 6)
		attr.scoped = SCOPE_SIGNAL |
			      (reach & CONFINE_NO_ABSTRACT ? SCOPE_ABSTRACT_UNIX_SOCKET : 0);
	int rules = (int)syscall(__NR_landlock_create_ruleset, &attr, size, 0);
	if (rules < 0)
		return -errno;
#ifdef UNDER_SANITIZER
	confine_files_allow(rules, "/proc", CONFINE_READ);
	confine_files_allow(rules, "/usr", CONFINE_READ);
	confine_files_allow(rules, "/proc/self/exe", CONFINE_READ);
	allow_reports(rules, "ASAN_OPTIONS");
	allow_reports(rules, "UBSAN_OPTIONS");
	allow_reports(rules, "TSAN_OPTIONS");
#endif
	return rules;
}

static uint64_t access_of(unsigned rights)
{
	return (rights & CONFINE_READ ? FS_READ_FILE | FS_READ_DIR : 0) |
	       (rights & CONFINE_EXECUTE ? FS_EXECUTE | FS_READ_FILE : 0) |
	       (rights & CONFINE_WRITE ? FS_WRITE_FILE | FS_TRUNCATE : 0) |
	       (rights & CONFINE_CREATE ? FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR
					: 0) |
	       (rights & CONFINE_SOCKETS ? FS_MAKE_SOCK | FS_REMOVE_FILE : 0);
}

void confine_files_allow(int rules, const char *path, unsigned rights)
{
	struct stat st;
	struct path_beneath_attr rule = {.access = access_of(rights) & handled(version())};
	if (rules < 0)
		return;
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.access &= FS_OF_A_FILE;
	syscall(__NR_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

static int allow_object(struct dl_phdr_info *o, size_t size, void *ctx)
{
	const int *rules = ctx;
	(void)size;
	if (o->dlpi_name[0] == '/')
		confine_files_allow(*rules, o->dlpi_name, CONFINE_READ);
	for (unsigned i = 0; i < o->dlpi_phnum; i++)
		if (o->dlpi_phdr[i].p_type == PT_INTERP)
			confine_files_allow(*rules,
				(const char *)(o->dlpi_addr + o->dlpi_phdr[i].p_vaddr),
				CONFINE_EXECUTE);
	return 0;
}

void confine_files_allow_libraries(int rules)
{
	dl_iterate_phdr(allow_object, &rules);
}

int confine_files_enter(int rules)
{
	if (rules < 0)
		return rules;
	int rc = syscall(__NR_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
	close(rules);
	return rc;
}
