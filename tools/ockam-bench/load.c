// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include "socket.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
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

static void stay_on_first_cpu(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof set, &set);
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

struct source {
	int fd, rc;
	uint64_t sent;
	enum load_place place;
	atomic_bool *halt;
	pthread_t thread;
};

struct load_streams {
	struct target *target;
	uint64_t sunk_before;
	atomic_bool halt;
	bool halted;
	unsigned n;
	struct source sources[LOAD_STREAMS_MAX];
};

static void *source_run(void *arg)
{
	struct source *s = arg;
	char *buf = malloc(WRITE_SIZE);
	s->rc = buf ? 0 : -ENOMEM;
	if (s->place == LOAD_APART)
		stay_on_first_cpu();
	if (buf)
		memset(buf, 'b', WRITE_SIZE);
	while (s->rc == 0 && !atomic_load_explicit(s->halt, memory_order_relaxed)) {
		ssize_t n = send(s->fd, buf, WRITE_SIZE, MSG_NOSIGNAL);
		if (n > 0)
			s->sent += (uint64_t)n;
		else if (errno != EINTR)
			s->rc = -errno;
	}
	free(buf);
	return NULL;
}

static int source_start(struct load_streams *s, uint16_t port, enum load_place place)
{
	pthread_attr_t attr;
	struct source *o = &s->sources[s->n];
	*o = (struct source){.place = place, .halt = &s->halt};
	o->fd = open_for(port, place == LOAD_APART ? TARGET_SINK_APART : TARGET_SINK);
	if (o->fd < 0)
		return o->fd;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	int rc = -pthread_create(&o->thread, &attr, source_run, o);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		s->n++;
	else
		close(o->fd);
	return rc;
}

/* What the sources wrote, or what one of them failed with. */
static int sources_join(struct load_streams *s, uint64_t *sent)
{
	int rc = 0;
	atomic_store(&s->halt, true);
	*sent = 0;
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->halted)
			pthread_join(s->sources[i].thread, NULL);
		*sent += s->sources[i].sent;
		if (s->sources[i].rc < 0)
			rc = s->sources[i].rc;
	}
	s->halted = true;
	return rc;
}

int load_streams_start(uint16_t port, unsigned n, enum load_place place, struct target *target,
	struct load_streams **out)
{
	struct load_streams *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->target = target;
	s->sunk_before = target_sunk(target);
	int rc = 0;
	while (rc == 0 && s->n < n)
		rc = source_start(s, port, place);
	if (rc == 0)
		*out = s;
	else
		load_streams_stop(s);
	return rc;
}

/* Until so many bytes have arrived; each time that some do the patience is new. */
static int wait_bytes(const struct load_streams *s, uint64_t bytes)
{
	const uint64_t patience = (uint64_t)QUIET_SECONDS * 1000000000;
	uint64_t have = 0, limit = now_ns() + patience;
	for (uint64_t seen; (seen = target_sunk(s->target) - s->sunk_before) < bytes;) {
		if (seen > have)
			limit = now_ns() + patience;
		if (now_ns() > limit)
			return -ETIMEDOUT;
		have = seen;
		sleep_seconds(BULK_STEP_MS / 1e3);
	}
	return 0;
}

int load_streams_settle(struct load_streams *s, double seconds)
{
	sleep_seconds(seconds);
	return wait_bytes(s, BULK_BYTES_MIN);
}

int load_streams_halt(struct load_streams *s, uint64_t *bytes)
{
	int rc = sources_join(s, bytes);
	return rc < 0 ? rc : wait_bytes(s, *bytes);
}

int load_streams_stop(struct load_streams *s)
{
	struct target *target = s->target;
	uint64_t sent;
	for (unsigned i = 0; i < s->n; i++)
		shutdown(s->sources[i].fd, SHUT_RDWR);
	sources_join(s, &sent);
	for (unsigned i = 0; i < s->n; i++)
		close(s->sources[i].fd);
	free(s);
	return target_drained(target);
}

int load_bulk(const struct tunnel *t, struct target *target, unsigned n, enum load_place place,
	double seconds, struct load_rate *out)
{
	struct load_streams *s;
	uint64_t bytes = 0, start = now_ns();
	uint64_t tunnel = tunnel_cpu_ns(t), own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	int rc = load_streams_start(t->port, n, place, target, &s);
	if (rc < 0)
		return rc;
	rc = load_streams_settle(s, seconds);
	if (rc == 0)
		rc = load_streams_halt(s, &bytes);
	own = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
	tunnel = tunnel_cpu_ns(t) - tunnel;
	double took = (double)(target_last_ns(target) - start);
	int stopped = load_streams_stop(s);
	if (rc < 0 || stopped < 0)
		return rc < 0 ? rc : stopped;
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

int load_trips(uint16_t port, enum load_place place, double seconds, double *us, size_t cap)
{
	cpu_set_t before;
	int fd = open_for(port, place == LOAD_APART ? TARGET_ECHO_APART : TARGET_ECHO);
	if (fd < 0)
		return fd;
	sched_getaffinity(0, sizeof before, &before);
	if (place == LOAD_APART)
		stay_on_first_cpu();
	int rc = trips(fd, seconds / 8, us, cap); /* come up to speed */
	if (rc >= 0)
		rc = trips(fd, seconds, us, cap);
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
