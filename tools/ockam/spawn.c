// SPDX-License-Identifier: Apache-2.0
#include "spawn.h"

#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 24, READY_LINE_MAX = 1024, READY_FD = 3 };

static int find_program(char *dst, size_t cap)
{
	static const char *const places[] = {"ockam-control", "../../control/ockam-control"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return -ENOENT;
	self[n] = 0;
	char *slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		int len = snprintf(dst, cap, "%s%s", self, places[i]);
		if (len > 0 && (size_t)len < cap && access(dst, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* The descriptors as the child wants them at 0, 1, 2 and READY_FD; -1 keeps ours. */
struct child_fds {
	int in, out, err, ready;
};

/* Between fork and exec: only async-signal-safe calls. */
static void run_child(
	const char *program, char *const *argv, enum spawn_kind kind, struct child_fds fds)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (kind == SPAWN_BACKGROUND)
		setsid();
	else
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* a terminal's Ctrl-C must reach us first, so that what the temporary node left is removed
	 */
	if (kind == SPAWN_TEMPORARY)
		setpgid(0, 0);
	if ((fds.in >= 0 && dup2(fds.in, 0) < 0) || (fds.out >= 0 && dup2(fds.out, 1) < 0) ||
		(fds.err >= 0 && dup2(fds.err, 2) < 0) || dup2(fds.ready, READY_FD) < 0)
		_exit(CLI_INTERNAL);
	syscall(SYS_close_range, READY_FD + 1, ~0U, 0);
	if (kind == SPAWN_BACKGROUND && chdir("/") < 0)
		_exit(CLI_INTERNAL);
	execv(program, argv);
	_exit(CLI_INTERNAL);
}

/* A descriptor above those that run_child replaces, so that no dup2 overwrites another's source. */
static int high(int fd)
{
	if (fd < 0 || fd > READY_FD)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, READY_FD + 1);
	close(fd);
	return moved;
}

static int open_fds(enum spawn_kind kind, const char *log, struct child_fds *fds, struct spawn *out)
{
	int ready[2], in[2] = {-1, -1};
	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	out->ready_fd = high(ready[0]);
	fds->ready = high(ready[1]);
	if (kind == SPAWN_BACKGROUND) {
		fds->in = high(open("/dev/null", O_RDONLY | O_CLOEXEC));
		fds->out = high(open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
		fds->err = fds->out;
		return fds->in < 0 || fds->out < 0 ? -errno : 0;
	}
	if (kind == SPAWN_TEMPORARY) {
		if (pipe2(in, O_CLOEXEC) < 0)
			return -errno;
		fds->in = high(in[0]);
		out->stdin_fd = high(in[1]);
		fds->out = high(dup(STDERR_FILENO));
		return fds->in < 0 || out->stdin_fd < 0 || fds->out < 0 ? -errno : 0;
	}
	return 0;
}

static void close_fds(const struct child_fds *fds)
{
	const int all[] = {fds->in, fds->out, fds->ready};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] >= 0)
			close(all[i]);
}

/* Which program, as whom it is called, and how much it logs. */
static int prepare(const struct cli *c, const char *const *args, char program[static PATH_MAX],
	const char *argv[static ARGS_MAX], unsigned *n)
{
	static const char *const levels[] = {"info", "debug", "trace"};
	if (find_program(program, PATH_MAX))
		return cli_fail(c, CLI_CONFIG,
			"the program ockam-control is not beside this one; install the whole of "
			"ockam");
	*n = 0;
	argv[(*n)++] = "ockam-control";
	while (*args && *n < ARGS_MAX - 3)
		argv[(*n)++] = *args++;
	if (c->verbose)
		setenv("OCKAM_LOG", levels[c->verbose < 3 ? c->verbose - 1 : 2], 1);
	return CLI_OK;
}

int spawn_become_control(const struct cli *c, const char *const *args)
{
	char program[PATH_MAX];
	const char *argv[ARGS_MAX] = {NULL};
	unsigned n;
	int rc = prepare(c, args, program, argv, &n);
	if (rc)
		return rc;
	if (chdir("/") == 0)
		execv(program, (char *const *)argv);
	return cli_fail(c, CLI_INTERNAL, "could not start %s: %s", program, strerror(errno));
}

int spawn_control(const struct cli *c, enum spawn_kind kind, const char *const *args,
	const char *log, struct spawn *out)
{
	char program[PATH_MAX];
	const char *argv[ARGS_MAX] = {NULL};
	struct child_fds fds = {-1, -1, -1, -1};
	unsigned n;
	*out = (struct spawn){.pid = -1, .pid_fd = -1, .ready_fd = -1, .stdin_fd = -1, .log = log};
	int rc = prepare(c, args, program, argv, &n);
	if (rc)
		return rc;
	argv[n++] = "--ready-fd";
	argv[n++] = "3";
	rc = open_fds(kind, log, &fds, out);
	if (!rc) {
		out->pid = fork();
		rc = out->pid < 0 ? -errno : 0;
	}
	if (!rc && out->pid == 0)
		run_child(program, (char *const *)argv, kind, fds);
	close_fds(&fds);
	if (rc) {
		spawn_fini(out);
		return cli_fail(c, CLI_INTERNAL, "could not start %s: %s", program, strerror(-rc));
	}
	out->pid_fd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	return CLI_OK;
}

/* Reads up to the end of the line or of the pipe; the length, or negative errno. */
static int read_ready(int fd, char *dst, size_t cap, int64_t deadline_ms)
{
	size_t n = 0;
	while (n + 1 < cap && !memchr(dst, '\n', n)) {
		int rc = progress_wait(fd, POLLIN, deadline_ms);
		if (rc)
			return rc;
		ssize_t got = read(fd, dst + n, cap - 1 - n);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	dst[n] = 0;
	dst[strcspn(dst, "\n")] = 0;
	return (int)strlen(dst);
}

/* The last line of the log, or an empty string. */
static void last_words(const char *log, char *dst, size_t cap)
{
	dst[0] = 0;
	int fd = log ? open(log, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, dst, cap - 1, size > (off_t)cap - 1 ? size - (off_t)(cap - 1) : 0);
	close(fd);
	while (n > 0 && dst[n - 1] == '\n')
		n--;
	dst[n > 0 ? n : 0] = 0;
	char *line = strrchr(dst, '\n');
	if (line)
		memmove(dst, line + 1, strlen(line));
}

int spawn_wait_ready(const struct cli *c, struct spawn *s, int64_t timeout_ms)
{
	char line[READY_LINE_MAX], *text;
	int rc = read_ready(s->ready_fd, line, sizeof line, progress_now() + timeout_ms);
	close(s->ready_fd);
	s->ready_fd = -1;
	if (rc > 0 && !strcmp(line, "ready"))
		return CLI_OK;
	spawn_kill(s);
	if (rc == -EINTR)
		return CLI_UNREACHABLE; /* the signal ends the process when all is cleaned up */
	if (rc == -ETIMEDOUT)
		return cli_fail(c, CLI_UNREACHABLE,
			"the node was not ready in time; a longer --timeout may help");
	long code = rc > 0 ? strtol(line, &text, 10) : 0;
	if (code > 0 && code < 126 && *text == ' ')
		return cli_fail(c, (int)code, "%s", text + 1);
	last_words(s->log, line, sizeof line);
	return cli_fail(c, CLI_INTERNAL, "ockam-control ended before the node was ready%s%s",
		line[0] ? "; its last words: " : "", line);
}

int spawn_wait_end(struct spawn *s, int64_t deadline_ms)
{
	int status;
	if (s->pid <= 0)
		return 0;
	int rc = progress_wait(s->pid_fd, POLLIN, deadline_ms);
	if (rc)
		return rc;
	if (waitpid(s->pid, &status, 0) < 0)
		return -errno;
	s->pid = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void spawn_kill(struct spawn *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = -1;
}

void spawn_fini(struct spawn *s)
{
	const int all[] = {s->pid_fd, s->ready_fd, s->stdin_fd};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] >= 0)
			close(all[i]);
	s->pid_fd = s->ready_fd = s->stdin_fd = -1;
}
