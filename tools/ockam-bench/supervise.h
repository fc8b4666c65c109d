/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the work in a process of its own, so that nodes and files are cleaned up however it ends: by
 * an error, a crash, Ctrl-C.
 */
#ifndef OCKAM_BENCH_SUPERVISE_H
#define OCKAM_BENCH_SUPERVISE_H

#include "bench.h"

/* `work` returns an exit status; so does this. b->dir and all in it is gone afterwards, and no
 * process runs that was started for it. */
int supervise(struct bench *b, int (*work)(struct bench *b, void *ctx), void *ctx);

#endif
