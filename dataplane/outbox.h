/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes up the seam. Any thread sends; what the socket does not take waits in order. Frames
 * that a stranger can cause (INIT, CONTROL, HELLO) are dropped when much waits, other frames when
 * very much does; ACKs and events always have room. The main thread watches the socket for room.
 */
#ifndef OCKAM_OUTBOX_H
#define OCKAM_OUTBOX_H

#include "seam.h"

#include <pthread.h>

enum { OUTBOX_STRANGERS = 1 << 20, OUTBOX_FRAMES = 4 << 20 };

struct outbox_item;

struct outbox {
	pthread_mutex_t lock;
	int sock, epoll; /* sock is watched in epoll: for room too, while something waits */
	struct outbox_item *head, **tail;
	size_t waiting; /* bytes */
	uint64_t dropped;
	uint8_t buf[SEAM_MSG_MAX];
	/* A part of a MSG that had waited has gone; called with the lock held. */
	void (*delivered)(void *ctx, unsigned worker, uint32_t session, size_t bytes);
	void *ctx;
};

void outbox_init(struct outbox *o, int epoll);
void outbox_open(struct outbox *o, int sock);
void outbox_fini(struct outbox *o);
/* True: it waits, and for SEAM_MSG `delivered` will be called with this worker. */
bool outbox_send(struct outbox *o, unsigned worker, const struct seam_msg *m);
/* The answer (or NULL) and the ACK, with nothing between them. */
void outbox_ack(struct outbox *o, const struct seam_msg *answer, uint32_t seq, int error);
/* The socket has room. 0, or a negative errno: the controller is gone. */
int outbox_flush(struct outbox *o);

#endif
