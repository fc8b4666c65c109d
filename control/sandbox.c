// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include "confine.h"
#include "log.h"
#include "spawn.h"
#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { KEPT = 1 << CAP_NET_BIND_SERVICE };

/* The namespaces that clone could make: none is wanted. */
#define CLONE_NAMESPACES                                                                           \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET)

static const int allowed[] = {
	/* files */
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(read),
	SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
	SCMP_SYS(lseek), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
	SCMP_SYS(getcwd), SCMP_SYS(chdir), SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(sendfile),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(chmod),
	SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(fchown), SCMP_SYS(umask), SCMP_SYS(dup),
	SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(utimensat),
	SCMP_SYS(splice), /* a new data plane */
	/* sockets and waiting */
	SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept),
	SCMP_SYS(accept4), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(sendto), SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(shutdown),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(pselect6), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
	/* memory; libraries are loaded for names, and by a new data plane */
	SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(brk), SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock), SCMP_SYS(membarrier),
	/* threads and processes */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(arch_prctl), SCMP_SYS(prctl), SCMP_SYS(gettid),
	SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getpgrp), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getresuid), SCMP_SYS(getresgid),
	SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(execve), SCMP_SYS(wait4), SCMP_SYS(waitid),
	SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_send_signal), SCMP_SYS(kill), SCMP_SYS(tgkill),
	SCMP_SYS(setsid), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit), SCMP_SYS(setrlimit),
	SCMP_SYS(getrusage), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	/* time and chance */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times),
	SCMP_SYS(getrandom),
	/* what a data plane needs on its way into a sandbox of its own */
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(capget), SCMP_SYS(capset), SCMP_SYS(seccomp), SCMP_SYS(landlock_create_ruleset),
	SCMP_SYS(landlock_add_rule), SCMP_SYS(landlock_restrict_self)};

/* Nothing that runs here asks for these in good faith: who does is ended. Any other call that is
 * not on the list does not exist (ENOSYS), which modules for names can live with. */
static const int fatal[] = {
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(execveat),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setregid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
#ifndef UNDER_SANITIZER
	SCMP_SYS(ptrace),
	SCMP_SYS(personality),
#endif
};

static void add_conditions(scmp_filter_ctx f)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	static const unsigned long requests[] = {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, TCGETS,
		TIOCGWINSZ, SIOCOUTQ, SIOCGIFINDEX, SIOCGIFNAME};
	const struct scmp_arg_cmp no_namespace =
		SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_NAMESPACES, 0);
	for (size_t i = 0; i < COUNT(families); i++)
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			&SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	for (size_t i = 0; i < COUNT(requests); i++)
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			&SCMP_CMP(1, SCMP_CMP_EQ, requests[i]));
	confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &no_namespace);
	/* entries of maps, which a data plane of ours is given; to make or load anything is fatal */
	for (unsigned i = BPF_MAP_LOOKUP_ELEM; i <= BPF_MAP_DELETE_ELEM; i++)
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1, &SCMP_CMP(0, SCMP_CMP_EQ, i));
	confine_filter_if(f, SCMP_ACT_TRAP, SCMP_SYS(bpf), 1, &SCMP_CMP(0, SCMP_CMP_EQ, BPF_MAP_CREATE));
	confine_filter_if(
		f, SCMP_ACT_TRAP, SCMP_SYS(bpf), 1, &SCMP_CMP(0, SCMP_CMP_GT, BPF_MAP_DELETE_ELEM));
}

static int filter(void)
{
	scmp_filter_ctx f = confine_filter_new(SCMP_ACT_ERRNO(ENOSYS));
	if (f) {
		confine_filter_add(f, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
		confine_filter_add(f, SCMP_ACT_TRAP, fatal, COUNT(fatal));
		add_conditions(f);
	}
	return confine_filter_enter(f);
}

static void allow_system(int rules)
{
	/* libraries, names and who knows them, how many CPUs there are, randomness */
	static const char *const readable[] = {"/etc", "/lib", "/lib32", "/lib64", "/usr",
		"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
		"/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/etc/resolv.conf"};
	char program[PATH_MAX];
	for (size_t i = 0; i < COUNT(readable); i++)
		confine_files_allow(rules, readable[i], CONFINE_READ);
	confine_files_allow(rules, "/dev/null", CONFINE_READ | CONFINE_WRITE);
	confine_files_allow_libraries(rules);
	if (dataplane_program(program, sizeof program) == 0)
		confine_files_allow(rules, program, CONFINE_EXECUTE);
}

/* Where sockets are made by custom, and where this node has made some before. */
static void allow_sockets(int rules, const struct program *p)
{
	const char *const usual[] = {"/run", "/tmp", getenv("TMPDIR"), getenv("XDG_RUNTIME_DIR")};
	size_t i;
	json_t *v;
	for (i = 0; i < COUNT(usual); i++)
		if (usual[i])
			confine_files_allow(rules, usual[i], CONFINE_SOCKETS);
	json_array_foreach(json_object_get(p->config, "tcp_listeners"), i, v)
	{
		char dir[PATH_MAX];
		const char *text = json_string_value(v);
		if (!text || strncmp(text, "unix:", 5) ||
			snprintf(dir, sizeof dir, "%s", text + 5) >= (int)sizeof dir)
			continue;
		char *slash = strrchr(dir, '/');
		if (slash)
			*(slash == dir ? slash + 1 : slash) = 0;
		confine_files_allow(rules, dir, CONFINE_SOCKETS);
	}
}

static int allow_vault(void *ctx, const struct vault_info *v)
{
	confine_files_allow(*(int *)ctx, v->path, CONFINE_READ);
	return 0;
}

static int files(struct program *p)
{
	enum { OWN = CONFINE_READ | CONFINE_WRITE | CONFINE_CREATE | CONFINE_SOCKETS };
	int rules = confine_files_new(0);
	if (rules < 0)
		return rules;
	allow_system(rules);
	vault_each(p->home, allow_vault, &rules);
	allow_sockets(rules, p);
	confine_files_allow(rules, p->home_dir, OWN);
	confine_files_allow(rules, p->dir, OWN);
	return confine_files_enter(rules);
}

int sandbox_enter(struct program *p, struct reason *why)
{
	unsigned lacks = confine_files_lacks();
	int rc = confine_drop_capabilities(KEPT);
	p->sandbox_missing = 0;
	if (rc < 0) {
		log_warn("sandbox: capabilities were not dropped: %s", strerror(-rc));
		p->sandbox_missing |= SEAM_NO_CAPABILITIES;
	}
	if (!p->temporary && faccessat(AT_FDCWD, p->home_dir, R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
		*why = reason_make(EXIT_IO,
			"%.200s belongs to somebody else, and a node has no privilege to write it "
			"all the same: run as its owner",
			p->home_dir);
		return -EACCES;
	}
	rc = files(p);
	if (rc < 0)
		log_warn("sandbox: the kernel has no Landlock (%s): the node could reach all files "
			 "of its user",
			strerror(-rc));
	if (rc < 0 || lacks & CONFINE_LACKS_FILES)
		p->sandbox_missing |= SEAM_NO_FILES;
	if (rc < 0 || lacks & CONFINE_LACKS_SIGNALS)
		p->sandbox_missing |= SEAM_NO_SIGNALS;
	rc = filter();
	if (rc < 0)
		log_warn("sandbox: no system call filter: %s", strerror(-rc));
	if (rc < 0)
		p->sandbox_missing |= SEAM_NO_CALLS;
	return 0;
}
