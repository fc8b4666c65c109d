/* SPDX-License-Identifier: Apache-2.0 */
/* UDP packets as they come to a device, with frames in them, for tests of the program in the
 * kernel. */
#ifndef OCKAM_TEST_PACKET_H
#define OCKAM_TEST_PACKET_H

#include "bpf_shared.h"
#include "wire.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

enum { PACKET_MAX = 3000 };

struct packet {
	_Alignas(4) uint8_t unused[2]; /* what is behind Ethernet's header is aligned */
	uint8_t b[PACKET_MAX];
	size_t len, l3, l4, payload;
	bool v6;
};

static inline uint32_t sum_bytes(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static inline uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of everything from the UDP header on, with its pseudo header: 0 when a checksum in it is right.
 */
static inline uint16_t packet_udp_sum(const struct packet *p)
{
	size_t n = p->len - p->l4;
	uint32_t sum = IPPROTO_UDP + (uint32_t)n;
	sum = p->v6 ? sum_bytes(sum, p->b + p->l3 + 8, 32) : sum_bytes(sum, p->b + p->l3 + 12, 8);
	return sum_fold(sum_bytes(sum, p->b + p->l4, n));
}

static inline uint16_t packet_ip_sum(const struct packet *p)
{
	return sum_fold(sum_bytes(0, p->b + p->l3, 20));
}

static inline struct iphdr *packet_ip4(struct packet *p)
{
	return (struct iphdr *)(void *)(p->b + p->l3);
}

static inline struct ip6_hdr *packet_ip6(struct packet *p)
{
	return (struct ip6_hdr *)(void *)(p->b + p->l3);
}

static inline struct udphdr *packet_udp(struct packet *p)
{
	return (struct udphdr *)(void *)(p->b + p->l4);
}

/* Both checksums, as for what a network card delivers. */
static inline void packet_sums(struct packet *p)
{
	if (!p->v6) {
		packet_ip4(p)->check = 0;
		packet_ip4(p)->check = htons(packet_ip_sum(p));
	}
	packet_udp(p)->check = 0;
	packet_udp(p)->check = htons(packet_udp_sum(p));
}

/* From the far end of key's link to this one, without frames. */
static inline void packet_begin(struct packet *p, const struct relay_key *key)
{
	memset(p, 0, sizeof *p);
	p->v6 = key->family == 6;
	p->l3 = ETH_HLEN;
	p->l4 = p->l3 + (p->v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr));
	p->len = p->payload = p->l4 + sizeof(struct udphdr);
	put_be16(p->b + 12, p->v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (p->v6) {
		struct ip6_hdr *ip = packet_ip6(p);
		ip->ip6_flow = htonl(6u << 28 | 0x12345);
		ip->ip6_nxt = IPPROTO_UDP;
		ip->ip6_hlim = 9;
		memcpy(&ip->ip6_src, key->remote, 16);
		memcpy(&ip->ip6_dst, key->local, 16);
	} else {
		*packet_ip4(p) = (struct iphdr){.version = 4,
			.ihl = 5,
			.ttl = 9,
			.protocol = IPPROTO_UDP,
			.id = htons(77),
			.frag_off = htons(IP_DF)};
		memcpy(&packet_ip4(p)->saddr, key->remote, 4);
		memcpy(&packet_ip4(p)->daddr, key->local, 4);
	}
	packet_udp(p)->source = key->remote_port;
	packet_udp(p)->dest = key->local_port;
}

static inline void packet_frame(struct packet *p, enum wire_type type, uint32_t label, uint16_t len)
{
	memset(p->b + p->len, (int)(p->len & 0xff), len);
	frame_header_encode(p->b + p->len, type, 3, len, label, p->len);
	p->len += len;
}

static inline void packet_end(struct packet *p)
{
	uint16_t udp_len = (uint16_t)(p->len - p->l4);
	packet_udp(p)->len = htons(udp_len);
	if (p->v6)
		packet_ip6(p)->ip6_plen = htons(udp_len);
	else
		packet_ip4(p)->tot_len = htons((uint16_t)(p->len - p->l3));
	packet_sums(p);
}

#endif
