/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets of inlets that an adopted data plane has: kept until the inlets are restored, which
 * find theirs by the address it is bound to.
 */
#ifndef OCKAM_INLET_SOCKET_H
#define OCKAM_INLET_SOCKET_H

#include "program.h"

/* Takes fd. */
void inlet_socket_adopt(struct program *p, uint32_t portal, int fd);
/* The socket bound to this address (as it is shown), and its portal; -ENOENT. */
int inlet_socket_take(struct program *p, const char *address, uint32_t *portal);
/* Closes those that no inlet has asked for. */
void inlet_sockets_close(struct program *p);

#endif
