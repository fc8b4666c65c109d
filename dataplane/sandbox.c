// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include "log.h"
#include "seam.h"
#include "confine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const int allowed[] = {
	/* the seam, listeners, links */
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(shutdown),
	SCMP_SYS(fcntl),
	SCMP_SYS(close),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	/* what passes */
	SCMP_SYS(pipe2),
	SCMP_SYS(splice),
	/* memory */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(mlock),
	SCMP_SYS(mlock2),
	SCMP_SYS(munlock),
	/* threads, time, the end */
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(getrandom),
	SCMP_SYS(geteuid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* libc asks for /proc/sys/vm/overcommit_memory when it gives memory back, and can do without. */
static const int without_files[] = {SCMP_SYS(open), SCMP_SYS(openat)};

unsigned sandbox_begin(void)
{
	unsigned lacks = confine_files_lacks(), missing = 0;
	confine_hide();
	int rc = confine_drop_capabilities(0);
	if (rc < 0) {
		log_warn("sandbox: capabilities were not dropped: %s", strerror(-rc));
		missing |= SEAM_NO_CAPABILITIES;
	}
	rc = confine_files_enter(confine_files_new(CONFINE_NO_TCP | CONFINE_NO_ABSTRACT));
	if (rc < 0)
		log_warn("sandbox: the kernel has no Landlock (%s); only the system call filter "
			 "keeps the data plane from files",
			strerror(-rc));
	if (rc < 0 || lacks & CONFINE_LACKS_FILES)
		missing |= SEAM_NO_FILES;
	if (rc < 0 || lacks & CONFINE_LACKS_TCP)
		missing |= SEAM_NO_TCP;
	if (rc < 0 || lacks & CONFINE_LACKS_SIGNALS)
		missing |= SEAM_NO_SIGNALS;
	return missing;
}

/* Entries of maps whose descriptors we were given: looked at, changed, removed; nothing else of bpf(2). */
static void add_maps(scmp_filter_ctx f)
{
	static const enum bpf_cmd commands[] = {
		BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM};
	for (size_t i = 0; i < COUNT(commands); i++)
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
			&SCMP_CMP(0, SCMP_CMP_EQ, commands[i]));
}

/* Memory is never made executable; the only signals are to ourselves; one question to sockets. */
static void add_conditions(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp no_exec = SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp self = SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)getpid());
	const struct scmp_arg_cmp unsent = SCMP_CMP(1, SCMP_CMP_EQ, SIOCOUTQ);
	const struct scmp_arg_cmp not_sigsys = SCMP_CMP(0, SCMP_CMP_NE, SIGSYS);
	confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);
	confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
	confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);
	confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &unsent);
	confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 1, &not_sigsys);
}

unsigned sandbox_close(void)
{
	scmp_filter_ctx f = confine_filter_new(SCMP_ACT_TRAP);
	if (f) {
		confine_filter_add(f, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
#ifndef UNDER_SANITIZER
		confine_filter_add(f, SCMP_ACT_ERRNO(EACCES), without_files, COUNT(without_files));
#else
		(void)without_files;
#endif
		add_conditions(f);
		add_maps(f);
	}
	int rc = confine_filter_enter(f);
	if (rc < 0)
		log_warn("sandbox: no system call filter: %s", strerror(-rc));
	return rc < 0 ? SEAM_NO_CALLS : 0;
}
