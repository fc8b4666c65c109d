// SPDX-License-Identifier: Apache-2.0
#include "tunnel.h"

#include "load.h"
#include "proc.h"
#include "socket.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ARGS_MAX = 32,
	READY_SECONDS = 20,
	READY_STEP_MS = 20,
	OPEN_TRIES = 2, /* a port may have been taken meanwhile */
	PORT_FIRST = 10000,
	PORTS = 20000,
};

static int open_bare(struct bench *b, struct tunnel *t)
{
	t->port = t->target;
	return 0;
}

const struct tunnel_kind tunnel_bare = {"bare", {"bare TCP", NULL}, {NULL}, open_bare};

const struct tunnel_kind *const tunnel_kinds[] = {
	&tunnel_bare,
	&tunnel_ockam,
	&tunnel_ssh,
	&tunnel_stunnel,
	&tunnel_haproxy,
	&tunnel_socat,
	&tunnel_spiped,
};
const unsigned tunnel_kinds_count = sizeof tunnel_kinds / sizeof *tunnel_kinds;

static bool listed(const char *list, const char *key)
{
	size_t len = strlen(key);
	for (const char *p = list; p; p = strchr(p, ','), p += p != NULL)
		if (!strncmp(p, key, len) && (p[len] == ',' || !p[len]))
			return true;
	return false;
}

bool tunnel_wanted(const char *peers, const struct tunnel_kind *kind)
{
	return kind == &tunnel_bare || kind == &tunnel_ockam || !peers || listed(peers, kind->key);
}

int tunnel_peers_check(const char *peers)
{
	if (!strcmp(peers, "none"))
		return 0;
	for (const char *p = peers; p; p = strchr(p, ','), p += p != NULL) {
		bool known = false;
		for (unsigned i = TUNNEL_PEERS_FROM; i < tunnel_kinds_count; i++) {
			size_t len = strlen(tunnel_kinds[i]->key);
			known |= strcspn(p, ",") == len && !strncmp(p, tunnel_kinds[i]->key, len);
		}
		if (!known)
			return -EINVAL;
	}
	return 0;
}

static int missing(const struct tunnel_kind *kind)
{
	char path[PATH_MAX];
	for (unsigned i = 0; i < sizeof kind->programs / sizeof *kind->programs; i++)
		if (kind->programs[i] && proc_find(kind->programs[i], path, sizeof path) < 0) {
			bench_say("%s is left out: there is no program %s", kind->names[0],
				kind->programs[i]);
			return -ENOENT;
		}
	return 0;
}

static int wait_ready(const struct tunnel *t)
{
	uint64_t end = now_ns() + (uint64_t)READY_SECONDS * 1000000000;
	int rc;
	while ((rc = load_touch(t->port)) < 0 && now_ns() < end)
		sleep_seconds(READY_STEP_MS / 1e3);
	return rc;
}

int tunnel_open(struct bench *b, struct tunnel *t, const struct tunnel_kind *kind, bool relayed,
	uint16_t target)
{
	int rc = missing(kind);
	for (unsigned i = 0; i < OPEN_TRIES && rc != -ENOENT; i++) {
		*t = (struct tunnel){.kind = kind,
			.name = kind->names[relayed],
			.relayed = relayed,
			.target = target};
		rc = kind->open(b, t);
		if (rc == 0)
			rc = wait_ready(t);
		if (rc == 0)
			return 0;
		tunnel_close(t);
	}
	if (rc != -ENOENT)
		bench_say("%s does not carry a byte: %s", kind->names[relayed], strerror(-rc));
	return rc;
}

void tunnel_close(struct tunnel *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->ours[i])
			proc_stop(t->roots[i]);
	t->n = 0;
}

uint64_t tunnel_cpu_ns(const struct tunnel *t)
{
	return tree_cpu_ns(t->roots, t->n);
}

uint64_t tunnel_memory_kib(const struct tunnel *t)
{
	return tree_memory_kib(t->roots, t->n);
}

void tunnel_adopt(struct tunnel *t, pid_t pid)
{
	if (t->n < TUNNEL_ROOTS_MAX)
		t->roots[t->n++] = pid;
}

int tunnel_start(struct tunnel *t, const char *const argv[])
{
	char program[PATH_MAX];
	char *args[ARGS_MAX] = {program};
	if (t->n == TUNNEL_ROOTS_MAX)
		return -E2BIG;
	int rc = proc_find(argv[0], program, sizeof program);
	if (rc < 0)
		return rc;
	for (unsigned i = 1; argv[i] && i < ARGS_MAX - 1; i++)
		args[i] = (char *)argv[i];
	pid_t pid = proc_start(args);
	if (pid < 0)
		return pid;
	t->ours[t->n] = true;
	t->roots[t->n++] = pid;
	return 0;
}

int tunnel_dir(const struct bench *b, const struct tunnel *t, char *dst, size_t cap)
{
	if ((size_t)snprintf(
		    dst, cap, "%s/%s%s", b->dir, t->kind->key, t->relayed ? "-relayed" : "") >= cap)
		return -ENAMETOOLONG;
	return mkdir(dst, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int tunnel_write(const char *dir, const char *name, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
		return -ENAMETOOLONG;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	va_start(ap, fmt);
	int n = vdprintf(fd, fmt, ap);
	va_end(ap);
	int rc = n < 0 ? -EIO : 0;
	return close(fd) < 0 && rc == 0 ? -errno : rc;
}

uint16_t tunnel_free_port(void)
{
	static unsigned next;
	for (unsigned i = 0; i < PORTS; i++) {
		uint16_t port = (uint16_t)(PORT_FIRST + ((unsigned)getpid() * 61 + next++) % PORTS);
		int fd = socket_listen_at(port);
		if (fd >= 0) {
			close(fd);
			return port;
		}
	}
	return 0;
}
