/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications' sockets of one worker, in its io_uring: a portal's listening sockets, and for each
 * stream the connection whose bytes it carries. Bytes are received where they will be sealed and
 * written from where they were opened: at rest one receive waits without memory (provided buffers
 * with room in front and behind), an application that fills it is read into up to STREAM_SLOTS
 * blocks at once. The thread of the ring only. A reset of either side becomes one of the other.
 */
#ifndef OCKAM_APP_H
#define OCKAM_APP_H

#include "engine.h"
#include "ledger.h"
#include "ring.h"

struct apps;

struct apps_config {
	struct ring *ring;
	struct engine *engine;
	unsigned worker;
	struct ledger *ledger; /* of all workers */
	/* A connection is for a seat of another worker: apps_arrived there. Owns fd. */
	void (*hand_over)(void *ctx, struct seat *s, int fd);
	/* A socket of apps_dial was not connected. */
	void (*dial_failed)(void *ctx, const struct stream *s);
	void *ctx;
};

struct apps *apps_new(const struct apps_config *cfg); /* NULL: no memory */
/* After the engine's streams have ended and apps_idle; frees what the ring does not use. */
void apps_free(struct apps *a);
bool apps_idle(const struct apps *a);

/* For struct engine_ops; they own fd. */
void *apps_open(struct apps *a, struct stream *s, int fd);
/* A socket whose first send connects it (dials.h). */
void *apps_dial(struct apps *a, struct stream *s, int fd);
void *apps_portal_open(struct apps *a, struct portal *p, int fd);
void apps_portal_close(void *io);
int apps_portal_socket(void *io); /* stays ours */

/* A connection was handed over for a seat of this worker; takes fd. */
void apps_arrived(struct apps *a, struct seat *s, int fd, uint64_t now_ms);
/* Gives up what dials for too long; and when to look again. */
void apps_tick(struct apps *a, uint64_t now_ms);
uint64_t apps_deadline(const struct apps *a); /* UINT64_MAX: never */
/* Starts what streams want to be done. */
void apps_serve(struct apps *a, uint64_t now_ms);
/* `op`: what was beside RING_OP_APP. */
void apps_completion(struct apps *a, void *op, const struct io_uring_cqe *cqe, uint64_t now_ms);

#endif
