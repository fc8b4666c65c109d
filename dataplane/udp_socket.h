/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams in and out of one socket, with what belongs to them besides their bytes: addresses and the
 * size of segments. System calls only, nothing waits.
 */
#ifndef OCKAM_UDP_SOCKET_H
#define OCKAM_UDP_SOCKET_H

#include "datagram.h"
#include "udp_address.h"

#include <stdbool.h>

struct udp_received {
	struct udp_address from;
	size_t len, segment; /* segment: of each datagram but the last */
};

bool udp_socket_is(int fd); /* a datagram socket of IPv4 or IPv6 */
/* Options: no fragments, GRO, the address that a datagram came to. `gro`: whether the kernel has that. */
void udp_socket_prepare(int fd, bool *gro);
/* Into cap bytes. 0 or a negative errno: -EAGAIN, or what an ICMP error made of it. */
int udp_socket_recv(int fd, void *buf, size_t cap, struct udp_received *out);
/* Its two ends; `to`: where it sends to, when it is not connected. 0 or a negative errno. */
int udp_socket_where(int fd, const struct udp_address *to, struct udp_address *out, uint16_t *local_port);
/* One run, as one send; `to` NULL: the socket is connected. 0 or a negative errno. */
int udp_socket_send(int fd, const struct udp_address *to, const struct datagram_run *run);

#endif
