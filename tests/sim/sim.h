/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many nodes in one process: a fake clock, a fake network, deterministic by seed. Each node is the real
 * control plane and the real data-plane engine, joined by the real seam encoding; only sockets, time
 * and randomness are simulated.
 *
 * sim.c: clock, events, wires and what is checked on them. sim_dp.c: the data-plane side of a node.
 * sim_node.c: its control side. The two planes' headers do not meet in one file, as in the program.
 */
#ifndef OCKAM_SIM_H
#define OCKAM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct sim_node;
struct sim_dp;
struct sim_end; /* one end of a wire: what a descriptor is in the program */
struct node;

struct sim_options {
	uint64_t seed;
	unsigned delay_min_ms, delay_max_ms; /* of a wire, each way */
	bool chop;			     /* bytes arrive in random pieces */
	/* Per mille of handshake frames that a wire loses or delivers twice (never DATA: that is TCP's). */
	unsigned lose, twice;
};

struct sim *sim_new(const struct sim_options *o);
void sim_free(struct sim *s);
uint64_t sim_now(const struct sim *s);
uint64_t sim_random(struct sim *s); /* the scenario's own dice */
void sim_at(struct sim *s, uint64_t at_ms, void (*fn)(void *a, void *b), void *a, void *b);
/* Runs until done(ctx) or max_ms have passed; true when done. NULL: just max_ms. */
bool sim_run(struct sim *s, uint64_t max_ms, bool (*done)(void *ctx), void *ctx);
/* What must never have happened, counted: each is 0 in a correct run. */
unsigned sim_nonce_reuses(const struct sim *s);
unsigned sim_plaintexts(const struct sim *s); /* the marker was seen on a wire */
void sim_set_marker(struct sim *s, const char *marker);

/* sim_node.c. Nodes of the same home trust each other. port: where it listens. */
struct sim_node *sim_node_new(struct sim *s, const char *name, unsigned home, uint16_t port);
void sim_node_free(struct sim_node *sn);
struct node *sim_node_control(struct sim_node *sn);
/* kill -9 of the whole node: wires end, memory goes; sim_node_start makes it again with the same keys. */
void sim_node_kill(struct sim_node *sn);
void sim_node_start(struct sim_node *sn);
bool sim_node_alive(const struct sim_node *sn);
void sim_node_shift_clock(struct sim_node *sn, int64_t seconds);
/* Cuts every wire between two nodes. */
void sim_cut(struct sim *s, struct sim_node *a, struct sim_node *b);
/* All tables of control and data plane are empty, but for links. */
bool sim_node_empty(struct sim_node *sn, char *why, size_t len);

/* Between the files. */
struct sim_node *sim_node_at(struct sim *s, uint16_t port);
struct sim_end *sim_wire_new(struct sim *s, struct sim_node *a, struct sim_node *b); /* a's end */
struct sim_end *sim_end_peer(struct sim_end *e);
void sim_end_attach(struct sim_end *e, struct sim_dp *dp, void *link);
void sim_end_send(struct sim_end *e, const uint8_t *p, size_t n);
void sim_end_close(struct sim_end *e);
int sim_end_fd(const struct sim_end *e);
struct sim_end *sim_end_by_fd(struct sim *s, int fd);
void sim_wires_of_node_die(struct sim *s, struct sim_node *sn);
void sim_add_node(struct sim *s, struct sim_node *sn);
void sim_wake(struct sim *s, struct sim_node *sn, uint64_t at_ms);
void sim_node_wake(struct sim_node *sn);
struct sim_dp *sim_node_dp(struct sim_node *sn);
struct sim *sim_node_sim(struct sim_node *sn);

struct sim_dp *sim_dp_new(struct sim *s, struct sim_node *sn, uint64_t seed);
void sim_dp_free(struct sim_dp *dp);
void sim_dp_command(struct sim_dp *dp, const uint8_t *msg, size_t len, int fd);
void sim_dp_accept(struct sim_dp *dp, struct sim_end *e, const char *peer);
void sim_dp_rx(struct sim_dp *dp, void *link, const uint8_t *p, size_t n);
void sim_dp_eof(struct sim_dp *dp, void *link);
void sim_dp_tick(struct sim_dp *dp);
uint64_t sim_dp_deadline(const struct sim_dp *dp);
/* A datagram from the data plane for control. */
void sim_node_seam(struct sim_node *sn, const uint8_t *msg, size_t len);

#endif
