/* SPDX-License-Identifier: Apache-2.0 */
/* Between struct udp_address and what sockets take. */
#ifndef OCKAM_UDP_SOCKADDR_H
#define OCKAM_UDP_SOCKADDR_H

#include "udp_address.h"

#include <netinet/in.h>
#include <string.h>

/* From a socket's idea of it; `local` is left zero. 0, or -1: another family. */
static inline int udp_address_from(struct udp_address *a, const struct sockaddr_storage *ss)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	memset(a, 0, sizeof *a);
	if (ss->ss_family == AF_INET) {
		memcpy(&in4, ss, sizeof in4);
		a->family = 4;
		a->port = ntohs(in4.sin_port);
		memcpy(a->remote, &in4.sin_addr, 4);
		return 0;
	}
	if (ss->ss_family != AF_INET6)
		return -1;
	memcpy(&in6, ss, sizeof in6);
	a->family = 6;
	a->port = ntohs(in6.sin6_port);
	memcpy(a->remote, &in6.sin6_addr, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
		a->scope = in6.sin6_scope_id;
	return 0;
}

/* The remote end, for sendmsg; its length, 0: there is no such family. */
static inline socklen_t udp_address_remote(const struct udp_address *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof *ss);
	if (a->family == 4) {
		struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
		memcpy(&in4.sin_addr, a->remote, 4);
		memcpy(ss, &in4, sizeof in4);
		return sizeof in4;
	}
	if (a->family != 6)
		return 0;
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
	memcpy(&in6.sin6_addr, a->remote, 16);
	memcpy(ss, &in6, sizeof in6);
	return sizeof in6;
}

#endif
