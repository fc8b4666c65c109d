/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One frame to and fro through a pair, again and again, on each of its paths in turn. Errors are
 * negative errno.
 */
#ifndef OCKAM_BENCH_PING_H
#define OCKAM_BENCH_PING_H

#include "pair.h"

enum { PING_LEN = 64, PINGS_MAX = 200000 };

/* Round trips in microseconds for so long, and how many. Over UDP one that is lost is sent again,
 * and not counted. */
int64_t pings(struct pair *p, double seconds, double us[static PINGS_MAX]);

#endif
