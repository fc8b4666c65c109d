/* SPDX-License-Identifier: Apache-2.0 */
/* Which device datagrams of a link leave by, as the kernel's routes say (rtnetlink), and news of
 * them. */
#ifndef OCKAM_KERNEL_ROUTE_H
#define OCKAM_KERNEL_ROUTE_H

#include "udp_address.h"

#include <stdbool.h>

struct kernel_route {
	int ask, news; /* sockets; -1: none */
	uint32_t seq;
};

/* Before the sandbox. 0 or negative errno. */
int kernel_route_init(struct kernel_route *r);
void kernel_route_close(struct kernel_route *r);
/* The device's number, > 0; negative errno: there is no way now. */
int kernel_route_device(struct kernel_route *r, const struct udp_address *at);
/* Reads what has come from r->news: true when there was any. */
bool kernel_route_drain(struct kernel_route *r);

#endif
