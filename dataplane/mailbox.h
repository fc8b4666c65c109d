/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other threads have for a worker, in order: commands of control, mail of other workers'
 * engines. Any thread posts; the first letter rings an eventfd, the owner then takes all.
 */
#ifndef OCKAM_MAILBOX_H
#define OCKAM_MAILBOX_H

#include "engine.h"

#include <pthread.h>

enum letter_kind {
	LETTER_COMMAND,
	LETTER_ENGINE,
	LETTER_DELIVERED,
	LETTER_ARRIVAL,
	LETTER_ADMIN,
	LETTER_STOP
};

struct admin_work;
struct seat;

struct letter {
	struct letter *next;
	enum letter_kind kind;
	struct engine_mail mail; /* ENGINE */
	uint32_t session;	 /* DELIVERED */
	size_t bytes;
	struct admin_work *work; /* ADMIN: the sender's, until it is done */
	struct seat *seat;  /* ARRIVAL: for whom the connection fd is */
	int fd, out_worker; /* COMMAND: a message of the seam as it came */
	size_t len;
	uint8_t data[];
};

struct mailbox {
	pthread_mutex_t lock;
	struct letter *head, **tail;
	int event_fd;
};

int mailbox_init(struct mailbox *m); /* 0 or negative errno */
void mailbox_fini(struct mailbox *m);
struct letter *letter_new(enum letter_kind kind, size_t len); /* NULL: no memory */
/* Frees it with the descriptor and frames it still holds; wipes the data. */
void letter_free(struct letter *l);
void mailbox_post(struct mailbox *m, struct letter *l);
struct letter *mailbox_take(struct mailbox *m); /* all, linked */

#endif
