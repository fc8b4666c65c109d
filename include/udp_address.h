/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The far end of a datagram link: who sends, and which of this machine's addresses the peer sends to,
 * so that answers come from there. Compared and hashed as bytes: everything unused is zero.
 */
#ifndef OCKAM_UDP_ADDRESS_H
#define OCKAM_UDP_ADDRESS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct udp_address {
	uint8_t family; /* 4, 6 */
	uint8_t reserved;
	uint16_t port;	/* host order */
	uint32_t scope; /* interface, for a link-local address */
	uint8_t remote[16], local[16]; /* an IPv4 address: its four bytes, then zeros; local may be all zero */
};
static_assert(sizeof(struct udp_address) == 40, "no holes");

/* Whether it is the same far end; where it sends to does not matter. */
static inline bool udp_address_same_remote(const struct udp_address *a, const struct udp_address *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       !memcmp(a->remote, b->remote, sizeof a->remote);
}

#endif
