// SPDX-License-Identifier: Apache-2.0
#include "handle.h"

#include <sodium.h>
#include <stdlib.h>

bool message_peer_equal(const struct message_peer *a, const struct message_peer *b)
{
	return a->link == b->link && a->channel == b->channel;
}

void handles_init(struct handles *hs)
{
	*hs = (struct handles){.due_ms = UINT64_MAX};
}

static void drop_at(struct node *n, struct handle **pp)
{
	struct handle *h = *pp;
	*pp = h->next;
	if (h->egress.link)
		link_release(n, h->egress.link);
	free(h);
}

void handles_fini(struct node *n, struct handles *hs)
{
	while (hs->first)
		drop_at(n, &hs->first);
}

struct handle *handle_add(struct node *n, struct handles *hs, const struct handle *like)
{
	struct handle *h = malloc(sizeof *h);
	if (!h)
		return NULL;
	*h = *like;
	randombytes_buf(h->id, sizeof h->id);
	h->next = NULL;
	if (h->egress.link)
		link_hold(h->egress.link);
	unsigned same = 0;
	struct handle **pp = &hs->first, **oldest = NULL;
	for (; *pp; pp = &(*pp)->next)
		if (!h->request && !(*pp)->request &&
			message_peer_equal(&(*pp)->ingress, &h->ingress)) {
			oldest = oldest ? oldest : pp;
			same++;
		}
	*pp = h;
	if (same >= HANDLES_PER_PEER)
		drop_at(n, oldest);
	if (!h->request && h->expire_ms < hs->due_ms)
		hs->due_ms = h->expire_ms;
	return h;
}

struct handle *handle_find(
	struct handles *hs, const uint8_t id[static WIRE_HANDLE], const struct message_peer *from)
{
	for (struct handle *h = hs->first; h; h = h->next)
		if (!memcmp(h->id, id, WIRE_HANDLE))
			return message_peer_equal(&h->egress, from) ? h : NULL;
	return NULL;
}

void handle_drop(struct node *n, struct handles *hs, struct handle *h)
{
	struct handle **pp = &hs->first;
	while (*pp && *pp != h)
		pp = &(*pp)->next;
	if (*pp)
		drop_at(n, pp);
}

void handle_drop_request(struct node *n, struct handles *hs, const struct message_request *r)
{
	struct handle **pp = &hs->first;
	while (*pp && (*pp)->request != r)
		pp = &(*pp)->next;
	if (*pp)
		drop_at(n, pp);
}

void handles_drop_ingress(struct node *n, struct handles *hs, const struct message_peer *peer)
{
	for (struct handle **pp = &hs->first; *pp;)
		if (!(*pp)->request && message_peer_equal(&(*pp)->ingress, peer))
			drop_at(n, pp);
		else
			pp = &(*pp)->next;
}

struct handle *handle_by_egress(struct handles *hs, const struct message_peer *peer)
{
	struct handle *h = hs->first;
	while (h && !message_peer_equal(&h->egress, peer))
		h = h->next;
	return h;
}

void handles_tick(struct node *n, struct handles *hs)
{
	if (n->now_ms < hs->due_ms)
		return;
	hs->due_ms = UINT64_MAX;
	for (struct handle **pp = &hs->first; *pp;) {
		struct handle *h = *pp;
		if (!h->request && n->now_ms >= h->expire_ms) {
			drop_at(n, pp);
			continue;
		}
		if (!h->request && h->expire_ms < hs->due_ms)
			hs->due_ms = h->expire_ms;
		pp = &h->next;
	}
}
