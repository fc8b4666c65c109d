/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts at what a sandbox forbids, each in a child of its own that has entered it: as who runs
 * the test, and when that is root as an unprivileged user too. What became of it is an errno, a
 * signal, or neither.
 */
#ifndef OCKAM_TEST_ATTEMPT_H
#define OCKAM_TEST_ATTEMPT_H

#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534, TAKEN = 0 /* the outcome of what succeeded */ };

/* 0, or what errno was; called in the child. */
typedef int attempt_fn(void *ctx);

static inline int errno_of(long rc)
{
	return rc < 0 ? errno : TAKEN;
}

/* As if the kernel had no Landlock. */
static inline void hide_landlock(void)
{
	static const int calls[] = {SCMP_SYS(landlock_create_ruleset)};
	scmp_filter_ctx f = confine_filter_new(SCMP_ACT_ALLOW);
	if (!f)
		_exit(252);
	confine_filter_add(f, SCMP_ACT_ERRNO(ENOSYS), calls, 1);
	if (confine_filter_enter(f) < 0)
		_exit(252);
}

static inline void become(uid_t uid)
{
	if (uid == geteuid())
		return;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(254);
	prctl(PR_SET_DUMPABLE, 1); /* as a process that began as this user */
}

/* The status of wait(2). `log`: what the child says on its standard error, or NULL. */
static inline int attempt_status(
	uid_t uid, void (*enter)(void *ctx), attempt_fn *fn, void *ctx, char *log, size_t cap)
{
	int status = 0, say[2];
	assert_int_equal(pipe(say), 0);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(30);
		dup2(say[1], STDERR_FILENO);
		become(uid);
		if (enter)
			enter(ctx);
		_exit(fn(ctx));
	}
	close(say[1]);
	size_t n = 0;
	char scrap[512];
	for (ssize_t got = 1; got > 0;) {
		bool keep = log && n + 1 < cap;
		got = read(say[0], keep ? log + n : scrap, keep ? cap - 1 - n : sizeof scrap);
		n += keep && got > 0 ? (size_t)got : 0;
	}
	if (log)
		log[n] = 0;
	close(say[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* An errno (TAKEN: it succeeded), or minus a signal. */
static inline int attempt_as(uid_t uid, void (*enter)(void *ctx), attempt_fn *fn, void *ctx)
{
	int status = attempt_status(uid, enter, fn, ctx, NULL, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#define assert_attempt(enter, fn, ctx, expected)                                                   \
	do {                                                                                       \
		assert_int_equal(attempt_as(geteuid(), enter, fn, ctx), expected);                 \
		if (geteuid() == 0)                                                                \
			assert_int_equal(attempt_as(NOBODY, enter, fn, ctx), expected);            \
	} while (0)

#endif
