// SPDX-License-Identifier: Apache-2.0
/*
 * A relay at work: a source that never rests, a sink that throws away, frames of one size on one
 * path or on 64 in turn; then one frame to and fro. The source heeds PAUSE and RESUME.
 */
#include "catalog.h"
#include "pair.h"
#include "socket.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const uint32_t sizes[] = {64, 256, 1400, 16384, 60000};
enum {
	SIZES = sizeof sizes / sizeof *sizes,
	BATCH = 1 << 20,   /* bytes per send and per receive */
	CHECKED = 4 << 20, /* bytes, at most this many frames */
	CHECKED_FRAMES = 4096,
	PING_LEN = 64,
	PINGS_MAX = 200000,
	STOP_MS = 100, /* how soon a source that waits sees the end */
};

struct load {
	struct pair *p;
	uint8_t *frames; /* whole frames, sent again and again */
	uint8_t *waste;	 /* for what arrives */
	size_t len;
	_Atomic uint64_t received;
	atomic_bool stop, failed;
	/* of the source */
	int paused; /* labels */
	uint8_t heard[2 * WIRE_PATH_MIN];
	size_t heard_len;
};

static void frames_make(struct load *l, uint32_t frame_len)
{
	unsigned n = BATCH / frame_len;
	l->len = (size_t)n * frame_len;
	memset(l->frames, 0x5a, l->len);
	for (unsigned i = 0; i < n; i++)
		frame_header_encode(l->frames + (size_t)i * frame_len, WIRE_DATA, 0,
			(uint16_t)frame_len, l->p->to_b[i % l->p->paths], i);
}

/* One frame that a relay node says to the source. */
static void heed(struct load *l, const struct frame_header *h)
{
	if (h->type == WIRE_RESET && !l->failed) {
		bench_say("the relay reset a path with code %u", h->sub & 0x7f);
		l->failed = true;
	}
	if (h->type == WIRE_LINK && h->sub == LINK_PAUSE)
		l->paused++;
	if (h->type == WIRE_LINK && h->sub == LINK_RESUME)
		l->paused--;
}

/* All that it has said so far. False: the connection is over. */
static bool listen_to_relay(struct load *l)
{
	for (;;) {
		ssize_t n = recv(l->p->a, l->heard + l->heard_len, sizeof l->heard - l->heard_len,
			MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		l->heard_len += (size_t)n;
		size_t at = 0;
		while (l->heard_len - at >= WIRE_HEADER) {
			struct frame_header h = frame_header_decode(l->heard + at);
			if (h.len < WIRE_HEADER || h.len > WIRE_PATH_MIN)
				return false;
			if (h.len > l->heard_len - at)
				break;
			heed(l, &h);
			at += h.len;
		}
		memmove(l->heard, l->heard + at, l->heard_len - at);
		l->heard_len -= at;
	}
}

/* Looks for PAUSE before each send, as a node does, and never waits inside of one. */
static void *source(void *arg)
{
	struct load *l = arg;
	size_t at = 0;
	while (!l->stop && listen_to_relay(l)) {
		ssize_t n = -1;
		if (l->paused <= 0)
			n = send(l->p->a, l->frames + at, l->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			at = (at + (size_t)n) % l->len;
			continue;
		}
		if (l->paused <= 0 && errno != EAGAIN)
			break;
		struct pollfd fd = {l->p->a, (short)(POLLIN | (l->paused > 0 ? 0 : POLLOUT)), 0};
		poll(&fd, 1, STOP_MS);
	}
	return NULL;
}

static void *sink(void *arg)
{
	struct load *l = arg;
	for (ssize_t n; (n = recv(l->p->b, l->waste, BATCH, MSG_TRUNC)) > 0;)
		atomic_fetch_add_explicit(&l->received, (uint64_t)n, memory_order_relaxed);
	return NULL;
}

struct cost {
	uint64_t bytes, wall_ns, relay_ns, own_ns;
};

static struct cost cost_now(const struct load *l, const struct via *v)
{
	return (struct cost){
		l->received, now_ns(), via_cpu_ns(v), clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
}

/* Runs source and sink, and takes what moved between two points in time. */
static int load_run(struct bench *b, struct load *l, const struct via *v, struct cost *out)
{
	void *(*const bodies[])(void *) = {sink, source};
	pthread_t t[2];
	unsigned n = 0;
	int rc = 0;
	while (n < 2 && rc == 0) {
		rc = -pthread_create(&t[n], NULL, bodies[n], l);
		n += rc == 0;
	}
	if (rc == 0) {
		sleep_seconds(b->seconds / 5); /* until windows have grown */
		struct cost before = cost_now(l, v);
		sleep_seconds(b->seconds);
		struct cost after = cost_now(l, v);
		*out = (struct cost){after.bytes - before.bytes, after.wall_ns - before.wall_ns,
			after.relay_ns - before.relay_ns, after.own_ns - before.own_ns};
	}
	l->stop = true;
	shutdown(l->p->a, SHUT_RDWR);
	shutdown(l->p->b, SHUT_RDWR);
	while (n > 0)
		pthread_join(t[--n], NULL);
	return rc < 0 ? rc : l->failed ? -ECONNRESET : 0;
}

static void record(struct bench *b, const char *name, uint32_t size, const struct cost *c)
{
	char metric[48];
	double gib = (double)c->bytes / (double)(1 << 30);
	snprintf(metric, sizeof metric, "throughput, %u B", size);
	bench_add(b, name, metric, 8 * (double)c->bytes / (double)c->wall_ns);
	snprintf(metric, sizeof metric, "frames, %u B", size);
	bench_add(b, name, metric, (double)c->bytes / size / ((double)c->wall_ns / 1e3));
	if (gib <= 0)
		return;
	if (c->relay_ns) {
		snprintf(metric, sizeof metric, "relay's CPU, %u B", size);
		bench_add(b, name, metric, (double)c->relay_ns / 1e9 / gib);
	}
	snprintf(metric, sizeof metric, "CPU with source and sink, %u B", size);
	bench_add(b, name, metric, (double)(c->relay_ns + c->own_ns) / 1e9 / gib);
}

static size_t checked_frames(uint32_t size)
{
	return CHECKED / size < CHECKED_FRAMES ? CHECKED / size : CHECKED_FRAMES;
}

static int measure_load(
	struct bench *b, struct via_set *s, const struct via *v, uint32_t size, unsigned paths)
{
	char name[64];
	struct pair p;
	struct cost cost = {0};
	int rc = pair_open(&p, v, s->listener, paths);
	if (rc < 0)
		return rc;
	struct load l = {.p = &p, .frames = malloc(BATCH), .waste = malloc(BATCH)};
	rc = l.frames && l.waste ? pair_check(&p, size, checked_frames(size)) : -ENOMEM;
	if (rc == 0) {
		frames_make(&l, size);
		rc = load_run(b, &l, v, &cost);
	}
	if (v->is_node)
		snprintf(name, sizeof name, "%s, %u path%s", v->name, paths, paths > 1 ? "s" : "");
	else
		snprintf(name, sizeof name, "%s", v->name);
	if (rc == 0)
		record(b, name, size, &cost);
	else
		bench_say("%s failed with frames of %u bytes: %s", name, size, strerror(-rc));
	free(l.frames);
	free(l.waste);
	pair_close(&p);
	return rc;
}

struct echo {
	struct pair *p;
	int rc;
};

static void *echo_run(void *arg)
{
	struct echo *e = arg;
	uint8_t f[PING_LEN];
	while ((e->rc = socket_receive(e->p->b, f, sizeof f)) == 0) {
		put_be32(f + 4, e->p->to_a[0]);
		e->rc = socket_send(e->p->b, f, sizeof f);
		if (e->rc < 0)
			break;
	}
	return NULL;
}

/* Round trips of one frame, in microseconds; how many, or negative errno. */
static int64_t pings(struct bench *b, struct pair *p, double *us)
{
	uint8_t f[PING_LEN] = {0};
	uint64_t end = now_ns() + (uint64_t)(b->seconds * 1e9), start;
	size_t n = 0;
	for (uint64_t seq = 1; n < PINGS_MAX && (start = now_ns()) < end; seq++) {
		frame_header_encode(f, WIRE_DATA, 0, sizeof f, p->to_b[0], seq);
		int rc = socket_send(p->a, f, sizeof f);
		if (rc == 0)
			rc = socket_receive(p->a, f, sizeof f);
		if (rc < 0)
			return rc;
		if (frame_header_decode(f).seq != seq)
			return -EILSEQ;
		us[n++] = (double)(now_ns() - start) / 1e3;
	}
	return (int64_t)n;
}

static int measure_ping(struct bench *b, struct via_set *s, const struct via *v, double *us)
{
	struct pair p;
	int rc = pair_open(&p, v, s->listener, 1);
	if (rc < 0)
		return rc;
	struct echo e = {.p = &p};
	pthread_t t;
	rc = -pthread_create(&t, NULL, echo_run, &e);
	if (rc == 0) {
		uint64_t cpu = via_cpu_ns(v);
		int64_t n = pings(b, &p, us);
		cpu = via_cpu_ns(v) - cpu;
		shutdown(p.b, SHUT_RDWR);
		pthread_join(t, NULL);
		rc = n < 0 ? (int)n : 0;
		if (n > 0) {
			bench_add(b, v->name, "round trip of a 64 B frame, p50",
				quantile_of(us, (size_t)n, .5));
			bench_add(b, v->name, "round trip of a 64 B frame, p99",
				quantile_of(us, (size_t)n, .99));
			if (v->pids[0])
				bench_add(b, v->name, "relay's CPU per round trip",
					(double)cpu / 1e3 / (double)n);
		}
	}
	pair_close(&p);
	return rc;
}

struct work {
	struct via_set s;
	double *us;
};

static void close_forward(struct bench *b, void *state)
{
	struct work *w = state;
	via_close(b, &w->s);
	free(w->us);
	free(w);
}

static int open_forward(struct bench *b, void **state)
{
	struct work *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->us = malloc(PINGS_MAX * sizeof *w->us);
	int rc = w->us ? via_open(b, &w->s, false) : -ENOMEM;
	if (rc < 0) {
		free(w->us);
		free(w);
		return rc;
	}
	*state = w;
	return 0;
}

static int round_forward(struct bench *b, void *state)
{
	struct work *w = state;
	struct via_set *s = &w->s;
	int rc = 0;
	for (unsigned i = 0; i < SIZES && rc == 0; i++)
		for (unsigned k = 0; k < s->n && rc == 0; k++) {
			const struct via *v = &s->v[bench_turn(b, k, s->n)];
			rc = measure_load(b, s, v, sizes[i], 1);
			if (rc == 0 && v->is_node)
				rc = measure_load(b, s, v, sizes[i], PAIR_PATHS_MAX);
		}
	for (unsigned k = 0; k < s->n && rc == 0; k++)
		rc = measure_ping(b, s, &s->v[bench_turn(b, k, s->n)], w->us);
	return rc;
}

const struct scenario_ops forward_ops = {open_forward, round_forward, NULL, close_forward};
