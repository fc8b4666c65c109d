// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
/*
 * The relay of datagram links in the kernel, on the ingress of the devices that carry them: a
 * packet whose frames all belong to one row leaves by the row's way out with other addresses and
 * ports, as it is, however many segments it has (GSO, GRO). Whatever is not exactly that goes up
 * untouched to the data plane, which does the same more slowly. Source: docs/protocol.md "Datagram
 * relays in the kernel".
 *
 * Traps, each with a test in tests/bpf: the checksum may be partial, complete, or none; only the
 * first of many segments is written to, so that frames have to be alike; neighbours and routes are
 * the kernel's own business (bpf_redirect_neigh); the answer to what is not ours has to be "next"
 * on clsact and tcx alike, or programs behind this one never see it.
 */
#include "bpf_shared.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum {
	NEXT = TC_ACT_UNSPEC, /* other programs, then the stack; the same number on tcx */
	FINISH = 0x14,	      /* version 1, type */
	DATA = 0x15,
	FINISH_MIN = 16,
	DATA_MIN = 32,
	IP_OFFSET_OR_MORE = 0x3fff,
	LOOPBACK = 1, /* in every network namespace */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RELAY_ROWS_MAX);
	__type(key, struct relay_key);
	__type(value, struct relay_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RELAY_ROWS_MAX);
	__type(key, __u32);
	__type(value, struct relay_count);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RELAY_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} reasons SEC(".maps");

/* The part of a frame that is looked at. */
struct head {
	__u8 first, sub;
	__be16 len;
	__be32 label;
};

/* The way over the segments. */
struct walk {
	struct __sk_buff *skb;
	__u32 at, end, segment;
	__be32 label;
	__u32 frames;
	__u32 bad;
};

struct packet {
	struct relay_key key;
	struct walk walk;   /* here, so that no other variable is laid over its pointer */
	__u32 l4;	    /* where the UDP header is */
	__u32 payload, end; /* where frames are */
	__u8 ttl;
};

static __always_inline int up(enum relay_reason why)
{
	__u32 key = why;
	__u64 *n = bpf_map_lookup_elem(&reasons, &key);
	if (n)
		++*n;
	return NEXT;
}

static __always_inline int parse4(struct __sk_buff *skb, struct packet *p, __u32 *len)
{
	struct iphdr ip;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip) || ip.version != 4 || ip.ihl != 5 ||
		ip.protocol != IPPROTO_UDP || ip.frag_off & bpf_htons(IP_OFFSET_OR_MORE))
		return -1;
	__builtin_memcpy(p->key.remote, &ip.saddr, 4);
	__builtin_memcpy(p->key.local, &ip.daddr, 4);
	p->key.family = 4;
	p->ttl = ip.ttl;
	p->l4 = ETH_HLEN + sizeof ip;
	*len = bpf_ntohs(ip.tot_len) - sizeof ip; /* more than any packet has, when negative */
	return 0;
}

static __always_inline int parse6(struct __sk_buff *skb, struct packet *p, __u32 *len)
{
	struct ipv6hdr ip;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip) || ip.version != 6 ||
		ip.nexthdr != IPPROTO_UDP)
		return -1;
	__builtin_memcpy(p->key.remote, &ip.saddr, 16);
	__builtin_memcpy(p->key.local, &ip.daddr, 16);
	p->key.family = 6;
	p->ttl = ip.hop_limit;
	p->l4 = ETH_HLEN + sizeof ip;
	*len = bpf_ntohs(ip.payload_len);
	return 0;
}

/* 0: a whole datagram, or several, of UDP for this machine that begins like a frame of a path. */
static __always_inline int parse(struct __sk_buff *skb, struct packet *p)
{
	struct udphdr udp;
	struct head h;
	__u32 len;
	if (skb->vlan_present || skb->pkt_type != PACKET_HOST)
		return -1;
	if (skb->protocol == bpf_htons(ETH_P_IP)	 ? parse4(skb, p, &len)
		: skb->protocol == bpf_htons(ETH_P_IPV6) ? parse6(skb, p, &len)
							 : -1)
		return -1;
	p->payload = p->l4 + sizeof udp;
	p->end = p->l4 + len;
	if (bpf_skb_load_bytes(skb, p->l4, &udp, sizeof udp) || bpf_ntohs(udp.len) != len ||
		p->end > skb->len || bpf_skb_load_bytes(skb, p->payload, &h, sizeof h) ||
		(h.first != FINISH && h.first != DATA))
		return -1;
	p->key.remote_port = udp.source;
	p->key.local_port = udp.dest;
	p->key.label = h.label;
	return 0;
}

static __always_inline int sound(const struct head *h, __u32 len, __be32 label)
{
	return h->label == label && bpf_ntohs(h->len) == len &&
	       (h->first == DATA ? len >= DATA_MIN : h->first == FINISH && len >= FINISH_MIN);
}

/* One segment; 1: it was the last that is looked at. */
static long look(__u32 n, struct walk *w)
{
	__u32 len = w->end - w->at < w->segment ? w->end - w->at : w->segment;
	struct head h;
	w->bad = 1;
	if (bpf_skb_load_bytes(w->skb, w->at, &h, sizeof h) || !sound(&h, len, w->label))
		return 1;
	w->bad = 0;
	w->frames = n + 1;
	w->at += len;
	return w->at >= w->end;
}

/* How many frames; 0: a segment is not one of this row's. By bpf_loop, for the verifier follows
 * every turn of any other loop by itself, and gives up some day. */
static __always_inline __u32 frames(struct __sk_buff *skb, struct packet *p)
{
	p->walk = (struct walk){
		.skb = skb,
		.at = p->payload,
		.end = p->end,
		.segment = skb->gso_size ? skb->gso_size : p->end - p->payload,
		.label = p->key.label,
	};
	bpf_loop(RELAY_SEGMENTS_MAX, look, &p->walk, 0);
	return p->walk.bad || p->walk.at < p->walk.end ? 0 : p->walk.frames;
}

/* The largest segment passes the way out, by what its device takes now. */
static __always_inline int fits(
	struct __sk_buff *skb, const struct packet *p, const struct relay_row *r)
{
	__u32 frame = skb->gso_size ? skb->gso_size : p->end - p->payload, mtu = 0;
	if (frame > r->frame_max)
		return RELAY_TOO_BIG;
	long rc = bpf_check_mtu(skb, r->out_ifindex, &mtu, 0, 0);
	if (rc < 0)
		return RELAY_DEVICE;
	return frame + p->payload - ETH_HLEN > mtu ? RELAY_TOO_BIG : -1;
}

/*
 * The sum of a partial checksum is that of the addresses alone: BPF_F_PSEUDO_HDR changes it, and
 * the change of ports leaves it. That of a whole packet (CHECKSUM_COMPLETE) follows the same calls,
 * with what IPv6 has no header checksum to make up for (BPF_F_RECOMPUTE_CSUM).
 */
static __always_inline int rewrite4(
	struct __sk_buff *skb, const struct packet *p, const struct relay_row *r, __u32 sum_at)
{
	__be32 old[2], new[2];
	__be16 ttl = bpf_htons((__u16)p->ttl << 8 | IPPROTO_UDP),
	       less = bpf_htons((__u16)(p->ttl - 1) << 8 | IPPROTO_UDP);
	__builtin_memcpy(&old[0], p->key.remote, 4);
	__builtin_memcpy(&old[1], p->key.local, 4);
	__builtin_memcpy(&new[0], r->local, 4);
	__builtin_memcpy(&new[1], r->remote, 4);
	__s64 diff = bpf_csum_diff(old, sizeof old, new, sizeof new, 0);
	const __u32 check = ETH_HLEN + offsetof(struct iphdr, check);
	return bpf_l3_csum_replace(skb, check, 0, diff, 0) ||
	       bpf_l3_csum_replace(skb, check, ttl, less, 2) ||
	       bpf_l4_csum_replace(skb, sum_at, 0, diff, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0) ||
	       bpf_skb_store_bytes(
		       skb, ETH_HLEN + offsetof(struct iphdr, saddr), new, sizeof new, 0) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), &less, 1, 0);
}

static __always_inline int rewrite6(
	struct __sk_buff *skb, const struct packet *p, const struct relay_row *r, __u32 sum_at)
{
	__be32 old[8], new[8];
	__u8 less = p->ttl - 1;
	__builtin_memcpy(old, p->key.remote, 16);
	__builtin_memcpy(old + 4, p->key.local, 16);
	__builtin_memcpy(new, r->local, 16);
	__builtin_memcpy(new + 4, r->remote, 16);
	__s64 diff = bpf_csum_diff(old, sizeof old, new, sizeof new, 0);
	return bpf_l4_csum_replace(skb, sum_at, 0, diff, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, saddr), new, sizeof new,
		       BPF_F_RECOMPUTE_CSUM) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, hop_limit), &less, 1,
		       BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int rewrite(
	struct __sk_buff *skb, const struct packet *p, const struct relay_row *r)
{
	const __u32 sum_at = p->l4 + offsetof(struct udphdr, check);
	__be32 old, new;
	__be16 ports[2] = {p->key.remote_port, p->key.local_port},
	       to[2] = {r->local_port, r->remote_port};
	if (p->key.family == 4 ? rewrite4(skb, p, r, sum_at) : rewrite6(skb, p, r, sum_at))
		return -1;
	__builtin_memcpy(&old, ports, sizeof old);
	__builtin_memcpy(&new, to, sizeof new);
	return bpf_l4_csum_replace(skb, sum_at, old, new, 4 | BPF_F_MARK_MANGLED_0) ||
	       bpf_skb_store_bytes(skb, p->l4, to, sizeof to, 0);
}

SEC("tc")
int udp_relay(struct __sk_buff *skb)
{
	struct packet p = {};
	if (parse(skb, &p))
		return NEXT;
	const struct relay_row *r = bpf_map_lookup_elem(&rows, &p.key);
	if (!r)
		return NEXT;
	if (r->in_ifindex != skb->ifindex)
		return up(RELAY_DEVICE);
	if (p.ttl <= 1)
		return up(RELAY_TTL);
	__u32 n = frames(skb, &p);
	if (!n)
		return up(RELAY_SEGMENT);
	int why = fits(skb, &p, r);
	if (why >= 0)
		return up(why);
	if (bpf_skb_pull_data(
		    skb, p.payload)) /* what could fail does so before anything is changed */
		return up(RELAY_MEMORY);
	if (rewrite(skb, &p, r))
		return TC_ACT_SHOT;
	struct relay_count *c = bpf_map_lookup_elem(&counts, &r->slot);
	if (c) {
		c->frames += n;
		c->bytes += p.end - p.payload;
		c->last_ns = bpf_ktime_get_coarse_ns();
	}
	/* within the host it is where it has to be: its socket is found by what it says now */
	if (r->out_ifindex == LOOPBACK && r->in_ifindex == LOOPBACK)
		return NEXT;
	return bpf_redirect_neigh(r->out_ifindex, NULL, 0, 0);
}

char LICENSE[] SEC("license") = "GPL";
