/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Very many connections through a portal, to count what they cost. A child echoes on a free port,
 * which is printed (client and target would not fit into one process's descriptors). Reads
 *
 *   to HOST:PORT      where to connect
 *   open N            opens N more connections; each has sent a byte and got it back
 *   check             the same again on all
 *   rate SECONDS [N]  connections that come and go, N at a time
 *   close             all
 *
 * and answers each with one line: how many, how many failed, in how many milliseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65536, AT_ONCE = 128, BATCH = 256, BACKLOG = 4096, PATIENCE_MS = 30000 };

/* What a connection is at. */
enum at { AT_REST, AT_CONNECT, AT_ANSWER };

struct crowd {
	struct sockaddr_in to;
	int ep, fd[MOST];
	enum at at[MOST];
	unsigned n, failed;
};

static uint64_t clock_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void watch(int ep, int op, int fd, uint32_t events, uint32_t i)
{
	struct epoll_event e = {.events = events, .data.u32 = i};
	if (epoll_ctl(ep, op, fd, &e) < 0)
		die("epoll");
}

static void echo_one(int fd)
{
	uint8_t b[64];
	ssize_t n = recv(fd, b, sizeof b, MSG_DONTWAIT);
	if (n > 0 && send(fd, b, (size_t)n, MSG_NOSIGNAL) == n)
		return;
	if (n < 0 && errno == EAGAIN)
		return;
	close(fd);
}

static void echo_main(int listener)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e[BATCH];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	watch(ep, EPOLL_CTL_ADD, listener, EPOLLIN, (uint32_t)listener);
	for (;;) {
		int n = epoll_wait(ep, e, BATCH, -1);
		for (int i = 0; i < n; i++) {
			if (e[i].data.u32 != (uint32_t)listener) {
				echo_one((int)e[i].data.u32);
				continue;
			}
			for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
				watch(ep, EPOLL_CTL_ADD, fd, EPOLLIN, (uint32_t)fd);
		}
	}
}

static void echo_start(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, BACKLOG) < 0)
		die("listen");
	getsockname(fd, (struct sockaddr *)&sa, &len);
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(0);
		close(1);
		echo_main(fd);
	}
	close(fd);
	printf("%u\n", ntohs(sa.sin_port));
}

static void start(struct crowd *c, unsigned i)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&c->to, sizeof c->to) < 0 && errno != EINPROGRESS)
		die("connect");
	c->fd[i] = fd;
	c->at[i] = AT_CONNECT;
	watch(c->ep, EPOLL_CTL_ADD, fd, EPOLLOUT, i);
}

static bool ask(struct crowd *c, unsigned i)
{
	c->at[i] = AT_ANSWER;
	watch(c->ep, EPOLL_CTL_MOD, c->fd[i], EPOLLIN, i);
	return send(c->fd[i], "x", 1, MSG_NOSIGNAL) == 1;
}

/* 0: more to come; 1: it has its answer; -1: it failed. */
static int step(struct crowd *c, unsigned i)
{
	uint8_t b;
	if (c->at[i] == AT_CONNECT)
		return ask(c, i) ? 0 : -1;
	ssize_t n = recv(c->fd[i], &b, 1, 0);
	if (n < 0 && errno == EAGAIN)
		return 0;
	c->at[i] = AT_REST;
	return n == 1 && b == 'x' ? 1 : -1;
}

static void drop(struct crowd *c, unsigned i)
{
	close(c->fd[i]);
	c->fd[i] = -1;
}

/* Asks or opens [from, to), AT_ONCE of them at a time. How many got their answer. */
static unsigned round_of(struct crowd *c, unsigned from, unsigned to, bool fresh)
{
	struct epoll_event e[BATCH];
	unsigned next = from, busy = 0, good = 0;
	while (next < to || busy) {
		for (; next < to && busy < AT_ONCE; next++) {
			if (fresh)
				start(c, next);
			else if (c->fd[next] < 0 || !ask(c, next))
				continue;
			busy++;
		}
		int n = epoll_wait(c->ep, e, BATCH, PATIENCE_MS);
		if (n <= 0)
			break;
		for (int k = 0; k < n; k++) {
			unsigned i = e[k].data.u32;
			if (c->at[i] == AT_REST) { /* it ended */
				drop(c, i);
				continue;
			}
			int rc = step(c, i);
			if (rc == 0)
				continue;
			busy--;
			good += rc > 0;
			if (rc > 0) /* at rest; an error is seen by the next check */
				watch(c->ep, EPOLL_CTL_MOD, c->fd[i], EPOLLET, i);
			else
				drop(c, i);
		}
	}
	return good;
}

static void rate(struct crowd *c, unsigned seconds, unsigned at_once)
{
	struct epoll_event e[BATCH];
	uint64_t begin = clock_ms(), until = begin + seconds * 1000u, now;
	unsigned good = 0, failed = 0;
	for (unsigned i = 0; i < at_once; i++)
		start(c, c->n + i);
	while ((now = clock_ms()) < until) {
		int n = epoll_wait(c->ep, e, BATCH, (int)(until - now));
		for (int k = 0; k < n; k++) {
			unsigned i = e[k].data.u32;
			int rc = step(c, i);
			if (rc == 0)
				continue;
			good += rc > 0;
			failed += rc < 0;
			drop(c, i);
			start(c, i);
		}
	}
	for (unsigned i = 0; i < at_once; i++)
		drop(c, c->n + i);
	printf("%u %u %llu\n", good, failed, (unsigned long long)(now - begin));
}

static void command(struct crowd *c, char *line)
{
	uint64_t begin = clock_ms();
	unsigned a = 0, b = 64, good = 0, of = c->n;
	char *colon;
	if (!strncmp(line, "to ", 3) && (colon = strchr(line, ':'))) {
		*colon = 0;
		c->to = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
		inet_pton(AF_INET, line + 3, &c->to.sin_addr);
		return;
	}
	if (sscanf(line, "rate %u %u", &a, &b) >= 1 && c->n + b <= MOST) {
		rate(c, a, b);
		return;
	}
	if (sscanf(line, "open %u", &a) == 1 && c->n + a <= MOST) {
		good = round_of(c, c->n, c->n + a, true);
		c->n += a;
		of = a;
	} else if (!strncmp(line, "check", 5)) {
		good = round_of(c, 0, c->n, false);
	} else if (!strncmp(line, "close", 5)) {
		for (good = of; c->n; c->n--)
			if (c->fd[c->n - 1] >= 0)
				drop(c, c->n - 1);
	}
	printf("%u %u %llu\n", good, of - good, (unsigned long long)(clock_ms() - begin));
}

int main(void)
{
	static struct crowd c;
	char line[128];
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	echo_start();
	c.ep = epoll_create1(EPOLL_CLOEXEC);
	while (fgets(line, sizeof line, stdin))
		command(&c, line);
	return 0;
}
