// SPDX-License-Identifier: Apache-2.0
#include "handle.h"

#include "channel.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_STEP_MS = 100 };

bool message_peer_equal(const struct message_peer *a, const struct message_peer *b)
{
	return a->link == b->link && a->channel == b->channel;
}

int handles_init(struct handles *hs)
{
	memset(hs, 0, sizeof *hs);
	hs->last = &hs->first;
	hs->due_ms = UINT64_MAX;
	return crowd_init(&hs->crowd, HANDLES_MAX, HANDLES_PER_PEER);
}

static struct handle **slot(struct handles *hs, const uint8_t id[static WIRE_HANDLE])
{
	return &hs->slots[get_be32(id) % HANDLES_SLOTS];
}

void handle_drop(struct node *n, struct handles *hs, struct handle *h)
{
	struct handle **pp = slot(hs, h->id);
	while (*pp != h)
		pp = &(*pp)->next_slot;
	*pp = h->next_slot;
	*h->link_back = h->next;
	if (h->next)
		h->next->link_back = h->link_back;
	else
		hs->last = h->link_back;
	crowd_leave(&hs->crowd, &h->place);
	if (h->egress.link) {
		h->egress.link->handles_out--;
		link_release(n, h->egress.link);
	}
	free(h);
}

void handles_fini(struct node *n, struct handles *hs)
{
	while (hs->first)
		handle_drop(n, hs, hs->first);
	crowd_fini(&hs->crowd);
}

static struct crowd_member *member_of(const struct message_peer *p)
{
	return p->link ? &p->link->handles : &p->channel->handles;
}

/* Others' requests are counted by whom they came from; this node's own are not. */
static void count(struct node *n, struct handles *hs, struct handle *h)
{
	struct crowd_member *m = member_of(&h->ingress);
	struct crowd_item *victim = crowd_victim(&hs->crowd, m);
	if (victim)
		handle_drop(n, hs, CROWD_ENTRY(victim, struct handle, place));
	crowd_enter(&hs->crowd, m, &h->place);
	if (h->expire_ms < hs->due_ms)
		hs->due_ms = h->expire_ms;
}

struct handle *handle_add(struct node *n, struct handles *hs, const struct handle *like)
{
	struct handle *h = malloc(sizeof *h);
	if (!h)
		return NULL;
	*h = *like;
	randombytes_buf(h->id, sizeof h->id);
	h->place = (struct crowd_item){0};
	if (h->egress.link) {
		link_hold(h->egress.link);
		h->egress.link->handles_out++;
	}
	if (!h->request)
		count(n, hs, h);
	h->next_slot = *slot(hs, h->id);
	*slot(hs, h->id) = h;
	h->next = NULL;
	h->link_back = hs->last;
	*hs->last = h;
	hs->last = &h->next;
	return h;
}

struct handle *handle_find(
	struct handles *hs, const uint8_t id[static WIRE_HANDLE], const struct message_peer *from)
{
	for (struct handle *h = *slot(hs, id); h; h = h->next_slot)
		if (!memcmp(h->id, id, WIRE_HANDLE))
			return message_peer_equal(&h->egress, from) ? h : NULL;
	return NULL;
}

void handle_drop_request(struct node *n, struct handles *hs, const struct message_request *r)
{
	struct handle *h = hs->first;
	while (h && h->request != r)
		h = h->next;
	if (h)
		handle_drop(n, hs, h);
}

void handles_drop_ingress(struct node *n, struct handles *hs, const struct message_peer *peer)
{
	const struct crowd_member *m = member_of(peer);
	while (m->oldest)
		handle_drop(n, hs, CROWD_ENTRY(m->oldest, struct handle, place));
}

struct handle *handle_by_egress(struct handles *hs, const struct message_peer *peer)
{
	if (peer->link && !peer->link->handles_out)
		return NULL;
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
	for (struct handle *h = hs->first, *next; h; h = next) {
		next = h->next;
		if (h->request)
			continue;
		if (n->now_ms >= h->expire_ms)
			handle_drop(n, hs, h);
		else if (h->expire_ms < hs->due_ms)
			hs->due_ms = h->expire_ms;
	}
	/* one look for what expires within a while */
	if (hs->due_ms < n->now_ms + TICK_STEP_MS)
		hs->due_ms = n->now_ms + TICK_STEP_MS;
}
