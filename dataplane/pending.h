/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that were accepted and have not said HELLO. Neither a worker nor control hears of one
 * before the header of its first frame has come, so that whoever connects and says nothing, or
 * something else, costs an accept and a close. There is a limit in all: over it the oldest of the
 * origin (seam_origin) with most goes. Those that have said HELLO leave in turn: a few of each
 * origin at once, what comes beyond that at a rate that all origins share, so that control is not
 * kept from its work by links that come and go. The main thread only.
 */
#ifndef OCKAM_PENDING_H
#define OCKAM_PENDING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	PENDING_MAX = 4096,
	PENDING_MS = 10000,	    /* for the HELLO, and for its turn */
	PENDING_RATE = 100,	    /* links of one origin that need no share, per second, */
	PENDING_BURST = 500,	    /* and saved up */
	PENDING_SHARED_RATE = 1000, /* of all the others together */
	PENDING_SHARED_BURST = 500,
	PENDING_IDLE_MAX = 4096, /* origins that have none, remembered for what they took */
};

/* One that has said HELLO; fd is the caller's then, with all that came still in it. */
struct pending_link {
	uint32_t listener;
	int fd;
	struct sockaddr_storage from;
};

/* How many were closed, and why. */
struct pending_stats {
	uint64_t silent;  /* said nothing in time */
	uint64_t alien;	  /* said something else first */
	uint64_t left;	  /* ended by the other side */
	uint64_t crowded; /* made room for others */
};

struct pending;

struct pending *pending_new(unsigned max, uint64_t seed); /* NULL: errno */
void pending_free(struct pending *p);
int pending_epoll(const struct pending *p); /* to be watched: then pending_read */
/* Takes fd. */
void pending_add(struct pending *p, uint32_t listener, int fd, const struct sockaddr_storage *from,
	uint64_t now_us);
/* Looks at what came. Some may be left: then the descriptor is still readable. */
void pending_read(struct pending *p);
/* The one whose turn it is; false: none, or not now. */
bool pending_next(struct pending *p, struct pending_link *out, uint64_t now_us);
/* One is closed that others had to make room for; false: there is none. */
bool pending_shed(struct pending *p);
void pending_listener_gone(struct pending *p, uint32_t listener);
void pending_clear(struct pending *p);
/* Closes those whose time is over. When there is something to do again, in ms; -1: never. */
int pending_tick(struct pending *p, uint64_t now_us);
unsigned pending_count(const struct pending *p);
const struct pending_stats *pending_stats(const struct pending *p);

#endif
