// SPDX-License-Identifier: Apache-2.0
/* The data plane's sandbox, by trying what it must not let through. */
#include "attempt.h"

#include "confine.h"
#include "log.h"
#include "ring.h"
#include "sandbox.h"
#include "seam.h"

#include <linux/bpf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>

#ifdef UNDER_SANITIZER
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void begin(void *ctx)
{
	log_init(STDERR_FILENO, LOG_WARN, false, "test");
	sandbox_begin();
}

static void all(void *ctx)
{
	begin(ctx);
	sandbox_close();
}

static bool has_landlock(void)
{
	int rules = confine_files_new(0);
	if (rules >= 0)
		close(rules);
	return rules >= 0;
}

static int open_passwd(void *ctx)
{
	return errno_of(open("/etc/passwd", O_RDONLY));
}

static int open_new(void *ctx)
{
	return errno_of(open("/tmp/ockam_sandbox_test", O_WRONLY | O_CREAT, 0600));
}

static void files_are_out_of_reach(void **state)
{
	assert_attempt(NULL, open_passwd, NULL, TAKEN);
	assert_attempt(all, open_passwd, NULL, EACCES);
	assert_attempt(all, open_new, NULL, EACCES);
}

static void landlock_alone_keeps_files_out_of_reach(void **state)
{
	if (!has_landlock()) {
		print_message("skipped: this kernel has no Landlock\n");
		skip();
	}
	assert_attempt(begin, open_passwd, NULL, EACCES);
	assert_attempt(begin, open_new, NULL, EACCES);
}

static int missing_here(void *ctx)
{
	return (int)sandbox_begin();
}

static int missing_without_landlock(void *ctx)
{
	hide_landlock();
	return (int)sandbox_begin();
}

static void what_the_kernel_lacks_is_told(void **state)
{
	unsigned lacks = confine_files_lacks();
	int missing = (lacks & CONFINE_LACKS_FILES ? SEAM_NO_FILES : 0) |
		      (lacks & CONFINE_LACKS_TCP ? SEAM_NO_TCP : 0) |
		      (lacks & CONFINE_LACKS_SIGNALS ? SEAM_NO_SIGNALS : 0);
	assert_attempt(NULL, missing_here, NULL, missing);
	assert_attempt(NULL, missing_without_landlock, NULL,
		SEAM_NO_FILES | SEAM_NO_TCP | SEAM_NO_SIGNALS);
}

/* Made before the sandbox: a TCP socket, and one that listens. */
struct sockets {
	int fd, listener;
	struct sockaddr_in addr;
};

static void make_sockets(struct sockets *s)
{
	socklen_t len = sizeof s->addr;
	*s = (struct sockets){
		.addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&s->addr, sizeof s->addr), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&s->addr, &len), 0);
}

static int make_socket(void *ctx)
{
	return errno_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int connect_out(void *ctx)
{
	const struct sockets *s = ctx;
	int fd = s->fd >= 0 ? s->fd : socket(AF_INET, SOCK_STREAM, 0);
	return errno_of(connect(fd, (const struct sockaddr *)&s->addr, sizeof s->addr));
}

static int bind_port(void *ctx)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	const struct sockets *s = ctx;
	return errno_of(bind(s->fd, (struct sockaddr *)&any, sizeof any));
}

static int accept_one(void *ctx)
{
	const struct sockets *s = ctx;
	return errno_of(accept4(s->listener, NULL, NULL, SOCK_NONBLOCK));
}

static void there_are_no_new_sockets(void **state)
{
	struct sockets s;
	make_sockets(&s);
	assert_attempt(all, make_socket, NULL, -SIGSYS);
	assert_attempt(all, connect_out, &s, -SIGSYS);
	assert_attempt(all, bind_port, &s, -SIGSYS);
	struct sockets each = s;
	each.fd = -1;
	assert_attempt(NULL, connect_out, &each, TAKEN);
	assert_attempt(all, accept_one, &s, TAKEN); /* the link that waits by that */
	close(s.fd);
	close(s.listener);
}

static int execute(void *ctx)
{
	char *const args[] = {"true", NULL};
	return errno_of(execv("/bin/true", args));
}

static int trace(void *ctx)
{
	return errno_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int start_child(void *ctx)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return errno_of(pid);
}

static int signal_parent(void *ctx)
{
	return errno_of(syscall(SYS_tgkill, *(pid_t *)ctx, *(pid_t *)ctx, 0));
}

static int map_code(void *ctx)
{
	void *p = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return errno_of(p == MAP_FAILED ? -1 : 0);
}

static int make_code(void *ctx)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return errno_of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int type_on_terminal(void *ctx)
{
	return errno_of(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static int map_entry(void *ctx)
{
	union bpf_attr a = {.map_fd = UINT32_MAX};
	for (int cmd = BPF_MAP_LOOKUP_ELEM; cmd <= BPF_MAP_DELETE_ELEM; cmd++)
		if (syscall(SYS_bpf, cmd, &a, sizeof a) == 0 || errno != EBADF)
			return errno;
	return TAKEN;
}

static int make_map(void *ctx)
{
	union bpf_attr a = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	return errno_of(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a));
}

static int next_entry(void *ctx)
{
	union bpf_attr a = {.map_fd = UINT32_MAX};
	return errno_of(syscall(SYS_bpf, BPF_MAP_GET_NEXT_KEY, &a, sizeof a));
}

static int catch_sigsys(void *ctx)
{
	signal(SIGSYS, SIG_IGN);
	return TAKEN;
}

static int make_ring(void *ctx)
{
	struct io_uring u;
	int rc = io_uring_queue_init(8, &u, 0);
	return rc < 0 ? -rc : TAKEN;
}

static void other_calls_end_the_process(void **state)
{
	pid_t self = getpid();
	assert_attempt(all, execute, NULL, -SIGSYS);
	assert_attempt(all, map_code, NULL, -SIGSYS);
	assert_attempt(all, make_code, NULL, -SIGSYS);
	assert_attempt(all, type_on_terminal, NULL, -SIGSYS);
	assert_attempt(all, make_ring, NULL, -SIGSYS);
	assert_attempt(all, make_map, NULL, -SIGSYS);
	assert_attempt(all, next_entry, NULL, -SIGSYS);
	if (geteuid() == 0) /* where nobody else may use bpf(2), it fails before */
		assert_attempt(all, map_entry, NULL, TAKEN);
	if (SANITIZED) /* they may use these themselves */
		return;
	assert_attempt(all, catch_sigsys, NULL, -SIGSYS);
	assert_attempt(all, trace, NULL, -SIGSYS);
	assert_attempt(all, start_child, NULL, -SIGSYS);
	assert_attempt(all, signal_parent, &self, -SIGSYS);
}

static void a_refused_call_is_logged(void **state)
{
	char log[1024], expected[80];
	int status = attempt_status(geteuid(), all, make_socket, NULL, log, sizeof log);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	snprintf(expected, sizeof expected, "the sandbox refused system call %d", SYS_socket);
	if (!strstr(log, expected))
		fail_msg("\"%s\" does not say \"%s\"", log, expected);
}

static int count_capabilities(void *ctx)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct c[2];
	if (syscall(SYS_capget, &h, c) < 0)
		return errno;
	for (int i = 0; i < 2; i++)
		if (c[i].effective || c[i].permitted || c[i].inheritable)
			return EEXIST;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			return EEXIST;
	/* only root can empty the bounding set, and without new privileges it means nothing */
	for (int cap = 0; *(bool *)ctx && cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1)
			return EBUSY;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? TAKEN : ENOTSUP;
}

static void no_capability_is_left(void **state)
{
	bool root = geteuid() == 0;
	assert_int_equal(attempt_as(geteuid(), begin, count_capabilities, &root), TAKEN);
	root = false;
	assert_attempt(begin, count_capabilities, &root, TAKEN);
	if (geteuid() == 0)
		assert_int_equal(attempt_as(0, NULL, count_capabilities, &root), EEXIST);
}

static int abort_here(void *ctx)
{
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	return TAKEN;
}

static int raise_core_limit(void *ctx)
{
	struct rlimit much = {RLIM_INFINITY, RLIM_INFINITY}, now;
	setrlimit(RLIMIT_CORE, &much);
	return getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur ? TAKEN : EPERM;
}

static void no_core_is_dumped(void **state)
{
	int status = attempt_status(geteuid(), begin, abort_here, NULL, NULL, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status));
	assert_attempt(begin, raise_core_limit, NULL, EPERM);
}

/* --- rings --- */

static int complete(struct ring *r, unsigned op, unsigned sqe_flags, int fd, void *addr)
{
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe = ring_sqe(r);
	io_uring_prep_rw((int)op, sqe, fd, addr, 8, 0);
	sqe->flags = (uint8_t)sqe_flags;
	ring_wait(r, 10000);
	if (io_uring_peek_cqe(&r->u, &cqe) < 0)
		return -ETIMEDOUT;
	int res = cqe->res;
	io_uring_cqe_seen(&r->u, cqe);
	return res;
}

static void a_ring_takes_only_what_a_worker_asks_for(void **state)
{
	static const unsigned masks[] = {
		0, RING_DEFER, RING_MULTISHOT | RING_BUF_RING | RING_DEFER};
	static const char path[] = "/etc/passwd";
	static const unsigned refused[] = {IORING_OP_OPENAT, IORING_OP_OPENAT2, IORING_OP_WRITE,
		IORING_OP_READV, IORING_OP_CONNECT, IORING_OP_SOCKET, IORING_OP_ACCEPT,
		IORING_OP_SPLICE, IORING_OP_UNLINKAT, IORING_OP_STATX, IORING_OP_CLOSE,
		IORING_OP_MSG_RING, IORING_OP_URING_CMD, IORING_OP_NOP};
	for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
		struct ring r;
		uint64_t value = 5, *buf = &value;
		int fd = eventfd(5, EFD_CLOEXEC), rc = ring_init(&r, masks[m], RING_ENTRIES);
		if (rc == -ENOSYS || rc == -EPERM || (rc == 0 && !r.restricted)) {
			print_message("skipped: this kernel has no %s\n",
				rc ? "io_uring" : "ring restrictions");
			skip();
		}
		assert_int_equal(rc, 0);
		for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
			assert_int_equal(
				complete(&r, refused[i], 0, AT_FDCWD, (void *)path), -EACCES);
		assert_int_equal(complete(&r, IORING_OP_READ, IOSQE_ASYNC, fd, buf), -EACCES);
		assert_int_equal(complete(&r, IORING_OP_READ, 0, fd, buf), 8);
		assert_int_equal(value, 5);
		assert_int_equal(io_uring_register_files(&r.u, &fd, 1), -EACCES);
		ring_fini(&r);
		close(fd);
	}
}

/* Of a user whom no other test shares the limit with. */
static int ring_in_little_memory(void *ctx)
{
	struct rlimit little = {.rlim_cur = *(rlim_t *)ctx, .rlim_max = *(rlim_t *)ctx};
	struct ring r;
	uint64_t value = 5, got = 0;
	setrlimit(RLIMIT_MEMLOCK, &little);
	int fd = eventfd((unsigned)value, EFD_CLOEXEC), rc = ring_init(&r, 0, RING_ENTRIES);
	if (rc < 0)
		return -rc;
	if (r.entries < RING_ENTRIES_MIN || r.entries > RING_ENTRIES)
		return ERANGE;
	if (complete(&r, IORING_OP_READ, 0, fd, &got) != 8 || got != value)
		return EIO;
	ring_fini(&r);
	return TAKEN;
}

static void a_ring_fits_into_little_memory(void **state)
{
	rlim_t limit = 12 << 10;
	if (geteuid() != 0) {
		print_message("skipped: the limit counts all of a user's processes\n");
		skip();
	}
	int rc =
		attempt_as((uid_t)(1 << 20) + (uid_t)getpid(), NULL, ring_in_little_memory, &limit);
	if (rc == ENOSYS || rc == EPERM) {
		print_message("skipped: no io_uring here\n");
		skip();
	}
	assert_int_equal(rc, TAKEN);
}

/* --- what another program of the same user, and a set-uid program, can do --- */

static void hide(void *ctx)
{
	confine_hide();
}

static int read_memory(void *ctx)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/%d/mem", *(pid_t *)ctx);
	return errno_of(open(path, O_RDONLY));
}

static int read_memory_of(uid_t uid, void (*enter)(void *))
{
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(30);
		become(uid);
		if (enter)
			enter(NULL);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	int rc = attempt_as(uid, NULL, read_memory, &pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	return rc;
}

static void memory_is_hidden_from_the_same_user(void **state)
{
	uid_t uid = geteuid() == 0 ? NOBODY : geteuid();
	if (SANITIZED || read_memory_of(uid, NULL) != TAKEN) {
		print_message("skipped: %s\n", SANITIZED ? "a sanitizer is a debugger"
							 : "no process may read another here");
		skip();
	}
	assert_int_equal(read_memory_of(uid, hide), EACCES);
}

static int run_setuid(void *ctx)
{
	char *const args[] = {ctx, "--is-root", NULL};
	execv(ctx, args);
	return errno;
}

static void a_setuid_program_gains_nothing(void **state)
{
	char dir[] = "/tmp/sandbox_test.XXXXXX", command[256], path[64];
	if (geteuid() != 0) {
		print_message("skipped: making a set-uid program needs root\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/x", dir);
	snprintf(command, sizeof command, "chmod 755 %s && cp /proc/%d/exe %s && chmod 4755 %s",
		dir, getpid(), path, path);
	assert_int_equal(system(command), 0);
	int before = attempt_as(NOBODY, NULL, run_setuid, path);
	int after = attempt_as(NOBODY, hide, run_setuid, path);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	if (before != 100) {
		print_message("skipped: set-uid programs do not work in /tmp here\n");
		skip();
	}
	assert_int_equal(after, 101);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--is-root"))
		return geteuid() == 0 ? 100 : 101;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_out_of_reach),
		cmocka_unit_test(what_the_kernel_lacks_is_told),
		cmocka_unit_test(landlock_alone_keeps_files_out_of_reach),
		cmocka_unit_test(there_are_no_new_sockets),
		cmocka_unit_test(other_calls_end_the_process),
		cmocka_unit_test(a_refused_call_is_logged),
		cmocka_unit_test(no_capability_is_left),
		cmocka_unit_test(no_core_is_dumped),
		cmocka_unit_test(a_ring_takes_only_what_a_worker_asks_for),
		cmocka_unit_test(a_ring_fits_into_little_memory),
		cmocka_unit_test(memory_is_hidden_from_the_same_user),
		cmocka_unit_test(a_setuid_program_gains_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
