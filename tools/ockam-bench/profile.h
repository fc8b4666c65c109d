/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where CPU time goes: one more round while perf takes samples of all CPUs, of which those of our processes
 * count; by program, by stage and by symbol, on standard error. Needs the program perf and the right to use
 * it.
 */
#ifndef OCKAM_BENCH_PROFILE_H
#define OCKAM_BENCH_PROFILE_H

#include "bench.h"

/* Calls `round`; its result. What perf cannot do is said and is no failure. */
int profile_round(struct bench *b, void *state);

#endif
