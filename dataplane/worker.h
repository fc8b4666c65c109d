/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one thread, one io_uring, one engine; the links' sockets (link_socket.h) and the
 * applications' (app.h) of that engine.
 */
#ifndef OCKAM_WORKER_H
#define OCKAM_WORKER_H

#include "kernel_path.h"
#include "mailbox.h"

struct worker;

/* How a worker speaks to control; any thread. See struct engine_ops.event. */
struct worker_seam {
	/* `worker`: to whom LETTER_DELIVERED goes, when the result is true. */
	bool (*event)(void *ctx, unsigned worker, const struct seam_msg *m);
	/* A command was executed: the answer (NULL: none), and the errno for the ACK. */
	void (*done)(
		void *ctx, const struct seam_msg *cmd, const struct seam_msg *answer, int error);
	void *ctx;
};

/* How a worker speaks to the server of operators; any thread. */
struct worker_admin {
	void (*done)(void *ctx, struct admin_work *w);
	struct engine_news news;
	void *ctx;
};

struct worker_config {
	unsigned index;
	unsigned count; /* set by worker_run */
	unsigned ring_mask;
	uint64_t seed;
	struct serials *serials;
	struct ledger *ledger;
	struct dials *dials;
	struct allowances *allowances;
	const struct worker_seam *seam;
	const struct worker_admin *admin; /* NULL: nobody looks */
	struct kernel_path *kernel; /* shared by all */
	struct worker **all; /* by index; filled before any link is added */
};

/* Starts the thread and makes its ring. 0, or a negative errno (-ENOSYS, -EPERM: no io_uring). */
int worker_start(struct worker **out, const struct worker_config *cfg);
/* The rest, once it is known how many workers could be started. 0, or -ENOMEM: it has ended, as
 * with `count` 0; to be joined. */
int worker_run(struct worker *w, unsigned count);
struct mailbox *worker_mailbox(struct worker *w);
unsigned worker_ring_entries(const struct worker *w); /* that there was memory for */
bool worker_ring_restricted(const struct worker *w);
/* Asks it to close all links and end; waits for that; frees it when no other worker runs any more.
 */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
void worker_free(struct worker *w);

#endif
