// SPDX-License-Identifier: Apache-2.0
#include "relay_private.h"

#include <stdlib.h>

struct relays *relays_new(void)
{
	return calloc(1, sizeof(struct relays));
}

void relays_free(struct node *n)
{
	if (!n->relays)
		return;
	registrations_fini(n);
	relay_names_fini(n);
	free(n->relays);
	n->relays = NULL;
}

void relays_on_channel_gone(struct node *n, struct channel *ch)
{
	if (!n->relays)
		return;
	relay_names_on_channel_gone(n, ch);
	registrations_on_channel_gone(n, ch);
}

void relays_tick(struct node *n)
{
	registrations_tick(n);
}

uint64_t relays_deadline(const struct node *n)
{
	return registrations_deadline(n);
}
