/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a service manager that the node is ready, that it ends, and that its loop still turns: the
 * datagrams of sd_notify(3), sent where $NOTIFY_SOCKET says, and the pings that $WATCHDOG_USEC asks
 * for. One per process, on the loop's thread. Nothing is sent when nobody asked (--notify) or
 * listens.
 */
#ifndef OCKAM_NOTIFY_H
#define OCKAM_NOTIFY_H

#include "program.h"

/* Takes the variables out of the environment, so that no child speaks for us; they count when
 * `wanted`. Before the loop runs; released by notify_close. */
void notify_open(struct program *p, bool wanted);
/* Lines like "READY=1". A manager that does not listen is no failure of the node: it is logged. */
void notify_send(const char *lines);
void notify_close(void);

#endif
