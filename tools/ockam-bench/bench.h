/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scenarios share. A scenario is a row of the table in catalog.c: what stands where, what
 * it is loaded with, who takes part, what is taken, which ratios matter. Its functions build the
 * topology and measure one round, in which every contestant has its turn, so that all of them meet
 * the same mood of the machine; rounds.c calls them as often as needed. Only ratios within one
 * round mean anything.
 */
#ifndef OCKAM_BENCH_BENCH_H
#define OCKAM_BENCH_BENCH_H

#include "result.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct bench;

struct metric {
	const char
		*name; /* also of all that go on with a comma: "throughput" of "throughput, 64 B" */
	const char *unit;
	enum better better;
};

struct figure {
	const char *contestant; /* NULL: the best of the scenario's peers */
	const char *metric;
};

enum goal { GOAL_NONE, GOAL_AT_LEAST, GOAL_AT_MOST };

/* Of two figures of one round. */
struct ratio {
	struct figure of, to;
	enum goal goal;
	double bound;
	bool decides; /* whether there were rounds enough */
};

struct scenario_ops {
	int (*open)(struct bench *b, void **state); /* nothing is left when it fails */
	int (*round)(struct bench *b, void *state); /* 0, or negative errno after saying why */
	int (*finish)(
		struct bench *b, void *state); /* what is taken once, at the end; may be NULL */
	void (*close)(struct bench *b, void *state);
};

struct scenario {
	const char *name, *help;
	const char *topology, *load, *checked;
	const char *const *contestants; /* up to NULL; also of all that go on with a comma */
	const char *const *ours;	/* how the project's own begin */
	const char *const *peers;	/* those of them that a ratio may take the best of */
	const struct metric *metrics;	/* up to one without name */
	const struct ratio *ratios;	/* up to one without `of` */
	double seconds;			/* of a measurement, if nobody says another */
	const struct scenario_ops *ops;
};

extern const struct scenario *const scenarios[]; /* catalog.c */
extern const unsigned scenarios_count;

enum { PATH_COUNTS = 8, PATHS_MOST = 256 };

struct bench {
	unsigned warm_ups, rounds_least, rounds_most;
	double bound; /* half-width of the interval of a ratio that is narrow enough, as a share */
	double limit; /* seconds for a scenario's rounds; 0: none */
	double seconds;			 /* of each measurement */
	double idle_seconds;		 /* how long an idle node is watched */
	unsigned paths[PATH_COUNTS + 1]; /* how many there are in `relay`, up to 0 */
	unsigned hogs;			 /* processes that want the CPU beside `portal` */
	const char *peers;		 /* which take part in it, by comma; NULL: all */
	struct results *results;
	char dir[PATH_MAX];   /* temporary, removed at the end */
	char ockam[PATH_MAX]; /* the program under test */
	bool profile;	      /* one more round, under perf */
	/* now */
	const struct scenario *scenario;
	unsigned round;
	bool warming; /* what is added is thrown away */
};

/* A sample of this round. The scenario has declared the metric and the contestant. */
void bench_add(struct bench *b, const char *contestant, const char *metric, double sample);
/* Whose turn is the i-th of n: every round begins with another. */
static inline unsigned bench_turn(const struct bench *b, unsigned i, unsigned n)
{
	return (i + b->round) % n;
}
/* A sentence on standard error, for the person who waits. */
void bench_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline void sleep_seconds(double s)
{
	struct timespec ts = {
		.tv_sec = (time_t)s, .tv_nsec = (long)((s - (double)(time_t)s) * 1e9)};
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

#endif
