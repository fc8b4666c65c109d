/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a simulation, shared by sim.c, sim_wire.c and sim_watch.c. */
#ifndef OCKAM_SIM_WORLD_H
#define OCKAM_SIM_WORLD_H

#include "sim.h"
#include "sim_alloc.h"

struct event {
	uint64_t at, order;
	void (*fn)(void *a, void *b);
	void *a, *b; /* b: from sim_alloc, or NULL */
};

struct wire;

enum { SIM_NODES_MAX = 512 };

struct sim {
	struct sim_options o;
	uint64_t now, order, dice;
	uint64_t history;
	unsigned long events, spin;
	struct event *heap;
	size_t n, cap;
	struct sim_udps *udp; /* sim_udp.c */
	struct wire **wires;
	unsigned wires_n, wires_alive;
	struct sim_node *node[SIM_NODES_MAX];
	uint64_t wake[SIM_NODES_MAX];
	uint64_t side[SIM_NODES_MAX]; /* of the partition, by number of the node */
	unsigned nodes_n;
	unsigned long frames[16];
	unsigned nonce_reuses, plaintexts, faults;
	char first_fault[256];
	char marker[64], marker_capital[64];
};

uint64_t sim_roll(uint64_t *state);
void sim_wires_free(struct sim *s);
void sim_udps_free(struct sim *s);
struct handshake_keys;
const struct handshake_keys *sim_node_keys(const struct sim_node *sn);
/* Looks at a frame as it leaves. */
void sim_watch_frame(struct sim *s, const uint8_t *f, size_t len);

#endif
