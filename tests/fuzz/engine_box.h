/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of engine.c run in: the engines of a node with two workers, the sockets of
 * their links, the mail between them. Link N belongs to worker N & 1. engine_links.c has what comes
 * and goes through links.
 */
#ifndef OCKAM_FUZZ_ENGINE_BOX_H
#define OCKAM_FUZZ_ENGINE_BOX_H

#include "engine.h"
#include "fuzz.h"
#include "wire.h"

enum {
	WORKERS = 2,
	LINKS = 10, /* 1 ... LINKS - 1 */
	SESSIONS = 6,
	LABELS = 6,
	MAILS = 4096,
	PORTALS = 4,
};

struct sock {
	struct link *l;
	size_t room; /* what it still takes */
	uint8_t head[WIRE_HEADER];
	uint32_t have; /* of the frame that leaves */
	uint8_t place; /* a datagram link's at its listener */
	bool blocked;
};

struct box {
	struct engine *e[WORKERS];
	struct serials serials;
	uint64_t now, serial;
	struct sock s[LINKS];
	unsigned session_worker[SESSIONS];
	uint64_t seq[LINKS][LABELS]; /* of the next DATA that comes in */
	struct engine_mail mail[MAILS];
	unsigned mail_to[MAILS];
	unsigned mails, taken;
	bool hold; /* deliveries to control wait */
	size_t held[SESSIONS];
	unsigned events;
	struct portal *portal[PORTALS];
	unsigned portal_worker[PORTALS];
	size_t writes; /* bytes that applications still have */
};

extern struct box b;

static inline uint32_t label_of(uint8_t i)
{
	return 0x1000u + i % LABELS;
}

static inline unsigned pick_link(struct rd *r)
{
	return 1 + rd_u8(r) % (LINKS - 1);
}

/* A command of control; what comes of it is checked. */
int apply(unsigned worker, struct seam_msg *m, int out_worker);

/* For struct engine_ops. */
void *on_link_open(void *ctx, struct link *l, int fd);
void *on_link_open_at(
	void *ctx, struct link *l, uint32_t listener, const struct udp_address *at, int *error);
int on_link_move(void *ctx, struct link *l, const struct udp_address *at);
void on_link_close(void *ctx, struct link *l);

/* All that has to leave leaves, as far as the sockets take it. */
void flush(void);

/* Steps of a program. */
void frames(struct rd *r); /* up to 8 in one piece: type, label and body of the program, DATA in
			      order unless odd */
void raw(struct rd *r);
void bulk(struct rd *r); /* large frames of one path: what fills queues */
void link_add(struct rd *r);
void link_set(struct rd *r);
void link_end(struct rd *r);
void room(struct rd *r);

#endif
