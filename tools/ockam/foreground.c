// SPDX-License-Identifier: Apache-2.0
#include "foreground.h"

#include "guard.h"
#include "node_end.h"
#include "progress.h"
#include "spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { STEP_MS = 3600 * 1000 };

/* Takes what stdin has; false at its end. */
static bool drain_stdin(void)
{
	char buf[4096];
	ssize_t n = read(STDIN_FILENO, buf, sizeof buf);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* True while the node should go on; an end of the child is left for spawn_wait_end. */
static bool step(const struct spawn *s, bool watch_stdin)
{
	struct pollfd p[] = {
		{.fd = watch_stdin ? STDIN_FILENO : -1, .events = POLLIN},
		{.fd = s->pid_fd, .events = POLLIN},
		{.fd = progress_signal_fd(), .events = POLLIN},
	};
	if (poll(p, 3, STEP_MS) < 0 && errno != EINTR)
		return false;
	if (p[1].revents || p[2].revents)
		return false;
	return !p[0].revents || drain_stdin();
}

static int run(const struct cli *c, const struct node_plan *plan, struct spawn *s, int *guard)
{
	int rc = spawn_wait_ready(c, s, plan->timeout_ms);
	if (rc)
		return rc;
	guard_drop(*guard);
	*guard = -1;
	int failed = plan->on_ready ? plan->on_ready(plan->ctx) : CLI_OK;
	if (!failed) {
		puts(plan->name);
		fflush(stdout);
	}
	while (!failed && step(s, plan->exit_on_eof))
		;
	progress_take_signal(); /* it ends the node, and that is no failure; a second one hurries */
	rc = spawn_wait_end(s, progress_now());
	if (rc >= 0)
		return rc ? cli_fail(c, rc < 126 ? rc : CLI_INTERNAL, "node %s ended by itself",
				    plan->name)
			  : CLI_OK;
	int err = node_end(c, plan->name, NODE_END_GRACE_MS);
	if (err < 0)
		spawn_kill(s);
	return failed;
}

int foreground_run(const struct cli *c, const struct node_plan *plan, int *guard)
{
	const char *const args[] = {"--home", c->home, "--node", plan->name, "--foreground", NULL};
	struct spawn s;
	if (progress_catch_signals())
		return cli_fail(c, CLI_INTERNAL, "could not catch signals");
	int rc = spawn_control(c, SPAWN_FOREGROUND, args, NULL, &s);
	if (!rc) {
		rc = run(c, plan, &s, guard);
		spawn_kill(&s);
		spawn_fini(&s);
	}
	return rc;
}
