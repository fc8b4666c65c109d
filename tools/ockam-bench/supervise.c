// SPDX-License-Identifier: Apache-2.0
#include "supervise.h"

#include "node.h"
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_INTERNAL = 70, END_TRIES = 400, END_STEP_MS = 10 };

static volatile sig_atomic_t worker;

static void on_signal(int sig)
{
	if (worker > 0)
		kill(worker, SIGTERM);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	remove(path);
	return 0;
}

/* A home of ours has nodes if there is a directory `run` in it. */
static void end_nodes(const struct bench *b)
{
	char path[2 * PATH_MAX];
	DIR *d = opendir(b->dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof path, "%s/%s/run", b->dir, e->d_name);
		if (e->d_name[0] == '.' || access(path, F_OK) < 0 || node_home(b, e->d_name) < 0)
			continue;
		node_delete_all(b);
	}
	if (d)
		closedir(d);
}

/* Orphans become our children. */
static int wait_worker(pid_t pid)
{
	int status = 0;
	for (pid_t got = 0; got != pid;) {
		got = waitpid(-1, &status, 0);
		if (got < 0 && errno != EINTR)
			break;
	}
	return status;
}

static void kill_one(void *ctx, pid_t pid)
{
	kill(pid, *(const int *)ctx);
}

/* What the worker's programs left behind: asked to end, then made to. */
static void end_orphans(void)
{
	pid_t self = getpid();
	for (unsigned i = 0; i < END_TRIES; i++) {
		int sig = i == 0 ? SIGTERM : i == END_TRIES / 2 ? SIGKILL : 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return;
		tree_descendants(&self, 1, kill_one, &sig);
		sleep_seconds(END_STEP_MS / 1e3);
	}
}

int supervise(struct bench *b, int (*work)(struct bench *b, void *ctx), void *ctx)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		int rc = work(b, ctx);
		fflush(stdout);
		_exit(rc);
	}
	worker = pid;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	if (pid < 0)
		bench_say("cannot fork");
	int status = pid > 0 ? wait_worker(pid) : 0;
	worker = 0;
	end_nodes(b);
	end_orphans();
	nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (pid > 0 && WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return pid > 0 ? WEXITSTATUS(status) : EXIT_INTERNAL;
}
