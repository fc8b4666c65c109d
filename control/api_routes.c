// SPDX-License-Identifier: Apache-2.0
/* The one table of the control API. Its description for users is docs/api.md. */
#include "api.h"

static const struct api_field channel_fields[] = {
	{"to", API_STRING, true},
	{"authorized", API_STRINGS},
	{"identity", API_STRING},
	{"timeout_ms", API_MS},
	{NULL},
};

static const struct api_field listener_fields[] = {
	{"name", API_STRING, true},
	{"authorized", API_STRINGS},
	{"identity", API_STRING},
	{NULL},
};

static const struct api_field relay_fields[] = {
	{"name", API_STRING},
	{"at", API_STRING, true},
	{"node_name_first", API_BOOL},
	{"listeners", API_STRINGS},
	{"authorized", API_STRINGS},
	{"wait", API_BOOL},
	{"timeout_ms", API_MS},
	{NULL},
};

static const struct api_field tcp_listener_fields[] = {
	{"address", API_STRING, true},
	{NULL},
};

static const struct api_field tcp_connection_fields[] = {
	{"to", API_STRING, true},
	{"timeout_ms", API_MS},
	{NULL},
};

static const struct api_field outlet_fields[] = {
	{"from", API_STRING},
	{"to", API_STRING, true},
	{NULL},
};

static const struct api_field inlet_fields[] = {
	{"alias", API_STRING},
	{"from", API_STRING},
	{"to", API_STRING, true},
	{"authorized", API_STRINGS},
	{"identity", API_STRING},
	{"parallel", API_COUNT},
	{"retry_wait_ms", API_MS},
	{"wait", API_BOOL},
	{"timeout_ms", API_MS},
	{NULL},
};

static const struct api_field service_fields[] = {
	{"name", API_STRING, true},
	{"addr", API_STRING},
	{NULL},
};

static const struct api_field message_fields[] = {
	{"to", API_STRING, true},
	{"authorized", API_STRINGS},
	{"timeout_ms", API_MS},
	{NULL},
};

const struct api_entry api_entries[] = {
	{"HEAD", "/", api_alive},
	{"GET", "/show", api_node_show},
	{"GET", "/v1/node", api_node_show},
	{"GET", "/v1/workers", api_workers_list},
	{"GET", "/v1/secure-channels", api_channels_list},
	{"POST", "/v1/secure-channels", api_channel_create, API_JSON, channel_fields},
	{"GET", "/v1/secure-channels/*", api_channel_show},
	{"DELETE", "/v1/secure-channels/*", api_channel_delete},
	{"GET", "/v1/secure-channel-listeners", api_listeners_list},
	{"POST", "/v1/secure-channel-listeners", api_listener_create, API_JSON, listener_fields},
	{"GET", "/v1/secure-channel-listeners/*", api_listener_show},
	{"DELETE", "/v1/secure-channel-listeners/*", api_listener_delete},
	{"GET", "/v1/relays", api_relays_list},
	{"POST", "/v1/relays", api_relay_create, API_JSON, relay_fields},
	{"GET", "/v1/relays/*", api_relay_show},
	{"DELETE", "/v1/relays/*", api_relay_delete},
	{"GET", "/v1/tcp-listeners", api_tcp_listeners_list},
	{"POST", "/v1/tcp-listeners", api_tcp_listener_create, API_JSON, tcp_listener_fields},
	{"GET", "/v1/tcp-listeners/*", api_tcp_listener_show},
	{"DELETE", "/v1/tcp-listeners/*", api_tcp_listener_delete},
	{"GET", "/v1/tcp-connections", api_tcp_connections_list},
	{"POST", "/v1/tcp-connections", api_tcp_connection_create, API_JSON, tcp_connection_fields},
	{"GET", "/v1/tcp-connections/*", api_tcp_connection_show},
	{"DELETE", "/v1/tcp-connections/*", api_tcp_connection_delete},
	{"GET", "/v1/udp-listeners", api_udp_listeners_list},
	{"POST", "/v1/udp-listeners", api_udp_listener_create, API_JSON, tcp_listener_fields},
	{"GET", "/v1/udp-listeners/*", api_udp_listener_show},
	{"DELETE", "/v1/udp-listeners/*", api_udp_listener_delete},
	{"GET", "/v1/udp-connections", api_udp_connections_list},
	{"POST", "/v1/udp-connections", api_udp_connection_create, API_JSON, tcp_connection_fields},
	{"GET", "/v1/udp-connections/*", api_udp_connection_show},
	{"DELETE", "/v1/udp-connections/*", api_udp_connection_delete},
	{"GET", "/v1/tcp-outlets", api_outlets_list},
	{"POST", "/v1/tcp-outlets", api_outlet_create, API_JSON, outlet_fields},
	{"GET", "/v1/tcp-outlets/*", api_outlet_show},
	{"DELETE", "/v1/tcp-outlets/*", api_outlet_delete},
	{"GET", "/v1/tcp-inlets", api_inlets_list},
	{"POST", "/v1/tcp-inlets", api_inlet_create, API_JSON, inlet_fields},
	{"GET", "/v1/tcp-inlets/*", api_inlet_show},
	{"DELETE", "/v1/tcp-inlets/*", api_inlet_delete},
	{"GET", "/v1/services", api_services_list},
	{"POST", "/v1/services", api_service_start, API_JSON, service_fields},
	{"DELETE", "/v1/services/*", api_service_stop},
	{"POST", "/v1/messages", api_message_send, API_BYTES, message_fields},
};
const size_t api_entries_n = sizeof api_entries / sizeof *api_entries;
