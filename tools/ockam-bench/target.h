/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service at the end of every tunnel: one listener, whose connections say with their first byte
 * what they are for. Runs in threads of its own; blocking threads for what streams.
 */
#ifndef OCKAM_BENCH_TARGET_H
#define OCKAM_BENCH_TARGET_H

#include <stddef.h>
#include <stdint.h>

enum target_mode {
	TARGET_TOUCH = '1',	 /* the byte itself comes back; any number of times */
	TARGET_ECHO = 'e',	 /* messages of TARGET_TRIP bytes come back */
	TARGET_ECHO_APART = 'E', /* likewise */
	TARGET_SINK = 's',	 /* bytes are counted and thrown away */
	TARGET_SINK_APART = 'S', /* the same by a thread that stays on the last CPU */
	TARGET_CHECK = 'c',	 /* see verify.c */
};

enum { TARGET_TRIP = 64 };

struct target;

int target_open(struct target **out);
uint16_t target_port(const struct target *t);
/* What all sinks took since the start. */
uint64_t target_sunk(const struct target *t);
/* When a sink took something for the last time (now_ns). */
uint64_t target_last_ns(const struct target *t);
/* Waits until the streams of all connections have ended; -ETIMEDOUT. */
int target_drained(struct target *t);
/* All connections must have been closed at their other end. */
void target_close(struct target *t);

#endif
