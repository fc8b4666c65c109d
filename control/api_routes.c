// SPDX-License-Identifier: Apache-2.0
/* The one table of the control API. Its description for users is docs/api.md. */
#include "api.h"

/* Fields that several requests have. */
#define ROUTE_EXAMPLE "/ip4/127.0.0.1/tcp/4000/service/api"
#define AUTHORIZED                                                                                 \
	{                                                                                          \
		"authorized", API_STRINGS,                                                         \
			.line = "identifiers to accept besides those of the home, or any"          \
	}
#define IDENTITY                                                                                   \
	{                                                                                          \
		"identity", API_STRING, .line = "name of the identity to use",                     \
					.example = "default"                                       \
	}
#define TIMEOUT                                                                                    \
	{                                                                                          \
		"timeout_ms", API_MS, .line = "how long to wait"                                   \
	}
#define WAIT                                                                                       \
	{                                                                                          \
		"wait", API_BOOL, .line = "answer when it is connected, not before"                \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, API_STRING                                                                   \
	}

static const struct api_field channel_fields[] = {
	{"to", API_STRING, true, "route to a secure channel listener", ROUTE_EXAMPLE},
	AUTHORIZED,
	IDENTITY,
	TIMEOUT,
	END,
};

static const struct api_field channel_listener_fields[] = {
	{"name", API_STRING, true, "its name", "guests"},
	AUTHORIZED,
	IDENTITY,
	END,
};

static const struct api_field relay_fields[] = {
	{"name", API_STRING, false, "forward_to_NAME is where it is reached", "blue"},
	{"at", API_STRING, true, "route to the node that relays", "/ip4/127.0.0.1/tcp/4000"},
	{"node_name_first", API_BOOL, .line = "show the address made of the node's name first"},
	{"listeners", API_STRINGS, .line = "names of listeners that may be reached by it"},
	AUTHORIZED,
	WAIT,
	TIMEOUT,
	END,
};

static const struct api_field listener_fields[] = {
	{"address", API_STRING, true, "where to listen: IPV4:PORT, [IPV6]:PORT, unix:PATH",
		"127.0.0.1:0"},
	END,
};

static const struct api_field connection_fields[] = {
	{"to", API_STRING, true, "what to connect to: HOST:PORT, unix:PATH", "127.0.0.1:4000"},
	TIMEOUT,
	END,
};

static const struct api_field outlet_fields[] = {
	{"from", API_STRING, false, "its name", "outlet"},
	{"to", API_STRING, true, "what its connections are connected to: HOST:PORT, unix:PATH",
		"127.0.0.1:5432"},
	END,
};

static const struct api_field inlet_fields[] = {
	{"alias", API_STRING, false, "its name", "db"},
	{"from", API_STRING, false, "where to listen", "127.0.0.1:0"},
	{"to", API_STRING, true, "route to an outlet",
		"/ip4/127.0.0.1/tcp/4000/secure/api/service/outlet"},
	AUTHORIZED,
	IDENTITY,
	{"parallel", API_COUNT, .line = "secure channels that share the connections"},
	{"retry_wait_ms", API_MS, .line = "between attempts to connect; 0: a growing time"},
	WAIT,
	TIMEOUT,
	END,
};

static const struct api_field service_fields[] = {
	{"name", API_STRING, true, "which service", "echo"},
	{"addr", API_STRING, false, "its address; its name when absent", "mirror"},
	END,
};

static const struct api_field settings_fields[] = {
	{"busy_poll_us", API_COUNTER, .line = "microseconds to look for work before sleeping; 0: none"},
	{"max_paths", API_COUNTER, .line = "paths by one link, or identity; 0: no limit"},
	{"max_queue", API_COUNTER, .line = "bytes of one that wait for next hops; 0: no limit"},
	{"max_rate", API_COUNTER, .line = "bytes a second from one; 0: no limit"},
	{"max_burst", API_COUNTER, .line = "bytes that max_rate lets be saved up"},
	END,
};

static const struct api_field message_fields[] = {
	{"to", API_STRING, true, "route to a service", "/service/echo"},
	AUTHORIZED,
	TIMEOUT,
	END,
};

/* A row each: what is asked for takes nothing, or FIELDS in a JSON body. */
#define GET_ONE(path, fn, shape, line)                                                             \
	{                                                                                          \
		"GET", path, fn, API_NO_INPUT, NULL, API_OBJECT, &shape, line                      \
	}
#define GET_LIST(path, fn, shape, line)                                                            \
	{                                                                                          \
		"GET", path, fn, API_NO_INPUT, NULL, API_LIST, &shape, line                        \
	}
#define DELETE_ONE(path, fn, shape, line)                                                          \
	{                                                                                          \
		"DELETE", path, fn, API_NO_INPUT, NULL, API_OBJECT, &shape, line                   \
	}
#define POST_ONE(path, fn, fields, shape, line)                                                    \
	{                                                                                          \
		"POST", path, fn, API_JSON, fields, API_OBJECT, &shape, line                       \
	}

const struct api_entry api_entries[] = {
	{"HEAD", "/", api_alive, API_NO_INPUT, NULL, API_NOTHING, NULL,
		"whether the node is there"},
	{"GET", "/openapi.json", api_openapi, API_NO_INPUT, NULL, API_DOCUMENT, NULL,
		"this API as an OpenAPI document"},
	{"GET", "/metrics", api_metrics, API_NO_INPUT, NULL, API_LINES, NULL,
		"counters, as OpenMetrics or Prometheus text by Accept"},
	GET_ONE("/show", api_node_show, shape_node, "the node and all it has"),
	GET_ONE("/v1/node", api_node_show, shape_node, "the node and all it has"),
	POST_ONE("/v1/node/settings", api_node_set, settings_fields, shape_settings,
		"changes what is given, and keeps it"),
	GET_LIST("/v1/workers", api_workers_list, shape_worker,
		"all that has an address on the node"),
	GET_LIST("/v1/secure-channels", api_channels_list, shape_channel, "the secure channels"),
	POST_ONE("/v1/secure-channels", api_channel_create, channel_fields, shape_channel_made,
		"make a secure channel"),
	GET_ONE("/v1/secure-channels/*", api_channel_show, shape_channel, "one secure channel"),
	DELETE_ONE("/v1/secure-channels/*", api_channel_delete, shape_address,
		"delete a secure channel"),
	GET_LIST("/v1/secure-channel-listeners", api_listeners_list, shape_channel_listener,
		"the secure channel listeners"),
	POST_ONE("/v1/secure-channel-listeners", api_listener_create, channel_listener_fields,
		shape_channel_listener, "make a secure channel listener"),
	GET_ONE("/v1/secure-channel-listeners/*", api_listener_show, shape_channel_listener,
		"one secure channel listener"),
	DELETE_ONE("/v1/secure-channel-listeners/*", api_listener_delete, shape_channel_listener,
		"delete a secure channel listener"),
	GET_LIST("/v1/relays", api_relays_list, shape_relay, "the relays"),
	POST_ONE("/v1/relays", api_relay_create, relay_fields, shape_relay, "make a relay"),
	GET_ONE("/v1/relays/*", api_relay_show, shape_relay, "one relay"),
	DELETE_ONE("/v1/relays/*", api_relay_delete, shape_relay, "delete a relay"),
	GET_LIST("/v1/tcp-listeners", api_tcp_listeners_list, shape_listener, "the TCP listeners"),
	POST_ONE("/v1/tcp-listeners", api_tcp_listener_create, listener_fields, shape_listener,
		"make a TCP listener"),
	GET_ONE("/v1/tcp-listeners/*", api_tcp_listener_show, shape_listener, "one TCP listener"),
	DELETE_ONE("/v1/tcp-listeners/*", api_tcp_listener_delete, shape_listener,
		"delete a TCP listener"),
	GET_LIST("/v1/tcp-connections", api_tcp_connections_list, shape_connection,
		"the TCP connections"),
	POST_ONE("/v1/tcp-connections", api_tcp_connection_create, connection_fields,
		shape_connection, "make a TCP connection"),
	GET_ONE("/v1/tcp-connections/*", api_tcp_connection_show, shape_connection_counted,
		"one TCP connection"),
	DELETE_ONE("/v1/tcp-connections/*", api_tcp_connection_delete, shape_connection,
		"delete a TCP connection"),
	GET_LIST("/v1/udp-listeners", api_udp_listeners_list, shape_listener, "the UDP listeners"),
	POST_ONE("/v1/udp-listeners", api_udp_listener_create, listener_fields, shape_listener,
		"make a UDP listener"),
	GET_ONE("/v1/udp-listeners/*", api_udp_listener_show, shape_listener, "one UDP listener"),
	DELETE_ONE("/v1/udp-listeners/*", api_udp_listener_delete, shape_listener,
		"delete a UDP listener"),
	GET_LIST("/v1/udp-connections", api_udp_connections_list, shape_connection,
		"the UDP connections"),
	POST_ONE("/v1/udp-connections", api_udp_connection_create, connection_fields,
		shape_connection, "make a UDP connection"),
	GET_ONE("/v1/udp-connections/*", api_udp_connection_show, shape_connection_counted,
		"one UDP connection"),
	DELETE_ONE("/v1/udp-connections/*", api_udp_connection_delete, shape_connection,
		"delete a UDP connection"),
	GET_LIST("/v1/tcp-outlets", api_outlets_list, shape_outlet, "the TCP outlets"),
	POST_ONE("/v1/tcp-outlets", api_outlet_create, outlet_fields, shape_outlet,
		"make a TCP outlet"),
	GET_ONE("/v1/tcp-outlets/*", api_outlet_show, shape_outlet, "one TCP outlet"),
	DELETE_ONE("/v1/tcp-outlets/*", api_outlet_delete, shape_outlet, "delete a TCP outlet"),
	GET_LIST("/v1/tcp-inlets", api_inlets_list, shape_inlet, "the TCP inlets"),
	POST_ONE("/v1/tcp-inlets", api_inlet_create, inlet_fields, shape_inlet, "make a TCP inlet"),
	GET_ONE("/v1/tcp-inlets/*", api_inlet_show, shape_inlet, "one TCP inlet"),
	DELETE_ONE("/v1/tcp-inlets/*", api_inlet_delete, shape_inlet, "delete a TCP inlet"),
	GET_LIST("/v1/services", api_services_list, shape_service, "the services"),
	POST_ONE("/v1/services", api_service_start, service_fields, shape_service,
		"start a service"),
	DELETE_ONE("/v1/services/*", api_service_stop, shape_service, "stop a service"),
	{"POST", "/v1/messages", api_message_send, API_BYTES, message_fields, API_OPAQUE, NULL,
		"send a message and await the reply"},
};
const size_t api_entries_n = sizeof api_entries / sizeof *api_entries;
