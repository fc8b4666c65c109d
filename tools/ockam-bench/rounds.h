/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scenario from beginning to end: topology, a warm-up whose samples are thrown away, then
 * rounds until the ratios that decide have intervals as narrow as asked for, or the cap on rounds
 * or time is reached, which is said. Then ratios become figures of their own.
 */
#ifndef OCKAM_BENCH_ROUNDS_H
#define OCKAM_BENCH_ROUNDS_H

#include "bench.h"

/* 0, or negative errno after saying why. */
int rounds_run(struct bench *b, const struct scenario *s);

#endif
