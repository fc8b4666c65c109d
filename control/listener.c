// SPDX-License-Identifier: Apache-2.0
#include "listener.h"

#include "locked.h"
#include "relay.h"
#include "outlet.h"
#include "service.h"

#include <errno.h>
#include <stdlib.h>

struct listeners {
	struct listener *first;
};

struct listeners *listeners_new(void)
{
	return calloc(1, sizeof(struct listeners));
}

static void listener_free(struct listener *l)
{
	locked_free(l->keys);
	free(l);
}

void listeners_free(struct node *n)
{
	if (!n->listeners)
		return;
	while (n->listeners->first) {
		struct listener *l = n->listeners->first;
		n->listeners->first = l->next;
		listener_free(l);
	}
	free(n->listeners);
	n->listeners = NULL;
}

int listener_add(struct node *n, const char *name, const struct trust *t, const char *identity,
	struct handshake_keys *keys, struct listener **out)
{
	if (!route_name_valid(name))
		return -EINVAL;
	if (listener_get(n, name) || service_get(n, name) || outlet_get(n, name))
		return -EEXIST;
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	memcpy(l->name, name, strlen(name) + 1);
	if (identity && strlen(identity) < sizeof l->identity)
		memcpy(l->identity, identity, strlen(identity) + 1);
	l->keys = keys;
	l->trust = *t;
	struct listener **pp = &n->listeners->first;
	while (*pp && strcmp((*pp)->name, name) < 0)
		pp = &(*pp)->next;
	l->next = *pp;
	*pp = l;
	relays_on_listeners_changed(n);
	*out = l;
	return 0;
}

int listener_del(struct node *n, const char *name)
{
	for (struct listener **pp = &n->listeners->first; *pp; pp = &(*pp)->next) {
		struct listener *l = *pp;
		if (strcmp(l->name, name))
			continue;
		*pp = l->next;
		listener_free(l);
		relays_on_listeners_changed(n);
		return 0;
	}
	return -ENOENT;
}

struct listener *listener_get(struct node *n, const char *name)
{
	struct listener *l = n->listeners->first;
	while (l && strcmp(l->name, name))
		l = l->next;
	return l;
}

struct listener *listeners_first(struct node *n)
{
	return n->listeners->first;
}
