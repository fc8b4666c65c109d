/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator wants to know or change, done by the worker that owns it: one part of a walk
 * over a table, one row, or a change. The work and its memory belong to the server (admin.h) but
 * while a worker has it.
 */
#ifndef OCKAM_ADMIN_WORK_H
#define OCKAM_ADMIN_WORK_H

#include "admin.h"
#include "engine.h"

struct ledger;

enum admin_work_kind {
	ADMIN_WORK_BEGIN,  /* only the number of changes so far */
	ADMIN_WORK_PART,   /* the next rows of a dump */
	ADMIN_WORK_ONE,	   /* the row that has the request's keys */
	ADMIN_WORK_CHANGE, /* SET or DEL */
};

/* Where a walk goes on. */
struct admin_cursor {
	uint64_t slot, inner; /* label_scan */
	uint32_t session;     /* whose streams `inner` walks; 0: the slot's first */
};

struct admin_work {
	void *owner; /* of whoever gave it */
	enum admin_work_kind kind;
	struct admin_msg request; /* its texts lie with the owner */
	struct admin_cursor at;
	/* of the object's table: BEGIN sets it, PART compares */
	uint64_t changes;
	bool interrupted, through;
	int error;	 /* of ONE and CHANGE: 0, -ENOENT (another worker may have it), ... */
	const char *why; /* NULL, or a sentence */
	size_t len;	 /* of what is in out */
	_Alignas(8) uint8_t out[ADMIN_PACKET];
};

/* Whom it is asked of. */
struct admin_place {
	struct engine *engine;
	struct ledger *ledger;
	unsigned ring_entries;
};

void admin_work_do(struct admin_work *w, const struct admin_place *p, uint64_t now_ms);

#endif
