/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the flood generator share: flood.c (options, report), peer.c (its sockets),
 * modes.c (what it sends), paths.c (it is both ends of many paths), sink.c (it is flooded). */
#ifndef OCKAM_FLOOD_H
#define OCKAM_FLOOD_H

#include "route.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum { FRAME_TYPES = 9, PEER_OUT = 128 << 10, PEER_IN = 70 << 10 };
extern const char *const frame_names[FRAME_TYPES];

struct flood;
struct peer;

struct mode {
	const char *name, *about;
	bool no_hello; /* the link never says HELLO */
	bool no_read;  /* what comes is left in the socket */
	bool once;     /* `fill` is called once per link */
	/* Adds frames to p->out while there is room. */
	void (*fill)(struct flood *f, struct peer *p);
	int (*run)(struct flood *f); /* instead of flood_run */
};

/* One socket. */
struct peer {
	struct peer *next; /* of all */
	int fd;				 /* -1: to be connected */
	bool connected, up, filled, end; /* end: of the side that listens (paths.c) */
	unsigned index;
	uint64_t frames, since_us; /* for --rate; when it connected */
	uint32_t label;
	size_t out_len, out_done, in_len;
	uint8_t out[PEER_OUT], in[PEER_IN];
};

struct flood {
	const struct mode *mode;
	struct sockaddr_in to, from, ends;
	unsigned links, rate, paths;
	double seconds;
	const char *listener;
	struct route route;
	struct peer **peers;
	struct peer *all;
	unsigned long long connects, connect_failures, closed, frames_sent, bytes_sent,
		bytes_received, received[FRAME_TYPES];
	/* A whole frame came in; may be NULL. */
	void (*on_frame)(struct flood *f, struct peer *p, const uint8_t *frame, size_t len);
};

double now_s(void);
uint64_t now_us(void);

/* modes.c */
const struct mode *mode_by_name(const char *name);
void modes_print(FILE *to);
/* Appends one frame; false when there is no room. */
bool put_frame(struct flood *f, struct peer *p, enum wire_type type, uint8_t sub, uint32_t label,
	const void *body, size_t len);
bool put_init(struct flood *f, struct peer *p, const struct route *r, const char *listener,
	uint32_t label);
void put_hello(struct flood *f, struct peer *p);
int paths_run(struct flood *f);
int sink_run(struct flood *f);

/* peer.c */
void links_limit(void); /* as many descriptors as allowed */
int flood_run(struct flood *f);
struct peer *peer_new(struct flood *f); /* lives until peers_free */
void peers_free(struct flood *f);
bool peer_connect(struct flood *f, struct peer *p); /* begins to */
/* Both: false when the connection has ended. */
bool peer_read(struct flood *f, struct peer *p);
bool peer_write(struct flood *f, struct peer *p);
void peer_close(struct peer *p);

#endif
