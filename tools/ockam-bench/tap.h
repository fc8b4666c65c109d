/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listens to all IPv4 TCP packets on the loopback, to see whether a text goes by in clear. It tells
 * the packets of the applications' connections, by their ports, from those between the stations of
 * a tunnel. Needs the right to open packet sockets. Errors are negative errno.
 */
#ifndef OCKAM_BENCH_TAP_H
#define OCKAM_BENCH_TAP_H

#include <stddef.h>
#include <stdint.h>

struct tap;

struct tap_count {
	uint64_t bytes;	 /* of payload */
	uint64_t marked; /* packets that have the text in them */
};

/* `text` must stay; `ports`: of the applications' connections. -EPERM: not permitted. */
int tap_open(struct tap **out, const char *text, const uint16_t ports[static 2]);
/* Frees it. What was seen since it was opened. */
void tap_close(struct tap *t, struct tap_count *app, struct tap_count *between);

#endif
