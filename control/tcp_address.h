/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses to listen at, TCP, Unix and UDP: as text, as a bound socket, as the route that leads
 * there. No state; pure but for the socket calls.
 */
#ifndef OCKAM_TCP_ADDRESS_H
#define OCKAM_TCP_ADDRESS_H

#include "reason.h"
#include "route.h"

#include <sys/socket.h>
#include <sys/un.h>

enum { TCP_ADDRESS_TEXT = 128 };

struct tcp_address {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_storage any;
	};
	socklen_t len;
};

/* "IPV4:PORT", "[IPV6]:PORT", "localhost:PORT", "PORT" (127.0.0.1) or "unix:PATH". 0, or -EINVAL
 * and why. */
int tcp_address_parse(struct tcp_address *a, const char *text, struct reason *why);
/* Binds and listens: the socket, and a port 0 replaced by the one the kernel picked; or negative
 * errno and why (75 when it is in use). A socket file that nobody listens on any more is replaced.
 */
int tcp_address_listen(struct tcp_address *a, struct reason *why);
/* The same for a UDP socket. */
int udp_address_bind(struct tcp_address *a, struct reason *why);
void tcp_address_format(const struct tcp_address *a, char dst[static TCP_ADDRESS_TEXT]);
/* How other nodes dial it: /dnsaddr/localhost/tcp/PORT for 127.0.0.1 and 0.0.0.0. The length, or
 * negative errno. */
int tcp_address_route(const struct tcp_address *a, char *dst, size_t cap);
int udp_address_route(const struct tcp_address *a, char *dst, size_t cap);

#endif
