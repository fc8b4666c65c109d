// SPDX-License-Identifier: Apache-2.0
#include "temp_node.h"

#include "progress.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { END_MS = 3000 };

static int make_dir(const struct cli *c, struct temp_node *t)
{
	const char *tmp = getenv("TMPDIR");
	if (!tmp || *tmp != '/')
		tmp = "/tmp";
	int n = snprintf(t->dir, sizeof t->dir, "%s/ockam-XXXXXX", tmp);
	int m = n + (int)strlen("/control.sock");
	if (m >= (int)sizeof t->ref.socket_path) {
		t->dir[0] = 0;
		return cli_fail(c, CLI_CONFIG,
			"TMPDIR is too deep: a socket path in it would have %d bytes, and 107 is "
			"the limit",
			m);
	}
	if (!mkdtemp(t->dir)) {
		t->dir[0] = 0;
		return cli_fail(
			c, CLI_IO, "could not make a directory in %s: %s", tmp, strerror(errno));
	}
	snprintf(t->ref.socket_path, sizeof t->ref.socket_path, "%.*s/control.sock", n, t->dir);
	return CLI_OK;
}

int temp_node_start(
	const struct cli *c, const char *identity, int64_t timeout_ms, struct temp_node *out)
{
	*out = (struct temp_node){
		.spawn = {.pid = -1, .pid_fd = -1, .ready_fd = -1, .stdin_fd = -1}};
	const char *const args[] = {"--home", c->home, "--temporary", out->dir,
		identity ? "--identity" : NULL, identity, NULL};
	if (progress_catch_signals())
		return cli_fail(c, CLI_INTERNAL, "could not catch signals");
	int rc = make_dir(c, out);
	if (!rc)
		rc = spawn_control(c, SPAWN_TEMPORARY, args, NULL, &out->spawn);
	if (!rc)
		rc = spawn_wait_ready(c, &out->spawn, timeout_ms);
	return rc;
}

void temp_node_stop(const struct cli *c, struct temp_node *t)
{
	if (t->spawn.stdin_fd >= 0)
		close(t->spawn.stdin_fd);
	t->spawn.stdin_fd = -1;
	if (spawn_wait_end(&t->spawn, progress_now() + END_MS) < 0)
		spawn_kill(&t->spawn);
	spawn_fini(&t->spawn);
	int rc = t->dir[0] ? tree_remove(t->dir) : 0;
	if (rc)
		cli_note(c, "could not remove %s: %s", t->dir, strerror(-rc));
	progress_release_signals();
}
