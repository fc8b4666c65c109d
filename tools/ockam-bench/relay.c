// SPDX-License-Identifier: Apache-2.0
/*
 * Relays at work, beside other ways through: bulk in frames of all sizes on one or many paths, then
 * one frame to and fro, alone and beside bulk. Scenarios differ in who takes part and how many
 * paths there are. A pair is made anew for each measurement, but with very many paths, which take
 * seconds to open, for all sizes.
 */
#include "catalog.h"
#include "flow.h"
#include "node.h"
#include "ping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t sizes[] = {64, 256, 1400, 16384, 60000};
enum {
	SIZES = sizeof sizes / sizeof *sizes,
	CHECKED = 4 << 20, /* bytes, at most this many frames */
	CHECKED_FRAMES = 4096,
	CHECKED_FRAMES_UDP = 256,
	MANY = 32, /* paths: a pair of so many is kept for all sizes */
	BESIDE_PATHS = 100,
	BESIDE_LEN = 16384,
};

struct plan {
	const struct via_kind *const *kinds;
	const unsigned *paths; /* up to 0; NULL: as asked for */
	bool beside, memory;
};

struct work {
	const struct plan *plan;
	struct via_set s;
	bool refused[VIA_MAX][SIZES]; /* does not carry frames of this size, or not as it should */
	double *us;
};

static void name_of(const struct via *v, unsigned paths, char dst[static 64])
{
	if (v->kind->speech == VIA_FRAMES && paths)
		snprintf(dst, 64, "%s, %u path%s", v->kind->name, paths, paths > 1 ? "s" : "");
	else
		snprintf(dst, 64, "%s", v->kind->name);
}

static void add(struct bench *b, const char *name, const char *what, uint32_t size, double v)
{
	char metric[64];
	snprintf(metric, sizeof metric, "%s, %u B", what, size);
	bench_add(b, name, metric, v);
}

static void record(struct bench *b, const struct via *v, const char *name, uint32_t size,
	const struct flow_cost *c, double lost)
{
	double gib = (double)c->bytes / (double)(1 << 30);
	add(b, name, "throughput", size, 8 * (double)c->bytes / (double)c->wall_ns);
	add(b, name, "frames", size, (double)c->bytes / size / ((double)c->wall_ns / 1e3));
	if (v->kind->carrier == VIA_UDP)
		add(b, name, "lost", size, 100 * lost);
	if (gib <= 0)
		return;
	if (v->n)
		add(b, name, "relay's CPU", size, (double)c->relay_ns / 1e9 / gib);
	add(b, name, "CPU with source and sink", size,
		(double)(c->relay_ns + c->own_ns) / 1e9 / gib);
	add(b, name, "CPU of the machine", size, (double)c->machine_ns / 1e9 / gib);
}

static size_t checked_frames(const struct pair *p, uint32_t size)
{
	size_t most = pair_is_udp(p) ? CHECKED_FRAMES_UDP : CHECKED_FRAMES;
	return CHECKED / size < most ? CHECKED / size : most;
}

/* Of a relay that is to forward in the kernel: what it has forwarded there. */
static uint64_t kernel_frames(struct bench *b, const struct via *v, char why[static 160])
{
	uint64_t n = 0;
	if (v->kind->in_kernel && node_home(b, "relay") == 0)
		node_kernel_frames(b, v->node, &n, why, 160);
	return n;
}

/* -ENOTSUP: it was to pass in the kernel, and did not. */
static int load(struct bench *b, struct pair *p, uint32_t size)
{
	char name[64], why[160] = "";
	struct flow *f;
	struct flow_cost cost;
	double lost;
	uint64_t before = kernel_frames(b, p->via, why);
	name_of(p->via, p->paths, name);
	int rc = flow_start(p, size, &f);
	if (rc == 0) {
		rc = flow_take(f, b->seconds, &cost);
		int stopped = flow_stop(f, &lost);
		rc = rc < 0 ? rc : stopped;
	}
	if (rc == 0 && p->via->kind->in_kernel &&
		(kernel_frames(b, p->via, why) - before) * 2 < cost.bytes / size) {
		bench_say("%s: frames of %u bytes do not pass in the kernel: %s; left out", name,
			size, why);
		return -ENOTSUP;
	}
	if (rc == 0)
		record(b, p->via, name, size, &cost, lost);
	else
		bench_say("%s failed with frames of %u bytes: %s", name, size, strerror(-rc));
	return rc;
}

/* Checks, then loads. What is not ours may refuse a size, once and for all. */
static int check_and_load(struct bench *b, struct work *w, struct pair *p, unsigned size)
{
	bool *refused = &w->refused[p->via - w->s.v][size];
	int rc = pair_check(p, sizes[size], checked_frames(p, sizes[size]));
	if (rc == 0) {
		rc = load(b, p, sizes[size]);
		*refused = rc == -ENOTSUP;
		return rc == -ENOTSUP ? 0 : rc;
	}
	if (p->via->kind->speech == VIA_FRAMES || p->via->kind->carrier == VIA_TCP) {
		bench_say("%s does not carry frames of %u bytes as they were: %s",
			p->via->kind->name, sizes[size], strerror(-rc));
		return rc;
	}
	bench_say(
		"%s does not carry frames of %u bytes: left out", p->via->kind->name, sizes[size]);
	*refused = true;
	return 0;
}

static int one_size(
	struct bench *b, struct work *w, const struct via *v, unsigned paths, unsigned size)
{
	struct pair p;
	if (w->refused[v - w->s.v][size])
		return 0;
	int rc = pair_open(&p, v, &w->s, paths);
	if (rc < 0)
		return rc;
	rc = check_and_load(b, w, &p, size);
	pair_close(&p);
	return rc;
}

static void add_memory(struct bench *b, const struct via *v, unsigned paths)
{
	char name[64];
	name_of(v, paths, name);
	if (v->n)
		bench_add(b, name, "memory under load", (double)via_memory_kib(v) / 1024);
}

static int all_sizes(struct bench *b, struct work *w, const struct via *v, unsigned paths)
{
	struct pair p;
	int rc = pair_open(&p, v, &w->s, paths);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < SIZES && rc == 0; i++)
		if (!w->refused[v - w->s.v][i])
			rc = check_and_load(b, w, &p, i);
	if (rc == 0 && w->plan->memory)
		add_memory(b, v, paths);
	pair_close(&p);
	return rc;
}

/* It was to forward in the kernel and did not: what else it does would be told under a wrong name.
 */
static bool is_out(const struct work *w, const struct via *v)
{
	return v->kind->in_kernel && w->refused[v - w->s.v][0];
}

/* Of the ways that have paths, those; of the others one is all there is. */
static int bulk(struct bench *b, struct work *w, unsigned paths)
{
	unsigned n = w->s.n;
	int rc = 0;
	for (unsigned i = 0; i < (paths < MANY ? SIZES : 1) && rc == 0; i++)
		for (unsigned k = 0; k < n && rc == 0; k++) {
			const struct via *v = &w->s.v[bench_turn(b, k, n)];
			if ((v->kind->speech != VIA_FRAMES && paths > 1) || is_out(w, v))
				continue;
			rc = paths < MANY ? one_size(b, w, v, paths, i) : all_sizes(b, w, v, paths);
			if (rc == 0 && w->plan->memory && paths == 1 && i == SIZES - 1)
				add_memory(b, v, paths);
		}
	return rc;
}

static void add_pings(struct bench *b, const struct via *v, double *us, size_t n, const char *what)
{
	char metric[96];
	snprintf(metric, sizeof metric, "%s, p50", what);
	bench_add(b, v->kind->name, metric, quantile_of(us, n, .5));
	snprintf(metric, sizeof metric, "%s, p99", what);
	bench_add(b, v->kind->name, metric, quantile_of(us, n, .99));
}

static int ping_alone(struct bench *b, struct work *w, const struct via *v)
{
	struct pair p;
	int rc = pair_open(&p, v, &w->s, 1);
	if (rc < 0)
		return rc;
	uint64_t cpu = via_cpu_ns(v);
	int64_t n = pings(&p, b->seconds, w->us);
	cpu = via_cpu_ns(v) - cpu;
	pair_close(&p);
	if (n < 0)
		return (int)n;
	add_pings(b, v, w->us, (size_t)n, "round trip of a 64 B frame");
	if (v->n)
		bench_add(b, v->kind->name, "relay's CPU per round trip",
			(double)cpu / 1e3 / (double)n);
	return 0;
}

/* Interactive paths on one link, bulk on another, through the same relay. */
static int ping_beside(struct bench *b, struct work *w, const struct via *v)
{
	struct pair few, many = {.fd = {-1, -1}};
	struct flow *f = NULL;
	struct flow_cost cost;
	int64_t n = 0;
	int rc = pair_open(&few, v, &w->s, 1);
	if (rc < 0)
		return rc;
	rc = pair_open(&many, v, &w->s, v->kind->speech == VIA_FRAMES ? BESIDE_PATHS : 1);
	if (rc == 0)
		rc = flow_start(&few, BESIDE_LEN, &f);
	if (rc == 0) {
		rc = flow_take(f, b->seconds / 2, &cost);
		n = pings(&many, b->seconds, w->us);
		int stopped = flow_stop(f, NULL);
		rc = n < 0 ? (int)n : rc < 0 ? rc : stopped;
	}
	pair_close(&few);
	pair_close(&many);
	if (rc < 0)
		return rc;
	add_pings(b, v, w->us, (size_t)n, "round trip beside bulk");
	return 0;
}

static int latencies(struct bench *b, struct work *w,
	int (*take)(struct bench *b, struct work *w, const struct via *v))
{
	int rc = 0;
	for (unsigned k = 0; k < w->s.n && rc == 0; k++) {
		const struct via *v = &w->s.v[bench_turn(b, k, w->s.n)];
		if (is_out(w, v))
			continue;
		rc = take(b, w, v);
		if (rc < 0)
			bench_say(
				"round trips through %s failed: %s", v->kind->name, strerror(-rc));
	}
	return rc;
}

static int round_relay(struct bench *b, void *state)
{
	struct work *w = state;
	int rc = 0;
	for (const unsigned *paths = w->plan->paths ? w->plan->paths : b->paths; *paths && rc == 0;
		paths++)
		rc = bulk(b, w, *paths);
	if (rc == 0)
		rc = latencies(b, w, ping_alone);
	if (rc == 0 && w->plan->beside)
		rc = latencies(b, w, ping_beside);
	return rc;
}

static void close_relay(struct bench *b, void *state)
{
	struct work *w = state;
	via_close(b, &w->s);
	free(w->us);
	free(w);
}

static int open_plan(struct bench *b, void **state, const struct plan *plan)
{
	struct work *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->plan = plan;
	w->us = malloc(PINGS_MAX * sizeof *w->us);
	int rc = w->us ? via_open(b, &w->s, plan->kinds) : -ENOMEM;
	if (rc < 0) {
		free(w->us);
		free(w);
		return rc;
	}
	*state = w;
	return 0;
}

static int open_forward(struct bench *b, void **state)
{
	static const struct via_kind *const kinds[] = {
		&via_bare, &via_splice, &via_haproxy, &via_node, NULL};
	static const unsigned paths[] = {1, 64, 0};
	static const struct plan plan = {kinds, paths, false, false};
	return open_plan(b, state, &plan);
}

static int open_relay(struct bench *b, void **state)
{
	static const struct via_kind *const kinds[] = {&via_bare, &via_splice, &via_haproxy,
		&via_nginx, &via_socat, &via_node, &via_bare_udp, &via_coturn, &via_node_udp,
		&via_node_tc, NULL};
	static const struct plan plan = {kinds, NULL, true, true};
	return open_plan(b, state, &plan);
}

const struct scenario_ops forward_ops = {open_forward, round_relay, NULL, close_relay};
const struct scenario_ops relay_ops = {open_relay, round_relay, NULL, close_relay};
