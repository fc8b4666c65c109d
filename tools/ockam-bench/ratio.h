/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ratios of two figures of the same round: the machine's mood is in both. They say whether there
 * were rounds enough, and in the end become figures themselves, with the goals that they have.
 */
#ifndef OCKAM_BENCH_RATIO_H
#define OCKAM_BENCH_RATIO_H

#include "bench.h"

/* Whether all that decide of b->scenario are known as well as b->bound says. Those that lack a
 * figure, for a peer is not installed, do not count. */
bool ratios_settled(struct bench *b);
/* Adds those of b->scenario; says which are not settled, and which goals are met. */
void ratios_add(struct bench *b);

#endif
