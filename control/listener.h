/* SPDX-License-Identifier: Apache-2.0 */
/* Channel listeners: names that answer INIT, each with its own trust. */
#ifndef OCKAM_LISTENER_H
#define OCKAM_LISTENER_H

#include "trust.h"

struct listener {
	char name[WIRE_NAME_MAX + 1];
	char identity[WIRE_NAME_MAX + 1]; /* name of another identity than the node's; empty: the node's */
	struct handshake_keys *keys;	  /* of that identity; NULL: the node's */
	struct trust trust;
	struct listener *next;
};

struct listeners *listeners_new(void);
void listeners_free(struct node *n);
/* keys: heap, taken over (wiped and freed), or NULL. -EEXIST, -ENOMEM, -EINVAL (name). */
int listener_add(struct node *n, const char *name, const struct trust *t, const char *identity, struct handshake_keys *keys,
	struct listener **out);
int listener_del(struct node *n, const char *name); /* -ENOENT */
struct listener *listener_get(struct node *n, const char *name);
struct listener *listeners_first(struct node *n);

#endif
