// SPDX-License-Identifier: Apache-2.0
/*
 * ockam-steer as a process, and the relay program between real sockets: over a veth pair to another
 * network namespace, whose near end sums in software, so that the far end's kernel checks what the
 * program made of each checksum; and over loopback. Once by tcx, once by clsact. Needs root.
 */
#include "bpf_shared.h"
#include "fd_pass.h"
#include "steer.h"
#include "wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	SKIP = 77,
	FRAMES = 40,
	LEN = 1000,
	LABEL = 9,
	WAIT_MS = 10000,
	HANDLE = 4711,
	LOOPBACK = 1,
	UDP_SEGMENT_ = 103
};

static const char *steer_program;
static int here, there; /* namespaces: the relay's, and where its neighbours are */
static pid_t keeper;

static void sh(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}

static void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

/* A process that keeps the other namespace, so that it has a number. */
static pid_t keep(void)
{
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM: sums are made, or looked at, in software. */
static void switch_off(const char *device, uint32_t what)
{
	struct ethtool_value off = {.cmd = what};
	struct ifreq r = {.ifr_data = (char *)&off};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", device);
	assert_int_equal(ioctl(s, SIOCETHTOOL, &r), 0);
	close(s);
}

static int topology(void **state)
{
	char command[200];
	keeper = keep();
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	snprintf(command, sizeof command, "/proc/%d/ns/net", keeper);
	there = open(command, O_RDONLY | O_CLOEXEC);
	sh("ip link set lo up");
	snprintf(command, sizeof command, "ip link add near type veth peer name far netns %d",
		keeper);
	sh(command);
	sh("ip address add 192.0.2.1/24 dev near; ip address add 2001:db8::1/64 dev near nodad; ip "
	   "link set near up");
	switch_off("near", ETHTOOL_STXCSUM);
	enter(there);
	sh("ip link set lo up; ip link set far up");
	for (int i = 2; i <= 3; i++) {
		snprintf(command, sizeof command,
			"ip address add 192.0.2.%d/24 dev far; ip address add 2001:db8::%d/64 dev "
			"far nodad",
			i, i);
		sh(command);
	}
	switch_off("far", ETHTOOL_SRXCSUM);
	enter(here);
	return 0;
}

static int topology_end(void **state)
{
	enter(here);
	sh("ip link del near");
	kill(keeper, SIGKILL);
	waitpid(keeper, NULL, 0);
	close(here);
	close(there);
	return 0;
}

/* --- the program and its maps --- */

struct steer {
	pid_t pid;
	int control, sock, maps[FD_PASS_MAX], link;
};

static int data_plane(struct steer *s)
{
	struct steer_answer a;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_pass_send(s->control, "", 1, &pair[1], 1), 0);
	close(pair[1]);
	s->sock = pair[0];
	s->link = -1;
	assert_int_equal(fd_pass_recv(s->sock, &a, sizeof a, s->maps, true), 0);
	return a.error;
}

static struct steer start(const char *mask)
{
	struct steer s = {0};
	int pair[2];
	char fd[12], handle[12];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s.pid = fork();
	if (s.pid == 0) {
		int copy = dup(pair[1]);
		snprintf(fd, sizeof fd, "%d", copy);
		snprintf(handle, sizeof handle, "%d", HANDLE);
		setenv("OCKAM_STEER_MASK", mask, 1);
		setenv("OCKAM_STEER_ROWS", "64", 1);
		execl(steer_program, steer_program, fd, handle, NULL);
		_exit(127);
	}
	close(pair[1]);
	s.control = pair[0];
	assert_int_equal(data_plane(&s), 0);
	return s;
}

static void data_plane_ends(struct steer *s)
{
	close(s->sock);
	if (s->link >= 0)
		close(s->link);
	for (unsigned i = 0; i < FD_PASS_MAX; i++)
		if (s->maps[i] >= 0)
			close(s->maps[i]);
}

static void stop(struct steer *s)
{
	int status;
	data_plane_ends(s);
	close(s->control);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid); /* it ends by itself */
	assert_int_equal(status, 0);
}

static struct steer_answer ask(struct steer *s, uint32_t op, uint32_t ifindex, int *fd)
{
	struct steer_request r = {op, ifindex};
	struct steer_answer a;
	int fds[FD_PASS_MAX];
	assert_int_equal(fd_pass_send(s->sock, &r, sizeof r, NULL, 0), 0);
	assert_int_equal(fd_pass_recv(s->sock, &a, sizeof a, fds, true), 0);
	*fd = fds[0];
	return a;
}

static void attach(struct steer *s, uint32_t ifindex)
{
	struct steer_answer a = ask(s, STEER_ATTACH, ifindex, &s->link);
	assert_int_equal(a.error, 0);
	assert_true(a.how == STEER_TCX ? s->link >= 0 : a.how == STEER_CLSACT && s->link < 0);
}

static long map_op(int cmd, int fd, const void *key, const void *value)
{
	union bpf_attr a = {
		.map_fd = (uint32_t)fd, .key = (uintptr_t)key, .value = (uintptr_t)value};
	return syscall(SYS_bpf, cmd, &a, sizeof a) < 0 ? -errno : 0;
}

/* --- neighbours and the relay's socket between them --- */

struct triangle {
	int from, relay, to;
	bool v6, loopback;
	struct sockaddr_in6 at_from, at_relay, at_to; /* or IPv4's in the same place */
};

static int bound(const char *address, bool v6, struct sockaddr_in6 *at)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)at;
	socklen_t len = sizeof *at;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20;
	memset(at, 0, sizeof *at);
	at->sin6_family = v6 ? AF_INET6 : AF_INET;
	inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? (void *)&at->sin6_addr : &in4->sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	assert_int_equal(bind(fd, (struct sockaddr *)at, v6 ? sizeof *at : sizeof *in4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

static struct triangle triangle(bool v6, bool loopback)
{
	struct triangle t = {.v6 = v6, .loopback = loopback};
	const char *near = loopback ? v6 ? "::1" : "127.0.0.1" : v6 ? "2001:db8::1" : "192.0.2.1";
	const char *far = loopback ? near : v6 ? "2001:db8::2" : "192.0.2.2";
	const char *other = loopback ? near : v6 ? "2001:db8::3" : "192.0.2.3";
	t.relay = bound(near, v6, &t.at_relay);
	if (!loopback)
		enter(there);
	t.from = bound(far, v6, &t.at_from);
	t.to = bound(other, v6, &t.at_to);
	enter(here);
	assert_int_equal(connect(t.from, (struct sockaddr *)&t.at_relay, sizeof t.at_relay), 0);
	return t;
}

static void triangle_end(struct triangle *t)
{
	close(t->from);
	close(t->relay);
	close(t->to);
}

static void put(uint8_t address[16], __be16 *port, const struct sockaddr_in6 *at)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)at;
	*port = at->sin6_port; /* at the same place in both */
	if (at->sin6_family == AF_INET6)
		memcpy(address, &at->sin6_addr, 16);
	else
		memcpy(address, &in4->sin_addr, 4);
}

static struct relay_key key_of(const struct triangle *t)
{
	struct relay_key k = {.family = t->v6 ? 6 : 4, .label = htonl(LABEL)};
	put(k.remote, &k.remote_port, &t->at_from);
	put(k.local, &k.local_port, &t->at_relay);
	return k;
}

static void row(struct steer *s, const struct triangle *t)
{
	uint32_t device = t->loopback ? LOOPBACK : if_nametoindex("near");
	struct relay_key k = key_of(t);
	struct relay_row r = {
		.in_ifindex = device, .out_ifindex = device, .slot = 1, .frame_max = 9000};
	static struct relay_count none[4096];
	put(r.remote, &r.remote_port, &t->at_to);
	put(r.local, &r.local_port, &t->at_relay);
	assert_int_equal(map_op(BPF_MAP_UPDATE_ELEM, s->maps[STEER_COUNTS], &r.slot, none), 0);
	assert_int_equal(map_op(BPF_MAP_UPDATE_ELEM, s->maps[STEER_ROWS], &k, &r), 0);
}

static uint8_t sent[FRAMES * LEN];

/* One send of many segments, the last of them shorter. */
static void send_run(const struct triangle *t, unsigned label)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(uint16_t))];
	} control = {0};
	struct iovec iov = {sent, sizeof sent - 17};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.b,
		.msg_controllen = sizeof control.b};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	uint16_t segment = LEN;
	for (unsigned i = 0; i < FRAMES; i++) {
		memset(sent + i * LEN, (int)i + 1, LEN);
		frame_header_encode(sent + i * LEN, WIRE_DATA, 0,
			(uint16_t)(i + 1 < FRAMES ? LEN : LEN - 17), label, i);
	}
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT_;
	c->cmsg_len = CMSG_LEN(sizeof segment);
	memcpy(CMSG_DATA(c), &segment, sizeof segment);
	assert_int_equal(sendmsg(t->from, &mh, 0), (ssize_t)iov.iov_len);
}

/* All of a run come here, each once. */
static void arrive(int fd, const struct triangle *t, bool relayed)
{
	bool seen[FRAMES] = {false};
	for (unsigned n = 0; n < FRAMES; n++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		struct sockaddr_in6 from = {0};
		socklen_t len = sizeof from;
		uint8_t f[LEN + 1];
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		ssize_t k = recvfrom(fd, f, sizeof f, 0, (struct sockaddr *)&from, &len);
		assert_true(k > WIRE_HEADER);
		uint64_t i = frame_header_decode(f).seq;
		assert_true(i < FRAMES && !seen[i]);
		seen[i] = true;
		assert_int_equal(k, i + 1 < FRAMES ? LEN : LEN - 17);
		assert_memory_equal(f, sent + i * LEN, (size_t)k);
		assert_int_equal(
			from.sin6_port, relayed ? t->at_relay.sin6_port : t->at_from.sin6_port);
	}
}

static void nothing_waits(int fd)
{
	uint8_t byte;
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void relays(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct steer s = start(*state);
		struct triangle t = triangle(i & 1, i & 2);
		send_run(&t, LABEL); /* before, the socket gets all */
		arrive(t.relay, &t, false);
		row(&s, &t);
		attach(&s, t.loopback ? LOOPBACK : if_nametoindex("near"));
		for (unsigned k = 0; k < 3; k++) {
			send_run(&t, LABEL);
			arrive(t.to, &t, true);
		}
		nothing_waits(t.relay);
		send_run(&t, LABEL + 1); /* another path's frames come up */
		arrive(t.relay, &t, false);
		nothing_waits(t.to);
		data_plane_ends(&s);
		stop(&(struct steer){.pid = s.pid,
			.control = s.control,
			.sock = -1,
			.link = -1,
			.maps = {-1, -1, -1, -1}});
		send_run(&t, LABEL); /* and afterwards again */
		arrive(t.relay, &t, false);
		triangle_end(&t);
	}
}

/* Whoever looks after the neighbour: it is found when there is none, and when it has moved. */
static void neighbours_are_the_kernels(void **state)
{
	struct steer s = start(*state);
	struct triangle t = triangle(false, false);
	row(&s, &t);
	attach(&s, if_nametoindex("near"));
	sh("ip neighbour flush dev near");
	send_run(&t, LABEL);
	arrive(t.to, &t, true);
	enter(there);
	sh("ip link set far down; ip link set far address 02:00:00:00:00:77; ip link set far up");
	enter(here);
	sh("ip neighbour flush dev near");
	send_run(&t, LABEL);
	arrive(t.to, &t, true);
	triangle_end(&t);
	stop(&s);
}

static void a_full_map_refuses(void **state)
{
	struct steer s = start(*state);
	struct relay_row r = {.slot = 1};
	struct relay_key k = {.family = 4};
	long rc = 0;
	unsigned n = 0;
	while (rc == 0 && n < 1000) {
		k.label = n++;
		rc = map_op(BPF_MAP_UPDATE_ELEM, s.maps[STEER_ROWS], &k, &r);
	}
	assert_true(rc == -E2BIG || rc == -ENOSPC);
	assert_int_equal(n, 65);
	stop(&s);
}

static void devices_that_do_not_fit(void **state)
{
	struct steer s = start(*state);
	int fd;
	struct steer_answer a = ask(&s, STEER_ATTACH, 4711, &fd);
	assert_int_equal(a.error, -ENODEV);
	assert_true(strlen(a.why) > 0 && fd < 0);
	sh("ip tuntap add dev bare mode tun; ip link set bare up");
	a = ask(&s, STEER_ATTACH, if_nametoindex("bare"), &fd);
	assert_int_equal(a.error, -EOPNOTSUPP);
	sh("ip link del bare");
	a = ask(&s, 99, 1, &fd);
	assert_int_equal(a.error, -EOPNOTSUPP);
	a = ask(&s, STEER_DETACH, 1, &fd); /* what is not attached */
	assert_int_equal(a.error, 0);
	stop(&s);
}

static void nonsense_ends_its_connection(void **state)
{
	struct steer s = start(*state), other = s;
	uint8_t byte;
	assert_int_equal(data_plane(&other), 0); /* another data plane of the same node */
	assert_int_equal(send(s.sock, "?", 1, 0), 1);
	assert_int_equal(recv(s.sock, &byte, 1, 0), 0);
	attach(&other, LOOPBACK);
	data_plane_ends(&s);
	stop(&other);
}

/* Killed before it could take its filters away, and the data plane too: the next one finds them. */
static void what_a_crash_has_left_is_taken_away(void **state)
{
	struct steer s = start(*state);
	struct triangle t = triangle(false, false);
	row(&s, &t);
	attach(&s, if_nametoindex("near"));
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	close(s.control);
	data_plane_ends(&s);
	s = start(*state);
	send_run(&t, LABEL);
	arrive(t.relay, &t, false);
	triangle_end(&t);
	stop(&s);
}

/* No capability but two, and no call that is not needed. */
static void it_has_given_up_the_rest(void **state)
{
	struct steer s = start(*state);
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/status", s.pid);
	FILE *f = fopen(path, "re");
	unsigned long long caps = 0;
	int seccomp = 0, bound = -1;
	while (fgets(line, sizeof line, f)) {
		sscanf(line, "CapEff: %llx", &caps);
		sscanf(line, "Seccomp: %d", &seccomp);
		if (!strncmp(line, "CapBnd:", 7))
			bound = strtoull(line + 7, NULL, 16) != 0;
	}
	fclose(f);
	assert_int_equal(caps, 1ull << 12 | 1ull << 38 | 1ull << 39);
	assert_int_equal(seccomp, 2);
	assert_int_equal(bound, 0);
	stop(&s);
}

#define T(f, mask)                                                                                 \
	{                                                                                          \
#f " " mask, f, topology, topology_end, (void *)(uintptr_t)mask                    \
	}
#define BOTH(f) T(f, "none"), T(f, "tcx")

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOTH(relays),
		BOTH(neighbours_are_the_kernels),
		BOTH(what_a_crash_has_left_is_taken_away),
		BOTH(devices_that_do_not_fit),
		BOTH(nonsense_ends_its_connection),
		T(a_full_map_refuses, "none"),
		T(it_has_given_up_the_rest, "none"),
	};
	if (argc != 2)
		return 2;
	steer_program = argv[1];
	if (unshare(CLONE_NEWNET) < 0) {
		puts("skipped: a network namespace needs root");
		return geteuid() ? SKIP : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
