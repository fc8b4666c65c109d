// SPDX-License-Identifier: Apache-2.0
#include "proc.h"

#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_TRIES = 200, STOP_STEP_MS = 10 };

static pid_t launch(char *const argv[], int out, bool session)
{
	pid_t pid = fork();
	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (session)
		setsid();
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(out >= 0 ? out : null, 1);
	if (out < 0)
		dup2(null, 2);
	execv(argv[0], argv);
	_exit(127);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void read_output(int fd, char *out, size_t cap)
{
	char waste[4096];
	size_t n = 0;
	for (;;) {
		size_t room = n + 1 < cap ? cap - 1 - n : 0;
		ssize_t got = read(fd, room ? out + n : waste, room ? room : sizeof waste);
		if (got <= 0 && !(got < 0 && errno == EINTR))
			break;
		if (room && got > 0)
			n += (size_t)got;
	}
	if (!cap)
		return;
	out[n] = 0;
	if (n && out[n - 1] == '\n')
		out[n - 1] = 0;
}

int proc_run(char *const argv[], char *out, size_t cap, struct proc_result *r)
{
	int pipe_fd[2], status;
	struct rusage ru;
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -errno;
	uint64_t start = now_ns();
	pid_t pid = launch(argv, pipe_fd[1], false);
	close(pipe_fd[1]);
	if (pid > 0)
		read_output(pipe_fd[0], out, cap);
	close(pipe_fd[0]);
	if (pid < 0)
		return pid;
	while (wait4(pid, &status, 0, &ru) < 0)
		if (errno != EINTR)
			return -errno;
	*r = (struct proc_result){.status = exit_status(status), .wall_ns = now_ns() - start};
	r->cpu_ns = (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000 +
		    (uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000;
	return 0;
}

pid_t proc_start(char *const argv[])
{
	return launch(argv, -1, true);
}

void proc_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	for (unsigned i = 0; i < STOP_TRIES; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		sleep_seconds(STOP_STEP_MS / 1e3);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int proc_find(const char *name, char *dst, size_t cap)
{
	const char *path = getenv("PATH");
	char all[PATH_MAX];
	snprintf(all, sizeof all, "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	for (char *save = NULL, *d = strtok_r(all, ":", &save); d; d = strtok_r(NULL, ":", &save))
		if ((size_t)snprintf(dst, cap, "%s/%s", d, name) < cap && access(dst, X_OK) == 0)
			return 0;
	return -ENOENT;
}

/* Calls fn with the path of `file` of each thread. */
static uint64_t sum_threads(pid_t pid, const char *file, uint64_t (*fn)(const char *path))
{
	char dir[64], path[PATH_MAX];
	uint64_t sum = 0;
	snprintf(dir, sizeof dir, "/proc/%d/task", (int)pid);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.') {
			snprintf(path, sizeof path, "%s/%s/%s", dir, e->d_name, file);
			sum += fn(path);
		}
	if (d)
		closedir(d);
	return sum;
}

static uint64_t first_number(const char *path)
{
	unsigned long long v = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

/* The number behind `key` at the start of a line. */
static uint64_t field(const char *path, const char *key)
{
	char line[256];
	uint64_t v = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)))
			v = strtoull(line + strlen(key), NULL, 10);
	fclose(f);
	return v;
}

static uint64_t voluntary(const char *path)
{
	return field(path, "voluntary_ctxt_switches:");
}

uint64_t proc_cpu_ns(pid_t pid)
{
	return pid > 0 ? sum_threads(pid, "schedstat", first_number) : 0;
}

uint64_t proc_sleeps(pid_t pid)
{
	return sum_threads(pid, "status", voluntary);
}

uint64_t proc_rss_kib(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	return field(path, "VmRSS:");
}

uint64_t proc_pss_kib(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	return field(path, "Pss:");
}
