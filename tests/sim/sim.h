/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many nodes in one process: a fake clock, a fake network, deterministic by seed. Each node is the
 * real control plane and the real data-plane engine, joined by the real seam encoding; only
 * sockets, time and randomness are simulated.
 *
 * sim.c: clock, dice and events. sim_wire.c: the network and its faults. sim_dp.c: the data-plane
 * side of a node. sim_node.c: its control side. sim_watch.c: what must never happen, watched from
 * outside (sim_seal_*.c and sim_alloc.c stand between the program and the functions that they
 * count). The two planes' headers do not meet in one file, as in the program.
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
struct sim_udp; /* the same: a socket that dials over UDP */
struct udp_address;
struct node;

struct sim_options {
	uint64_t seed;
	unsigned delay_min_ms, delay_max_ms; /* of a wire, each way */
	unsigned jitter_ms;		     /* by which bytes may be late, in order all the same */
	bool chop;			     /* bytes arrive in random pieces */
	/* What a wire takes before its sender has to wait, a power of two between these; 0:
	 * anything. */
	size_t window_min, window_max;
	unsigned rate; /* bytes per ms and wire; 0: any */
	/* Per mille of handshake frames that a wire loses or delivers twice (never DATA: that is
	 * TCP's). */
	unsigned lose, twice;
	/* Per mille of datagrams that are lost or come twice; they are late by the jitter, in any
	 * order. Larger ones than udp_mtu (0: any) are lost. */
	unsigned udp_lose, udp_twice, udp_mtu;
	bool trace; /* every frame and every log line on stderr */
};

struct sim *sim_new(const struct sim_options *o);
void sim_free(struct sim *s);
uint64_t sim_now(const struct sim *s);
uint64_t sim_random(struct sim *s); /* the scenario's own dice */
uint64_t sim_below(struct sim *s, uint64_t n);
void sim_at(struct sim *s, uint64_t at_ms, void (*fn)(void *a, void *b), void *a, void *b);
/* Runs until done(ctx) or max_ms have passed; true when done. NULL: just max_ms. */
bool sim_run(struct sim *s, uint64_t max_ms, bool (*done)(void *ctx), void *ctx);
void sim_trace(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A hash of everything that has happened: equal for equal seeds. */
uint64_t sim_history(const struct sim *s);
unsigned long sim_events(const struct sim *s);

/* What must never have happened, counted: each is 0 in a correct run. */
unsigned sim_nonce_reuses(const struct sim *s);
unsigned sim_plaintexts(const struct sim *s); /* the marker was seen on a wire */
unsigned sim_faults(const struct sim *s);     /* all of them, these two included */
const char *sim_first_fault(const struct sim *s);
void sim_fault(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_set_marker(struct sim *s, const char *marker); /* looked for in capitals, too */
/* Memory that the program (not the simulator) holds: blocks, of all nodes of this process. */
long sim_blocks_held(void);

/* sim_node.c. Nodes of the same home trust each other. port: where it listens, its number from 1.
 */
struct sim_node *sim_node_new(struct sim *s, const char *name, unsigned home, uint16_t port);
void sim_node_free(struct sim_node *sn);
struct node *sim_node_control(struct sim_node *sn);
const char *sim_node_name(const struct sim_node *sn);
/* kill -9 of the whole node: wires end, memory goes; sim_node_start makes it again with the same
 * keys. */
void sim_node_kill(struct sim_node *sn);
void sim_node_start(struct sim_node *sn);
/* kill -9 of one plane; the other one goes on. */
void sim_node_kill_dataplane(struct sim_node *sn);
void sim_node_start_dataplane(struct sim_node *sn);
void sim_node_kill_control(struct sim_node *sn);
void sim_node_adopt(struct sim_node *sn); /* a new control takes over the data plane that is there */
bool sim_node_alive(const struct sim_node *sn);
unsigned sim_node_life(const struct sim_node *sn);
void sim_node_shift_clock(struct sim_node *sn, int64_t seconds);
void sim_node_set_clock(struct sim_node *sn, int64_t seconds); /* against true time */
/* Its identity has so many changes more, all at once. */
void sim_node_rotate(struct sim_node *sn, unsigned changes);
/* In order of preference; second 0: none. */
void sim_node_set_suites(struct sim_node *sn, uint8_t first, uint8_t second);
/* Whether it dials for others (the transit policy's question for listeners of the own home). */
void sim_node_set_transit(struct sim_node *sn, bool admit);
/* All tables of control and data plane are empty, but for links. */
bool sim_node_empty(struct sim_node *sn, char *why, size_t len);
/* The same with links, sessions, labels, queues, handles, buffers, requests, timers. */
bool sim_node_bare(struct sim_node *sn, char *why, size_t len);
/* When the node wants to be called next; UINT64_MAX: never. And how often it was. */
uint64_t sim_node_deadline(struct sim_node *sn);
unsigned long sim_node_wakes(const struct sim_node *sn);
/* What both ends of a session have in common and nobody else; 0: no such session here. */
uint64_t sim_node_session_print(const struct sim_node *sn, uint32_t session);

/* sim_wire.c: the network's faults. */
void sim_cut(struct sim *s, struct sim_node *a, struct sim_node *b); /* every wire between them */
bool sim_cut_any(struct sim *s); /* one wire; false: there is none */
/* A wire, picked at random, says nothing any more; its ends are not told. */
void sim_hold_any(struct sim *s);
/* Nodes of different sides do not hear each other; connections stay, new ones are not answered. */
void sim_partition(
	struct sim *s, uint64_t (*side)(const struct sim_node *sn, void *ctx), void *ctx);
/* What was held arrives. */
void sim_heal(struct sim *s);
unsigned long sim_frames(const struct sim *s, unsigned type); /* sent so far, by enum wire_type */

/* sim_udp.c: the sockets that this node has dialled with are at other ports from now on. */
void sim_udp_rebind(struct sim *s, struct sim_node *sn);
void sim_udp_set_mtu(struct sim *s, unsigned mtu);

/* Between the files. */
int sim_udp_dial(struct sim *s, struct sim_node *sn, uint16_t to); /* a descriptor */
bool sim_udp_is(int fd);
struct sim_udp *sim_udp_by_fd(struct sim *s, int fd);
void sim_udp_attach(struct sim_udp *u, void *link); /* NULL: closed */
void sim_udp_send(struct sim *s, struct sim_udp *u, const uint8_t *p, size_t len);
/* From where the node listens. */
void sim_udp_send_from(struct sim *s, struct sim_node *sn, uint16_t to, const uint8_t *p, size_t len);
void sim_udps_of_node_die(struct sim *s, struct sim_node *sn);
struct udp_address sim_udp_address(uint16_t port);
/* A datagram at where the node listens; one for a link. */
void sim_dp_datagram(struct sim_dp *dp, uint16_t from, const uint8_t *p, size_t len);
void sim_dp_datagrams(struct sim_dp *dp, void *link, const uint8_t *p, size_t len);
struct sim_node *sim_node_at(struct sim *s, uint16_t port);
struct sim_end *sim_wire_new(struct sim *s, struct sim_node *a, struct sim_node *b); /* a's end */
bool sim_separated(struct sim *s, struct sim_node *a, struct sim_node *b);
struct sim_end *sim_end_peer(struct sim_end *e);
void sim_end_attach(struct sim_end *e, struct sim_dp *dp, void *link);
size_t sim_end_send(struct sim_end *e, const uint8_t *p, size_t n); /* how many it took */
size_t sim_end_flying(const struct sim_end *e);
size_t sim_end_window(const struct sim_end *e);
void sim_end_close(struct sim_end *e);
int sim_end_fd(const struct sim_end *e);
struct sim_end *sim_end_by_fd(struct sim *s, int fd);
void sim_wires_of_node_die(struct sim *s, struct sim_node *sn);
void sim_add_node(struct sim *s, struct sim_node *sn);
void sim_wake(struct sim *s, struct sim_node *sn, uint64_t at_ms);
void sim_node_wake(struct sim_node *sn);
struct sim_dp *sim_node_dp(struct sim_node *sn);
struct sim *sim_node_sim(struct sim_node *sn);
unsigned sim_node_number(const struct sim_node *sn);
/* The dice of the program under test run from this seed; the state before. */
uint64_t sim_dice_swap(uint64_t state);

/* sim_watch.c. n: the nonce; key: 32 bytes. Pairs are per process, sim_new forgets them. */
void sim_watch_sealed(const uint8_t *key, uint64_t n);
void sim_watch_reset(struct sim *s);
/* A part of a message that was handed to, or came out of, the session with this print. */
void sim_watch_sent(struct sim *s, uint64_t print, unsigned role, uint32_t message, bool more,
	const uint8_t *body, size_t len);
void sim_watch_delivered(struct sim *s, uint64_t print, unsigned role, uint32_t message, bool more,
	const uint8_t *body, size_t len);

struct sim_dp *sim_dp_new(struct sim *s, struct sim_node *sn, uint64_t seed);
void sim_dp_free(struct sim_dp *dp);
void sim_dp_command(struct sim_dp *dp, const uint8_t *msg, size_t len, int fd);
void sim_dp_accept(struct sim_dp *dp, struct sim_end *e, const char *peer);
void sim_dp_rx(struct sim_dp *dp, void *link, const uint8_t *p, size_t n);
void sim_dp_room(struct sim_dp *dp, void *link);
void sim_dp_eof(struct sim_dp *dp, void *link);
void sim_dp_tick(struct sim_dp *dp);
/* The highest serial, link and session that control has named. */
void sim_dp_highest(struct sim_dp *dp, uint64_t *serial, uint32_t *link, uint32_t *session);
uint64_t sim_dp_deadline(const struct sim_dp *dp);
uint64_t sim_dp_session_print(const struct sim_dp *dp, uint32_t session);
bool sim_dp_bare(struct sim_dp *dp, char *why, size_t len);
/* A datagram from the data plane for control. */
void sim_node_seam(struct sim_node *sn, const uint8_t *msg, size_t len);

#endif
