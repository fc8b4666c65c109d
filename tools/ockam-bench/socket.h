/* SPDX-License-Identifier: Apache-2.0 */
/* Loopback TCP sockets, blocking, with TCP_NODELAY. Errors are negative errno. */
#ifndef OCKAM_BENCH_SOCKET_H
#define OCKAM_BENCH_SOCKET_H

#include <stddef.h>
#include <stdint.h>

int socket_listen(uint16_t *port); /* on 127.0.0.1, at a port that the kernel picks */
int socket_listen_at(uint16_t port);
int socket_connect(uint16_t port);
int socket_accept(int listener);
/* Nothing for this long is -EAGAIN; 0: wait for ever. */
void socket_timeout(int fd, unsigned seconds);
/* All of it, or negative errno; the end of the stream is -EPIPE. */
int socket_send(int fd, const void *p, size_t n);
int socket_receive(int fd, void *p, size_t n);

#endif
