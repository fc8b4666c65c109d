/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conduit that is a pipe: splice(2) moves pages from socket to socket through it. The thread of
 * the socket that fills it makes it; it goes with its last reference, on any thread. Sockets are to
 * be non-blocking for the call: splice waits otherwise, whatever its flags say.
 */
#ifndef OCKAM_CONDUIT_PIPE_H
#define OCKAM_CONDUIT_PIPE_H

#include "conduit.h"

#include <sys/types.h>

/* What it holds at most: slots of one page, or of a larger one, up to 32 KiB. */
enum { CONDUIT_SLOTS = 128, CONDUIT_MAX = CONDUIT_SLOTS * (32 << 10) };

struct conduit *conduit_pipe_new(void); /* one reference; NULL: no descriptors or no memory */
struct conduit *conduit_pipe_get(struct conduit *c);
/* Moves at most n bytes in, or out. As splice(2), with negative errno. */
ssize_t conduit_pipe_fill(struct conduit *c, int from, size_t n);
ssize_t conduit_pipe_drain(struct conduit *c, int to, size_t n);
size_t conduit_pipe_inside(const struct conduit *c);
int conduit_pipe_room_fd(const struct conduit *c); /* polled for POLLOUT: there is a free slot */

#endif
