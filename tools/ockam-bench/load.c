// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include "socket.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	WRITE_SIZE = 128 << 10,
	STACK_SIZE = 128 << 10,
	QUIET_SECONDS = 20,	  /* nothing for so long is a failure */
	BULK_BYTES_MIN = 1 << 20, /* however short the time is */
	BULK_STEP_MS = 2,
	TRIPS_MIN = 20,
};

/* A connection whose first byte says what it is for. */
static int open_for(uint16_t port, char mode)
{
	int fd = socket_connect(port);
	if (fd < 0)
		return fd;
	socket_timeout(fd, QUIET_SECONDS);
	int rc = socket_send(fd, &mode, 1);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int load_touch(uint16_t port)
{
	char byte;
	int fd = open_for(port, TARGET_TOUCH);
	if (fd < 0)
		return fd;
	int rc = socket_receive(fd, &byte, 1);
	close(fd);
	return rc < 0 ? rc : byte == TARGET_TOUCH ? 0 : -EILSEQ;
}

/* Streams. */

struct load_streams {
	unsigned n;
	int fds[LOAD_STREAMS_MAX];
	pthread_t threads[LOAD_STREAMS_MAX];
};

static void *source_run(void *arg)
{
	int fd = *(const int *)arg;
	char *buf = malloc(WRITE_SIZE);
	if (buf)
		memset(buf, 'b', WRITE_SIZE);
	while (buf && socket_send(fd, buf, WRITE_SIZE) == 0)
		;
	free(buf);
	return NULL;
}

static int source_start(struct load_streams *s, uint16_t port)
{
	pthread_attr_t attr;
	int *fd = &s->fds[s->n];
	*fd = open_for(port, TARGET_SINK);
	if (*fd < 0)
		return *fd;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	int rc = -pthread_create(&s->threads[s->n], &attr, source_run, fd);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		s->n++;
	else
		close(*fd);
	return rc;
}

static void streams_end(struct load_streams *s)
{
	for (unsigned i = 0; i < s->n; i++)
		shutdown(s->fds[i], SHUT_RDWR);
	for (unsigned i = 0; i < s->n; i++) {
		pthread_join(s->threads[i], NULL);
		close(s->fds[i]);
	}
	free(s);
}

int load_streams_start(uint16_t port, unsigned n, struct load_streams **out)
{
	struct load_streams *s = calloc(1, sizeof *s);
	int rc = s ? 0 : -ENOMEM;
	while (rc == 0 && s->n < n)
		rc = source_start(s, port);
	if (rc == 0)
		*out = s;
	else if (s)
		streams_end(s);
	return rc;
}

int load_streams_stop(struct load_streams *s, struct target *target)
{
	streams_end(s);
	return target_drained(target);
}

/* Until `seconds` have passed and so many bytes have arrived. */
static int wait_bytes(struct target *target, uint64_t bytes, double seconds)
{
	uint64_t start = now_ns(), from = target_sunk(target);
	uint64_t end = start + (uint64_t)(seconds * 1e9);
	uint64_t limit = end + (uint64_t)QUIET_SECONDS * 1000000000;
	sleep_seconds(seconds);
	while (now_ns() < end || target_sunk(target) - from < bytes) {
		if (now_ns() > limit)
			return -ETIMEDOUT;
		sleep_seconds(BULK_STEP_MS / 1e3);
	}
	return 0;
}

int load_streams_settle(struct target *target, double seconds)
{
	return wait_bytes(target, BULK_BYTES_MIN, seconds);
}

int load_bulk(const struct tunnel *t, struct target *target, unsigned n, double seconds,
	struct load_rate *out)
{
	struct load_streams *s;
	int rc = load_streams_start(t->port, n, &s);
	if (rc < 0)
		return rc;
	rc = load_streams_settle(target, seconds / 4);
	uint64_t tunnel = tunnel_cpu_ns(t), own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t start = now_ns(), bytes = target_sunk(target);
	if (rc == 0)
		rc = wait_bytes(target, BULK_BYTES_MIN, seconds);
	bytes = target_sunk(target) - bytes;
	double took = (double)(now_ns() - start);
	own = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
	tunnel = tunnel_cpu_ns(t) - tunnel;
	int drained = load_streams_stop(s, target);
	if (rc < 0 || drained < 0)
		return rc < 0 ? rc : drained;
	double gib = (double)bytes / (double)(1ULL << 30);
	*out = (struct load_rate){.gbit_per_s = (double)bytes * 8 / took,
		.cpu_s_per_gib = (double)(own + tunnel) / 1e9 / gib,
		.tunnel_cpu_s_per_gib = (double)tunnel / 1e9 / gib};
	return 0;
}

/* Round trips. */

static int trips(int fd, double seconds, double *us, size_t cap)
{
	char out[TARGET_TRIP], in[TARGET_TRIP];
	size_t n = 0;
	uint64_t start, end = now_ns() + (uint64_t)(seconds * 1e9);
	memset(out, 'p', sizeof out);
	while (n < cap && ((start = now_ns()) < end || n < TRIPS_MIN)) {
		memcpy(out, &start, sizeof start);
		int rc = socket_send(fd, out, sizeof out);
		if (rc == 0)
			rc = socket_receive(fd, in, sizeof in);
		if (rc < 0)
			return rc;
		if (memcmp(out, in, sizeof in))
			return -EILSEQ;
		us[n++] = (double)(now_ns() - start) / 1e3;
	}
	return (int)n;
}

int load_trips(uint16_t port, bool apart, double seconds, double *us, size_t cap)
{
	cpu_set_t before, first;
	int fd = open_for(port, apart ? TARGET_ECHO_APART : TARGET_ECHO);
	if (fd < 0)
		return fd;
	sched_getaffinity(0, sizeof before, &before);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (apart)
		sched_setaffinity(0, sizeof first, &first);
	int rc = trips(fd, seconds / 8, us, cap); /* come up to speed */
	if (rc >= 0)
		rc = trips(fd, seconds, us, cap);
	if (apart)
		sched_setaffinity(0, sizeof before, &before);
	close(fd);
	return rc;
}

/* Short connections. */

struct client {
	uint16_t port;
	uint64_t end_ns;
	unsigned done;
	int rc;
};

static void *client_run(void *arg)
{
	struct client *c = arg;
	do {
		c->rc = load_touch(c->port);
		c->done += c->rc == 0;
	} while (c->rc == 0 && now_ns() < c->end_ns);
	return NULL;
}

int load_connects(uint16_t port, unsigned clients, double seconds, double *per_second)
{
	struct client c[LOAD_CLIENTS_MAX];
	pthread_t threads[LOAD_CLIENTS_MAX];
	unsigned started = 0, done = 0;
	int rc = 0;
	uint64_t start = now_ns();
	for (; started < clients && rc == 0; started += rc == 0) {
		c[started] =
			(struct client){.port = port, .end_ns = start + (uint64_t)(seconds * 1e9)};
		rc = -pthread_create(&threads[started], NULL, client_run, &c[started]);
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(threads[i], NULL);
		done += c[i].done;
		if (c[i].rc < 0)
			rc = c[i].rc;
	}
	*per_second = (double)done * 1e9 / (double)(now_ns() - start);
	return rc;
}

/* Idle connections. */

int load_idle(const struct tunnel *t, unsigned n, double seconds, double *kib_each)
{
	uint64_t before = tunnel_memory_kib(t), end = now_ns() + (uint64_t)(seconds * 1e9);
	int *fds = calloc(n, sizeof *fds);
	unsigned open = 0;
	int rc = fds ? 0 : -ENOMEM;
	char byte;
	while (rc == 0 && open < n && (now_ns() < end || !open)) {
		fds[open] = open_for(t->port, TARGET_TOUCH);
		rc = fds[open] < 0 ? fds[open] : socket_receive(fds[open], &byte, 1);
		open += fds[open] >= 0;
	}
	uint64_t after = tunnel_memory_kib(t);
	for (unsigned i = 0; i < open; i++)
		close(fds[i]);
	free(fds);
	if (rc < 0)
		return rc;
	*kib_each = after > before ? (double)(after - before) / open : 0;
	return (int)open;
}
