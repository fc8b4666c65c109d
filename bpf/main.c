// SPDX-License-Identifier: Apache-2.0
/*
 * ockam-steer: see include/steer.h. It keeps CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON and nothing else: no files,
 * no sockets but netlink, and only the system calls that loading and attaching take. It ends when
 * control and the last data plane are gone, and takes everything with it.
 */
#include "bpf_shared.h"
#include "client.h"
#include "confine.h"
#include "fd_pass.h"
#include "log.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 4, /* a data plane, and those that have just ended */
	EXIT_USAGE = 64,
	EXIT_CONFIG = 78,
};

struct server {
	struct client_config cfg;
	int control; /* -1: gone */
	struct client *clients[CLIENTS_MAX];
};

static void sandbox(void)
{
	static const int allowed[] = {SCMP_SYS(bpf), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
		SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(bind), SCMP_SYS(getsockname),
		SCMP_SYS(setsockopt), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(close),
		SCMP_SYS(read), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(dup3), SCMP_SYS(munmap),
		SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex),
		SCMP_SYS(sched_yield), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(clock_gettime),
		SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(uname),
		SCMP_SYS(prlimit64), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};
	/* libbpf asks for files that it can do without */
	static const int files[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access),
		SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat), SCMP_SYS(newfstatat),
		SCMP_SYS(readlink)};
#ifdef UNDER_SANITIZER
	const uint32_t to_files = SCMP_ACT_ALLOW;
#else
	const uint32_t to_files = SCMP_ACT_ERRNO(EACCES);
#endif
	static const unsigned long requests[] = {SIOCGIFNAME, SIOCGIFHWADDR};
	const struct scmp_arg_cmp netlink = SCMP_CMP(0, SCMP_CMP_EQ, AF_NETLINK);
	const struct scmp_arg_cmp no_exec = SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp not_sigsys = SCMP_CMP(0, SCMP_CMP_NE, SIGSYS);
	const struct scmp_arg_cmp self = SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)getpid());
	int rc = confine_files_enter(confine_files_new(CONFINE_NO_TCP | CONFINE_NO_ABSTRACT));
	if (rc < 0)
		log_warn("sandbox: the kernel has no Landlock (%s)", strerror(-rc));
	scmp_filter_ctx f = confine_filter_new(SCMP_ACT_TRAP);
	if (f) {
		confine_filter_add(f, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed);
		confine_filter_add(f, to_files, files, sizeof files / sizeof *files);
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &netlink);
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);
		confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 1, &not_sigsys);
		for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++)
			confine_filter_if(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				&SCMP_CMP(1, SCMP_CMP_EQ, requests[i]));
	}
	rc = confine_filter_enter(f);
	if (rc < 0)
		log_warn("sandbox: no system call filter: %s", strerror(-rc));
}

static int log_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];
	int n = vsnprintf(line, sizeof line, fmt, ap);
	if (n > 0 && (size_t)n < sizeof line && line[n - 1] == '\n')
		line[n - 1] = 0;
	log_debug("%s", line);
	(void)level;
	return 0;
}

static void new_client(struct server *s)
{
	char byte;
	int fds[FD_PASS_MAX], rc = fd_pass_recv(s->control, &byte, sizeof byte, fds, false);
	if (rc == -EAGAIN)
		return;
	if (rc < 0) {
		close(s->control);
		s->control = -1;
		return;
	}
	for (unsigned i = 0; i < CLIENTS_MAX && fds[0] >= 0; i++)
		if (!s->clients[i]) {
			s->clients[i] = client_new(&s->cfg, fds[0]);
			fds[0] = -1;
		}
	for (unsigned i = 0; i < FD_PASS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void serve(struct server *s)
{
	for (;;) {
		struct pollfd pfd[1 + CLIENTS_MAX];
		bool any = s->control >= 0;
		pfd[0] = (struct pollfd){.fd = s->control, .events = POLLIN};
		for (unsigned i = 0; i < CLIENTS_MAX; i++) {
			any |= s->clients[i] != NULL;
			pfd[1 + i] =
				(struct pollfd){.fd = s->clients[i] ? client_fd(s->clients[i]) : -1,
					.events = POLLIN};
		}
		if (!any)
			return;
		if (poll(pfd, 1 + CLIENTS_MAX, -1) < 0)
			continue;
		for (unsigned i = 0; i < CLIENTS_MAX; i++) /* who is gone makes room first */
			if (pfd[1 + i].revents && !client_serve(s->clients[i])) {
				client_free(s->clients[i]);
				s->clients[i] = NULL;
			}
		if (pfd[0].revents)
			new_client(s);
	}
}

static uint32_t number(const char *text, uint32_t otherwise)
{
	char *end;
	unsigned long v = text ? strtoul(text, &end, 10) : 0;
	return text && end != text && !*end && v && v <= UINT32_MAX ? (uint32_t)v : otherwise;
}

int main(int argc, char **argv)
{
	struct server s = {.control = argc == 3 ? (int)number(argv[1], 0) : 0};
	const char *mask = getenv("OCKAM_STEER_MASK");
	log_init_env(2, LOG_WARN, "ockam-steer");
	s.cfg.handle = argc == 3 ? number(argv[2], 0) : 0;
	if (!s.control || !s.cfg.handle) {
		fputs("usage: ockam-steer FD HANDLE\nStarted by ockam-control.\n", stderr);
		return EXIT_USAGE;
	}
	/* for tests: less of it than there is */
	s.cfg.rows = number(getenv("OCKAM_STEER_ROWS"), RELAY_ROWS_MAX);
	s.cfg.no_tcx = mask && !strcmp(mask, "tcx");
	s.cfg.sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	confine_hide();
	/* CAP_PERFMON: without it Linux 6.1 lets no program change a part of a word on its stack */
	if (confine_drop_capabilities(UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_BPF |
				      UINT64_C(1) << CAP_PERFMON) < 0 ||
		s.cfg.sock < 0) {
		log_error("cannot give up what is not needed");
		return EXIT_CONFIG;
	}
	libbpf_set_print(log_libbpf);
	libbpf_num_possible_cpus(); /* reads a file, once */
	sandbox();
	serve(&s);
	return 0;
}
