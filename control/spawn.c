// SPDX-License-Identifier: Apache-2.0
#include "spawn.h"

#include "log.h"
#include "respawn.h"
#include "seam_client.h"
#include "steer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	GREETING_MS = 10000,
	END_GRACE_MS = 2000,
	EARLIER_MS = 5000,
	SEAM_FD_IN_CHILD = 3,
	ADMIN_FD_IN_CHILD = 5,
	STEER_FD_IN_CHILD = 6,
};

/* One process; freed when its handles are closed. */
struct dataplane {
	struct program *p;
	int pid, pid_fd; /* -1: a child, which libuv looks after */
	union {
		uv_process_t process; /* a child */
		uv_poll_t end;	      /* of pid_fd: one that was adopted */
	};
	uv_timer_t grace;
	unsigned handles; /* open ones */
	bool running;
};

int program_beside(const char *name, const char *build_dir, char *dst, size_t cap)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		return -errno;
	self[n] = 0;
	char *slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = 0;
	for (unsigned i = 0; i < 2; i++) {
		n = i ? snprintf(dst, cap, "%s../%s/%s", self, build_dir, name)
		      : snprintf(dst, cap, "%s%s", self, name);
		if ((size_t)n >= cap)
			return -ENAMETOOLONG;
		if (access(dst, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int dataplane_program(char *dst, size_t cap)
{
	return program_beside("ockam-dataplane", "dataplane", dst, cap);
}

static int door_address(
	struct program *p, const char *name, struct sockaddr_un *sa, struct reason *why)
{
	char path[PATH_MAX];
	program_path(p, name, path, sizeof path);
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof sa->sun_path) {
		*why = reason_make(EXIT_CONFIG,
			"the path %s is longer than the 107 bytes that a socket may have", path);
		return -ENAMETOOLONG;
	}
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return 0;
}

/* A socket of the data plane's, in the node's directory: the seam, or the operators' door. */
static int door_listen(
	struct program *p, const char *name, struct sockaddr_un *sa, struct reason *why)
{
	int rc = door_address(p, name, sa, why);
	if (rc < 0)
		return rc;
	const char *path = sa->sun_path;
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)sa, sizeof *sa) == 0 && chmod(path, 0600) == 0 &&
		listen(fd, 4) == 0)
		return fd;
	rc = -errno;
	if (fd >= 0)
		close(fd);
	*why = reason_make(EXIT_IO, "cannot listen on %s: %s", path, strerror(-rc));
	return rc;
}

static int seam_connect(const struct sockaddr_un *sa, struct reason *why)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0) {
		int size = 4 << 20; /* cut by the kernel to what is allowed */
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		return fd;
	}
	int rc = -errno;
	if (fd >= 0)
		close(fd);
	*why = reason_make(EXIT_IO, "cannot connect to the data plane: %s", strerror(-rc));
	return rc;
}

static void handle_closed(uv_handle_t *h)
{
	struct dataplane *d = h->data;
	if (--d->handles)
		return;
	if (d->pid_fd >= 0)
		close(d->pid_fd);
	free(d);
}

static void handles_close(struct dataplane *d)
{
	uv_close((uv_handle_t *)&d->process, handle_closed);
	uv_close((uv_handle_t *)&d->grace, handle_closed);
}

static void ended(struct dataplane *d)
{
	d->running = false;
	if (d->p->dataplane == d)
		d->p->dataplane = NULL;
	handles_close(d);
}

static void on_exit_status(uv_process_t *proc, int64_t status, int sig)
{
	struct dataplane *d = proc->data;
	struct program *p = d->p;
	struct reason why =
		sig == SIGSYS ? reason_make(EXIT_INTERNAL,
					"the data plane was ended by its sandbox; its log line "
					"says which system call it made")
		: sig ? reason_make(EXIT_INTERNAL, "the data plane was killed by signal %d", sig)
		    : reason_make(EXIT_INTERNAL,
			      "the data plane ended with status %d; its log lines say why",
			      (int)status);
	if (status == EXIT_CONFIG)
		why.exit = EXIT_CONFIG;
	ended(d);
	respawn_on_exit(p, &why);
}

/* Nobody can say how: it is not a child. */
static void on_adopted_end(uv_poll_t *h, int status, int events)
{
	struct dataplane *d = h->data;
	struct program *p = d->p;
	struct reason why = reason_make(EXIT_INTERNAL, "the data plane, process %d, has ended", d->pid);
	uv_poll_stop(h);
	ended(d);
	respawn_on_exit(p, &why);
}

/* The lock that says that a data plane lives: the child inherits it, and keeps it longer than us. */
static int take_lock(struct program *p)
{
	return p->temporary ? -ENOENT : node_dataplane_lock(p->home_dir, p->name);
}

static int spawn(struct program *p, struct dataplane *d, const int doors[2], int lock, int steer,
	unsigned workers)
{
	char path[PATH_MAX], fd_text[12], admin_text[12], steer_text[12], workers_text[12];
	int rc = dataplane_program(path, sizeof path);
	if (rc < 0)
		return rc;
	snprintf(fd_text, sizeof fd_text, "%d", SEAM_FD_IN_CHILD);
	snprintf(workers_text, sizeof workers_text, "%u", workers);
	snprintf(admin_text, sizeof admin_text, "%d", ADMIN_FD_IN_CHILD);
	char *args[10] = {path, "--seam-fd", fd_text, "--admin-fd", admin_text};
	unsigned n = 5;
	if (steer >= 0) {
		snprintf(steer_text, sizeof steer_text, "%d", STEER_FD_IN_CHILD);
		args[n++] = "--steer-fd";
		args[n++] = steer_text;
	}
	if (workers) {
		args[n++] = "--workers";
		args[n++] = workers_text;
	}
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = 1},
		{.flags = UV_INHERIT_FD, .data.fd = p->foreground ? 1 : 2}, /* where the log goes */
		[SEAM_FD_IN_CHILD] = {.flags = UV_INHERIT_FD, .data.fd = doors[0]},
		{.flags = lock < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = lock},
		[ADMIN_FD_IN_CHILD] = {.flags = UV_INHERIT_FD, .data.fd = doors[1]},
		[STEER_FD_IN_CHILD] = {.flags = steer < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = steer},
	};
	uv_process_options_t o = {
		.file = path,
		.args = args,
		.stdio = stdio,
		.stdio_count = sizeof stdio / sizeof *stdio,
		.exit_cb = on_exit_status,
	};
	uv_timer_init(&p->uv, &d->grace);
	d->handles = 2;
	d->process.data = d->grace.data = d;
	rc = uv_spawn(&p->uv, &d->process, &o);
	d->pid = d->process.pid;
	d->running = rc == 0;
	if (rc < 0)
		handles_close(d);
	return rc;
}

/* Starts the process; d is its own from here on, whether it runs or not. */
static int launch(struct program *p, const int doors[2], unsigned workers, struct reason *why)
{
	struct dataplane *d = calloc(1, sizeof *d);
	if (!d) {
		*why = reason_make(EXIT_INTERNAL, "out of memory");
		return -ENOMEM;
	}
	d->p = p;
	d->pid_fd = -1;
	int lock = take_lock(p), rc = lock == -EEXIST ? -EBUSY : 0;
	int steer = rc == 0 ? steer_connect(p) : -1;
	if (rc == 0)
		rc = spawn(p, d, doors, lock, steer, workers);
	if (steer >= 0)
		close(steer);
	if (rc == 0) {
		p->dataplane = d;
		if (lock >= 0)
			node_dataplane_publish(lock, d->pid);
	} else {
		*why = reason_make(EXIT_CONFIG, "cannot start ockam-dataplane: %s",
			rc == -ENOENT ? "it is not beside ockam-control; install the whole of ockam"
			: rc == -EACCES
				? "it may not be executed, or is not the file that was there when "
				  "the node started; stop and start the node after an upgrade"
			: rc == -EBUSY ? "an earlier one of this node still lives"
				       : uv_strerror(rc));
		if (!d->handles)
			free(d);
	}
	if (lock >= 0)
		close(lock);
	return rc;
}

/* The first message of the seam; the node and its seam client come after its answer. */
static int send_greeting(int fd)
{
	uint8_t buf[128];
	struct seam_msg m = {
		.cmd = SEAM_HELLO,
		.want_ack = true,
		.seq = UINT32_MAX,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_VERSION),
		.version = SEAM_VERSION,
	};
	int n = seam_encode(&m, buf, sizeof buf);
	return n < 0 ? n : seam_send(fd, buf, (size_t)n, -1);
}

int dataplane_end_earlier(struct program *p, struct reason *why)
{
	static const struct timespec step = {.tv_nsec = 2000000};
	int pid = 0, fd;
	for (unsigned waited_ms = 0; waited_ms < EARLIER_MS; waited_ms += 2) {
		pid = node_dataplane_pid(p->home_dir, p->name);
		if (!pid)
			return 0;
		fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
		/* the number may have been used again before it was pinned down */
		if (fd >= 0 && node_dataplane_pid(p->home_dir, p->name) == pid)
			syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
		if (fd >= 0)
			close(fd);
		nanosleep(&step, NULL);
	}
	/* the kernel may forbid a sandboxed process to signal what is no child of it */
	*why = reason_make(EXIT_INTERNAL,
		"the node's earlier data plane, process %d, can neither be taken over nor ended from "
		"here: stop the node with `ockam node stop`, then start it again",
		pid);
	return -EBUSY;
}

int dataplane_start(struct program *p, unsigned workers, struct reason *why)
{
	struct sockaddr_un sa, admin;
	int doors[2] = {door_listen(p, "seam.sock", &sa, why), -1}, rc = doors[0];
	if (rc >= 0)
		rc = doors[1] = door_listen(p, "admin.sock", &admin, why);
	if (rc >= 0)
		rc = launch(p, doors, workers, why);
	if (rc == 0)
		rc = seam_connect(&sa, why);
	for (unsigned i = 0; i < 2; i++)
		if (doors[i] >= 0)
			close(doors[i]);
	return rc;
}

int dataplane_adopt(struct program *p, struct reason *why)
{
	struct sockaddr_un sa;
	int pid = node_dataplane_pid(p->home_dir, p->name);
	if (!pid)
		return -ESRCH;
	int rc = pid < 0 ? -EBUSY : door_address(p, "seam.sock", &sa, why);
	struct dataplane *d = rc < 0 ? NULL : calloc(1, sizeof *d);
	if (!d)
		return rc < 0 ? rc : -ENOMEM;
	*d = (struct dataplane){.p = p, .pid = pid};
	d->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* the number may have been used again before it was pinned down */
	if (d->pid_fd < 0 || node_dataplane_pid(p->home_dir, p->name) != pid) {
		if (d->pid_fd >= 0)
			close(d->pid_fd);
		free(d);
		return -ESRCH;
	}
	uv_timer_init(&p->uv, &d->grace);
	uv_poll_init(&p->uv, &d->end, d->pid_fd);
	d->handles = 2;
	d->end.data = d->grace.data = d;
	uv_poll_start(&d->end, UV_READABLE, on_adopted_end);
	d->running = true;
	p->dataplane = d;
	return seam_connect(&sa, why);
}

void dataplane_let_go(struct program *p)
{
	if (p->dataplane)
		ended(p->dataplane);
}

int dataplane_greet(
	struct program *p, int seam, struct dataplane_info *info, struct reason *why)
{
	uint8_t buf[4096];
	struct seam_msg m;
	bool answered = false;
	int rc = send_greeting(seam);
	*why = reason_make(EXIT_CONFIG, "the data plane did not start; its log lines say why");
	while (rc >= 0) {
		struct pollfd pfd = {.fd = seam, .events = POLLIN};
		int fd = -1, n = poll(&pfd, 1, GREETING_MS);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) {
			*why = reason_make(EXIT_INTERNAL, "the data plane does not answer");
			return -ETIMEDOUT;
		}
		n = seam_recv(seam, buf, sizeof buf, &fd);
		if (fd >= 0)
			close(fd);
		/* a data plane that is taken over may say more, and longer things, before it answers */
		if (n == -EAGAIN || n == -EMSGSIZE)
			continue;
		if (n <= 0 || seam_decode(&m, buf, (size_t)n, true) < 0)
			return -EPIPE;
		if (m.cmd == SEAM_HELLO) {
			*info = (struct dataplane_info){
				.workers = m.workers,
				.suites = m.suites,
				.missing = m.missing,
				.highest = {m.serial, m.link, m.session, m.listener},
			};
			answered = true;
		} else if (m.cmd == SEAM_ACK) {
			if (m.error == 0 && answered)
				return 0;
			*why = reason_make(EXIT_CONFIG,
				"ockam-control and ockam-dataplane are of different versions");
			return -EPROTO;
		}
	}
	return rc;
}

int dataplane_pid(const struct program *p)
{
	return p->dataplane && p->dataplane->running ? p->dataplane->pid : 0;
}

void dataplane_kill(struct program *p)
{
	struct dataplane *d = p->dataplane;
	if (d && d->running && d->pid_fd >= 0)
		syscall(SYS_pidfd_send_signal, d->pid_fd, SIGKILL, NULL, 0);
	else if (d && d->running)
		uv_process_kill(&d->process, SIGKILL);
}

void dataplane_outlive(struct program *p)
{
	struct seam_msg m = {.cmd = SEAM_OUTLIVE, .fd = -1};
	if (p->ready && !p->temporary && !p->foreground)
		seam_request(p->node, &m, NULL, NULL);
}

static void on_grace_over(uv_timer_t *t)
{
	struct dataplane *d = t->data;
	log_warn("the data plane does not end by itself: it is killed");
	dataplane_kill(d->p);
	if (d->pid_fd >= 0)
		ended(d); /* no child: nobody else waits for it */
}

void dataplane_expect_end(struct program *p)
{
	if (p->dataplane && p->dataplane->running)
		uv_timer_start(&p->dataplane->grace, on_grace_over, END_GRACE_MS, 0);
}
