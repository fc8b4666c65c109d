/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of TURN (RFC 8656) as a source needs: an allocation at a server that asks for no
 * password, and a channel to one peer, both on 127.0.0.1. What goes through the channel has four
 * bytes in front. Errors are negative errno.
 */
#ifndef OCKAM_BENCH_TURN_H
#define OCKAM_BENCH_TURN_H

#include <stdint.h>

enum { TURN_CHANNEL = 0x4000, TURN_PREFIX = 4 };

/* `fd`: a socket that is connected to the server. The port at which the peer sees what is sent. */
int turn_open(int fd, uint16_t peer_port, uint16_t *relayed_port);
void turn_prefix(uint8_t dst[static TURN_PREFIX], uint16_t len);

#endif
