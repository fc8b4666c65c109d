// SPDX-License-Identifier: Apache-2.0
#include "registry.h"

#include <errno.h>
#include <stdlib.h>

struct owner {
	struct label_node node; /* (id, 0) */
	unsigned worker;
};

int registry_init(struct registry *r, unsigned workers, uint64_t seed)
{
	*r = (struct registry){.workers = workers};
	pthread_mutex_init(&r->lock, NULL);
	if (label_table_init(&r->table[0], seed) < 0 || label_table_init(&r->table[1], seed) < 0) {
		registry_fini(r);
		return -ENOMEM;
	}
	return 0;
}

void registry_fini(struct registry *r)
{
	for (unsigned i = 0; i < 2; i++) {
		struct label_iter it = {0};
		for (struct label_node *n;
			r->table[i].slots && (n = label_each(&r->table[i], &it));)
			free(LABEL_ENTRY(n, struct owner, node));
		label_table_fini(&r->table[i]);
	}
	pthread_mutex_destroy(&r->lock);
}

int registry_add(struct registry *r, enum owned what, uint32_t id, unsigned worker)
{
	struct owner *o = calloc(1, sizeof *o);
	if (!o)
		return -ENOMEM;
	o->node.link = id;
	o->worker = worker;
	pthread_mutex_lock(&r->lock);
	int rc = label_find(&r->table[what], id, 0) ? -EEXIST : 0;
	if (rc == 0) {
		label_insert(&r->table[what], &o->node);
		r->links[worker] += what == OWNED_LINK;
	}
	pthread_mutex_unlock(&r->lock);
	if (rc < 0)
		free(o);
	return rc;
}

void registry_remove(struct registry *r, enum owned what, uint32_t id)
{
	pthread_mutex_lock(&r->lock);
	struct label_node *n = label_find(&r->table[what], id, 0);
	struct owner *o = n ? LABEL_ENTRY(n, struct owner, node) : NULL;
	if (o) {
		label_remove(&r->table[what], n);
		r->links[o->worker] -= what == OWNED_LINK;
	}
	pthread_mutex_unlock(&r->lock);
	free(o);
}

int registry_worker(struct registry *r, enum owned what, uint32_t id)
{
	pthread_mutex_lock(&r->lock);
	struct label_node *n = label_find(&r->table[what], id, 0);
	int w = n ? (int)LABEL_ENTRY(n, struct owner, node)->worker : -ENOENT;
	pthread_mutex_unlock(&r->lock);
	return w;
}

unsigned registry_least_links(struct registry *r)
{
	unsigned best = 0;
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 1; i < r->workers; i++)
		if (r->links[i] < r->links[best])
			best = i;
	pthread_mutex_unlock(&r->lock);
	return best;
}
