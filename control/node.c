// SPDX-License-Identifier: Apache-2.0
#include "node.h"

#include "inlet.h"
#include "listener.h"
#include "locked.h"
#include "outlet.h"
#include "path.h"
#include "path_key.h"
#include "relay.h"
#include "seam_client.h"
#include "service.h"
#include "transit.h"

#include <stdlib.h>

struct node *node_new(
	const char *name, const struct handshake_keys *keys, const struct node_io *io, void *io_ctx)
{
	struct node *n = locked_new(sizeof *n);
	if (!n)
		return NULL;
	size_t len = strnlen(name, sizeof n->name - 1);
	memcpy(n->name, name, len);
	n->keys = *keys;
	n->io = io;
	n->io_ctx = io_ctx;
	n->seam = seam_client_new();
	n->links = links_new();
	settings_init(&n->settings);
	n->transit = transit_new();
	n->keys_in_use = path_keys_new();
	n->paths = paths_new();
	n->listeners = listeners_new();
	n->channels = channels_new();
	n->messages = messages_new();
	n->services = services_new();
	n->relays = relays_new();
	n->outlets = outlets_new();
	n->inlets = inlets_new();
	if (n->seam && n->links && n->transit && n->keys_in_use && n->paths && n->listeners &&
		n->channels && n->messages && n->services && n->relays && n->outlets && n->inlets)
		return n;
	node_free(n);
	return NULL;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	if (n->seam)
		seam_lost(n);
	/* users before what they use */
	inlets_free(n);
	outlets_free(n);
	relays_free(n);
	messages_free(n);
	channels_free(n);
	paths_free(n);
	links_free(n);
	path_keys_free(n->keys_in_use);
	listeners_free(n);
	services_free(n);
	transit_free(n->transit);
	seam_client_free(n);
	locked_free(n);
}

void node_enter(struct node *n, uint64_t now_ms, uint64_t unix_s)
{
	n->now_ms = now_ms;
	n->unix_s = unix_s;
}

void node_dataplane_lost(struct node *n)
{
	n->detached = true;
	seam_lost(n);
	links_on_dataplane_lost(n);
	outlets_on_dataplane_lost(n);
}

void node_dataplane_back(struct node *n)
{
	n->detached = false;
	channels_retry(n);
}

void node_on_resolved(struct node *n, uint32_t id, const struct sockaddr_storage *addrs,
	unsigned count, int error)
{
	if (id & NODE_DIAL_OUTLET)
		outlets_on_resolved(n, id, addrs, count, error);
	else
		links_on_resolved(n, id, addrs, count, error);
}

void node_on_connected(struct node *n, uint32_t id, int fd, int error)
{
	if (id & NODE_DIAL_OUTLET)
		outlets_on_connected(n, id, fd, error);
	else
		links_on_connected(n, id, fd, error);
}

void node_tick(struct node *n)
{
	links_tick(n);
	paths_tick(n);
	channels_tick(n);
	messages_tick(n);
	relays_tick(n);
	outlets_tick(n);
	inlets_tick(n);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t node_deadline(const struct node *n)
{
	uint64_t t = links_deadline(n);
	t = earlier(t, paths_deadline(n));
	t = earlier(t, channels_deadline(n));
	t = earlier(t, messages_deadline(n));
	t = earlier(t, relays_deadline(n));
	t = earlier(t, outlets_deadline(n));
	return earlier(t, inlets_deadline(n));
}
