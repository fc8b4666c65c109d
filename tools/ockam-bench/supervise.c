// SPDX-License-Identifier: Apache-2.0
#include "supervise.h"

#include "node.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_INTERNAL = 70 };

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

int supervise(struct bench *b, int (*work)(struct bench *b, void *ctx), void *ctx)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int status = 0;
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
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	worker = 0;
	end_nodes(b);
	nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (pid > 0 && WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return pid > 0 ? WEXITSTATUS(status) : EXIT_INTERNAL;
}
