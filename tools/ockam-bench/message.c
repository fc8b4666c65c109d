// SPDX-License-Identifier: Apache-2.0
/*
 * A message to `echo` and its reply through a secure channel, over a kept API connection, beside
 * the round trip of as many bytes over bare TCP.
 */
#include "catalog.h"
#include "node.h"
#include "pair.h"
#include "socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LEN = 64, TRIPS_MAX = 200000 };

enum { SUBJECTS = 4 };

struct subject {
	const char *name;
	struct node_info nodes[3];
	unsigned n;
	int api;
	char to[256];
};

static void record(struct bench *b, const char *name, double *us, size_t n, uint64_t cpu_ns)
{
	if (!n)
		return;
	bench_add(b, name, "round trip of 64 B, p50", quantile_of(us, n, .5));
	bench_add(b, name, "round trip of 64 B, p99", quantile_of(us, n, .99));
	if (cpu_ns)
		bench_add(b, name, "CPU of what is between, per round trip",
			(double)cpu_ns / 1e3 / (double)n);
}

static uint64_t cpu_of(const struct subject *s)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->n; i++)
		sum += node_cpu_ns(&s->nodes[i]);
	return sum;
}

static int measure_messages(struct bench *b, struct subject *s, double *us)
{
	uint8_t text[LEN], reply[LEN];
	size_t n = 0;
	uint64_t cpu = cpu_of(s), end = now_ns() + (uint64_t)(b->seconds * 1e9), start;
	memset(text, 'x', sizeof text);
	while (n < TRIPS_MAX && (start = now_ns()) < end) {
		memcpy(text, &start, sizeof start);
		int rc = node_api_message(s->api, s->to, text, sizeof text, reply, sizeof reply);
		if (rc < 0)
			return rc;
		if (rc != LEN || memcmp(text, reply, LEN))
			return -EILSEQ;
		us[n++] = (double)(now_ns() - start) / 1e3;
	}
	record(b, s->name, us, n, cpu_of(s) - cpu);
	return 0;
}

static void *echo_run(void *arg)
{
	uint8_t buf[LEN];
	int fd = *(int *)arg;
	while (socket_receive(fd, buf, sizeof buf) == 0 && socket_send(fd, buf, sizeof buf) == 0)
		;
	return NULL;
}

static int measure_tcp(struct bench *b, struct via_set *vs, const struct via *v, double *us)
{
	struct pair p;
	uint8_t buf[LEN] = {0};
	size_t n = 0;
	pthread_t t;
	int rc = pair_open(&p, v, vs, 1);
	if (rc < 0)
		return rc;
	rc = -pthread_create(&t, NULL, echo_run, &p.fd[PAIR_SINK]);
	if (rc < 0) {
		pair_close(&p);
		return rc;
	}
	uint64_t cpu = via_cpu_ns(v), end = now_ns() + (uint64_t)(b->seconds * 1e9), start;
	while (rc == 0 && n < TRIPS_MAX && (start = now_ns()) < end) {
		rc = socket_send(p.fd[PAIR_SOURCE], buf, sizeof buf);
		if (rc == 0)
			rc = socket_receive(p.fd[PAIR_SOURCE], buf, sizeof buf);
		if (rc == 0)
			us[n++] = (double)(now_ns() - start) / 1e3;
	}
	cpu = via_cpu_ns(v) - cpu;
	shutdown(p.fd[PAIR_SINK], SHUT_RDWR);
	pthread_join(t, NULL);
	pair_close(&p);
	if (rc == 0) {
		char name[64];
		snprintf(name, sizeof name, "bare TCP, %s", v->kind->name);
		record(b, name, us, n, cpu);
	}
	return rc;
}

static const struct kind {
	const char *name;
	bool udp, relayed;
} kinds[SUBJECTS] = {
	{"message, no relay", false, false},
	{"message, one relay node", false, true},
	{"message over UDP, no relay", true, false},
	{"message over UDP, one relay node", true, true},
};

struct work {
	struct node_info m1, m2, relay;
	struct subject subjects[SUBJECTS];
	struct via_set vs;
	double *us;
};

/* A channel from m1 to m2, by way of the relay or not, and an API connection to m1. */
static int subject_open(struct bench *b, struct work *w, struct subject *s, const struct kind *k)
{
	char channel[128], to[256], first[64] = "";
	const char *proto = k->udp ? "udp" : "tcp";
	const char *args[] = {"secure-channel", "create", "--from", "m1", "--to", to, NULL};
	*s = (struct subject){.name = k->name, .api = -1, .n = k->relayed ? 3 : 2};
	s->nodes[0] = w->m1;
	s->nodes[1] = w->m2;
	s->nodes[2] = w->relay;
	if (k->relayed)
		snprintf(first, sizeof first, "/ip4/127.0.0.1/%s/%u", proto,
			k->udp ? w->relay.udp_port : w->relay.port);
	snprintf(to, sizeof to, "%s/ip4/127.0.0.1/%s/%u/service/api", first, proto,
		k->udp ? w->m2.udp_port : w->m2.port);
	int rc = node_command(b, args, channel, sizeof channel, NULL);
	if (rc < 0)
		return rc;
	snprintf(s->to, sizeof s->to, "%s/service/echo", channel);
	s->api = node_api_open("m1");
	return s->api < 0 ? s->api : 0;
}

static void close_message(struct bench *b, void *state)
{
	struct work *w = state;
	for (unsigned i = 0; i < SUBJECTS; i++)
		if (w->subjects[i].api >= 0)
			close(w->subjects[i].api);
	if (node_home(b, "message") == 0)
		node_delete_all(b);
	via_close(b, &w->vs);
	free(w->us);
	free(w);
}

static int open_nodes(struct bench *b, struct work *w)
{
	int rc = node_home(b, "message");
	if (rc == 0)
		rc = node_create(b, "m1", &w->m1);
	if (rc == 0)
		rc = node_create(b, "m2", &w->m2);
	if (rc == 0)
		rc = node_create(b, "relay", &w->relay);
	for (unsigned i = 0; i < SUBJECTS && rc == 0; i++)
		rc = subject_open(b, w, &w->subjects[i], &kinds[i]);
	return rc;
}

static int open_message(struct bench *b, void **state)
{
	struct work *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	for (unsigned i = 0; i < SUBJECTS; i++)
		w->subjects[i].api = -1;
	w->vs.listener = -1;
	w->us = malloc(TRIPS_MAX * sizeof *w->us);
	static const struct via_kind *const plain[] = {&via_bare, &via_splice, &via_haproxy, NULL};
	int rc = w->us ? via_open(b, &w->vs, plain) : -ENOMEM;
	if (rc == 0)
		rc = open_nodes(b, w);
	if (rc < 0) {
		close_message(b, w);
		return rc;
	}
	*state = w;
	return 0;
}

static int round_message(struct bench *b, void *state)
{
	struct work *w = state;
	unsigned n = w->vs.n + SUBJECTS;
	int rc = 0;
	for (unsigned i = 0; i < n && rc == 0; i++) {
		unsigned turn = bench_turn(b, i, n);
		if (turn < w->vs.n)
			rc = measure_tcp(b, &w->vs, &w->vs.v[turn], w->us);
		else
			rc = measure_messages(b, &w->subjects[turn - w->vs.n], w->us);
	}
	return rc;
}

const struct scenario_ops message_ops = {open_message, round_message, NULL, close_message};
