/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an application does with a tunnel, from the near end: streams that never rest, round trips,
 * short connections, idle ones. Sockets block, with a limit on how long nothing may happen. Errors
 * are negative errno.
 */
#ifndef OCKAM_BENCH_LOAD_H
#define OCKAM_BENCH_LOAD_H

#include "target.h"
#include "tunnel.h"

/* Where the two ends run: as the scheduler likes, or the near one on the first CPU and the far one
 * on the last, so that the one works while the other does, and wakes it where it sleeps. */
enum load_place { LOAD_ANYWHERE, LOAD_APART };

enum { LOAD_STREAMS_MAX = 64, LOAD_CLIENTS_MAX = 16 };

struct load_rate {
	double gbit_per_s;
	double cpu_s_per_gib; /* of all processes, this one with both applications included */
	double tunnel_cpu_s_per_gib; /* of the tunnel's processes */
};

/* Sources that write all the time. */
struct load_streams;

int load_streams_start(uint16_t port, unsigned n, enum load_place place, struct target *target,
	struct load_streams **out);
/* Waits so long, and until they have come to flow. */
int load_streams_settle(struct load_streams *s, double seconds);
/* Has them write no more and waits until all has arrived; the connections stay. How much it was. */
int load_streams_halt(struct load_streams *s, uint64_t *bytes);
/* Closes and frees them, and waits until the target knows. */
int load_streams_stop(struct load_streams *s);

/* A connection and one byte, there and back. */
int load_touch(uint16_t port);
/* Throughput of n connections together whose sources write for so long: from the first connection
 * until the last byte has arrived, so that what a tunnel only took in does not count. */
int load_bulk(const struct tunnel *t, struct target *target, unsigned n, enum load_place place,
	double seconds, struct load_rate *out);
/* Round trips of TARGET_TRIP bytes, one after the other. How many, at most cap. */
int load_trips(uint16_t port, enum load_place place, double seconds, double *us, size_t cap);
/* Connections per second that `clients` make: one byte there and back, and closed. */
int load_connects(uint16_t port, unsigned clients, double seconds, double *per_second);
/* Opens connections that do nothing, at most n and for at most so long, and how much of the
 * tunnel's memory each takes. How many; they are closed again. */
int load_idle(const struct tunnel *t, unsigned n, double seconds, double *kib_each);

#endif
