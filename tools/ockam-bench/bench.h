/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scenarios share: how long and how often to measure, where results go, a temporary
 * directory, the programs under test. A scenario measures its contestants in turn, run by run, so
 * that all of them meet the same mood of the machine; only ratios within one run mean anything.
 */
#ifndef OCKAM_BENCH_H
#define OCKAM_BENCH_H

#include "result.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct bench {
	unsigned runs;
	double seconds;	     /* of each measurement */
	double idle_seconds; /* how long an idle node is watched */
	unsigned hogs;	     /* processes that want the CPU beside `portal` */
	const char *peers;   /* which take part in it, by comma; NULL: all */
	struct results *results;
	char dir[PATH_MAX];   /* temporary, removed at the end */
	char ockam[PATH_MAX]; /* the program under test */
};

struct scenario {
	const char *name, *help;
	int (*run)(struct bench *b); /* 0, or negative errno after saying why */
};

extern const struct scenario scenario_seal, scenario_handshake, scenario_message, scenario_forward,
	scenario_start, scenario_portal;

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
