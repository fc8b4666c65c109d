// SPDX-License-Identifier: Apache-2.0
#include "path_key.h"

#include <errno.h>
#include <stdlib.h>

struct key {
	uint32_t link, label;
	enum key_dir dir;
	struct key_owner own;
	struct key *next;
};

struct path_keys {
	unsigned n, size; /* size: a power of two */
	struct key **slot;
};

/* Labels are random when honest; the link is mixed in. A neighbour that chooses its labels only slows
 * the lookups of its own link's share, bounded by the limits on its paths. */
static unsigned slot_of(const struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir)
{
	uint64_t x = ((uint64_t)link << 33) ^ ((uint64_t)label << 1) ^ dir;
	x *= 0x9e3779b97f4a7c15;
	return (unsigned)(x >> 32) & (k->size - 1);
}

struct path_keys *path_keys_new(void)
{
	struct path_keys *k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->size = 64;
	k->slot = calloc(k->size, sizeof *k->slot);
	if (k->slot)
		return k;
	free(k);
	return NULL;
}

void path_keys_free(struct path_keys *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < k->size; i++)
		while (k->slot[i]) {
			struct key *e = k->slot[i];
			k->slot[i] = e->next;
			free(e);
		}
	free(k->slot);
	free(k);
}

static struct key **find(
	const struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir)
{
	struct key **pp = &k->slot[slot_of(k, link, label, dir)];
	while (*pp && ((*pp)->link != link || (*pp)->label != label || (*pp)->dir != dir))
		pp = &(*pp)->next;
	return pp;
}

static void grow(struct path_keys *k)
{
	struct path_keys bigger = {.size = k->size * 2};
	bigger.slot = calloc(bigger.size, sizeof *bigger.slot);
	if (!bigger.slot)
		return; /* longer chains, nothing worse */
	for (unsigned i = 0; i < k->size; i++)
		while (k->slot[i]) {
			struct key *e = k->slot[i];
			k->slot[i] = e->next;
			unsigned s = slot_of(&bigger, e->link, e->label, e->dir);
			e->next = bigger.slot[s];
			bigger.slot[s] = e;
		}
	free(k->slot);
	k->slot = bigger.slot;
	k->size = bigger.size;
}

int path_key_claim(struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir,
	enum key_kind kind, void *owner)
{
	if (*find(k, link, label, dir))
		return -EEXIST;
	if (k->n >= k->size)
		grow(k);
	struct key *e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	struct key **head = &k->slot[slot_of(k, link, label, dir)];
	*e = (struct key){link, label, dir, {kind, owner}, *head};
	*head = e;
	k->n++;
	return 0;
}

void path_key_drop(
	struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir, const void *owner)
{
	struct key **pp = find(k, link, label, dir);
	struct key *e = *pp;
	if (!e || e->own.owner != owner)
		return;
	*pp = e->next;
	free(e);
	k->n--;
}

struct key_owner path_key_get(
	const struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir)
{
	const struct key *e = *find(k, link, label, dir);
	return e ? e->own : (struct key_owner){KEY_FREE, NULL};
}

unsigned path_keys_count(const struct path_keys *k)
{
	return k->n;
}
