/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP sockets of one worker: one per listener, whose links are told apart by the far end's address,
 * and one, connected, per link that this node dialled. A socket is polled through the ring, then read
 * until it is empty; datagrams of equal length come and go many at a time (UDP_GRO, UDP_SEGMENT) where
 * the kernel has that. Datagrams are never fragmented. A listener's socket stays until its last link is
 * gone. One thread, the worker's.
 */
#ifndef OCKAM_UDP_H
#define OCKAM_UDP_H

#include "engine.h"
#include "ring.h"

struct udps;

/* `tag`: what worker.c knows its completions by. NULL: no memory. */
struct udps *udps_new(struct ring *ring, struct engine *engine, uint64_t seed, unsigned tag,
	void (*event)(void *ctx, const struct seam_msg *m), void *ctx);
/* The engine's links are gone already. Sockets whose operations are under way go with their completions. */
void udps_end(struct udps *u);
bool udps_idle(const struct udps *u); /* nothing is under way any more */
void udps_free(struct udps *u);

/* Commands of control: 0 or a negative errno. `fd` is taken on success. */
int udps_listen(struct udps *u, uint32_t listener, int fd);
int udps_unlisten(struct udps *u, uint32_t listener);
int udps_datagram(struct udps *u, const struct seam_msg *m);

/* What struct engine_ops wants to know of a link; `io` is what they gave. */
void *udps_open(struct udps *u, struct link *l, int fd); /* takes fd in any case */
void *udps_open_at(struct udps *u, struct link *l, uint32_t listener, const struct udp_address *at, int *error);
int udps_move(void *io, const struct udp_address *at);
/* Both ends, as packets have them; `local` is zero when nobody knows it. 0 or a negative errno. */
int udps_where(const void *io, struct udp_address *at, uint16_t *local_port);
void udps_close(void *io, uint64_t now_ms);

/* Sends what the engine has for a link. */
void udps_send(struct link *l, uint64_t now_ms);
void udps_completion(struct udps *u, void *op, const struct io_uring_cqe *cqe, uint64_t now_ms);

#endif
