/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the admin server: one client (admin_client.c), and what they share with the thread
 * that serves them (admin_srv.c). That thread only.
 */
#ifndef OCKAM_ADMIN_CLIENT_H
#define OCKAM_ADMIN_CLIENT_H

#include "admin_limits.h"
#include "admin_srv.h"
#include "admin_work.h"
#include "registry.h"

enum { NEWS_BATCH = 64 };

/*
 * A client reads a request, works (its work is with a worker), writes what does not fit the socket
 * yet, or is at rest. While it works or writes nothing is read from it.
 */
enum client_state { CLIENT_NONE, CLIENT_REST, CLIENT_WORKS, CLIENT_WRITES, CLIENT_GONE };

struct client {
	struct admin_srv *s;
	int fd;
	enum client_state state;
	unsigned worker;	/* whose turn it is */
	bool watching, done;	/* done: DONE or the ACK is in what is written */
	enum admin_object only; /* watching; ADMIN_OBJECTS_END: all */
	uint64_t lost;
	uint64_t changes[REGISTRY_WORKERS];
	struct admin_work work;
	_Alignas(8) uint8_t raw[ADMIN_REQUEST_MAX];
};

struct admin_srv {
	int listen_fd, epoll, bell;
	struct worker **workers;
	unsigned count;
	pthread_t thread;
	atomic_bool stopping;
	struct worker_admin admin;
	pthread_mutex_t lock;
	struct admin_work *back[ADMIN_CLIENTS + 1]; /* that workers have done */
	unsigned backs;
	struct admin_watch watch;
	struct admin_limits limits;
	unsigned watchers;
	struct client client[ADMIN_CLIENTS];
	struct watch_slot news[NEWS_BATCH];
	_Alignas(8) uint8_t packet[ADMIN_PACKET];
};

/* Its descriptor is readable, writable or closed: epoll's bits. */
void admin_client_ready(struct client *c, uint32_t events);
/* A worker has done its work. */
void admin_client_back(struct client *c);
/* One packet of events for one who watches (n 0: only what it lost); what does not leave is lost.
 */
void admin_client_tell(struct client *c, const struct watch_slot *news, unsigned n);
/* Gives work to a worker: 0 or -ENOMEM. */
int admin_post(struct admin_srv *s, unsigned worker, struct admin_work *w);

#endif
