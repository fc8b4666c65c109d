/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control plane gives up, before it starts its data plane and its first thread: all
 * capabilities but that to bind a port below 1024 (when it was started with it), new privileges,
 * the files outside of its home but for those that names, libraries and vaults are read from, and
 * most system calls. Its children inherit all of it, so what is on its list includes what a data
 * plane calls. See lib/confine.h; docs/security.md "What each process may do".
 */
#ifndef OCKAM_CONTROL_SANDBOX_H
#define OCKAM_CONTROL_SANDBOX_H

#include "program.h"

/* The home is open and p->dir exists. What the kernel lacks is logged. -EACCES, with a reason: the
 * home is of somebody else, and only a privilege that is gone now could write it. */
int sandbox_enter(struct program *p, struct reason *why);

#endif
