// SPDX-License-Identifier: Apache-2.0
#include "api_shapes.h"

#define MEMBERS (const struct api_member[])
#define END                                                                                        \
	{                                                                                          \
		NULL, API_TEXT                                                                     \
	}

const struct api_shape shape_error = {
	"error", MEMBERS{{"error", API_TEXT}, {"exit", API_NUMBER}, END}};
const struct api_shape shape_address = {"address", MEMBERS{{"address", API_TEXT}, END}};

/* --- parts of a node --- */

static const struct api_shape shape_route = {
	"route", MEMBERS{{"short", API_TEXT}, {"verbose", API_TEXT, .nullable = true}, END}};

static const struct api_shape shape_transport = {"transport",
	MEMBERS{{"type", API_TEXT, .words = "tcp|udp|unix"},
		{"mode", API_TEXT, .words = "listening|connected"}, {"socket_address", API_TEXT},
		{"route", API_TEXT, .nullable = true}, END}};

static const struct api_shape shape_dataplane = {
	"dataplane", MEMBERS{{"pid", API_NUMBER, .nullable = true}, {"workers", API_NUMBER},
			     {"suites", API_TEXTS}, {"restarts", API_NUMBER}, END}};

static const struct api_shape shape_kernel = {"kernel_relay",
	MEMBERS{{"path", API_TEXT, .words = "auto|uring|tc"}, {"paths", API_NUMBER},
		{"wanted", API_NUMBER}, {"frames", API_NUMBER}, {"bytes", API_NUMBER},
		{"why", API_TEXT, .nullable = true}, END}};

static const struct api_shape shape_missing = {
	"sandbox_missing", MEMBERS{{"control", API_TEXTS}, {"dataplane", API_TEXTS}, END}};

/* --- objects --- */

#define CHANNEL                                                                                    \
	{"address", API_TEXT}, {"role", API_TEXT, .words = "initiator|responder"},                 \
		{"peer_identifier", API_TEXT, .nullable = true},                                   \
		{"route", API_TEXT, .nullable = true}, {"listener", API_TEXT, .nullable = true},   \
		{"authorized", API_TEXTS},                                                         \
		{"state", API_TEXT, .words = "opening|up|broken|closing"}, {"age_s", API_NUMBER},  \
		{"suite", API_TEXT, .words = "AESGCM|ChaChaPoly", .nullable = true},               \
	{                                                                                          \
		"path_max", API_NUMBER                                                             \
	}

/* Without what only the data plane knows. */
static const struct api_shape shape_channel_brief = {"secure_channel_brief", MEMBERS{CHANNEL, END}};

const struct api_shape shape_channel = {"secure_channel",
	MEMBERS{CHANNEL, {"epoch", API_NUMBER}, {"frames_rx", API_NUMBER},
		{"frames_tx", API_NUMBER}, {"bytes_rx", API_NUMBER}, {"bytes_tx", API_NUMBER},
		{"replay_drops", API_NUMBER}, {"auth_drops", API_NUMBER}, END}};

const struct api_shape shape_channel_made = {"secure_channel_made",
	MEMBERS{{"address", API_TEXT}, {"peer_identifier", API_TEXT, .nullable = true}, END}};

const struct api_shape shape_channel_listener = {"secure_channel_listener",
	MEMBERS{{"address", API_TEXT}, {"authorized", API_TEXTS}, {"identity", API_TEXT}, END}};

const struct api_shape shape_relay = {
	"relay", MEMBERS{{"name", API_TEXT}, {"remote_address", API_TEXT}, {"addresses", API_TEXTS},
			 {"at", API_TEXT, .nullable = true},
			 {"state", API_TEXT, .words = "connecting|up|refused"},
			 {"last_error", API_TEXT, .nullable = true},
			 {"peer_identifier", API_TEXT, .nullable = true}, END}};

const struct api_shape shape_listener = {
	"listener", MEMBERS{{"address", API_TEXT}, {"route", API_TEXT}, END}};

#define CONNECTION                                                                                 \
	{"address", API_TEXT}, {"from", API_TEXT}, {"to", API_TEXT},                               \
		{"mode", API_TEXT, .words = "dialled|accepted"},                                   \
		{"state", API_TEXT, .words = "dialling|no hello|up"},                              \
	{                                                                                          \
		"paths", API_NUMBER                                                                \
	}

const struct api_shape shape_connection = {"connection", MEMBERS{CONNECTION, END}};

const struct api_shape shape_connection_counted = {"connection_counted",
	MEMBERS{CONNECTION, {"bytes_in", API_NUMBER}, {"bytes_out", API_NUMBER},
		{"dropped", API_NUMBER}, {"limited", API_NUMBER}, END}};

const struct api_shape shape_settings = {
	"settings", MEMBERS{{"busy_poll_us", API_NUMBER}, {"max_paths", API_NUMBER},
			    {"max_queue", API_NUMBER}, {"max_rate", API_NUMBER},
			    {"max_burst", API_NUMBER}, END}};

#define PORTAL_STATE                                                                               \
	{"failures", API_NUMBER},                                                                  \
	{                                                                                          \
		"last_error", API_TEXT, .nullable = true                                           \
	}
#define PORTAL_COUNTERS                                                                            \
	{"open", API_NUMBER}, {"connections", API_NUMBER}, {"bytes_in", API_NUMBER},               \
	{                                                                                          \
		"bytes_out", API_NUMBER                                                            \
	}
#define OUTLET {"worker_address", API_TEXT}, {"to", API_TEXT}, PORTAL_STATE
#define INLET                                                                                      \
	{"alias", API_TEXT}, {"bind_addr", API_TEXT}, {"to", API_TEXT, .nullable = true},          \
		{"service", API_TEXT}, {"state", API_TEXT, .words = "up|connecting|refused"},      \
		{"peer_identifier", API_TEXT, .nullable = true}, {"channels", API_NUMBER},         \
		{"channels_up", API_NUMBER}, {"authorized", API_TEXTS},                            \
		{"retry_wait_ms", API_NUMBER}, PORTAL_STATE

static const struct api_shape shape_outlet_brief = {"outlet_brief", MEMBERS{OUTLET, END}};
static const struct api_shape shape_inlet_brief = {"inlet_brief", MEMBERS{INLET, END}};
const struct api_shape shape_outlet = {"outlet", MEMBERS{OUTLET, PORTAL_COUNTERS, END}};
const struct api_shape shape_inlet = {"inlet", MEMBERS{INLET, PORTAL_COUNTERS, END}};

const struct api_shape shape_service = {
	"service", MEMBERS{{"addr", API_TEXT}, {"type", API_TEXT}, {"route", API_TEXT}, END}};

const struct api_shape shape_worker = {
	"worker", MEMBERS{{"addr", API_TEXT}, {"type", API_TEXT}, END}};

const struct api_shape shape_node = {"node",
	MEMBERS{{"name", API_TEXT}, {"is_default", API_FLAG},
		{"status", API_TEXT, .words = "running"}, {"pid", API_NUMBER},
		{"identity", API_TEXT}, {"route", API_ONE, &shape_route},
		{"http_server_address", API_TEXT, .nullable = true},
		{"transports", API_MANY, &shape_transport},
		{"secure_channel_listeners", API_MANY, &shape_channel_listener},
		{"secure_channels", API_MANY, &shape_channel_brief},
		{"relays", API_MANY, &shape_relay}, {"inlets", API_MANY, &shape_inlet_brief},
		{"outlets", API_MANY, &shape_outlet_brief}, {"services", API_MANY, &shape_service},
		{"dataplane", API_ONE, &shape_dataplane}, {"settings", API_ONE, &shape_settings},
		{"sandbox_missing", API_ONE, &shape_missing},
		{"kernel_relay", API_ONE, &shape_kernel}, END}};

const struct api_shape *const api_shapes[] = {&shape_error, &shape_address, &shape_route,
	&shape_transport, &shape_dataplane, &shape_missing, &shape_kernel, &shape_channel_brief, &shape_channel,
	&shape_channel_made, &shape_channel_listener, &shape_relay, &shape_listener,
	&shape_connection, &shape_connection_counted, &shape_settings, &shape_outlet_brief, &shape_inlet_brief, &shape_outlet, &shape_inlet,
	&shape_service, &shape_worker, &shape_node};
const size_t api_shapes_n = sizeof api_shapes / sizeof *api_shapes;
