/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of a node, made from the same JSON by the control API and at the start, and kept in
 * the home between the two. 0, or negative errno and why.
 */
#ifndef OCKAM_OBJECT_H
#define OCKAM_OBJECT_H

#include "inlet.h"
#include "listener.h"
#include "outlet.h"
#include "program.h"
#include "relay.h"
#include "service.h"

#define OBJECT_TCP_LISTENER "tcp-listener"
#define OBJECT_CHANNEL_LISTENER "secure-channel-listener"
#define OBJECT_RELAY "relay"
#define OBJECT_TCP_CONNECTION "tcp-connection"
#define OBJECT_UDP_LISTENER "udp-listener"
#define OBJECT_UDP_CONNECTION "udp-connection"
#define OBJECT_SERVICE "service"
#define OBJECT_INLET "tcp-inlet"
#define OBJECT_OUTLET "tcp-outlet"

/* Keeps it; a temporary node keeps nothing and succeeds. `doc` is taken. */
int object_put(
	struct program *p, const char *kind, const char *name, json_t *doc, struct reason *why);
/* 0 also when there was none. */
int object_del(struct program *p, const char *kind, const char *name, struct reason *why);

/* A list of "any" and identifiers, or NULL. */
int object_trust(const json_t *list, struct trust *out, struct reason *why);
/* A route without `node`. */
int object_route(const char *text, struct route *out, struct reason *why);
/* o: {authorized, identity} */
int object_make_channel_listener(struct program *p, const char *name, const json_t *o,
	struct listener **out, struct reason *why);
/* o: {name, at, node_name_first, listeners, authorized}; out is NULL when it failed at once. */
int object_make_relay(struct program *p, const json_t *o, bool wait, uint64_t timeout_ms,
	relay_fn *fn, void *ctx, struct registration **out, struct reason *why);
int object_make_service(struct program *p, const char *type, const char *addr, struct service **out,
	struct reason *why);
/* o: {from: its name, to}; without a name it is `outlet`, or a random one. */
int object_make_outlet(
	struct program *p, const json_t *o, struct outlet **out, struct reason *why);
/* o: {alias, from, to, authorized, identity, parallel}; without an alias it has a random one. */
int object_make_inlet(struct program *p, const json_t *o, inlet_fn *fn, void *ctx, uint64_t wait_ms,
	struct inlet **out, struct reason *why);
/* With its socket, and its file if it is a Unix socket. */
void object_end_inlet(struct program *p, struct inlet *in);

#endif
