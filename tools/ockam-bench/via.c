// SPDX-License-Identifier: Apache-2.0
#include "via.h"

#include "node.h"
#include "proc.h"
#include "socket.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARGS_MAX = 32, READY_TRIES = 500, READY_STEP_MS = 10 };

void via_adopt(struct via *v, pid_t pid, bool ours)
{
	if (v->n == VIA_ROOTS)
		return;
	v->ours[v->n] = ours;
	v->roots[v->n++] = pid;
}

int via_start(struct via *v, const char *const argv[])
{
	char program[PATH_MAX];
	char *args[ARGS_MAX] = {program};
	int rc = proc_find(argv[0], program, sizeof program);
	if (rc < 0)
		return rc;
	for (unsigned i = 1; argv[i] && i < ARGS_MAX - 1; i++)
		args[i] = (char *)argv[i];
	pid_t pid = proc_start(args);
	if (pid < 0)
		return pid;
	via_adopt(v, pid, true);
	return 0;
}

/* Connects until it answers. */
static int wait_ready(const struct via *v, int sink)
{
	for (unsigned i = 0; i < READY_TRIES; i++) {
		int fd = socket_connect(v->port);
		if (fd >= 0) {
			int other = socket_accept(sink);
			close(fd);
			if (other >= 0)
				close(other);
			return 0;
		}
		sleep_seconds(READY_STEP_MS / 1e3);
	}
	return -ETIMEDOUT;
}

static int open_one(struct bench *b, struct via_set *s, const struct via_kind *kind)
{
	char path[PATH_MAX];
	struct via *v = &s->v[s->n];
	if (kind->program && proc_find(kind->program, path, sizeof path) < 0) {
		bench_say("%s is left out: there is no program %s", kind->name, kind->program);
		return 0;
	}
	*v = (struct via){.kind = kind};
	int rc = kind->open(b, s, v);
	if (rc == -ENOENT)
		return 0;
	s->n++;
	if (rc == 0 && kind->program && kind->carrier == VIA_TCP)
		rc = wait_ready(v, s->listener);
	if (rc < 0)
		bench_say("%s does not start: %s", kind->name, strerror(-rc));
	return rc;
}

int via_open(struct bench *b, struct via_set *s, const struct via_kind *const kinds[])
{
	memset(s, 0, sizeof *s);
	s->listener = socket_listen(&s->sink_port);
	int rc = s->listener < 0 ? s->listener : 0;
	for (; *kinds && rc == 0; kinds++)
		rc = s->n == VIA_MAX ? -E2BIG : open_one(b, s, *kinds);
	if (rc < 0)
		via_close(b, s);
	return rc;
}

void via_close(struct bench *b, struct via_set *s)
{
	bool nodes = false;
	for (unsigned i = 0; i < s->n; i++) {
		struct via *v = &s->v[i];
		nodes |= v->kind->speech == VIA_FRAMES;
		for (unsigned k = 0; k < v->n; k++)
			if (v->ours[k])
				proc_stop(v->roots[k]);
	}
	if (nodes && node_home(b, "relay") == 0)
		node_delete_all(b);
	if (s->listener >= 0)
		close(s->listener);
	s->listener = -1;
	s->n = 0;
}

uint64_t via_cpu_ns(const struct via *v)
{
	uint64_t sum = 0;
	if (v->kind->forks)
		return tree_cpu_ns(v->roots, v->n);
	for (unsigned i = 0; i < v->n; i++) /* to look at all processes takes milliseconds */
		sum += proc_cpu_ns(v->roots[i]);
	return sum;
}

uint64_t via_memory_kib(const struct via *v)
{
	return tree_memory_kib(v->roots, v->n);
}

static int open_bare(struct bench *b, const struct via_set *s, struct via *v)
{
	v->port = s->sink_port;
	return 0;
}

static int open_bare_udp(struct bench *b, const struct via_set *s, struct via *v)
{
	return 0;
}

/* A node of its own for each kind, so that each has its own CPU time and memory. */
static int open_node(struct bench *b, const struct via_set *s, struct via *v)
{
	struct node_info info;
	snprintf(v->node, sizeof v->node, "relay%u", s->n);
	int rc = node_home(b, "relay");
	if (rc == 0)
		rc = node_create_with(b, v->node, v->kind->node_options, &info);
	if (rc < 0)
		return rc;
	v->port = v->kind->carrier == VIA_UDP ? info.udp_port : info.port;
	via_adopt(v, info.control, false);
	via_adopt(v, info.dataplane, false);
	return 0;
}

const struct via_kind via_bare = {"no relay", VIA_TCP, VIA_PLAIN, NULL, open_bare};
const struct via_kind via_node = {"relay node", VIA_TCP, VIA_FRAMES, NULL, open_node};
const struct via_kind via_bare_udp = {"no relay over UDP", VIA_UDP, VIA_PLAIN, NULL, open_bare_udp};
static const char *const in_user_space[] = {"--path", "uring", NULL};
static const char *const in_the_kernel[] = {"--path", "tc", NULL};
const struct via_kind via_node_udp = {
	"relay node over UDP", VIA_UDP, VIA_FRAMES, NULL, open_node, in_user_space};
const struct via_kind via_node_tc = {"relay node over UDP, kernel", VIA_UDP, VIA_FRAMES, NULL,
	open_node, in_the_kernel, .in_kernel = true};
