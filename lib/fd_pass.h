/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a fixed size over a Unix socket of packets, with descriptors beside them. */
#ifndef OCKAM_FD_PASS_H
#define OCKAM_FD_PASS_H

#include <stddef.h>

enum { FD_PASS_MAX = 4 };

/* 0 or a negative errno; the descriptors stay the caller's. */
int fd_pass_send(int sock, const void *msg, size_t len, const int *fds, unsigned n);
/*
 * Exactly len bytes; fds has FD_PASS_MAX places, those without a descriptor are -1. 0; -EPIPE: the
 * other end is closed; -EBADMSG: another length. With `wait` false -EAGAIN: there is none.
 */
int fd_pass_recv(int sock, void *msg, size_t len, int *fds, _Bool wait);

#endif
