/* SPDX-License-Identifier: Apache-2.0 */
/* Loopback sockets, blocking; TCP with TCP_NODELAY, UDP. Errors are negative errno. */
#ifndef OCKAM_BENCH_SOCKET_H
#define OCKAM_BENCH_SOCKET_H

#include <stddef.h>
#include <stdint.h>

int socket_listen(uint16_t *port); /* on 127.0.0.1, at a port that the kernel picks */
int socket_listen_at(uint16_t port);
int socket_connect(uint16_t port);
int socket_accept(int listener);
int socket_port(int fd, uint16_t *port); /* that it is bound to */
/* A UDP socket on 127.0.0.1 at a port that the kernel picks, with room for what bursts. */
int socket_udp(uint16_t *port);
int socket_udp_connect(int fd, uint16_t port);
/* Nothing for this long is -EAGAIN; 0: wait for ever. */
void socket_timeout(int fd, unsigned seconds);
/* All of it, or negative errno; the end of the stream is -EPIPE. */
int socket_send(int fd, const void *p, size_t n);
int socket_receive(int fd, void *p, size_t n);

#endif
