// SPDX-License-Identifier: Apache-2.0
#include "node_end.h"

#include "node_config.h"
#include "progress.h"
#include "tree.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { KILL_WAIT_MS = 5000, LEFTOVER_MS = 3000, POLL_MS = 20 };

/* The data plane inherited the listening seam socket: while it lives, connecting works. */
static bool dataplane_lives(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path)
		return false;
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	bool lives = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EAGAIN;
	close(fd);
	return lives;
}

static void wait_for_dataplane(const struct cli *c, const char *name)
{
	char path[PATH_MAX];
	int64_t deadline_ms = progress_now() + LEFTOVER_MS;
	if (home_node_path(path, sizeof path, c->home, "run", name, "seam.sock") < 0)
		return;
	while (dataplane_lives(path) && progress_now() < deadline_ms)
		progress_wait(-1, 0, progress_now() + POLL_MS);
}

static int end_process(int pid_fd, int64_t grace_ms)
{
	if (syscall(SYS_pidfd_send_signal, pid_fd, SIGTERM, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	int rc = progress_wait(pid_fd, POLLIN, progress_now() + grace_ms);
	if (rc != -ETIMEDOUT)
		return rc;
	syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0);
	return progress_wait(pid_fd, POLLIN, progress_now() + KILL_WAIT_MS);
}

int node_end(const struct cli *c, const char *name, int64_t grace_ms)
{
	int pid, again, rc = 0;
	bool was_running = node_status(c->home, name, &pid) == NODE_RUNNING;
	if (was_running) {
		int fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (fd < 0 && errno != ESRCH)
			return -errno;
		/* the number may have been reused before it was pinned down: the lock tells */
		if (fd >= 0 && node_status(c->home, name, &again) == NODE_RUNNING && again == pid) {
			progress_start(c, "waiting for the node to end");
			rc = end_process(fd, grace_ms);
			progress_stop();
		}
		if (fd >= 0)
			close(fd);
	}
	if (rc)
		return rc;
	wait_for_dataplane(c, name);
	return was_running;
}

void node_remove_dirs(const struct cli *c, const char *name)
{
	static const char *const kinds[] = {"run", "nodes"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (home_node_path(path, sizeof path, c->home, kinds[i], name, NULL) < 0)
			continue;
		int rc = tree_remove(path);
		if (rc)
			cli_note(c, "could not remove %s: %s", path, strerror(-rc));
	}
}
