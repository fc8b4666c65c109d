// SPDX-License-Identifier: Apache-2.0
#include "goal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BULK_1 "bulk, 1 connection"
#define BULK_8 "bulk, 8 connections"
#define CPU_1 "CPU of all, 1 connection"
#define P50 "round trip of 64 B, p50"
#define P99 "round trip of 64 B, p99"
#define BESIDE "round trip of 64 B beside bulk, p50"
#define NEW_1 "new connections, 1 client"
#define NEW_4 "new connections, 4 clients"
#define BARE "bare TCP"
#define ASLEEP "bare TCP, ends on two CPUs"
#define OURS "ockam portal"
#define RELAYED "ockam portal, one relay"
#define SSH "ssh -L, aes128-gcm"
#define SSH_J "ssh -J, aes128-gcm"
#define STUNNEL "stunnel"
#define HAPROXY "HAProxy TLS"
#define BEST_PEER NULL

struct figure {
	const char *contestant, *metric;
};

static const struct goal {
	struct figure of, to; /* a ratio of these */
	bool least;	      /* the bound is the least that it may be, else the greatest */
	double bound;
} goals[] = {
	{{OURS, BULK_1}, {BARE, BULK_1}, true, .42},
	{{OURS, BULK_1}, {SSH, BULK_1}, true, 1.9},
	{{OURS, BULK_1}, {STUNNEL, BULK_1}, true, 3},
	{{OURS, BULK_1}, {HAPROXY, BULK_1}, true, 3},
	{{OURS, BULK_8}, {OURS, BULK_1}, true, 1},
	{{RELAYED, BULK_1}, {BARE, BULK_1}, true, .33},
	{{RELAYED, BULK_1}, {SSH_J, BULK_1}, true, 5},
	{{OURS, CPU_1}, {SSH, CPU_1}, false, .5},
	{{OURS, CPU_1}, {STUNNEL, CPU_1}, false, .35},
	{{OURS, P50}, {ASLEEP, P50}, false, 1},
	{{OURS, P99}, {ASLEEP, P99}, false, 2.5},
	{{OURS, P50}, {BEST_PEER, P50}, false, .5},
	{{OURS, BESIDE}, {OURS, P50}, false, 2},
	{{OURS, NEW_1}, {BARE, NEW_1}, true, .5},
	{{OURS, NEW_4}, {BARE, NEW_4}, true, .5},
	{{OURS, NEW_1}, {SSH, NEW_1}, true, 2},
	{{OURS, NEW_4}, {SSH, NEW_4}, true, 2},
};
enum { GOALS = sizeof goals / sizeof *goals };

static const char *const peers[] = {SSH, STUNNEL, HAPROXY, "socat TLS", "spiped"};

static double sample(struct bench *b, const struct figure *f, size_t run)
{
	if (f->contestant)
		return results_sample(b->results, "portal", f->contestant, f->metric, run);
	double best = NAN;
	for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
		best = fmin(best, results_sample(b->results, "portal", peers[i], f->metric, run));
	return best;
}

static void names(const struct goal *g, char contestant[static 128], char metric[static 128])
{
	const char *to = g->to.contestant ? g->to.contestant : "best peer";
	if (!strcmp(g->of.metric, g->to.metric))
		snprintf(contestant, 128, "%s / %s", g->of.contestant, to);
	else
		snprintf(contestant, 128, "%s / %s", g->of.contestant, g->to.metric);
	snprintf(metric, 128, "ratio, goal %s %g: %s", g->least ? ">=" : "<=", g->bound,
		g->of.metric);
}

void goals_add(struct bench *b)
{
	char contestant[128], metric[128];
	for (size_t i = 0; i < GOALS; i++) {
		const struct goal *g = &goals[i];
		names(g, contestant, metric);
		for (size_t run = 0; run < b->runs; run++) {
			double ratio = sample(b, &g->of, run) / sample(b, &g->to, run);
			if (isfinite(ratio))
				results_add(
					b->results, "portal", contestant, metric, "ratio", ratio);
		}
	}
}

void goals_say(struct bench *b)
{
	char contestant[128], metric[128];
	for (size_t i = 0; i < GOALS; i++) {
		const struct goal *g = &goals[i];
		names(g, contestant, metric);
		double v = results_median(b->results, "portal", contestant, metric);
		if (isnan(v))
			continue;
		bool met = g->least ? v >= g->bound : v <= g->bound;
		bench_say("%s  %.3g  %s, %s", met ? "met   " : "MISSED", v, contestant, metric);
	}
}
