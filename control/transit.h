/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For whom else this node dials: listeners of running nodes of the same home, and what --transit adds.
 */
#ifndef OCKAM_TRANSIT_H
#define OCKAM_TRANSIT_H

#include "link.h"

struct transit *transit_new(void);
void transit_free(struct transit *t);
/* CIDR[:PORT|:LO-HI], IPv6 as [CIDR]:PORT; -EINVAL. */
int transit_allow(struct transit *t, const char *text);
/* A resolved target. */
bool transit_admits(const struct node *n, const struct link_target *t);

#endif
