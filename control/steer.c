// SPDX-License-Identifier: Apache-2.0
#include "steer.h"

#include "confine.h"
#include "fd_pass.h"
#include "log.h"
#include "restore.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_IN_CHILD = 3 };

/* How this node knows its filters again, whoever left them. */
static uint32_t handle_of(const struct program *p)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	crypto_generichash_state st;
	uint32_t h;
	crypto_generichash_init(&st, NULL, 0, sizeof hash);
	crypto_generichash_update(&st, (const uint8_t *)p->home_dir, strlen(p->home_dir) + 1);
	crypto_generichash_update(&st, (const uint8_t *)p->name, strlen(p->name));
	crypto_generichash_final(&st, hash, sizeof hash);
	memcpy(&h, hash, sizeof h);
	return h ? h : 1;
}

static void child(const char *path, int fd, uint32_t handle, bool foreground)
{
	char fd_text[12], handle_text[12];
	snprintf(fd_text, sizeof fd_text, "%d", FD_IN_CHILD);
	snprintf(handle_text, sizeof handle_text, "%u", handle);
	char *const argv[] = {(char *)(uintptr_t)path, fd_text, handle_text, NULL};
	if (fd == FD_IN_CHILD)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, FD_IN_CHILD) < 0)
		_exit(1);
	if (foreground) /* where the log goes */
		dup2(STDOUT_FILENO, STDERR_FILENO);
	close_range(FD_IN_CHILD + 1, ~0u, 0);
	execv(path, argv);
	_exit(1);
}

/* Nobody's child, so that nobody has to wait for it. */
static int launch(const struct program *p, const char *path, int fd)
{
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			child(path, fd, handle_of(p), p->foreground);
		_exit(pid < 0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status ? -EAGAIN : 0;
}

static const char *start(struct program *p)
{
	char path[PATH_MAX];
	int pair[2];
	if (p->temporary)
		return "a command's own node forwards nothing";
	if (restore_path(p) == FORWARD_URING)
		return "the node was made with --path uring";
	if (!confine_has(CAP_BPF) || !confine_has(CAP_NET_ADMIN))
		return "the node has not the capabilities CAP_BPF and CAP_NET_ADMIN";
	if (program_beside("ockam-steer", "bpf", path, sizeof path) < 0)
		return "ockam-steer is not installed";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return strerror(errno);
	int rc = launch(p, path, pair[1]);
	close(pair[1]);
	if (rc == 0)
		p->steer_fd = pair[0];
	else
		close(pair[0]);
	return rc < 0 ? "ockam-steer cannot be started" : NULL;
}

void steer_start(struct program *p)
{
	p->steer_fd = -1;
	p->steer_why = start(p);
	if (p->steer_why)
		log_debug("relays forward in user space: %s", p->steer_why);
}

void steer_stop(struct program *p)
{
	if (p->steer_fd >= 0)
		close(p->steer_fd);
	p->steer_fd = -1;
}

int steer_connect(const struct program *p)
{
	int pair[2];
	if (p->steer_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	int rc = fd_pass_send(p->steer_fd, "", 1, &pair[1], 1);
	close(pair[1]);
	if (rc == 0)
		return pair[0];
	log_warn("ockam-steer has ended: relays forward in user space");
	close(pair[0]);
	return -1;
}
