/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command at a time creates, starts, stops or deletes a node of one name: a lock on
 * nodes/NAME/lock. The file may be removed by its holder only.
 */
#ifndef OCKAM_GUARD_H
#define OCKAM_GUARD_H

#include "cli.h"

/* The descriptor that holds the lock; -EWOULDBLOCK while another command holds it and !wait;
 * -EINTR. */
int guard_take(const struct cli *c, const char *node, bool wait);
void guard_drop(int fd);

#endif
