/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a portal is to reach beside the others: ratios of two figures of one run, with a bound. They
 * become figures themselves, of their own contestants, so that they have a median too.
 */
#ifndef OCKAM_BENCH_GOAL_H
#define OCKAM_BENCH_GOAL_H

#include "bench.h"

/* Adds the ratios of all runs whose two figures are there. */
void goals_add(struct bench *b);
/* Says on standard error which are met. */
void goals_say(struct bench *b);

#endif
