// SPDX-License-Identifier: Apache-2.0
/*
 * A message to `echo` and its reply through a secure channel, over a kept API connection, beside
 * the round trip of as many bytes over bare TCP.
 */
#include "bench.h"
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
	results_add(b->results, "message", name, "round trip of 64 B, p50", "us",
		quantile_of(us, n, .5));
	results_add(b->results, "message", name, "round trip of 64 B, p99", "us",
		quantile_of(us, n, .99));
	if (cpu_ns)
		results_add(b->results, "message", name, "CPU of what is between, per round trip",
			"us", (double)cpu_ns / 1e3 / (double)n);
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
	int rc = pair_open(&p, v, vs->listener, 1);
	if (rc < 0)
		return rc;
	rc = -pthread_create(&t, NULL, echo_run, &p.b);
	if (rc < 0) {
		pair_close(&p);
		return rc;
	}
	uint64_t cpu = via_cpu_ns(v), end = now_ns() + (uint64_t)(b->seconds * 1e9), start;
	while (rc == 0 && n < TRIPS_MAX && (start = now_ns()) < end) {
		rc = socket_send(p.a, buf, sizeof buf);
		if (rc == 0)
			rc = socket_receive(p.a, buf, sizeof buf);
		if (rc == 0)
			us[n++] = (double)(now_ns() - start) / 1e3;
	}
	cpu = via_cpu_ns(v) - cpu;
	shutdown(p.b, SHUT_RDWR);
	pthread_join(t, NULL);
	pair_close(&p);
	if (rc == 0) {
		char name[64];
		snprintf(name, sizeof name, "bare TCP, %s", v->name);
		record(b, name, us, n, cpu);
	}
	return rc;
}

/* A channel from m1 to m2, by way of the relay or not, and an API connection to m1. */
static int subject_open(struct bench *b, struct subject *s, const char *name, bool relayed,
	const struct node_info nodes[static 3])
{
	char channel[128];
	const char *args[] = {"secure-channel", "create", "--from", "m1", "--to",
		relayed ? "/node/relay/node/m2/service/api" : "/node/m2/service/api", NULL};
	*s = (struct subject){.name = name, .n = relayed ? 3 : 2};
	memcpy(s->nodes, nodes, sizeof s->nodes);
	int rc = node_command(b, args, channel, sizeof channel, NULL);
	if (rc < 0)
		return rc;
	snprintf(s->to, sizeof s->to, "%s/service/echo", channel);
	s->api = node_api_open("m1");
	return s->api < 0 ? s->api : 0;
}

static int rounds(struct bench *b, struct via_set *vs, struct subject *s, double *us)
{
	int rc = 0;
	for (unsigned r = 0; r < b->runs && rc == 0; r++) {
		for (unsigned i = 0; i < vs->n && rc == 0; i++)
			rc = measure_tcp(b, vs, &vs->v[i], us);
		for (unsigned i = 0; i < 2 && rc == 0; i++)
			rc = measure_messages(b, &s[i], us);
	}
	return rc;
}

static int run(struct bench *b)
{
	static const char *const names[] = {"m1", "m2", "relay"};
	struct node_info nodes[3];
	struct subject s[2] = {{.api = -1}, {.api = -1}};
	struct via_set vs;
	double *us = malloc(TRIPS_MAX * sizeof *us);
	int rc = us ? via_open(b, &vs, true) : -ENOMEM;
	if (rc < 0) {
		free(us);
		return rc;
	}
	rc = node_home(b, "message");
	for (unsigned i = 0; i < 3 && rc == 0; i++)
		rc = node_create(b, names[i], &nodes[i]);
	if (rc == 0)
		rc = subject_open(b, &s[0], "message, no relay", false, nodes);
	if (rc == 0)
		rc = subject_open(b, &s[1], "message, one relay node", true, nodes);
	if (rc == 0)
		rc = rounds(b, &vs, s, us);
	for (unsigned i = 0; i < 2; i++)
		if (s[i].api >= 0)
			close(s[i].api);
	node_delete_all(b);
	via_close(b, &vs);
	free(us);
	return rc;
}

const struct scenario scenario_message = {"message",
	"a message and its reply through a channel, without and with a relay, beside bare TCP", run};
