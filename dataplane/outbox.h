/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes up the seam. Any thread sends; what the socket does not take waits. ACKs, events and
 * messages of sessions wait in order and always have room: each answers a command of control, or is
 * bounded by what it is about. What a link sends waits in a lane of its own, between the
 * news that the link is there and that it is lost; the lanes take turns, so that a link that sends
 * much fills and delays only its own, and links that come and go do not delay the ACKs. The main
 * thread watches the socket for room.
 */
#ifndef OCKAM_OUTBOX_H
#define OCKAM_OUTBOX_H

#include "seam.h"

#include <pthread.h>

enum {
	OUTBOX_STRANGERS = 32 << 10, /* bytes of one link's INIT, CONTROL and LINK that wait */
	OUTBOX_LANE = 1 << 20,	     /* bytes of all frames of one link */
	OUTBOX_FRAMES = 16 << 20,    /* of all links; from half of it on a lane gets LEAST */
	OUTBOX_LEAST = 1 << 10,
	OUTBOX_NEW_LINKS = 256, /* that wait: no more links begin for now */
	OUTBOX_SLOTS = 1024,
	OUTBOX_ORDERED_TURN = 8, /* messages of the ordered queue to one frame */
};

struct outbox_item;
struct outbox_lane;

struct outbox_queue {
	struct outbox_item *head, **tail;
	size_t bytes;
};

struct outbox {
	pthread_mutex_t lock;
	int sock, epoll; /* sock is watched in epoll: for room too, while something waits */
	struct outbox_queue ordered;
	struct outbox_lane *slots[OUTBOX_SLOTS];
	struct outbox_lane *first, **last; /* those with frames, whose turn it is first */
	size_t frames;			   /* bytes in all lanes */
	unsigned new_links; /* LINK_NEW in all lanes */
	unsigned since_frame;		   /* messages of the ordered queue that went since */
	uint64_t dropped;
	uint8_t buf[SEAM_MSG_MAX];
	/* A part of a MSG, or (bytes 0) news of a stream, that had waited has gone; called with the
	 * lock held. */
	void (*delivered)(void *ctx, unsigned worker, uint32_t session, size_t bytes);
	void *ctx;
};

void outbox_init(struct outbox *o, int epoll);
void outbox_open(struct outbox *o, int sock);
/* The controller is gone: what waits for it is forgotten (and counts as delivered). */
void outbox_close(struct outbox *o);
void outbox_fini(struct outbox *o);
/* Passes m->fd with SEAM_DUMP_LISTENER and _PORTAL; it stays the caller's. True: it waits, and for SEAM_MSG,
 * SEAM_STREAM_ASKED and _CLOSED `delivered` will be called with this worker. */
bool outbox_send(struct outbox *o, unsigned worker, const struct seam_msg *m);
/* The answer (or NULL) and the ACK, with nothing between them. */
void outbox_ack(struct outbox *o, const struct seam_msg *answer, uint32_t seq, int error);
/* The socket has room. 0, or a negative errno: the controller is gone. */
int outbox_flush(struct outbox *o);
/* Control is behind: what would give it more to do has to wait. */
bool outbox_busy(struct outbox *o);

#endif
