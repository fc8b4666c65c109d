/* SPDX-License-Identifier: Apache-2.0 */
/* Which worker owns which link and session. Any thread; one lock, off the packet path. */
#ifndef OCKAM_REGISTRY_H
#define OCKAM_REGISTRY_H

#include "label.h"

#include <pthread.h>

enum { REGISTRY_WORKERS = 64 };
enum owned { OWNED_LINK, OWNED_SESSION };

struct registry {
	pthread_mutex_t lock;
	struct label_table table[2];
	unsigned workers;
	unsigned links[REGISTRY_WORKERS]; /* per worker */
};

int registry_init(struct registry *r, unsigned workers, uint64_t seed);
void registry_fini(struct registry *r);
/* 0, -EEXIST, -ENOMEM. */
int registry_add(struct registry *r, enum owned what, uint32_t id, unsigned worker);
void registry_remove(struct registry *r, enum owned what, uint32_t id);
int registry_worker(struct registry *r, enum owned what, uint32_t id); /* or -ENOENT */
unsigned registry_least_links(struct registry *r);

#endif
