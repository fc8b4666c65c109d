// SPDX-License-Identifier: Apache-2.0
/*
 * Commands as whole processes, from fork to reaped, beside the smallest process there is; what an
 * idle node holds and how often it wakes up.
 */
#include "catalog.h"
#include "node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_NODES = 5, NAME = 16 };

static int timed(struct bench *b, const char *what, const char *const args[], char *out, size_t cap)
{
	struct proc_result r;
	int rc = node_command(b, args, out, cap, &r);
	if (rc < 0)
		return rc;
	bench_add(b, what, "whole process", (double)r.wall_ns / 1e6);
	bench_add(b, what, "its own CPU", (double)r.cpu_ns / 1e6);
	return 0;
}

static int smallest(struct bench *b)
{
	char *argv[] = {"/bin/true", NULL};
	struct proc_result r;
	int rc = proc_run(argv, NULL, 0, &r);
	if (rc < 0)
		return rc;
	bench_add(b, "/bin/true", "whole process", (double)r.wall_ns / 1e6);
	return 0;
}

/* The first node of a home makes vault and identity too. */
static int commands(struct bench *b, void *state)
{
	unsigned *run = state;
	char home[NAME], channel[128], to[160], said[64];
	const char *first[] = {"node", "create", "n1", NULL};
	const char *second[] = {"node", "create", "n2", NULL};
	const char *list[] = {"node", "list", NULL};
	const char *open[] = {
		"secure-channel", "create", "--from", "n1", "--to", "/node/n2/service/api", NULL};
	const char *send[] = {"message", "send", "hello", "--from", "n1", "--to", to, NULL};
	snprintf(home, sizeof home, "start%u", (*run)++);
	int rc = node_home(b, home);
	if (rc == 0)
		rc = smallest(b);
	if (rc == 0)
		rc = timed(b, "node create, first of a home", first, NULL, 0);
	if (rc == 0)
		rc = timed(b, "node create", second, NULL, 0);
	if (rc == 0)
		rc = timed(b, "node list", list, NULL, 0);
	if (rc == 0)
		rc = timed(b, "secure-channel create", open, channel, sizeof channel);
	if (rc == 0) {
		snprintf(to, sizeof to, "%s/service/uppercase", channel);
		rc = timed(b, "message send, existing channel", send, said, sizeof said);
	}
	if (rc == 0 && strcmp(said, "HELLO")) {
		bench_say("the reply to hello was \"%s\"", said);
		rc = -EILSEQ;
	}
	node_delete_all(b);
	return rc;
}

static void memory(struct bench *b, const struct node_info *i)
{
	bench_add(b, "idle node, both processes", "resident memory",
		(double)(proc_rss_kib(i->control) + proc_rss_kib(i->dataplane)) / 1024);
	bench_add(b, "idle node, both processes", "proportional share of memory",
		(double)(proc_pss_kib(i->control) + proc_pss_kib(i->dataplane)) / 1024);
}

static uint64_t sleeps(const struct node_info *i)
{
	return proc_sleeps(i->control) + proc_sleeps(i->dataplane);
}

static int idle(struct bench *b, void *state)
{
	struct node_info info[IDLE_NODES];
	uint64_t before[IDLE_NODES];
	char name[NAME];
	int rc = node_home(b, "idle");
	for (unsigned i = 0; i < IDLE_NODES && rc == 0; i++) {
		snprintf(name, sizeof name, "n%u", i);
		rc = node_create(b, name, &info[i]);
	}
	if (rc == 0) {
		sleep_seconds(b->idle_seconds / 20); /* what the last command left to do */
		for (unsigned i = 0; i < IDLE_NODES; i++)
			before[i] = sleeps(&info[i]);
		sleep_seconds(b->idle_seconds);
		for (unsigned i = 0; i < IDLE_NODES; i++) {
			bench_add(b, "idle node, both processes", "wake-ups",
				(double)(sleeps(&info[i]) - before[i]) / b->idle_seconds);
			memory(b, &info[i]);
		}
	}
	node_delete_all(b);
	return rc;
}

static int open_start(struct bench *b, void **state)
{
	*state = calloc(1, sizeof(unsigned)); /* homes so far */
	return *state ? 0 : -ENOMEM;
}

static void close_start(struct bench *b, void *state)
{
	free(state);
}

const struct scenario_ops start_ops = {open_start, commands, idle, close_start};
