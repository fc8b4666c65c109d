/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets that links of others come by, which control hands over. Connections are accepted here
 * and wait in pending.h until they say HELLO; without control they are closed at once. Of a socket
 * for datagrams, which a worker reads, a duplicate stays here for the dump. The main thread only.
 */
#ifndef OCKAM_LISTENERS_H
#define OCKAM_LISTENERS_H

#include "pending.h"
#include "seam.h"

struct listener {
	struct listener *next;
	uint32_t id;
	int fd;
	int worker; /* who has the socket, of datagrams; -1: a stream's, we accept */
};

struct listeners {
	struct listener *first;
	int epoll;    /* where they are watched */
	int spare;    /* given up for a moment when descriptors have run out */
	uint32_t top; /* the highest number ever */
	struct pending *pending;
	uint64_t told; /* of those that were closed, by the log */
	uint64_t tell_us;
	char counters[256]; /* of the last answer */
};

bool listening(int fd);						    /* a stream socket that is */
int listeners_init(struct listeners *ls, int epoll, uint64_t seed); /* 0 or a negative errno */
void listeners_fini(struct listeners *ls);
struct listener *listener_get(const struct listeners *ls, uint32_t id); /* or NULL */
/* A listening stream socket; takes fd when it is 0, else a negative errno. */
int listener_add(struct listeners *ls, uint32_t id, int fd);
/* Remembers a worker's socket by a duplicate. 0, or a negative errno. */
int listener_add_datagrams(struct listeners *ls, uint32_t id, int fd, unsigned worker);
void listener_remove(struct listeners *ls, struct listener *l);
/* Descriptor `fd` is ready: false when it is none of these. Connections are closed unless
 * `serving`. */
bool listeners_ready(struct listeners *ls, int fd, bool serving);
/* A connection that has said HELLO, if it is the turn of one; its descriptor is the caller's. */
bool listeners_next(struct listeners *ls, struct pending_link *out);
/* What became of connections, as the workers tell what became of frames. */
void listeners_counters(struct listeners *ls, struct seam_msg *answer);
/* Once a turn: how long the loop may sleep, in ms; -1: for ever. */
int listeners_tick(struct listeners *ls);

#endif
