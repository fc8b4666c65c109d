/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While somebody watches, looks now and then at what is bounded on each worker, and makes an event
 * of each bound that was met since. The admin server's thread only; the work goes to workers and
 * back.
 */
#ifndef OCKAM_ADMIN_LIMITS_H
#define OCKAM_ADMIN_LIMITS_H

#include "admin_watch.h"
#include "admin_work.h"
#include "registry.h"

enum { LIMITS_MAX = 16 };

struct admin_limits {
	struct admin_work work;
	bool out; /* a worker has it */
	unsigned worker;
	uint64_t next_ms;
	bool known[REGISTRY_WORKERS];
	uint64_t hits[REGISTRY_WORKERS][LIMITS_MAX];
};

void admin_limits_init(struct admin_limits *l);
/* What was counted before nobody has watched. */
void admin_limits_forget(struct admin_limits *l);
/* True: the work goes to *worker now. */
bool admin_limits_due(
	struct admin_limits *l, unsigned every_ms, unsigned workers, unsigned *worker);
/* It is back. */
void admin_limits_back(struct admin_limits *l, struct admin_watch *w);

#endif
