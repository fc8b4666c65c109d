/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random world: nodes that open channels along random routes, send, register, close, while wires
 * end, fall silent and part, nodes die and come back, clocks jump, listeners and policies change.
 * Then calm, then the end of everything. world.c says what happens, world_ask.c keeps the requests,
 * world_check.c says what must be true.
 */
#ifndef OCKAM_WORLD_H
#define OCKAM_WORLD_H

#include "sim.h"

#include "channel.h"

enum { WORLD_NODES_MAX = 400 };

/* One request of one node, from its call to its one answer. */
struct ask {
	struct ask *next;
	struct world *w;
	unsigned id, who, life;
	uint64_t deadline_ms;
	bool done, must; /* it has to succeed: nothing is in its way */
	bool secret;	 /* goes only through channels */
	size_t len;
	struct reason why;
	char what[400];
};

struct world {
	struct sim *s;
	uint64_t seed;
	unsigned nodes;
	bool calm; /* no faults: all that is asked for has to work */
	struct sim_node *n[WORLD_NODES_MAX];
	uint64_t back_ms[WORLD_NODES_MAX]; /* when a killed node comes again */
	uint64_t heal_ms;		   /* when a partition ends; 0: there is none */
	struct ask *asks;
	unsigned asked;
};

struct world_result {
	unsigned asks, succeeded, channels;
	uint64_t history;
	char fault[300]; /* empty: none */
};

/* One world from its beginning to its end. nodes 0: as the seed says. */
void world_run(uint64_t seed, unsigned nodes, bool trace, struct world_result *out);
unsigned world_size(uint64_t seed);

/* world_ask.c. `to` is a route in text. */
struct ask *ask_open(struct world *w, unsigned who, const char *to, bool any, uint64_t timeout_ms);
struct ask *ask_message(struct world *w, unsigned who, const char *to, size_t len, bool secret,
	uint64_t timeout_ms);
struct ask *ask_register(struct world *w, unsigned who, const char *name, const char *at);
struct ask *ask_connect(struct world *w, unsigned who, uint16_t port);
void ask_wait(struct ask *a); /* until it is answered, or should have been */
/* Invariant: every request is answered, once, within its time. */
void asks_check(struct world *w);
void asks_free(struct world *w, struct world_result *out);

/* world_check.c */
void check_agreement(struct world *w);
void check_channels_work(struct world *w);
void check_bare(struct world *w);
void check_silence(struct world *w);

#endif
