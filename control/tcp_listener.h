/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets for links, TCP, Unix and UDP. This plane binds and keeps a duplicate; the data
 * plane accepts, or receives. The table belongs to the program.
 */
#ifndef OCKAM_TCP_LISTENER_H
#define OCKAM_TCP_LISTENER_H

#include "program.h"
#include "tcp_address.h"

struct tcp_listener {
	uint32_t id; /* on the seam */
	bool udp;
	int fd;
	struct tcp_address address;
	char text[TCP_ADDRESS_TEXT];
	char route[ROUTE_STRING_MAX];
	bool adopted;	/* the data plane had it before */
	bool unclaimed; /* and nobody has asked for it again */
	struct tcp_listener *next;
	void (*fn)(struct program *p, void *ctx, struct tcp_listener *l, const struct reason *why);
	void *ctx;
	struct program *p;
};

/* l NULL: failed, and why. */
typedef void tcp_listener_fn(
	struct program *p, void *ctx, struct tcp_listener *l, const struct reason *why);

/* fn is told once, later, when the data plane has it (NULL: nobody asks). The listener; or NULL and
 * why, then fn is not called. */
struct tcp_listener *tcp_listener_add(struct program *p, bool udp, const char *text,
	tcp_listener_fn *fn, void *ctx, struct reason *why);
/* One that the data plane has already; takes fd. tcp_listener_add finds it by its address. */
void tcp_listener_adopt(struct program *p, uint32_t id, int fd);
/* After everything was restored: what nobody has asked for again is closed. */
void tcp_listeners_adopted(struct program *p);
/* Gives all of them to a data plane that has none. */
void tcp_listeners_hand_over(struct program *p);
/* Its fn is not called any more. */
void tcp_listener_del(struct program *p, struct tcp_listener *l);
/* By the address it is shown with, or its route. */
struct tcp_listener *tcp_listener_get(struct program *p, bool udp, const char *text);
/* Closes all, without a word to the data plane. leave: which goes on with them. */
void tcp_listeners_free(struct program *p, bool leave);

#endif
