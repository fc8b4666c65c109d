/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting ockam-control and waiting until it says that it is ready. It is found beside the running
 * program, or where the build puts it. A background child gets no descriptor of ours but its
 * log, and a session of its own.
 */
#ifndef OCKAM_SPAWN_H
#define OCKAM_SPAWN_H

#include "cli.h"

#include <stdint.h>
#include <sys/types.h>

enum spawn_kind {
	SPAWN_BACKGROUND, /* stdin is /dev/null, stdout and stderr are the log */
	SPAWN_FOREGROUND, /* our stdout and stderr; ends when we do */
	SPAWN_TEMPORARY,  /* stdin is a pipe that we hold; stdout is stderr */
};

struct spawn {
	pid_t pid;
	int pid_fd;
	int ready_fd;
	int stdin_fd;	 /* SPAWN_TEMPORARY, else -1 */
	const char *log; /* SPAWN_BACKGROUND: where its last words are, else NULL */
};

/*
 * args: those of ockam-control but for its name and --ready-fd, ending with NULL. log:
 * SPAWN_BACKGROUND. CLI_OK, or an exit code with its error sentence written. Release by spawn_fini.
 */
int spawn_control(const struct cli *c, enum spawn_kind kind, const char *const *args,
	const char *log, struct spawn *out);
/* This process becomes ockam-control, which logs to stderr. Returns only when that failed. */
int spawn_become_control(const struct cli *c, const char *const *args);
/* Until it is ready. CLI_OK, or an exit code with its error sentence written; a child that fails
 * has ended. */
int spawn_wait_ready(const struct cli *c, struct spawn *s, int64_t timeout_ms);
/* Waits for its end: the exit code (128 + signal), -ETIMEDOUT or -EINTR. */
int spawn_wait_end(struct spawn *s, int64_t deadline_ms);
/* SIGKILL and reap. */
void spawn_kill(struct spawn *s);
/* Closes what is open; a background child goes on. */
void spawn_fini(struct spawn *s);

#endif
