/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node's control plane, without I/O: the tables, and the one door out (struct node_io). The
 * program's loop.c implements the door with libuv, the simulator with a fake network and clock. All
 * functions of control/ run on one thread; whoever calls in sets now_ms and unix_s first
 * (node_enter). Modules keep their state behind their own pointer here and know each other only by
 * their headers.
 */
#ifndef OCKAM_NODE_H
#define OCKAM_NODE_H

#include "handshake.h"
#include "home.h"
#include "seam.h"
#include "settings.h"

struct link_target;
struct node;
struct sockaddr_storage;

/* In the id of a resolve or connect: an outlet asks, else a link. */
#define NODE_DIAL_OUTLET (1u << 31)

struct node_io {
	/* Sends one message over the seam; takes m->fd. 0 or negative errno. */
	int (*seam_send)(void *ctx, const struct seam_msg *m);
	/* Resolves and connects; later node_on_resolved, node_on_connected with this id. Never
	 * calls back at once. */
	void (*resolve)(void *ctx, uint32_t id, const char *host, uint16_t port);
	void (*connect)(void *ctx, uint32_t id, const struct link_target *t);
	/* A TCP socket that its first send connects there. It, or a negative errno. May be NULL. */
	int (*aim)(void *ctx, const struct link_target *t);
	void (*cancel)(void *ctx, uint32_t id); /* resolve or connect; no call comes after it */
	/* Accepts and resets what connects to an inlet's socket, until told otherwise. May be NULL.
	 */
	void (*inlet_gate)(void *ctx, uint32_t portal, int fd, bool refuse);
	bool (*is_own)(void *ctx, const struct identifier *id); /* secret in a vault of this home */
	/* True when a running node of this home listens there (default transit policy). */
	bool (*is_own_listener)(void *ctx, const struct link_target *t);
};

struct node {
	char name[WIRE_NAME_MAX + 1];
	bool temporary;
	struct home *home; /* NULL for temporary nodes and in the simulator: nothing is persisted */
	struct handshake_keys keys;
	const struct node_io *io;
	void *io_ctx;
	bool detached;	 /* there is no data plane: nothing is attempted */
	uint64_t now_ms; /* monotonic */
	uint64_t unix_s;
	uint32_t workers, suites, missing; /* of the data plane, from SEAM_HELLO */
	struct settings settings;

	struct seam_client *seam;
	struct links *links;
	struct transit *transit;
	struct path_keys *keys_in_use;
	struct paths *paths;
	struct listeners *listeners;
	struct channels *channels;
	struct messages *messages;
	struct services *services;
	struct relays *relays;
	struct outlets *outlets;
	struct inlets *inlets;
};

/* keys are copied (and wiped by node_free). NULL: no memory. */
struct node *node_new(const char *name, const struct handshake_keys *keys, const struct node_io *io,
	void *io_ctx);
void node_free(struct node *n);
void node_enter(struct node *n, uint64_t now_ms, uint64_t unix_s);
/* The data plane is gone with all links, paths and sessions; and another one is there, empty. */
void node_dataplane_lost(struct node *n);
void node_dataplane_back(struct node *n);
/* Results of io->resolve and io->connect; the latter takes fd. */
void node_on_resolved(struct node *n, uint32_t id, const struct sockaddr_storage *addrs,
	unsigned count, int error);
void node_on_connected(struct node *n, uint32_t id, int fd, int error);
/* Runs what is due; and when to call next (UINT64_MAX: never). */
void node_tick(struct node *n);
uint64_t node_deadline(const struct node *n);

#endif
