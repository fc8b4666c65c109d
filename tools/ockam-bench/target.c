// SPDX-License-Identifier: Apache-2.0
#include "target.h"

#include "bench.h"
#include "socket.h"
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_SIZE = 256 << 10,
	STACK_SIZE = 128 << 10,
	EVENTS = 64,
	DRAIN_TRIES = 2000,
	DRAIN_STEP_MS = 5,
};

struct target {
	int listener, epoll, stop;
	uint16_t port;
	pthread_t thread;
	_Atomic uint64_t sunk, last_ns;
	_Atomic unsigned streams; /* threads */
};

struct stream {
	struct target *t;
	int fd;
	char mode;
};

static void sink(struct target *t, int fd)
{
	char *buf = malloc(READ_SIZE);
	for (ssize_t n; buf && (n = recv(fd, buf, READ_SIZE, 0)) > 0;) {
		atomic_store_explicit(&t->last_ns, now_ns(), memory_order_relaxed);
		atomic_fetch_add_explicit(&t->sunk, (uint64_t)n, memory_order_release);
	}
	free(buf);
}

static void echo(int fd)
{
	char buf[TARGET_TRIP];
	while (socket_receive(fd, buf, sizeof buf) == 0 && socket_send(fd, buf, sizeof buf) == 0)
		;
}

static void stay_on_last_cpu(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void *stream_run(void *arg)
{
	struct stream s = *(struct stream *)arg;
	free(arg);
	if (s.mode == TARGET_ECHO_APART || s.mode == TARGET_SINK_APART)
		stay_on_last_cpu();
	if (s.mode == TARGET_SINK || s.mode == TARGET_SINK_APART)
		sink(s.t, s.fd);
	else if (s.mode == TARGET_CHECK)
		verify_serve(s.fd);
	else
		echo(s.fd);
	close(s.fd);
	atomic_fetch_sub(&s.t->streams, 1);
	return NULL;
}

static void stream_start(struct target *t, int fd, char mode)
{
	pthread_t thread;
	pthread_attr_t attr;
	struct stream *s = malloc(sizeof *s);
	int rc = s ? 0 : ENOMEM;
	epoll_ctl(t->epoll, EPOLL_CTL_DEL, fd, NULL);
	fcntl(fd, F_SETFL, 0);
	if (s)
		*s = (struct stream){t, fd, mode};
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&t->streams, 1);
	if (rc == 0)
		rc = pthread_create(&thread, &attr, stream_run, s);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		return;
	atomic_fetch_sub(&t->streams, 1);
	free(s);
	close(fd);
}

static void accept_one(struct target *t)
{
	int fd = socket_accept(t->listener);
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	if (fd < 0)
		return;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		close(fd);
}

static void first_byte(struct target *t, int fd)
{
	char mode;
	ssize_t n = recv(fd, &mode, 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		close(fd);
	else if (mode != TARGET_TOUCH)
		stream_start(t, fd, mode);
	else if (send(fd, &mode, 1, MSG_NOSIGNAL) != 1)
		close(fd);
}

static void *listen_run(void *arg)
{
	struct target *t = arg;
	struct epoll_event e[EVENTS];
	for (;;) {
		int n = epoll_wait(t->epoll, e, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (e[i].data.fd == t->stop)
				return NULL;
			if (e[i].data.fd == t->listener)
				accept_one(t);
			else
				first_byte(t, e[i].data.fd);
		}
	}
}

static int watch(struct target *t, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void target_free(struct target *t)
{
	if (t->listener >= 0)
		close(t->listener);
	if (t->epoll >= 0)
		close(t->epoll);
	if (t->stop >= 0)
		close(t->stop);
	free(t);
}

int target_open(struct target **out)
{
	struct target *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->listener = socket_listen(&t->port);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->stop = eventfd(0, EFD_CLOEXEC);
	int rc = t->listener < 0 ? t->listener : t->epoll < 0 || t->stop < 0 ? -errno : 0;
	if (rc == 0)
		rc = watch(t, t->listener);
	if (rc == 0)
		rc = watch(t, t->stop);
	if (rc == 0)
		rc = -pthread_create(&t->thread, NULL, listen_run, t);
	if (rc < 0)
		target_free(t);
	else
		*out = t;
	return rc;
}

uint16_t target_port(const struct target *t)
{
	return t->port;
}

uint64_t target_sunk(const struct target *t)
{
	return atomic_load_explicit(&t->sunk, memory_order_acquire);
}

uint64_t target_last_ns(const struct target *t)
{
	return atomic_load_explicit(&t->last_ns, memory_order_relaxed);
}

int target_drained(struct target *t)
{
	for (unsigned i = 0; i < DRAIN_TRIES; i++) {
		if (!atomic_load(&t->streams))
			return 0;
		sleep_seconds(DRAIN_STEP_MS / 1e3);
	}
	return -ETIMEDOUT;
}

void target_close(struct target *t)
{
	uint64_t one = 1;
	if (write(t->stop, &one, sizeof one) != sizeof one)
		return;
	pthread_join(t->thread, NULL);
	if (target_drained(t) == 0) /* else a thread still uses it */
		target_free(t);
}
