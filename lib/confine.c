// SPDX-License-Identifier: Apache-2.0
#include "confine.h"

#include "log.h"

#include <cap-ng.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void confine_hide(void)
{
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
#ifndef UNDER_SANITIZER
	prctl(PR_SET_DUMPABLE, 0);
#endif
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

bool confine_has(unsigned capability)
{
	return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, capability);
}

/* The bounding set first: emptying it is itself a privilege. */
int confine_drop_capabilities(uint64_t keep)
{
	if (capng_get_caps_process() < 0)
		return -ENOSYS;
	bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (unsigned cap = 0; cap < 64; cap++)
		if (keep >> cap & 1 && !capng_have_capability(CAPNG_EFFECTIVE, cap))
			keep &= ~(UINT64_C(1) << cap);
	capng_clear(CAPNG_SELECT_ALL);
	for (unsigned cap = 0; cap < 64; cap++)
		if (keep >> cap & 1)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
	if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return -EPERM;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

/*
 * Runs on the thread that made the call, which did not take place. Logging neither allocates nor
 * waits for a lock that such a call is made under. SIGSYS is blocked meanwhile: another refused
 * call is then fatal, whatever else the process has been made to do.
 */
static void on_refused(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	log_error("the sandbox refused system call %d: the process ends", info->si_syscall);
	syscall(SYS_reboot, 0, 0, 0, 0);
	_exit(128 + SIGSYS);
}

scmp_filter_ctx confine_filter_new(uint32_t otherwise)
{
	struct sigaction sa = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};
	scmp_filter_ctx f = seccomp_init(otherwise);
	if (!f)
		return NULL;
	log_prime();
	sigaction(SIGSYS, &sa, NULL);
	seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	return f;
}

void confine_filter_add(scmp_filter_ctx f, uint32_t action, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i] >= 0)
			seccomp_rule_add(f, action, calls[i], 0);
}

void confine_filter_if(
	scmp_filter_ctx f, uint32_t action, int call, unsigned n, const struct scmp_arg_cmp *args)
{
	if (call >= 0)
		seccomp_rule_add_array(f, action, call, n, args);
}

#ifdef UNDER_SANITIZER
/* Reports, and the search for leaks at the end, which stops all threads with ptrace. */
static void add_sanitizers(scmp_filter_ctx f)
{
	static const int calls[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(readlink),
		SCMP_SYS(readlinkat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat),
		SCMP_SYS(newfstatat), SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(lseek),
		SCMP_SYS(getcwd), SCMP_SYS(mkdir), SCMP_SYS(access), SCMP_SYS(clone),
		SCMP_SYS(wait4), SCMP_SYS(ptrace), SCMP_SYS(prctl), SCMP_SYS(sigaltstack),
		SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit),
		SCMP_SYS(getrusage), SCMP_SYS(uname), SCMP_SYS(getppid), SCMP_SYS(mincore),
		SCMP_SYS(sched_getaffinity), SCMP_SYS(fork), SCMP_SYS(gettimeofday),
		SCMP_SYS(personality)};
	confine_filter_add(f, SCMP_ACT_ALLOW, calls, sizeof calls / sizeof *calls);
}
#endif

int confine_filter_enter(scmp_filter_ctx f)
{
	if (!f)
		return -ENOMEM;
#ifdef UNDER_SANITIZER
	add_sanitizers(f);
#endif
	int rc = seccomp_load(f);
	seccomp_release(f);
	return rc > 0 ? -ESRCH : rc;
}
