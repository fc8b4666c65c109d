// SPDX-License-Identifier: Apache-2.0
#include "node_end.h"

#include "progress.h"
#include "tree.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KILL_WAIT_MS = 5000, LEFTOVER_MS = 3000, POLL_MS = 20 };

/* Asks the process behind pid_fd to end, and makes it. 0 when it has ended. */
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

/*
 * Ends process `pid` if still(c, name) says, once it is pinned down, that it is the one meant: the
 * number may have been reused. 0 when it has ended.
 */
static int end_pid(const struct cli *c, const char *name, int pid, int64_t grace_ms,
	int (*still)(const struct cli *c, const char *name))
{
	int rc = 0, fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (still(c, name) == pid) {
		progress_start(c, "waiting for the node to end");
		rc = end_process(fd, grace_ms);
		progress_stop();
	}
	close(fd);
	return rc;
}

static int control_pid(const struct cli *c, const char *name)
{
	int pid;
	node_status(c->home, name, &pid);
	return pid;
}

static int dataplane_pid(const struct cli *c, const char *name)
{
	return node_dataplane_pid(c->home, name);
}

/* The data plane goes with control, unless that was killed. Until the lock is free it still ends. */
static int end_dataplane(const struct cli *c, const char *name)
{
	int64_t deadline_ms = progress_now() + KILL_WAIT_MS;
	int pid;
	while ((pid = dataplane_pid(c, name)) != 0) {
		int rc = pid > 0 ? end_pid(c, name, pid, LEFTOVER_MS, dataplane_pid)
				 : progress_wait(-1, 0, progress_now() + POLL_MS);
		if (rc && rc != -ETIMEDOUT)
			return rc;
		if (progress_now() >= deadline_ms)
			return -ETIMEDOUT;
	}
	return 0;
}

int node_end(const struct cli *c, const char *name, int64_t grace_ms)
{
	int pid, rc = 0;
	enum node_status status = node_status(c->home, name, &pid);
	if (pid)
		rc = end_pid(c, name, pid, grace_ms, control_pid);
	if (!rc)
		rc = end_dataplane(c, name);
	node_clear_failed(c->home, name);
	return rc ? rc : status != NODE_STOPPED && status != NODE_FAILED;
}

enum node_status node_await_end(const struct cli *c, const char *name, int64_t deadline_ms)
{
	int pid;
	enum node_status status;
	for (;;) {
		status = node_status(c->home, name, &pid);
		if ((status != NODE_RUNNING && status != NODE_ENDING) ||
			progress_now() >= deadline_ms ||
			progress_wait(-1, 0, progress_now() + POLL_MS) == -EINTR)
			return status;
	}
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
