// SPDX-License-Identifier: Apache-2.0
/* Listening sockets, and connections that were made or accepted. */
#include "api.h"
#include "gather.h"

#include "link.h"
#include "object.h"
#include "restore.h"
#include "tcp_listener.h"

#include <stdio.h>
#include <stdlib.h>

/* What TCP (with Unix sockets) and UDP do not share. */
struct transport {
	bool udp;
	const char *listener, *connection; /* kinds of objects */
};
static const struct transport tcp = {false, OBJECT_TCP_LISTENER, OBJECT_TCP_CONNECTION};
static const struct transport udp = {true, OBJECT_UDP_LISTENER, OBJECT_UDP_CONNECTION};

static json_t *listener_json(const struct tcp_listener *l)
{
	return json_pack("{s:s, s:s}", "address", l->text, "route", l->route);
}

static void listeners_list(struct api_request *rq, const struct transport *t)
{
	json_t *list = json_array();
	for (struct tcp_listener *l = rq->p->tcp_listeners; l; l = l->next)
		if (l->udp == t->udp)
			json_array_append_new(list, listener_json(l));
	api_reply(rq, list);
}

static struct tcp_listener *find_listener(struct api_request *rq, const struct transport *t)
{
	struct tcp_listener *l = tcp_listener_get(rq->p, t->udp, rq->segment);
	if (!l)
		api_failf(rq, EXIT_NOT_FOUND, "NotFound: node %s does not listen on %.128s%s",
			rq->p->name, rq->segment, t->udp ? " over UDP" : "");
	return l;
}

static void listener_show(struct api_request *rq, const struct transport *t)
{
	struct tcp_listener *l = find_listener(rq, t);
	if (l)
		api_reply(rq, listener_json(l));
}

static void listener_delete(struct api_request *rq, const struct transport *t)
{
	struct reason why;
	struct tcp_listener *l = find_listener(rq, t);
	if (!l)
		return;
	if (restore_forget_listener(rq->p, t->udp, l->text, &why) < 0 ||
		object_del(rq->p, t->listener, l->text, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	json_t *doc = listener_json(l);
	tcp_listener_del(rq->p, l);
	api_reply(rq, doc);
}

static void on_listening(
	struct program *p, void *ctx, struct tcp_listener *l, const struct reason *failed)
{
	struct api_request *rq = ctx;
	struct reason why;
	if (!l) {
		api_fail(rq, failed);
	} else if (object_put(p, l->udp ? udp.listener : tcp.listener, l->text, json_object(),
			   &why) < 0) {
		tcp_listener_del(p, l);
		api_fail(rq, &why);
	} else {
		api_reply(rq, listener_json(l));
	}
}

/* The client has left before the data plane had it: nobody knows of this listener. */
static void listening_cancel(void *ctx)
{
	struct api_request *rq = ctx;
	struct tcp_listener *l = rq->p->tcp_listeners;
	while (l && l->ctx != rq)
		l = l->next;
	if (l)
		tcp_listener_del(rq->p, l);
}

static void listener_create(struct api_request *rq, const struct transport *t)
{
	struct reason why;
	if (tcp_listener_add(rq->p, t->udp, api_string(rq, "address"), on_listening, rq, &why))
		api_wait(rq, API_SEAM_MS, listening_cancel, rq);
	else
		api_fail(rq, &why);
}

/* --- connections --- */

static const char *const state_names[] = {
	[LINK_DIALLING] = "dialling",
	[LINK_AWAIT_HELLO] = "no hello",
	[LINK_UP] = "up",
};

static json_t *link_json(struct program *p, const struct link *l)
{
	char address[sizeof l->address + sizeof "/service/"];
	snprintf(address, sizeof address, "/service/%s", l->address);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "address", address, "from",
		l->dialled ? p->name : l->peer, "to", l->dialled ? l->peer : p->name, "mode",
		l->dialled ? "dialled" : "accepted", "state", state_names[l->state], "paths",
		(int)l->users);
}

static bool is_connection(const struct link *l, const struct transport *t)
{
	return l->kind != LINK_CHANNEL && (l->kind == LINK_UDP) == t->udp;
}

static void connections_list(struct api_request *rq, const struct transport *t)
{
	json_t *list = json_array();
	for (struct link *l = links_first(rq->p->node); l; l = l->next)
		if (is_connection(l, t))
			json_array_append_new(list, link_json(rq->p, l));
	api_reply(rq, list);
}

static struct link *find_link(struct api_request *rq, const struct transport *t)
{
	const char *name = api_address(rq);
	struct link *l = links_by_address(rq->p->node, name);
	if (l && is_connection(l, t))
		return l;
	for (l = links_first(rq->p->node); l; l = l->next)
		if (is_connection(l, t) && !strcmp(l->peer, name))
			return l;
	return NULL;
}

static void no_connection(struct api_request *rq)
{
	api_failf(rq, EXIT_NOT_FOUND, "NotFound: node %s has no connection %.128s", rq->p->name,
		rq->segment);
}

static void add_link_counters(json_t *o, const struct seam_msg *m)
{
	json_object_set_new(o, "bytes_in", json_integer((json_int_t)m->bytes_rx));
	json_object_set_new(o, "bytes_out", json_integer((json_int_t)m->bytes_tx));
	json_object_set_new(o, "dropped", json_integer((json_int_t)m->dropped));
	json_object_set_new(o, "limited", json_integer((json_int_t)m->limited));
}

static void connection_show(struct api_request *rq, const struct transport *t)
{
	struct link *l = find_link(rq, t);
	struct gather *g = l ? gather_new(rq, 1, true) : NULL;
	if (!l)
		no_connection(rq);
	if (!g)
		return;
	const struct seam_msg m = {
		.cmd = SEAM_LINK_GET, .fd = -1, .has = SEAM_HAS(SEAM_A_LINK), .link = l->id};
	gather_add(g, link_json(rq->p, l), &m, add_link_counters);
	gather_reply(g);
}

static void connection_delete(struct api_request *rq, const struct transport *t)
{
	struct reason why;
	struct link *l = find_link(rq, t);
	if (!l) {
		no_connection(rq);
		return;
	}
	if (l->explicit_ && object_del(rq->p, t->connection, l->peer, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	json_t *doc = link_json(rq->p, l);
	link_close(rq->p->node, l);
	api_reply(rq, doc);
}

struct connecting {
	struct api_request *rq;
	struct link_wait *wait;
};

static void on_connected(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *failed)
{
	struct connecting *c = ctx;
	struct api_request *rq = c->rq;
	struct reason why;
	free(c);
	if (!l) {
		api_fail(rq, failed);
		return;
	}
	json_t *o = json_pack("{s:s}", "to", api_string(rq, "to"));
	if (object_put(rq->p, l->kind == LINK_UDP ? udp.connection : tcp.connection, l->peer, o,
		    &why) < 0) {
		link_release(n, l);
		link_close(n, l);
		api_fail(rq, &why);
		return;
	}
	link_release(n, l); /* an explicit one stays without users */
	api_reply(rq, link_json(rq->p, l));
}

static void connecting_cancel(void *ctx)
{
	struct connecting *c = ctx;
	link_wait_cancel(c->rq->p->node, c->wait);
	free(c);
}

static void connection_create(struct api_request *rq, const struct transport *tr)
{
	struct link_target t;
	const char *to = api_string(rq, "to");
	uint64_t timeout_ms = api_ms(rq, API_MESSAGE_MS);
	if ((tr->udp ? link_target_parse_udp(&t, to) : link_target_parse(&t, to)) < 0) {
		api_failf(rq, EXIT_USAGE,
			"\"%.128s\" is not an address to connect to: expected HOST:PORT%s", to,
			tr->udp ? "" : " or unix:PATH");
		return;
	}
	struct connecting *c = calloc(1, sizeof *c);
	if (!c) {
		api_failf(rq, EXIT_INTERNAL, "out of memory");
		return;
	}
	c->rq = rq;
	struct link_wait *w =
		links_connect(rq->p->node, &t, rq->p->node->now_ms + timeout_ms, on_connected, c);
	if (!w)
		return; /* answered already, and c is gone */
	c->wait = w;
	api_wait(rq, timeout_ms + API_SEAM_MS, connecting_cancel, c);
}

/* For the API's table: each request for TCP, and for UDP. */
#define BOTH(name, fn)                                                                             \
	void api_tcp_##name(struct api_request *rq)                                                \
	{                                                                                          \
		fn(rq, &tcp);                                                                      \
	}                                                                                          \
	void api_udp_##name(struct api_request *rq)                                                \
	{                                                                                          \
		fn(rq, &udp);                                                                      \
	}
BOTH(listeners_list, listeners_list)
BOTH(listener_show, listener_show)
BOTH(listener_delete, listener_delete)
BOTH(listener_create, listener_create)
BOTH(connections_list, connections_list)
BOTH(connection_show, connection_show)
BOTH(connection_delete, connection_delete)
BOTH(connection_create, connection_create)

static json_t *transport_json(
	const char *mode, const char *address, const char *route, const char *type)
{
	return json_pack("{s:s, s:s, s:s, s:s?}", "type", type, "mode", mode, "socket_address",
		address, "route", route);
}

static const char *type_of(bool is_udp, bool is_unix)
{
	return is_udp ? "udp" : is_unix ? "unix" : "tcp";
}

json_t *api_transports_json(struct program *p)
{
	json_t *list = json_array();
	for (struct tcp_listener *l = p->tcp_listeners; l; l = l->next)
		json_array_append_new(
			list, transport_json("listening", l->text, l->route,
				      type_of(l->udp, l->address.sa.sa_family == AF_UNIX)));
	for (struct link *l = links_first(p->node); l; l = l->next)
		if (l->kind != LINK_CHANNEL && l->explicit_)
			json_array_append_new(
				list, transport_json("connected", l->peer, NULL,
					      type_of(l->kind == LINK_UDP, l->kind == LINK_UNIX)));
	return list;
}
