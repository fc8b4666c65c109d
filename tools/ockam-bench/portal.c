// SPDX-License-Identifier: Apache-2.0
/*
 * Portals beside other tunnels and bare TCP: bulk, round trips, round trips beside bulk, new
 * connections, idle ones. All tunnels stand ready from the start; each figure is taken from one
 * after the other, run by run.
 */
#include "catalog.h"
#include "hog.h"
#include "load.h"
#include "node.h"
#include "target.h"
#include "tunnel.h"
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TUNNELS_MAX = 16, TRIPS_MAX = 200000, IDLE_MAX = 1000 };

struct portal {
	struct bench *b;
	struct target *target;
	struct tunnel tunnels[TUNNELS_MAX];
	unsigned n;
	struct hogs hogs;
	double *us;
};

/* A figure of one tunnel in one run, or several. */
struct measure {
	double share; /* of --seconds */
	int (*take)(struct portal *p, const struct tunnel *t, double seconds);
};

static void add(struct portal *p, const struct tunnel *t, const char *metric, double sample)
{
	bench_add(p->b, t->name, metric, sample);
}

static bool is_bare(const struct tunnel *t)
{
	return t->kind == &tunnel_bare;
}

/* Bare TCP is measured twice where that matters: the scheduler may have both ends take turns on one
 * CPU, where nothing is copied from cache to cache and nobody is woken from sleep. */
static bool apart_of(const struct tunnel *t, struct tunnel *apart)
{
	*apart = *t;
	apart->name = "bare TCP, ends on two CPUs";
	return is_bare(t) && sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

static int bulk(
	struct portal *p, const struct tunnel *t, unsigned n, enum load_place place, double seconds)
{
	char metric[64];
	const char *s = n == 1 ? "" : "s";
	struct load_rate r;
	int rc = load_bulk(t, p->target, n, place, seconds, &r);
	if (rc < 0)
		return rc;
	snprintf(metric, sizeof metric, "bulk, %u connection%s", n, s);
	add(p, t, metric, r.gbit_per_s);
	snprintf(metric, sizeof metric, "CPU of all, %u connection%s", n, s);
	add(p, t, metric, r.cpu_s_per_gib);
	snprintf(metric, sizeof metric, "CPU of the tunnel, %u connection%s", n, s);
	if (!is_bare(t))
		add(p, t, metric, r.tunnel_cpu_s_per_gib);
	return 0;
}

static int bulk_1(struct portal *p, const struct tunnel *t, double seconds)
{
	struct tunnel apart;
	int rc = bulk(p, t, 1, LOAD_ANYWHERE, seconds);
	return rc < 0 || !apart_of(t, &apart) ? rc : bulk(p, &apart, 1, LOAD_APART, seconds);
}

static int bulk_8(struct portal *p, const struct tunnel *t, double seconds)
{
	return bulk(p, t, 8, LOAD_ANYWHERE, seconds);
}

static int bulk_64(struct portal *p, const struct tunnel *t, double seconds)
{
	return bulk(p, t, 64, LOAD_ANYWHERE, seconds);
}

static void add_trips(struct portal *p, const struct tunnel *t, const char *what, size_t n)
{
	char metric[64];
	snprintf(metric, sizeof metric, "%s, p50", what);
	add(p, t, metric, quantile_of(p->us, n, .5));
	snprintf(metric, sizeof metric, "%s, p99", what);
	add(p, t, metric, quantile_of(p->us, n, .99));
}

static int trips_at(struct portal *p, const struct tunnel *t, enum load_place place, double seconds)
{
	int n = load_trips(t->port, place, seconds, p->us, TRIPS_MAX);
	if (n < 0)
		return n;
	add_trips(p, t, "round trip of 64 B", (size_t)n);
	return 0;
}

static int trips(struct portal *p, const struct tunnel *t, double seconds)
{
	struct tunnel apart;
	int rc = trips_at(p, t, LOAD_ANYWHERE, seconds);
	return rc < 0 || !apart_of(t, &apart) ? rc : trips_at(p, &apart, LOAD_APART, seconds);
}

static int trips_beside(struct portal *p, const struct tunnel *t, double seconds)
{
	struct load_streams *s;
	int n = 0, rc = load_streams_start(t->port, 1, LOAD_ANYWHERE, p->target, &s);
	if (rc < 0)
		return rc;
	rc = load_streams_settle(s, seconds / 4);
	uint64_t start = now_ns(), bytes = target_sunk(p->target);
	if (rc == 0)
		rc = n = load_trips(t->port, LOAD_ANYWHERE, seconds, p->us, TRIPS_MAX);
	bytes = target_sunk(p->target) - bytes;
	double took = (double)(now_ns() - start);
	int drained = load_streams_stop(s);
	if (rc < 0 || drained < 0)
		return rc < 0 ? rc : drained;
	add_trips(p, t, "round trip of 64 B beside bulk", (size_t)n);
	add(p, t, "bulk beside round trips", (double)bytes * 8 / took);
	return 0;
}

static int connects(struct portal *p, const struct tunnel *t, unsigned clients, double seconds)
{
	char metric[64];
	double rate;
	int rc = load_connects(t->port, clients, seconds, &rate);
	snprintf(metric, sizeof metric, "new connections, %u client%s", clients,
		clients == 1 ? "" : "s");
	if (rc == 0)
		add(p, t, metric, rate);
	return rc;
}

static int connects_1(struct portal *p, const struct tunnel *t, double seconds)
{
	return connects(p, t, 1, seconds);
}

static int connects_4(struct portal *p, const struct tunnel *t, double seconds)
{
	return connects(p, t, 4, seconds);
}

static const struct measure measures[] = {
	{1, bulk_1},
	{.6, bulk_8},
	{.6, bulk_64},
	{.5, trips},
	{.5, trips_beside},
	{.4, connects_1},
	{.4, connects_4},
};

/* Who fails is left out from then on, unless it is us or what all are compared with. */
static int failed(struct portal *p, unsigned i, int rc)
{
	struct tunnel *t = &p->tunnels[i];
	bench_say("%s failed: %s", t->name, strerror(-rc));
	if (t->kind == &tunnel_ockam || is_bare(t))
		return rc;
	bench_say("%s is left out from here on", t->name);
	tunnel_close(t);
	memmove(t, t + 1, (p->n - i - 1) * sizeof *t);
	p->n--;
	return 0;
}

static int take(struct portal *p, const struct measure *m)
{
	int gone[TUNNELS_MAX] = {0};
	unsigned n = p->n;
	for (unsigned k = 0; k < n; k++) {
		unsigned i = bench_turn(p->b, k, n);
		int rc = m->take(p, &p->tunnels[i], p->b->seconds * m->share);
		if (rc < 0 && (is_bare(&p->tunnels[i]) || p->tunnels[i].kind == &tunnel_ockam))
			return failed(p, i, rc);
		gone[i] = rc;
	}
	for (unsigned i = n; i-- > 0;)
		if (gone[i] < 0)
			failed(p, i, gone[i]);
	return 0;
}

static int round_portal(struct bench *b, void *state)
{
	int rc = 0;
	for (unsigned i = 0; i < sizeof measures / sizeof *measures && rc == 0; i++)
		rc = take(state, &measures[i]);
	return rc;
}

/* Once, before anything has made a tunnel's memory grow. */
static int idle(struct portal *p, const struct tunnel *t, double seconds)
{
	double kib;
	if (is_bare(t))
		return 0;
	int n = load_idle(t, IDLE_MAX, seconds, &kib);
	if (n <= 0)
		return n;
	add(p, t, "idle connections", n);
	add(p, t, "memory of an idle connection", kib);
	return 0;
}

static int open_one(struct portal *p, const struct tunnel_kind *kind, bool relayed)
{
	struct tunnel *t = &p->tunnels[p->n];
	if (!kind->names[relayed])
		return 0;
	int rc = tunnel_open(p->b, t, kind, relayed, target_port(p->target));
	if (rc == -ENOENT && kind != &tunnel_ockam)
		return 0;
	if (rc < 0)
		return kind == &tunnel_ockam ? rc : 0;
	p->n++;
	rc = verify_tunnel(t);
	return rc < 0 ? failed(p, p->n - 1, rc) : 0;
}

static int open_all(struct portal *p)
{
	int rc = 0;
	for (unsigned relayed = 0; relayed < 2; relayed++)
		for (unsigned i = 0; i < tunnel_kinds_count && rc == 0; i++)
			if (tunnel_wanted(p->b->peers, tunnel_kinds[i]))
				rc = open_one(p, tunnel_kinds[i], relayed);
	return rc;
}

/* Two descriptors for each idle connection here, and in what is between. */
static void allow_descriptors(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static void close_portal(struct bench *b, void *state)
{
	struct portal *p = state;
	hogs_stop(&p->hogs);
	for (unsigned i = 0; i < p->n; i++)
		tunnel_close(&p->tunnels[i]);
	if (node_home(b, "portal") == 0)
		node_delete_all(b);
	if (p->target)
		target_close(p->target);
	free(p->us);
	free(p);
}

static int open_portal(struct bench *b, void **state)
{
	static const struct measure once = {4, idle};
	struct portal *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->b = b;
	p->us = malloc(TRIPS_MAX * sizeof *p->us);
	allow_descriptors();
	int rc = p->us ? target_open(&p->target) : -ENOMEM;
	if (rc == 0)
		rc = open_all(p);
	if (rc == 0)
		rc = take(p, &once);
	if (rc == 0)
		rc = hogs_start(&p->hogs, b->hogs);
	if (rc < 0) {
		close_portal(b, p);
		return rc;
	}
	*state = p;
	return 0;
}

const struct scenario_ops portal_ops = {open_portal, round_portal, NULL, close_portal};
