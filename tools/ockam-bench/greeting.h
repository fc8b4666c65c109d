/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels that one node opens to another over a real link, one after the other: TCP, UDP, and
 * through a relay node. Part of the scenario `handshake`.
 */
#ifndef OCKAM_BENCH_GREETING_H
#define OCKAM_BENCH_GREETING_H

#include "bench.h"

struct greetings;

int greetings_open(struct bench *b, struct greetings **out);
int greetings_round(struct bench *b, struct greetings *g);
void greetings_close(struct bench *b, struct greetings *g);

#endif
