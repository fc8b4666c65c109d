/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control API: HTTP/1.1 by libmicrohttpd on control.sock, and on 127.0.0.1 when the node has an
 * HTTP server (api_server.h). A handler answers before it returns, or calls api_wait and answers later; a request is
 * answered once. Nothing blocks. When the client leaves, the node ends or the time is over, the
 * wait's cancel function is called and the handler must not answer any more.
 */
#ifndef OCKAM_API_H
#define OCKAM_API_H

#include "api_table.h"
#include "program.h"
#include "route.h"
#include "trust.h"

enum {
	API_MESSAGE_MS = 10000, /* default timeouts */
	API_CHANNEL_MS = 30000,
	API_SEAM_MS = 3000, /* for an answer of the data plane */
};

struct api_door;

/* Everything but `p`, `segment`, `in` and the body is api.c's. */
struct api_request {
	struct program *p;
	struct api_door *door;
	char segment[API_SEGMENT_MAX + 1]; /* the name in the path, decoded */
	json_t *in;			   /* the checked fields; an object */
	uint8_t *bytes;			   /* API_BYTES */
	size_t bytes_len, bytes_cap;
	const struct api_entry *entry;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	unsigned status;
	bool started, too_large, suspended;
	void (*cancel)(void *ctx);
	void *ctx;
	uint64_t deadline_ms;
	uv_poll_t *watch; /* of a client that leaves */
	struct api_request *next;
};

/* 0, or negative errno and why. */
int api_open(struct program *p, struct reason *why);
/* The node ends: gives up what waits; new requests are refused. */
void api_give_up(struct program *p);
void api_close(struct program *p);
/* "127.0.0.1:PORT"; NULL without an HTTP server. */
const char *api_http_address(const struct program *p);

/* Answers. `doc` is taken. */
void api_reply(struct api_request *rq, json_t *doc);
/* text is from malloc, taken; NULL: out of memory. */
void api_reply_text(struct api_request *rq, const char *type, char *text);
void api_reply_bytes(struct api_request *rq, const void *bytes, size_t len);
void api_fail(struct api_request *rq, const struct reason *why);
void api_failf(struct api_request *rq, int exit, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The answer comes later, at the latest after timeout_ms. */
void api_wait(struct api_request *rq, uint64_t timeout_ms, void (*cancel)(void *ctx), void *ctx);

/* Fields that were checked: NULL or `dflt` when absent. */
const char *api_string(const struct api_request *rq, const char *name);
bool api_bool(const struct api_request *rq, const char *name, bool dflt);
uint64_t api_ms(const struct api_request *rq, uint64_t dflt);
/* 0, or -1 and the request has been answered. */
int api_get_route(struct api_request *rq, const char *name, struct route *out);
int api_get_trust(struct api_request *rq, struct trust *out);
/* "HEX" or "/service/HEX" as it came in a path. */
const char *api_address(const struct api_request *rq);
json_t *api_trust_json(const struct trust *t);
json_t *api_route_json(const struct route *r);

/* The handlers, by file. */
void api_alive(struct api_request *rq);
void api_openapi(struct api_request *rq);
void api_metrics(struct api_request *rq);
void api_node_show(struct api_request *rq);
void api_node_set(struct api_request *rq);
void api_workers_list(struct api_request *rq);
void api_channels_list(struct api_request *rq);
void api_channel_create(struct api_request *rq);
void api_channel_show(struct api_request *rq);
void api_channel_delete(struct api_request *rq);
void api_listeners_list(struct api_request *rq);
void api_listener_create(struct api_request *rq);
void api_listener_show(struct api_request *rq);
void api_listener_delete(struct api_request *rq);
void api_relays_list(struct api_request *rq);
void api_relay_create(struct api_request *rq);
void api_relay_show(struct api_request *rq);
void api_relay_delete(struct api_request *rq);
void api_tcp_listeners_list(struct api_request *rq);
void api_udp_listeners_list(struct api_request *rq);
void api_tcp_listener_create(struct api_request *rq);
void api_udp_listener_create(struct api_request *rq);
void api_tcp_listener_show(struct api_request *rq);
void api_udp_listener_show(struct api_request *rq);
void api_tcp_listener_delete(struct api_request *rq);
void api_udp_listener_delete(struct api_request *rq);
void api_tcp_connections_list(struct api_request *rq);
void api_udp_connections_list(struct api_request *rq);
void api_tcp_connection_create(struct api_request *rq);
void api_udp_connection_create(struct api_request *rq);
void api_tcp_connection_show(struct api_request *rq);
void api_udp_connection_show(struct api_request *rq);
void api_tcp_connection_delete(struct api_request *rq);
void api_udp_connection_delete(struct api_request *rq);
void api_outlets_list(struct api_request *rq);
void api_outlet_create(struct api_request *rq);
void api_outlet_show(struct api_request *rq);
void api_outlet_delete(struct api_request *rq);
void api_inlets_list(struct api_request *rq);
void api_inlet_create(struct api_request *rq);
void api_inlet_show(struct api_request *rq);
void api_inlet_delete(struct api_request *rq);
void api_services_list(struct api_request *rq);
void api_service_start(struct api_request *rq);
void api_service_stop(struct api_request *rq);
void api_message_send(struct api_request *rq);

/* Parts of `node show`. */
json_t *api_channels_json(struct program *p);
json_t *api_listeners_json(struct program *p);
json_t *api_relays_json(struct program *p);
json_t *api_inlets_json(struct program *p);
json_t *api_outlets_json(struct program *p);
json_t *api_services_json(struct program *p);
json_t *api_transports_json(struct program *p);

/* The OpenAPI document of the table. */
json_t *api_openapi_json(const char *server);

extern const struct api_entry api_entries[];
extern const size_t api_entries_n;

#endif
