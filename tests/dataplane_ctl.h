/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the real ockam-dataplane: starts one per case, and speaks for its controller.
 * Includes cmocka.
 */
#ifndef OCKAM_DATAPLANE_CTL_H
#define OCKAM_DATAPLANE_CTL_H

#include "seam.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

#define H(a) SEAM_HAS(SEAM_A_##a)
enum { TIMEOUT_MS = 20000, SEAM_FD = 3, ADMIN_FD = 5 };

static const char *program, *workers = "2", *mask = "";
static int admin_listener = -1; /* the operators' door, when a test has one */
static unsigned files_max; /* descriptors that a program may have; 0: as many as we */

struct dp {
	pid_t pid;
	int seam, tcp; /* our duplicate of the listener */
	struct sockaddr_in addr;
	struct sockaddr_un seam_addr;
	uint32_t seq;
	uint8_t buf[SEAM_MSG_MAX];
};

static inline struct seam_msg next_message(struct dp *d)
{
	struct seam_msg m;
	struct pollfd p = {.fd = d->seam, .events = POLLIN};
	int fd = -1;
	assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
	int n = seam_recv(d->seam, d->buf, sizeof d->buf, &fd);
	assert_true(n > 0);
	assert_int_equal(seam_decode(&m, d->buf, (size_t)n, true), 0);
	return m;
}

static inline struct seam_msg wait_event(struct dp *d, uint16_t cmd)
{
	for (;;) {
		struct seam_msg m = next_message(d);
		if (m.cmd == cmd)
			return m;
	}
}

static inline void post(struct dp *d, struct seam_msg m, int fd)
{
	static _Thread_local uint8_t out[SEAM_MSG_MAX];
	int n = seam_encode(&m, out, sizeof out);
	assert_true(n > 0);
	assert_int_equal(seam_send(d->seam, out, (size_t)n, fd), n);
}

/* Sends a command and waits for its ACK; events in between are lost. */
static inline int command(struct dp *d, struct seam_msg m, int fd, struct seam_msg *answer)
{
	m.want_ack = true;
	m.seq = ++d->seq;
	post(d, m, fd);
	for (;;) {
		struct seam_msg a = next_message(d);
		if (a.seq != m.seq)
			continue;
		if (a.cmd == SEAM_ACK)
			return a.error;
		if (answer)
			*answer = a;
	}
}

static inline int seam_listen(struct sockaddr_un *sa)
{
	socklen_t len;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* an abstract address: nothing is left behind */
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			  (size_t)snprintf(sa->sun_path + 1, sizeof sa->sun_path - 1,
				  "ockam-test-%d-%d", getpid(), rand()));
	assert_int_equal(bind(fd, (struct sockaddr *)sa, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static inline int seam_connect(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	socklen_t len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(sa->sun_path + 1));
	assert_int_equal(connect(fd, (const struct sockaddr *)sa, len), 0);
	return fd;
}

static inline void start(struct dp *d, int listener)
{
	d->pid = fork();
	assert_true(d->pid >= 0);
	if (d->pid)
		return;
	const struct rlimit files = {files_max, files_max};
	if (files_max)
		setrlimit(RLIMIT_NOFILE, &files);
	if (listener != SEAM_FD)
		dup2(listener, SEAM_FD);
	if (admin_listener >= 0) {
		dup2(admin_listener, ADMIN_FD);
		execl(program, program, "--seam-fd", "3", "--admin-fd", "5", "--workers", workers,
			"--uring-mask", mask, NULL);
		_exit(127);
	}
	execl(program, program, "--seam-fd", "3", "--workers", workers, "--uring-mask", mask, NULL);
	_exit(127);
}

static inline int set_up(void **state)
{
	struct dp *d = calloc(1, sizeof *d);
	int fd = seam_listen(&d->seam_addr);
	start(d, fd);
	close(fd);
	d->seam = seam_connect(&d->seam_addr);
	struct seam_msg m = {.cmd = SEAM_HELLO,
				.fd = -1,
				.has = H(VERSION),
				.version = SEAM_VERSION},
			a;
	assert_int_equal(command(d, m, -1, &a), 0);
	assert_int_equal(a.cmd, SEAM_HELLO);
	assert_int_equal(a.workers, atoi(workers));
	assert_true(a.suites & 1u << SUITE_CHACHAPOLY);

	socklen_t len = sizeof d->addr;
	d->addr = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	d->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(d->tcp, (struct sockaddr *)&d->addr, len), 0);
	assert_int_equal(listen(d->tcp, 64), 0);
	getsockname(d->tcp, (struct sockaddr *)&d->addr, &len);
	m = (struct seam_msg){
		.cmd = SEAM_LISTENER_ADD, .fd = -1, .has = H(LISTENER), .listener = 9};
	assert_int_equal(command(d, m, d->tcp, NULL), 0);
	assert_int_equal(command(d, m, d->tcp, NULL), -EEXIST);
	*state = d;
	return 0;
}

/* It ends by itself, with 0, when its controller is gone. */
static inline int tear_down(void **state)
{
	struct dp *d = *state;
	int status = -1;
	close(d->seam);
	close(d->tcp);
	for (unsigned i = 0; i < 1000 && waitpid(d->pid, &status, WNOHANG) == 0; i++)
		usleep(10000);
	kill(d->pid, SIGKILL);
	free(d);
	return status == 0 ? 0 : -1;
}

static inline int link_up(struct dp *d, uint32_t link)
{
	return command(d,
		(struct seam_msg){.cmd = SEAM_LINK_SET,
			.fd = -1,
			.has = H(LINK) | H(UP) | H(FRAME_MAX),
			.link = link,
			.up = 1,
			.frame_max = 65535},
		-1, NULL);
}

static inline void read_all(int fd, void *p, size_t n)
{
	for (size_t off = 0; off < n;) {
		ssize_t k = recv(fd, (char *)p + off, n - off, 0);
		assert_true(k > 0);
		off += (size_t)k;
	}
}

static inline void write_all(int fd, const void *p, size_t n)
{
	for (size_t off = 0; off < n;) {
		ssize_t k = send(fd, (const char *)p + off, n - off, MSG_NOSIGNAL);
		assert_true(k > 0);
		off += (size_t)k;
	}
}

/* Without it a connection is nobody's link; what is in it is control's business. */
static inline void hello(int fd)
{
	uint8_t f[WIRE_HEADER + 1];
	frame_header_encode(f, WIRE_LINK, LINK_HELLO, sizeof f, 0, 0);
	f[WIRE_HEADER] = 0xa0;
	write_all(fd, f, sizeof f);
}

/* The program and what it is started with, from main's arguments. */
static inline void arguments(int argc, char **argv)
{
	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--workers"))
			workers = argv[i + 1];
		else if (!strcmp(argv[i], "--mask"))
			mask = argv[i + 1];
	}
	if (argc < 2) {
		fprintf(stderr, "usage: %s PROGRAM [--workers N] [--mask FEATURES]\n", argv[0]);
		exit(64);
	}
	program = argv[1];
	srand((unsigned)getpid());
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
