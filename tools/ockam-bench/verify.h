/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That a tunnel carries what it is given, before anything is measured: pseudo-random bytes either
 * way, compared by their hashes; and that between its ends nothing of them goes by in clear, as a
 * listener on the loopback finds. Errors are negative errno.
 */
#ifndef OCKAM_BENCH_VERIFY_H
#define OCKAM_BENCH_VERIFY_H

#include "tunnel.h"

enum { VERIFY_BYTES = 4 << 20 };

/* Says on standard error what it found. -EILSEQ: other bytes came; -EBADMSG: in clear. */
int verify_tunnel(const struct tunnel *t);
/* The target's side: takes and gives bytes on a connection for TARGET_CHECK. */
void verify_serve(int fd);

#endif
