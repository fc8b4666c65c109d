/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of the links of one worker, in its io_uring. Links at rest have a multishot receive on
 * provided buffers; a link that turns bulk gets large buffers of its own and plain receives. Sends
 * never wait in the kernel: what does not fit comes back to the engine at once, and the socket is
 * polled for room. The thread of the ring only.
 */
#ifndef OCKAM_LINK_SOCKET_H
#define OCKAM_LINK_SOCKET_H

#include "engine.h"
#include "ring.h"

struct limits;
struct link_sockets;

struct link_sockets *link_sockets_new(struct ring *ring, struct engine *engine,
	const struct limits *limits); /* NULL: no memory */
/* After the engine has closed its links and link_sockets_gone. */
void link_sockets_free(struct link_sockets *all);
/* Whether the ring has no operation of a closed link any more; needs no engine. */
bool link_sockets_gone(struct link_sockets *all);

/* For struct engine_ops. Owns fd; NULL: no memory. */
void *link_socket_open(struct link_sockets *all, struct link *l, int fd);
/* What control sent last (BYE, RESET) still goes if there is room. */
void link_socket_close(struct link_sockets *all, struct link *l);
size_t link_socket_rx_window(const struct link *l);
size_t link_socket_tx_waiting(const struct link *l);

/* Puts what links have to send, and the receives that are due, into the ring. */
void link_sockets_serve(struct link_sockets *all, uint64_t now_ms);
uint64_t link_sockets_deadline(
	const struct link_sockets *all); /* when a receive is due; UINT64_MAX: never */
/* `owner`: what was beside the op. */
void link_socket_completion(struct link_sockets *all, void *owner, enum ring_op op,
	const struct io_uring_cqe *cqe, uint64_t now_ms);

#endif
