/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main thread: serves one controller on the seam, accepts connections for it, and gives each
 * command to the worker that owns its object. Ends when the controller is gone, or waits for
 * another one.
 */
#ifndef OCKAM_SEAM_SRV_H
#define OCKAM_SEAM_SRV_H

#include "worker.h"

struct dials;
struct limits;
struct seam_srv;

/* seam_fd: a listening SOCK_SEQPACKET socket, or one already connected; taken. NULL: no memory,
 * errno.
 */
struct seam_srv *seam_srv_new(int seam_fd, unsigned workers, uint64_t seed, struct serials *serials,
	struct ledger *ledger, struct dials *dials, struct limits *limits);
/* How many workers there are in the end, and what of the sandbox is missing: before seam_srv_run.
 */
void seam_srv_started(struct seam_srv *s, unsigned workers, unsigned missing);
/* How the workers speak to control. */
/* What KERNEL_GET tells of; before seam_srv_run. */
void seam_srv_kernel(struct seam_srv *s, struct kernel_path *k);
const struct worker_seam *seam_srv_seam(struct seam_srv *s);
/* Whom commands that were executed, and what control is told, are told as well; any thread. Before
 * the workers run. */
void seam_srv_tap(struct seam_srv *s, void (*tap)(void *ctx, const struct seam_msg *m), void *ctx);
/* Serves until the controller has gone: 0; a negative errno when none came. */
int seam_srv_run(struct seam_srv *s, struct worker **workers);
void seam_srv_free(struct seam_srv *s); /* after the workers ended */

#endif
