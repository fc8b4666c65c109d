/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves operators (include/admin.h) on a thread of its own. It touches nothing of the workers: it
 * asks them by letters, one at a time for each client, and waits for none. A client that does not
 * read stops only its own dump; watching it loses events, and is told how many. Memory is a fixed
 * amount per client.
 */
#ifndef OCKAM_ADMIN_SRV_H
#define OCKAM_ADMIN_SRV_H

#include "admin_watch.h"
#include "worker.h"

struct admin_srv;

/* listen_fd: a listening SOCK_SEQPACKET socket; taken. NULL: no memory or descriptor. */
struct admin_srv *admin_srv_new(int listen_fd);
/* How workers answer and tell news: for struct worker_config. */
const struct worker_admin *admin_srv_admin(struct admin_srv *s);
/* Where what goes over the seam is told as well: ctx of admin_watch_seam. */
struct admin_watch *admin_srv_watch(struct admin_srv *s);
/* Starts the thread: 0 or a negative errno. */
int admin_srv_start(struct admin_srv *s, struct worker **workers, unsigned count);
/* Ends it; before the workers end. */
void admin_srv_stop(struct admin_srv *s);
void admin_srv_free(struct admin_srv *s); /* after they are freed; NULL allowed */

#endif
