/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.3 between stations that each verify the other's certificate: near and far, or with a relay
 * a chain of two tunnels, whose station in the middle ends the one and begins the other, so that it
 * can read what it passes on.
 */
#ifndef OCKAM_BENCH_CHAIN_H
#define OCKAM_BENCH_CHAIN_H

#include "tunnel.h"

struct chain {
	char dir[PATH_MAX - 64]; /* of keys and configurations */
	uint16_t relay, far;	 /* ports; 0: there is no such station */
	uint16_t next;		 /* where the near one connects */
};

/* Chooses the ports, t->port as well, and makes the keys. */
int chain_init(struct bench *b, struct tunnel *t, struct chain *c);
/* Starts all stations, the far one first. */
int chain_start(struct tunnel *t, const struct chain *c,
	int (*station)(struct tunnel *t, const struct chain *c, const char *name, uint16_t port,
		uint16_t to));

#endif
