// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include "bench.h"
#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct member {
	pid_t pid, parent;
	bool root, in;
};

struct crowd {
	struct member *all; /* by pid */
	size_t n, cap;
};

static pid_t parent_of(const char *pid)
{
	char path[64], line[512];
	int parent = 0;
	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	/* the name in parentheses may hold anything */
	const char *end = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	if (!end || sscanf(end, ") %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

static bool crowd_add(struct crowd *c, struct member m)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 256;
		struct member *all = realloc(c->all, cap * sizeof *all);
		if (!all)
			return false;
		c->all = all;
		c->cap = cap;
	}
	c->all[c->n++] = m;
	return true;
}

static int by_pid(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool is_in(const struct crowd *c, pid_t pid)
{
	const struct member *m =
		bsearch(&(struct member){.pid = pid}, c->all, c->n, sizeof *c->all, by_pid);
	return m && m->in;
}

static bool is_root(const pid_t *roots, unsigned n, pid_t pid)
{
	for (unsigned i = 0; i < n; i++)
		if (roots[i] > 0 && roots[i] == pid)
			return true;
	return false;
}

/* All processes, those of the tree marked. The caller frees c->all. */
static void crowd_read(struct crowd *c, const pid_t *roots, unsigned n)
{
	DIR *d = opendir("/proc");
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		bool root = is_root(roots, n, pid);
		if (!crowd_add(c, (struct member){pid, parent_of(e->d_name), root, root}))
			break;
	}
	if (d)
		closedir(d);
	if (c->n)
		qsort(c->all, c->n, sizeof *c->all, by_pid);
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < c->n; i++)
			if (!c->all[i].in && is_in(c, c->all[i].parent))
				more = c->all[i].in = true;
	}
}

uint64_t tree_cpu_ns(const pid_t *roots, unsigned n)
{
	struct crowd c = {0};
	uint64_t sum = 0;
	clockid_t clock;
	crowd_read(&c, roots, n);
	for (size_t i = 0; i < c.n; i++)
		if (c.all[i].in && clock_getcpuclockid(c.all[i].pid, &clock) == 0)
			sum += clock_ns(clock);
	free(c.all);
	return sum;
}

uint64_t tree_memory_kib(const pid_t *roots, unsigned n)
{
	struct crowd c = {0};
	uint64_t sum = 0;
	crowd_read(&c, roots, n);
	for (size_t i = 0; i < c.n; i++)
		if (c.all[i].in)
			sum += proc_pss_kib(c.all[i].pid);
	free(c.all);
	return sum;
}

void tree_descendants(const pid_t *roots, unsigned n, void (*fn)(void *ctx, pid_t pid), void *ctx)
{
	struct crowd c = {0};
	crowd_read(&c, roots, n);
	for (size_t i = 0; i < c.n; i++)
		if (c.all[i].in && !c.all[i].root)
			fn(ctx, c.all[i].pid);
	free(c.all);
}
