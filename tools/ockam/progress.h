/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting, the only way the command does it: with an indicator on stderr when that is a terminal
 * and the wait is longer than half a second, and ended by a signal when somebody has something to
 * clean up. One state per process.
 */
#ifndef OCKAM_PROGRESS_H
#define OCKAM_PROGRESS_H

#include "cli.h"

#include <stdint.h>

/* What is waited for from now on; `text` is borrowed until progress_stop. */
void progress_start(const struct cli *c, const char *text);
void progress_stop(void);

/* Milliseconds of the monotonic clock. */
int64_t progress_now(void);
/* Until fd (or -1) has an event or the clock reads deadline_ms: 0, -ETIMEDOUT, or -EINTR (a caught
 * signal). */
int progress_wait(int fd, short events, int64_t deadline_ms);

/* SIGINT, SIGTERM and SIGHUP end waits with -EINTR instead of the process, until progress_release.
 */
int progress_catch_signals(void);
/* Takes the default back; a signal that came meanwhile ends the process here. */
void progress_release_signals(void);
/* The caught signal, or 0. */
int progress_signal(void);
/* Forgets the caught signal, also one that no wait has seen yet. */
void progress_take_signal(void);
/* Readable when a signal came; -1 when none are caught. */
int progress_signal_fd(void);

#endif
