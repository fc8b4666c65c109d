/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the measuring happens: as root, a network namespace of our own whose loopback route asks
 * for cubic, so that every socket in it uses that, whoever opens it. Without root: the machine's
 * loopback as it is.
 */
#ifndef OCKAM_BENCH_PLACE_H
#define OCKAM_BENCH_PLACE_H

#include <stddef.h>

/* Says on standard error what it could not do. Call before threads and children. */
void place_enter(void);
/* The congestion control that a new connection over loopback gets. */
void place_congestion(char *dst, size_t cap);

#endif
