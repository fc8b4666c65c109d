// SPDX-License-Identifier: Apache-2.0
/*
 * As relay: a name belongs to the identity that registered it first, until it is released or was
 * not used for a day; while it is held by a live session, only the same node replaces that. The
 * reservation is kept in the home's database where there is one, else in memory.
 */
#include "relay_private.h"

#include "adopt.h"
#include "listener.h"
#include "log.h"
#include "node_config.h"
#include "note.h"
#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	RESERVED_S = 24 * 3600,
	STORE_EVERY_S = 3600, /* how exact the last use is on disk */
	LEASE_MIN_S = 5,
	LEASE_MAX_S = 3600,
	NAMES_PER_IDENTITY = 256,
};

struct way {
	struct channel *channel;
	uint64_t lease_end_ms;
};

struct relay_name {
	char name[WIRE_NAME_MAX + 1];
	struct identifier owner;
	uint8_t peer_static[32];
	struct channel *channel; /* NULL: reserved only */
	uint64_t lease_end_ms;
	struct way joined[RELAY_WAYS_MAX -
			  1];	   /* other channels of the same node, while there is that one */
	uint64_t used_s, stored_s; /* Unix time */
	struct relay_name *next;
};

static struct relay_name *name_find(struct node *n, const char *name)
{
	struct relay_name *e = n->relays ? n->relays->names : NULL;
	while (e && strcmp(e->name, name))
		e = e->next;
	return e;
}

static bool live(const struct node *n, const struct relay_name *e)
{
	return e->channel && e->channel->state == CHANNEL_UP && n->now_ms < e->lease_end_ms;
}

static void name_store(struct node *n, struct relay_name *e)
{
	if (!n->home)
		return;
	int rc = relay_name_put(n->home, n->name, e->name, &e->owner, e->used_s);
	if (rc < 0)
		log_warn("relay: the reservation of %s is not stored: %s", e->name,
			home_error(n->home));
	else
		e->stored_s = e->used_s;
}

static void name_drop(struct node *n, struct relay_name *e)
{
	struct relay_name **pp = &n->relays->names;
	while (*pp != e)
		pp = &(*pp)->next;
	*pp = e->next;
	free(e);
}

void relay_names_fini(struct node *n)
{
	while (n->relays->names)
		name_drop(n, n->relays->names);
}

/* Reservations in memory that have run out. */
static void sweep(struct node *n)
{
	struct relay_name *next;
	for (struct relay_name *e = n->relays->names; e; e = next) {
		next = e->next;
		if (!e->channel && n->unix_s >= e->used_s + RESERVED_S)
			name_drop(n, e);
	}
}

static bool reserved_for(
	struct node *n, const char *name, const struct relay_name *e, struct identifier *owner)
{
	uint64_t used;
	if (e) {
		*owner = e->owner;
		return e->channel || n->unix_s < e->used_s + RESERVED_S;
	}
	return n->home && relay_name_get(n->home, n->name, name, owner, &used) == 0 &&
	       n->unix_s < used + RESERVED_S;
}

static unsigned names_of(const struct node *n, const struct identifier *owner)
{
	unsigned count = 0;
	for (const struct relay_name *e = n->relays->names; e; e = e->next)
		count += identifier_equal(&e->owner, owner);
	return count;
}

static enum relay_status name_register(
	struct node *n, struct channel *from, const char *name, uint32_t lease_s)
{
	struct identifier owner;
	if (strncmp(name, RELAY_PREFIX, strlen(RELAY_PREFIX)))
		return RELAY_BAD_NAME;
	if (service_get(n, name) || listener_get(n, name))
		return RELAY_NAME_IN_USE;
	sweep(n);
	struct relay_name *e = name_find(n, name);
	if (reserved_for(n, name, e, &owner) && !identifier_equal(&owner, &from->peer.id))
		return RELAY_OTHER_IDENTITY;
	if (e && live(n, e) && memcmp(e->peer_static, from->peer_static, sizeof e->peer_static))
		return RELAY_OTHER_NODE;
	if (!e) {
		if (names_of(n, &from->peer.id) >= NAMES_PER_IDENTITY ||
			!(e = calloc(1, sizeof *e)))
			return RELAY_TOO_MANY;
		memcpy(e->name, name, strlen(name) + 1);
		e->next = n->relays->names;
		n->relays->names = e;
	}
	if (e->channel != from) /* who comes anew says anew what else leads to it */
		memset(e->joined, 0, sizeof e->joined);
	if (e->channel != from)
		log_info("relay: %s leads to %s now", name,
			from->link ? from->link->peer : from->address);
	e->owner = from->peer.id;
	memcpy(e->peer_static, from->peer_static, sizeof e->peer_static);
	e->channel = from;
	e->lease_end_ms = n->now_ms + (uint64_t)lease_s * 1000;
	e->used_s = n->unix_s;
	if (!e->stored_s || e->used_s >= e->stored_s + STORE_EVERY_S)
		name_store(n, e);
	return RELAY_OK;
}

/* One more way to the node that holds the name. */
static enum relay_status name_join(
	struct node *n, struct channel *from, const struct relay_request *q, uint32_t lease_s)
{
	struct relay_name *e = name_find(n, q->name);
	if (!e || !live(n, e))
		return RELAY_NOT_HELD;
	if (!identifier_equal(&e->owner, &from->peer.id))
		return RELAY_OTHER_IDENTITY;
	if (memcmp(e->peer_static, from->peer_static, sizeof e->peer_static))
		return RELAY_OTHER_NODE;
	e->joined[q->way - 1] =
		(struct way){.channel = from, .lease_end_ms = n->now_ms + (uint64_t)lease_s * 1000};
	return RELAY_OK;
}

/* A session lets go of what it holds; an owner also of what nobody holds now. */
static enum relay_status name_release(struct node *n, struct channel *from, const char *name)
{
	struct identifier owner;
	struct relay_name *e = name_find(n, name);
	if (!reserved_for(n, name, e, &owner))
		return RELAY_OK;
	if (!identifier_equal(&owner, &from->peer.id))
		return RELAY_OTHER_IDENTITY;
	if (e && e->channel != from && live(n, e))
		return RELAY_OTHER_NODE;
	if (e)
		name_drop(n, e);
	if (n->home)
		relay_name_del(n->home, n->name, name);
	log_info("relay: %s is released", name);
	return RELAY_OK;
}

uint8_t relay_service(struct node *n, struct channel *from, const uint8_t *payload, size_t len,
	uint8_t **reply, size_t *reply_len, char text[static WIRE_ERROR_TEXT_MAX + 1])
{
	struct relay_request q;
	uint8_t answer[RELAY_ANSWER_MAX];
	if (!from) {
		snprintf(text, WIRE_ERROR_TEXT_MAX + 1,
			"a relay name is registered inside a secure channel");
		return RESET_REFUSED;
	}
	if (relay_request_decode(payload, len, &q) < 0) {
		snprintf(text, WIRE_ERROR_TEXT_MAX + 1, "not a registration");
		return RESET_REFUSED;
	}
	uint32_t lease_s = q.lease_s < LEASE_MIN_S   ? LEASE_MIN_S
			   : q.lease_s > LEASE_MAX_S ? LEASE_MAX_S
						     : q.lease_s;
	enum relay_status status = q.op == RELAY_REGISTER ? name_register(n, from, q.name, lease_s)
				   : q.op == RELAY_JOIN	  ? name_join(n, from, &q, lease_s)
							  : name_release(n, from, q.name);
	if (status == RELAY_OK && q.op != RELAY_JOIN)
		adopt_note_changed(n, from);
	size_t answer_len = relay_answer_encode(answer, status, lease_s);
	*reply = malloc(answer_len);
	if (!*reply)
		return RESET_OVERRUN;
	memcpy(*reply, answer, answer_len);
	*reply_len = answer_len;
	return 0;
}

/* How much goes by the channel's link, or through the channel. */
static unsigned users(const struct channel *ch)
{
	return (ch->link ? ch->link->users : 0) + (ch->as_link ? ch->as_link->users : 0);
}

struct channel *relay_name_channel(struct node *n, const char *name)
{
	struct relay_name *e = name_find(n, name);
	if (!e || !live(n, e))
		return NULL;
	struct channel *best = e->channel;
	for (unsigned i = 0; i < RELAY_WAYS_MAX - 1; i++) {
		const struct way *w = &e->joined[i];
		if (w->channel && w->channel->state == CHANNEL_UP && n->now_ms < w->lease_end_ms &&
			users(w->channel) < users(best))
			best = w->channel;
	}
	return best;
}

unsigned relay_names_of(
	struct node *n, const struct channel *ch, struct note_name *out, unsigned max)
{
	unsigned count = 0;
	for (const struct relay_name *e = n->relays->names; e && count < max; e = e->next) {
		if (e->channel != ch)
			continue;
		memcpy(out[count].name, e->name, sizeof out[count].name);
		out[count++].lease_end_ms = e->lease_end_ms;
	}
	return count;
}

void relay_name_adopt(struct node *n, struct channel *ch, const struct note_name *name)
{
	struct relay_name *e = name_find(n, name->name);
	if (e && e->channel && e->channel->session > ch->session)
		return; /* a later session holds it */
	if (!e) {
		e = calloc(1, sizeof *e);
		if (!e)
			return;
		memcpy(e->name, name->name, sizeof e->name);
		e->next = n->relays->names;
		n->relays->names = e;
	}
	e->owner = ch->peer.id;
	memcpy(e->peer_static, ch->peer_static, sizeof e->peer_static);
	e->channel = ch;
	/* it could not be renewed while nobody listened */
	e->lease_end_ms = n->now_ms + WIRE_LEASE_MS;
	if (name->lease_end_ms > e->lease_end_ms)
		e->lease_end_ms = name->lease_end_ms;
	e->used_s = n->unix_s;
}

void relay_names_each(struct node *n, void (*fn)(void *ctx, const char *name), void *ctx)
{
	for (const struct relay_name *e = n->relays->names; e; e = e->next)
		if (live(n, e))
			fn(ctx, e->name);
}

void relay_names_on_channel_gone(struct node *n, struct channel *ch)
{
	struct relay_name *next;
	for (struct relay_name *e = n->relays->names; e; e = next) {
		next = e->next;
		for (unsigned i = 0; i < RELAY_WAYS_MAX - 1; i++)
			if (e->joined[i].channel == ch)
				e->joined[i].channel = NULL;
		if (e->channel != ch)
			continue;
		e->channel = NULL;
		memset(e->joined, 0, sizeof e->joined);
		e->used_s = n->unix_s;
		if (!n->home)
			continue;
		name_store(n, e); /* from here on the database remembers it */
		if (e->stored_s == e->used_s)
			name_drop(n, e);
	}
}
