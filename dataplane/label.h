/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table keyed by (link, label), of nodes that are embedded in what they find. The hash is
 * seeded, since neighbours choose labels. With label 0 it serves plain numbers too. One worker.
 */
#ifndef OCKAM_LABEL_H
#define OCKAM_LABEL_H

#include <stddef.h>
#include <stdint.h>

struct label_node {
	uint32_t link, label;
	struct label_node *next;
};

struct label_table {
	struct label_node **slots;
	size_t mask, used;
	uint64_t seed;
	uint64_t changes; /* nodes that came or went */
};

#define LABEL_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

int label_table_init(struct label_table *t, uint64_t seed); /* 0 or -ENOMEM */
void label_table_fini(struct label_table *t);		    /* nodes are their owner's */

struct label_node *label_find(const struct label_table *t, uint32_t link, uint32_t label);
/* Another node with the key of n, behind it. */
struct label_node *label_find_next(const struct label_node *n);
/* Keys are set by the caller and may repeat. Never fails: a table that cannot grow gets slower. */
void label_insert(struct label_table *t, struct label_node *n);
void label_remove(struct label_table *t, struct label_node *n);

/* Visits all; the node just returned may be removed. Start with a zeroed iterator. */
struct label_iter {
	size_t slot;
	struct label_node *next;
};
struct label_node *label_each(const struct label_table *t, struct label_iter *it);

/*
 * A walk in parts, between which the table may change: the nodes of one slot are visited together
 * (*first and what follows it), then the cursor goes on, from 0 until it is 0 again. A node that is
 * there all the time is visited exactly once, also when the table grows meanwhile.
 */
uint64_t label_scan(const struct label_table *t, uint64_t cursor, struct label_node **first);

#endif
