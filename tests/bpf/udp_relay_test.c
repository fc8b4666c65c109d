// SPDX-License-Identifier: Apache-2.0
/*
 * Each decision of the relay program, by running it on packets in the kernel (BPF_PROG_TEST_RUN),
 * in a network namespace of its own. Needs root, and says so otherwise.
 */
#include "packet.h"
#include "udp_relay.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

enum { LABEL = 0x01020304, SLOT = 5, LOOPBACK = 1, NEXT = -1, SKIP = 77, CPUS_MAX = 1024 };

static struct udp_relay_bpf *programs;
static uint32_t device; /* the way out */

static struct relay_key key_of(int family)
{
	struct relay_key k = {.family = (unsigned)family,
		.label = htonl(LABEL),
		.remote_port = htons(5000),
		.local_port = htons(4000)};
	inet_pton(family == 6 ? AF_INET6 : AF_INET, family == 6 ? "2001:db8::5" : "192.0.2.5",
		k.remote);
	inet_pton(family == 6 ? AF_INET6 : AF_INET, family == 6 ? "2001:db8::1" : "192.0.2.1",
		k.local);
	return k;
}

static struct relay_row row_of(int family)
{
	struct relay_row r = {.slot = SLOT,
		.in_ifindex = LOOPBACK,
		.out_ifindex = device,
		.frame_max = 9000,
		.remote_port = htons(65000),
		.local_port = htons(4001)};
	inet_pton(family == 6 ? AF_INET6 : AF_INET,
		family == 6 ? "2001:db8:ffff::9" : "203.0.113.250", r.remote);
	inet_pton(family == 6 ? AF_INET6 : AF_INET,
		family == 6 ? "2001:db8:fffe::8" : "198.51.100.8", r.local);
	return r;
}

static void put_row(const struct relay_key *k, const struct relay_row *r)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(programs->maps.rows), k, r, BPF_ANY), 0);
}

/* One row, its counts at 0. */
static int fresh(void **state)
{
	struct relay_count zero[CPUS_MAX] = {0};
	uint32_t slot = SLOT;
	struct relay_key k;
	while (bpf_map_get_next_key(bpf_map__fd(programs->maps.rows), NULL, &k) == 0)
		bpf_map_delete_elem(bpf_map__fd(programs->maps.rows), &k);
	for (int family = 4; family <= 6; family += 2) {
		struct relay_row r = row_of(family);
		k = key_of(family);
		put_row(&k, &r);
	}
	return bpf_map_update_elem(bpf_map__fd(programs->maps.counts), &slot, zero, BPF_ANY);
}

static struct relay_count count(void)
{
	static struct relay_count per_cpu[CPUS_MAX];
	struct relay_count sum = {0};
	uint32_t slot = SLOT;
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(programs->maps.counts), &slot, per_cpu), 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		sum.frames += per_cpu[i].frames;
		sum.bytes += per_cpu[i].bytes;
		sum.last_ns = per_cpu[i].last_ns > sum.last_ns ? per_cpu[i].last_ns : sum.last_ns;
	}
	return sum;
}

static uint64_t reason(uint32_t why)
{
	static uint64_t per_cpu[CPUS_MAX];
	uint64_t sum = 0;
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(programs->maps.reasons), &why, per_cpu), 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += per_cpu[i];
	return sum;
}

/* What the program answers; p becomes the packet that it leaves. */
static int run(struct packet *p, uint32_t gso_size)
{
	uint8_t out[PACKET_MAX];
	struct __sk_buff skb = {
		.ifindex = LOOPBACK, .gso_size = gso_size, .gso_segs = gso_size ? 2 : 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->b, .data_size_in = (uint32_t)p->len,
		.data_out = out, .data_size_out = sizeof out, .ctx_in = &skb,
		.ctx_size_in = sizeof skb, .repeat = 1);
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(programs->progs.udp_relay), &opts), 0);
	assert_int_equal(opts.data_size_out, p->len);
	memcpy(p->b, out, p->len);
	return (int)opts.retval;
}

static void make(struct packet *p, int family, uint16_t len)
{
	struct relay_key k = key_of(family);
	packet_begin(p, &k);
	packet_frame(p, WIRE_DATA, LABEL, len);
	packet_end(p);
}

/* So many frames, the last of another length. */
static void make_many(struct packet *p, int family, unsigned n, uint16_t len, uint16_t last)
{
	struct relay_key k = key_of(family);
	packet_begin(p, &k);
	for (unsigned i = 0; i < n; i++)
		packet_frame(p, WIRE_DATA, LABEL, i + 1 < n ? len : last);
	packet_end(p);
}

/* It goes up as it came, and is counted for this reason (RELAY_REASONS: for none). */
static void goes_up(struct packet *p, uint32_t gso_size, uint32_t why)
{
	struct packet before = *p;
	uint64_t n = why < RELAY_REASONS ? reason(why) : 0;
	assert_int_equal(run(p, gso_size), NEXT);
	assert_memory_equal(p->b, before.b, p->len);
	assert_int_equal(count().frames, 0);
	if (why < RELAY_REASONS)
		assert_int_equal(reason(why), n + 1);
}

/* It leaves, changed as row says, and otherwise as it was. */
static void leaves(struct packet *p, uint32_t gso_size, int family, unsigned frames)
{
	struct packet before = *p;
	struct relay_row r = row_of(family);
	size_t address = family == 6 ? 16 : 4;
	uint8_t *from = p->b + p->l3 + (family == 6 ? 8 : 12);
	assert_int_equal(run(p, gso_size), TC_ACT_REDIRECT);
	assert_memory_equal(from, r.local, address);
	assert_memory_equal(from + address, r.remote, address);
	assert_int_equal(packet_udp(p)->source, r.local_port);
	assert_int_equal(packet_udp(p)->dest, r.remote_port);
	assert_int_equal(family == 6 ? packet_ip6(p)->ip6_hlim : packet_ip4(p)->ttl, 8);
	assert_memory_equal(p->b + p->payload, before.b + before.payload, p->len - p->payload);
	if (family == 4)
		assert_int_equal(packet_ip_sum(p), 0);
	struct relay_count c = count();
	assert_int_equal(c.frames, frames);
	assert_int_equal(c.bytes, p->len - p->payload);
	assert_true(c.last_ns > 0);
}

static void a_datagram_leaves(void **state)
{
	for (int family = 4; family <= 6; family += 2) {
		struct packet p;
		for (uint16_t len = WIRE_DATA_MIN; len < 1200; len = (uint16_t)(len + 101)) {
			fresh(NULL);
			make(&p, family, len);
			leaves(&p, 0, family, 1);
			assert_int_equal(packet_udp_sum(&p), 0);
		}
		fresh(NULL);
		struct relay_key k = key_of(family);
		packet_begin(&p, &k);
		packet_frame(&p, WIRE_FINISH, LABEL, 20);
		packet_end(&p);
		leaves(&p, 0, family, 1);
		assert_int_equal(packet_udp_sum(&p), 0);
	}
}

/* A sum that comes out as 0 is sent as 0xffff, for 0 means that there is none: many sums are tried.
 */
static void no_checksum_is_made_of_one(void **state)
{
	struct packet p;
	make(&p, 4, 64);
	struct packet base = p;
	for (unsigned i = 0; i < 0x10000; i++) {
		p = base;
		put_be16(p.b + p.payload + 20, (uint16_t)i);
		packet_sums(&p);
		if (i % 64 && packet_udp(&p)->check != 0xffff)
			continue;
		assert_int_equal(run(&p, 0), TC_ACT_REDIRECT);
		assert_int_not_equal(packet_udp(&p)->check, 0);
		assert_int_equal(packet_udp_sum(&p), 0);
	}
	p = base;
	/* the one whose sum becomes 0 behind the program */
	struct packet q = base;
	put_be16(q.b + q.payload + 20, 0);
	packet_sums(&q);
	run(&q, 0);
	uint16_t left = ntohs(packet_udp(&q)->check);
	put_be16(p.b + p.payload + 20, left);
	packet_sums(&p);
	assert_int_equal(run(&p, 0), TC_ACT_REDIRECT);
	assert_int_equal(packet_udp(&p)->check, 0xffff);
}

static void none_stays_none(void **state)
{
	struct packet p;
	make(&p, 4, 100);
	packet_udp(&p)->check = 0;
	leaves(&p, 0, 4, 1);
	assert_int_equal(packet_udp(&p)->check, 0);
}

/* A header that was damaged under way does not become whole. */
static void a_wrong_checksum_stays_wrong(void **state)
{
	struct packet p;
	make(&p, 4, 100);
	packet_ip4(&p)->check ^= htons(0x0100);
	packet_udp(&p)->check ^= htons(0x0200);
	assert_int_equal(run(&p, 0), TC_ACT_REDIRECT);
	assert_int_not_equal(packet_ip_sum(&p), 0);
	assert_int_not_equal(packet_udp_sum(&p), 0);
}

static void many_segments_leave_as_one(void **state)
{
	static const struct {
		unsigned n;
		uint16_t len, last;
	} runs[] = {{2, 100, 100}, {2, 100, 32}, {20, 120, 119}, {64, 40, 33}, {70, 32, 32}};
	for (int family = 4; family <= 6; family += 2)
		for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
			struct packet p;
			fresh(NULL);
			make_many(&p, family, runs[i].n, runs[i].len, runs[i].last);
			leaves(&p, runs[i].len, family, runs[i].n);
		}
}

/* Every one of them is looked at, whatever is wrong with it. */
static void one_other_segment_takes_all_up(void **state)
{
	enum { N = 12, LEN = 100 };
	for (unsigned i = 0; i < N; i++)
		for (unsigned fault = 0; fault < 5; fault++) {
			struct packet p;
			make_many(&p, i % 2 ? 4 : 6, N, LEN, LEN);
			uint8_t *f = p.b + p.payload + i * LEN;
			if (fault == 0)
				put_be32(f + 4, LABEL + 1);
			else if (fault == 1)
				put_be16(f + 2, LEN - 1);
			else if (fault == 2)
				f[0] = WIRE_VERSION << 4 | WIRE_RESET;
			else if (fault == 3)
				f[0] = 2 << 4 | WIRE_DATA;
			else if (i == N - 1) {
				p.len -= 70; /* shorter than a frame that says so */
				packet_end(&p);
			} else {
				continue;
			}
			/* what the first says decides whose packet it is */
			bool nobodys = !i && fault != 1;
			goes_up(&p, LEN, nobodys ? RELAY_REASONS : RELAY_SEGMENT);
		}
}

static void lengths_that_are_none(void **state)
{
	struct packet p;
	struct relay_key k = key_of(4);
	packet_begin(&p, &k);
	packet_frame(&p, WIRE_DATA, LABEL, 31); /* no room for a tag */
	packet_end(&p);
	goes_up(&p, 0, RELAY_SEGMENT);
	packet_begin(&p, &k);
	packet_frame(&p, WIRE_FINISH, LABEL, 16);
	packet_end(&p);
	packet_udp(&p)->len = htons(15 + 8);
	goes_up(&p, 0, RELAY_REASONS);
	packet_begin(&p, &k);
	packet_end(&p); /* no frame at all */
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 4, 100); /* cut off on the way */
	p.len -= 10;
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 4, 100); /* what Ethernet fills up with is no part of the frame */
	packet_ip4(&p)->tot_len = htons(10);
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 6, 100);
	packet_ip6(&p)->ip6_plen = 0;
	goes_up(&p, 0, RELAY_REASONS);
}

static void padding_is_left_alone(void **state)
{
	struct packet p;
	make(&p, 4, 40);
	p.len += 6;
	assert_int_equal(run(&p, 0), TC_ACT_REDIRECT);
	assert_int_equal(count().bytes, 40);
}

static void what_is_nobodys_goes_up(void **state)
{
	struct packet p;
	for (int family = 4; family <= 6; family += 2) {
		for (unsigned i = 0; i < 4; i++) {
			make(&p, family, 100);
			if (i == 0)
				packet_udp(&p)->source++;
			else if (i == 1)
				packet_udp(&p)->dest++;
			else if (i == 2)
				p.b[p.l3 + (family == 6 ? 8 : 12)] ^= 1;
			else
				p.b[p.l4 - 1] ^= 1;
			goes_up(&p, 0, RELAY_REASONS);
		}
		make(&p, family, 100);
		put_be32(p.b + p.payload + 4, LABEL + 1);
		goes_up(&p, 0, RELAY_REASONS);
		make(&p, family, 100);
		p.b[p.payload] = WIRE_VERSION << 4 | WIRE_LINK;
		goes_up(&p, 0, RELAY_REASONS);
		make(&p, family, 100);
		p.b[0] = 2; /* another machine's */
		goes_up(&p, 0, RELAY_REASONS);
		make(&p, family, 100);
		put_be16(p.b + 12, ETH_P_8021Q);
		goes_up(&p, 0, RELAY_REASONS);
	}
}

static void headers_with_more_in_them_go_up(void **state)
{
	struct packet p;
	make(&p, 4, 100);
	packet_ip4(&p)->ihl = 6;
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 4, 100);
	packet_ip4(&p)->frag_off = htons(IP_MF);
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 4, 100);
	packet_ip4(&p)->frag_off = htons(7);
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 4, 100);
	packet_ip4(&p)->protocol = IPPROTO_TCP;
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 6, 100);
	packet_ip6(&p)->ip6_nxt = IPPROTO_FRAGMENT;
	goes_up(&p, 0, RELAY_REASONS);
	make(&p, 6, 100);
	packet_ip6(&p)->ip6_flow = 0;
	goes_up(&p, 0, RELAY_REASONS);
}

static void the_last_hop_goes_up(void **state)
{
	struct packet p;
	for (uint8_t ttl = 0; ttl <= 1; ttl++) {
		make(&p, 4, 100);
		packet_ip4(&p)->ttl = ttl;
		packet_sums(&p);
		goes_up(&p, 0, RELAY_TTL);
		make(&p, 6, 100);
		packet_ip6(&p)->ip6_hlim = ttl;
		goes_up(&p, 0, RELAY_TTL);
	}
}

static void from_another_device_goes_up(void **state)
{
	struct packet p;
	for (int family = 4; family <= 6; family += 2) {
		struct relay_key k = key_of(family);
		struct relay_row r = row_of(family);
		r.in_ifindex = LOOPBACK + 1;
		put_row(&k, &r);
		make(&p, family, 100);
		goes_up(&p, 0, RELAY_DEVICE);
		r.in_ifindex = LOOPBACK;
		r.out_ifindex = 4711; /* was there, is no more */
		put_row(&k, &r);
		make(&p, family, 100);
		goes_up(&p, 0, RELAY_DEVICE);
	}
}

static void set_mtu(int mtu)
{
	struct ifreq r = {.ifr_name = "out", .ifr_mtu = mtu};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(ioctl(s, SIOCSIFMTU, &r), 0);
	close(s);
}

/* What a device takes is asked of it for each packet, and of segments, not of the whole. */
static void too_big_goes_up(void **state)
{
	struct packet p;
	for (int family = 4; family <= 6; family += 2) {
		const int headers = family == 6 ? 48 : 28;
		set_mtu(1400);
		make(&p, family, (uint16_t)(1401 - headers));
		goes_up(&p, 0, RELAY_TOO_BIG);
		make(&p, family, (uint16_t)(1400 - headers));
		leaves(&p, 0, family, 1);
		fresh(NULL);
		make_many(&p, family, 2, (uint16_t)(1401 - headers), 400);
		goes_up(&p, (uint32_t)(1401 - headers), RELAY_TOO_BIG);
		make_many(&p, family, 2, (uint16_t)(1400 - headers), 400);
		leaves(&p, (uint32_t)(1400 - headers), family, 2);
		set_mtu(65535);
		fresh(NULL);
		struct relay_key k = key_of(family);
		struct relay_row r = row_of(family);
		r.frame_max = 1024;
		put_row(&k, &r);
		make(&p, family, 1025);
		goes_up(&p, 0, RELAY_TOO_BIG);
		make_many(&p, family, 2, 1025, 100);
		goes_up(&p, 1025, RELAY_TOO_BIG);
		make(&p, family, 1024);
		leaves(&p, 0, family, 1);
		fresh(NULL);
	}
}

/* From lo to lo it stays where it is, with the new addresses; from elsewhere it is sent there. */
static void within_the_host_nothing_is_sent(void **state)
{
	struct packet p;
	for (int family = 4; family <= 6; family += 2) {
		struct relay_key k = key_of(family);
		struct relay_row r = row_of(family);
		r.out_ifindex = LOOPBACK;
		put_row(&k, &r);
		make(&p, family, 100);
		assert_int_equal(run(&p, 0), NEXT);
		assert_int_equal(packet_udp(&p)->dest, r.remote_port);
		assert_int_equal(packet_udp_sum(&p), 0);
	}
	assert_int_equal(count().frames, 2);
}

static void a_row_without_counts_works(void **state)
{
	struct packet p;
	uint32_t slot = SLOT;
	bpf_map_delete_elem(bpf_map__fd(programs->maps.counts), &slot);
	make(&p, 4, 100);
	assert_int_equal(run(&p, 0), TC_ACT_REDIRECT);
}

/* Why it cannot be tried here, or NULL. */
static const char *missing(void)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	if (unshare(CLONE_NEWNET) < 0)
		return "a network namespace needs root";
	int s = socket(AF_INET, SOCK_DGRAM, 0), rc = ioctl(s, SIOCSIFFLAGS, &up);
	close(s);
	if (rc < 0)
		return "lo cannot be set up";
	if (system("ip link add out type veth peer name far && ip link set out up mtu 65535") ||
		!(device = if_nametoindex("out")))
		return "no device can be made";
	programs = udp_relay_bpf__open_and_load();
	return programs		? NULL
	       : errno == EPERM ? "loading programs is not allowed"
				: strerror(errno);
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_datagram_leaves),
		T(no_checksum_is_made_of_one),
		T(none_stays_none),
		T(a_wrong_checksum_stays_wrong),
		T(many_segments_leave_as_one),
		T(one_other_segment_takes_all_up),
		T(lengths_that_are_none),
		T(padding_is_left_alone),
		T(what_is_nobodys_goes_up),
		T(headers_with_more_in_them_go_up),
		T(the_last_hop_goes_up),
		T(from_another_device_goes_up),
		T(too_big_goes_up),
		T(within_the_host_nothing_is_sent),
		T(a_row_without_counts_works),
	};
	const char *why = missing();
	if (why) {
		printf("skipped: %s\n", why);
		return geteuid() ? SKIP : 1;
	}
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	udp_relay_bpf__destroy(programs);
	return rc;
}
