// SPDX-License-Identifier: Apache-2.0
#include "label.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 64 };

static size_t slot_of(const struct label_table *t, uint32_t link, uint32_t label)
{
	uint64_t x = ((uint64_t)link << 32 | label) ^ t->seed;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
	x = (x ^ x >> 32) * (t->seed | 1);
	return (size_t)(x ^ x >> 29) & t->mask;
}

int label_table_init(struct label_table *t, uint64_t seed)
{
	*t = (struct label_table){.mask = FIRST_SLOTS - 1, .seed = seed};
	t->slots = calloc(FIRST_SLOTS, sizeof(*t->slots));
	return t->slots ? 0 : -ENOMEM;
}

void label_table_fini(struct label_table *t)
{
	free(t->slots);
	*t = (struct label_table){0};
}

static struct label_node *match(struct label_node *n, uint32_t link, uint32_t label)
{
	while (n && (n->link != link || n->label != label))
		n = n->next;
	return n;
}

struct label_node *label_find(const struct label_table *t, uint32_t link, uint32_t label)
{
	return match(t->slots[slot_of(t, link, label)], link, label);
}

struct label_node *label_find_next(const struct label_node *n)
{
	return match(n->next, n->link, n->label);
}

static void put(struct label_table *t, struct label_node *n)
{
	struct label_node **s = &t->slots[slot_of(t, n->link, n->label)];
	n->next = *s;
	*s = n;
}

static void grow(struct label_table *t)
{
	struct label_table old = *t;
	size_t slots = 2 * (old.mask + 1);
	struct label_node **s = calloc(slots, sizeof(*s));
	if (!s)
		return;
	t->slots = s;
	t->mask = slots - 1;
	for (size_t i = 0; i <= old.mask; i++)
		for (struct label_node *n = old.slots[i], *next; n; n = next) {
			next = n->next;
			put(t, n);
		}
	free(old.slots);
}

void label_insert(struct label_table *t, struct label_node *n)
{
	if (t->used > t->mask)
		grow(t);
	put(t, n);
	t->used++;
	t->changes++;
}

void label_remove(struct label_table *t, struct label_node *n)
{
	struct label_node **s = &t->slots[slot_of(t, n->link, n->label)];
	while (*s && *s != n)
		s = &(*s)->next;
	if (!*s)
		return;
	*s = n->next;
	n->next = NULL;
	t->used--;
	t->changes++;
}

struct label_node *label_each(const struct label_table *t, struct label_iter *it)
{
	while (!it->next && it->slot <= t->mask)
		it->next = t->slots[it->slot++];
	struct label_node *n = it->next;
	if (n)
		it->next = n->next;
	return n;
}

static uint64_t reverse_bits(uint64_t x)
{
	x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
	x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
	x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
	return __builtin_bswap64(x);
}

/*
 * Counts with the bits in reverse order. When the table doubles, slot n becomes n and n + size:
 * both have been visited when n had been, and neither when it had not.
 */
uint64_t label_scan(const struct label_table *t, uint64_t cursor, struct label_node **first)
{
	*first = t->slots[cursor & t->mask];
	return reverse_bits(reverse_bits(cursor | ~(uint64_t)t->mask) + 1);
}
