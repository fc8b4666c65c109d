/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting ockam-steer (include/steer.h), the one process of a node that keeps the right to attach
 * programs to devices. It has to be before the sandbox; each data plane then gets a socket to it.
 */
#ifndef OCKAM_CONTROL_STEER_H
#define OCKAM_CONTROL_STEER_H

#include "program.h"

/* Where it may be; without rights, without the program, or when a node shall not, p->steer_why says
 * so. */
void steer_start(struct program *p);
void steer_stop(struct program *p); /* it ends when the data plane has, too */
/* For a new data plane: its end of a socket to it, the caller's to close; -1: there is none. */
int steer_connect(const struct program *p);

#endif
