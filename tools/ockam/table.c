// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <string.h>

/* Options that several commands take. */
#define OPTION static const struct option
OPTION o_output = {"output", 0, VALUE_FORMAT, .meta = "plain|json", .help = "form of the result"};
OPTION o_jq = {"jq", 0, VALUE_TEXT, .meta = "FILTER", .help = "filter the JSON result with jq"};
OPTION o_compact = {"compact-output", 0, VALUE_NONE, .help = "JSON without spaces"};
OPTION o_pretty = {"pretty", 0, VALUE_NONE, .help = "JSON with indentation"};
OPTION o_no_color = {"no-color", 0, VALUE_NONE, .help = "no colour (also NO_COLOR)"};
OPTION o_no_input = {"no-input", 0, VALUE_NONE, .help = "never ask (also NO_INPUT)"};
OPTION o_quiet = {"quiet", 'q', VALUE_NONE, .help = "no progress, hints and warnings (also QUIET)"};
OPTION o_verbose = {
	"verbose", 'v', VALUE_NONE, .many = true, .help = "more logs; -vv, -vvv for more still"};
OPTION o_help = {"help", 'h', VALUE_NONE, .help = "help: -h short, --help long"};
OPTION o_version = {"version", 'V', VALUE_NONE, .help = "the version"};

OPTION o_at = {"at", 0, VALUE_NODE, .meta = "NODE", .help = "the node; default: the default node",
	.alias = {"node"}};
OPTION o_all = {"all", 0, VALUE_NONE, .help = "all of them"};
OPTION o_yes = {"yes", 'y', VALUE_NONE, .help = "do not ask", .alias = {"force"}};
OPTION o_authorized = {"authorized", 'a', VALUE_IDENTIFIER, .many = true, .meta = "ID|any",
	.help = "accept this identifier besides those of the home",
	.alias = {"authorized-identifier"}};
OPTION o_identity = {"identity", 0, VALUE_NAME, .meta = "NAME", .help = "the identity to use"};
OPTION o_vault = {
	"vault", 0, VALUE_NAME, .meta = "NAME", .help = "the vault of the identity to use"};
OPTION o_timeout = {
	"timeout", 0, VALUE_TIMEOUT, .meta = "D", .help = "how long to wait, like 500ms or 10s"};
OPTION o_retry_count = {
	"retry-count", 0, VALUE_COUNT, .meta = "N", .help = "try again so often when unreachable"};
OPTION o_retry_delay = {
	"retry-delay", 0, VALUE_DURATION, .meta = "D", .help = "wait between attempts; default 5s"};
OPTION o_no_retry = {"no-retry", 0, VALUE_NONE, .help = "one attempt only"};

OPTION o_tcp_listener = {"tcp-listener-address", 't', VALUE_ADDRESS, .many = true,
	.meta = "HOST:PORT|unix:PATH",
	.help = "where to listen; default 127.0.0.1:0, and port 0 is one that the kernel picks"};
OPTION o_udp_listener = {"udp-listener-address", 0, VALUE_ADDRESS, .many = true,
	.meta = "HOST:PORT",
	.help = "where to listen for UDP too; port 0 is one that the kernel picks"};
OPTION o_foreground = {"foreground", 'f', VALUE_NONE,
	.help = "stay, and log to stdout; the node ends with the command"};
OPTION o_become = {"foreground", 'f', VALUE_NONE,
	.help = "become the node, log to stderr, and tell a service manager when it is ready"};
OPTION o_exit_on_eof = {
	"exit-on-eof", 'e', VALUE_NONE, .help = "in the foreground, end with stdin"};
OPTION o_workers = {"workers", 0, VALUE_COUNT, .meta = "N", .help = "threads of the data plane"};
OPTION o_busy_poll = {"busy-poll", 0, VALUE_COUNT, .meta = "US",
	.help = "microseconds that the data plane looks for work before it sleeps; default 50, 0: "
		"none"};
OPTION o_max_paths = {"max-paths", 0, VALUE_COUNT, .meta = "N",
	.help = "paths that others may have through the node, per link and per identity; 0: no "
		"limit"};
OPTION o_max_queue = {"max-queue", 0, VALUE_SIZE, .meta = "SIZE",
	.help = "bytes that may wait for next hops, per link and per identity; 0: no limit"};
OPTION o_max_rate = {"max-rate", 0, VALUE_SIZE, .meta = "SIZE",
	.help = "bytes a second to receive, per link and per identity; 0: no limit"};
OPTION o_max_burst = {"max-burst", 0, VALUE_SIZE, .meta = "SIZE",
	.help = "bytes that --max-rate lets be saved up; default 64K"};
#define SETTINGS &o_busy_poll, &o_max_paths, &o_max_queue, &o_max_rate, &o_max_burst
OPTION o_forward = {"path", 0, VALUE_TEXT, .meta = "auto|uring|tc",
	.help = "by what relays forward: in the kernel where possible, or by io_uring alone"};
OPTION o_transit = {"transit", 0, VALUE_TRANSIT, .many = true, .meta = "CIDR[:PORT|:LO-HI]",
	.help = "dial onward to these addresses for others"};
OPTION o_http_server = {"http-server", 0, VALUE_NONE,
	.help = "an HTTP server on 127.0.0.1 for the control API and metrics, with a token"};
OPTION o_http_port = {"http-server-port", 0, VALUE_COUNT, .meta = "PORT",
	.help = "the same, on this port; port 0 is one that the kernel picks"};
OPTION o_configuration = {"configuration", 0, VALUE_TEXT, .meta = "YAML|FILE",
	.help = "what the node has: a file, or the text itself"};
OPTION o_variable = {"variable", 0, VALUE_VARIABLE, .many = true, .meta = "NAME=VALUE",
	.help = "the value of $NAME in the configuration"};
OPTION o_schema = {"schema", 0, VALUE_NONE, .help = "print the JSON schema of such a file"};
OPTION o_follow = {"follow", 'F', VALUE_NONE, .help = "print the log, and go on as it grows"};

OPTION o_from_node = {
	"from", 0, VALUE_NODE, .meta = "NODE", .help = "the node; default: the default node"};
OPTION o_from_filter = {"from", 0, VALUE_NODE, .meta = "NODE", .help = "the same as --at"};
OPTION o_to_route = {"to", 0, VALUE_ROUTE, .required = true, .meta = "ROUTE",
	.help = "route to a secure channel listener; `-` in it takes a line from stdin"};
OPTION o_message_to = {"to", 't', VALUE_ROUTE, .required = true, .meta = "ROUTE",
	.help = "where to send it; `-` in it takes a line from stdin"};
OPTION o_message_from = {"from", 'f', VALUE_NODE, .meta = "NODE",
	.help = "the node that sends; default: a temporary one"};
OPTION o_hex = {"hex", 0, VALUE_NONE, .help = "message and reply are hexadecimal digits"};
OPTION o_relay_at = {"at", 0, VALUE_PLACE, .required = true, .meta = "ROUTE|NODE",
	.help = "the node that relays"};
OPTION o_relay_to = {"to", 0, VALUE_NODE, .meta = "NODE",
	.help = "the node that is reached; default: the default node"};
OPTION o_relay_node = {"node", .refused = "--node would mean two things here: use --at for the "
					  "node that relays, --to for the one that is reached"};
OPTION o_relay_owner = {"to", 0, VALUE_NODE, .meta = "NODE",
	.help = "the node that has the relay; default: the default node"};
OPTION o_listener = {"listener", 0, VALUE_NAME, .many = true, .meta = "NAME",
	.help = "a listener that may be reached through the relay"};
OPTION o_no_wait = {
	"no-connection-wait", 0, VALUE_NONE, .help = "return at once; the node goes on trying"};
OPTION o_connection_to = {"to", 0, VALUE_ADDRESS, .required = true, .meta = "HOST:PORT|unix:PATH",
	.help = "what to connect to"};
OPTION o_udp_connection_to = {"to", 0, VALUE_ADDRESS, .required = true, .meta = "HOST:PORT",
	.help = "what to connect to"};
OPTION o_outlet_to = {"to", 0, VALUE_PORT, .required = true, .meta = "HOST:PORT|PORT|unix:PATH",
	.help = "what its connections are connected to; a name is resolved for each"};
OPTION o_outlet_name = {"from", 0, VALUE_NAME, .meta = "NAME",
	.help = "its address; default: `outlet`, then random names"};
OPTION o_inlet_from = {"from", 0, VALUE_PORT, .meta = "HOST:PORT|PORT|unix:PATH",
	.help = "where to listen; default 127.0.0.1:0, and port 0 is one that the kernel picks"};
OPTION o_inlet_to = {"to", 0, VALUE_PLACE, .required = true, .meta = "ROUTE|NAME",
	.help = "route to the outlet, or with --via its name; `-` in it takes a line from stdin"};
OPTION o_via = {"via", 0, VALUE_ROUTE, .meta = "ROUTE",
	.help = "route to the node that has the outlet: the channel goes to its listener `api`"};
OPTION o_alias = {
	"alias", 0, VALUE_NAME, .meta = "NAME", .help = "its name; default: a random one"};
OPTION o_parallel = {"parallel", 0, VALUE_COUNT, .meta = "N",
	.help = "secure channels that share the connections; default: one more than workers"};
OPTION o_connection_wait = {"connection-wait", 0, VALUE_TIMEOUT, .meta = "D",
	.help = "how long to wait until it is connected; default 5s"};
OPTION o_retry_wait = {"retry-wait", 0, VALUE_TIMEOUT, .meta = "D",
	.help = "wait between attempts to connect; default: from 100ms, growing to 15s"};
OPTION o_full = {"full", 0, VALUE_NONE, .help = "the whole change history"};
OPTION o_encoding = {
	"encoding", 0, VALUE_ENCODING, .meta = "text|hex", .help = "of the change history"};
OPTION o_import = {"identity", 0, VALUE_TEXT, .meta = "HEX", .help = "import this change history"};
OPTION o_path = {"path", 0, VALUE_TEXT, .meta = "PATH",
	.help = "the file that holds the keys; default: inside the home's database"};
OPTION o_path_needed = {"path", 0, VALUE_TEXT, .required = true, .meta = "PATH",
	.help = "the file to move the keys to"};
OPTION o_addr = {
	"addr", 0, VALUE_NAME, .meta = "ADDRESS", .help = "its address; default: its name"};

#define NODE_OR_DEFAULT                                                                            \
	{                                                                                          \
		{                                                                                  \
			"NODE", VALUE_NODE, false, "default: the default node"                     \
		}                                                                                  \
	}
#define RETRY &o_retry_count, &o_retry_delay, &o_no_retry
#define DELETE &o_all, &o_yes

static const struct command node_commands[] = {
	{"create", "create and start a node", cmd_node_create,
		.pos = {{"NAME|FILE", VALUE_NAME_OR_FILE, false,
			"default: `default`, then random names; FILE: a configuration in YAML"}},
		.opt = {&o_tcp_listener, &o_udp_listener, &o_foreground, &o_exit_on_eof, &o_authorized,
			&o_identity, &o_vault, &o_workers, &o_forward, &o_transit, &o_http_server, &o_http_port, &o_timeout, &o_configuration,
			&o_variable, SETTINGS},
		.about = "Returns when the node answers, and prints its name. The vault and the "
			 "identity `default` are\n"
			 "made when the home has none. A running node of that name is an error; a "
			 "stopped one is replaced.",
		.examples = "ockam node create n1\n"
			    "ockam node create n2 --tcp-listener-address 127.0.0.1:4000\n"
			    "ockam node create relay -t 0.0.0.0:4000 --authorized any\n"
			    "ockam node create n3 --http-server-port 4080\n"
			    "ockam node create node.yaml --variable PORT=4000"},
	{"list", "list the nodes of the home", cmd_node_list,
		.examples = "ockam node list --output json --jq '.[].node_name'"},
	{"show", "show a node and all it has", cmd_node_show, .pos = NODE_OR_DEFAULT,
		.examples = "ockam node show n1 | jq -r .route.verbose"},
	{"set", "change how a running node waits and what it lets others have", cmd_node_set,
		.pos = NODE_OR_DEFAULT, .opt = {SETTINGS},
		.about =
			"Prints what holds now, and keeps it for the next start. What is not given "
			"stays as it is.\nLimits are of what a link sends to the node; links whose "
			"neighbour has proved an identity by a\nchannel of its own share those of "
			"that "
			"identity.",
		.examples = "ockam node set n1 --busy-poll 0\n"
			    "ockam node set relay --max-rate 10M --max-burst 1M --max-paths 1000"},
	{"start", "start a stopped node, with all it had", cmd_node_start, .pos = NODE_OR_DEFAULT,
		.opt = {&o_timeout, &o_become},
		.about = "With --foreground nothing is printed, and the data plane goes on when "
			 "only "
			 "the control plane ends:\nthe next start takes it over. That is how the "
			 "systemd unit ockam@.service starts a node.",
		.examples = "ockam node start n1"},
	{"stop", "stop a node", cmd_node_stop, .pos = NODE_OR_DEFAULT,
		.examples = "ockam node stop n1"},
	{"delete", "stop and delete a node", cmd_node_delete,
		.pos = {{"NODE", VALUE_NODE, false, "the node"}}, .opt = {DELETE},
		.examples = "ockam node delete n1\nockam node delete --all --yes"},
	{"logs", "print the path of a node's log", cmd_node_logs, .pos = NODE_OR_DEFAULT,
		.opt = {&o_follow}, .examples = "ockam node logs n1 --follow"},
	{"default", "show or change the default node", cmd_node_default,
		.pos = {{"NODE", VALUE_NODE, false, "the node that becomes the default"}},
		.examples = "ockam node default n1"},
};

static const struct command channel_commands[] = {
	{"create", "create a secure channel", cmd_channel_create,
		.opt = {&o_from_node, &o_to_route, &o_authorized, &o_identity, &o_timeout, RETRY},
		.about = "Prints the channel's address, to be used as the first part of a route.",
		.examples = "ockam secure-channel create --from n1 --to /node/n2/service/api\n"
			    "ockam secure-channel create --from n1 --to "
			    "/node/relay/service/forward_to_n2/service/api |\n"
			    "    ockam message send hello --from n1 --to -/service/uppercase"},
	{"list", "list the secure channels of a node", cmd_channel_list, .opt = {&o_at}},
	{"show", "show a secure channel", cmd_channel_show,
		.pos = {{"ADDRESS", VALUE_CHANNEL, true, "HEX or /service/HEX"}}, .opt = {&o_at}},
	{"delete", "close a secure channel", cmd_channel_delete,
		.pos = {{"ADDRESS", VALUE_CHANNEL, false, "HEX or /service/HEX"}},
		.opt = {&o_at, DELETE}},
};

static const struct command channel_listener_commands[] = {
	{"create", "create a secure channel listener", cmd_listener_create,
		.pos = {{"NAME", VALUE_NAME, true, "its address"}},
		.opt = {&o_at, &o_identity, &o_vault, &o_authorized},
		.examples = "ockam secure-channel-listener create guests --at n1 --authorized any"},
	{"list", "list the secure channel listeners of a node", cmd_listener_list, .opt = {&o_at}},
	{"show", "show a secure channel listener", cmd_listener_show,
		.pos = {{"NAME", VALUE_TEXT, true, "NAME or /service/NAME"}}, .opt = {&o_at}},
	{"delete", "stop a secure channel listener", cmd_listener_delete,
		.pos = {{"NAME", VALUE_TEXT, false, "NAME or /service/NAME"}},
		.opt = {&o_at, DELETE}},
};

static const struct command message_commands[] = {
	{"send", "send a message and print the reply", cmd_message_send,
		.pos = {{"MESSAGE", VALUE_TEXT, true, "the text, or `-` for stdin"}},
		.opt = {&o_message_to, &o_message_from, &o_timeout, &o_hex, &o_identity,
			&o_authorized, RETRY},
		.about = "Without --from a temporary node sends it, which ends with the command. "
			 "With `-` the message is\n"
			 "read from stdin and the reply is written byte for byte.",
		.examples =
			"ockam message send hello --to /node/n1/service/uppercase\n"
			"ockam message send hello --from n1 --to /node/n2/secure/api/service/echo\n"
			"ockam message send - --to /node/n1/service/echo < file"},
};

static const struct command relay_commands[] = {
	{"create", "make a node reachable through another", cmd_relay_create,
		.pos = {{"NAME", VALUE_NAME, false, "default: `default`"}},
		.opt = {&o_relay_at, &o_relay_to, &o_listener, &o_authorized, &o_no_wait,
			&o_timeout, RETRY, &o_relay_node},
		.about = "Prints the address at the relaying node. `ockam forwarder create` is the "
			 "same, and prints the\n"
			 "alias after the node's name.",
		.examples = "ockam relay create blue --at /node/relay --to n2\n"
			    "ockam relay create blue --at /ip4/192.0.2.7/tcp/4000 --to n2"},
	{"list", "list the relays of a node", cmd_relay_list, .opt = {&o_relay_owner, &o_at}},
	{"show", "show a relay", cmd_relay_show, .pos = {{"NAME", VALUE_TEXT, true, "its name"}},
		.opt = {&o_relay_owner, &o_at}},
	{"delete", "end a relay", cmd_relay_delete,
		.pos = {{"NAME", VALUE_TEXT, false, "its name"}},
		.opt = {&o_relay_owner, &o_at, DELETE}},
};

static const struct command tcp_listener_commands[] = {
	{"create", "listen on one more address", cmd_tcp_listener_create,
		.pos = {{"ADDRESS", VALUE_ADDRESS, true, "HOST:PORT or unix:PATH"}}, .opt = {&o_at},
		.examples = "ockam tcp-listener create 127.0.0.1:0 --at n1"},
	{"list", "list the tcp listeners of a node", cmd_tcp_listener_list, .opt = {&o_at}},
	{"show", "show a tcp listener", cmd_tcp_listener_show,
		.pos = {{"ADDRESS", VALUE_TEXT, true, "HOST:PORT or unix:PATH"}}, .opt = {&o_at}},
	{"delete", "stop listening on an address", cmd_tcp_listener_delete,
		.pos = {{"ADDRESS", VALUE_TEXT, false, "HOST:PORT or unix:PATH"}},
		.opt = {&o_at, DELETE}},
};

static const struct command tcp_connection_commands[] = {
	{"create", "connect to another node", cmd_tcp_connection_create,
		.opt = {&o_from_node, &o_connection_to, &o_timeout, RETRY},
		.examples = "ockam tcp-connection create --from n1 --to 127.0.0.1:4000"},
	{"list", "list the tcp connections of a node", cmd_tcp_connection_list,
		.opt = {&o_at, &o_from_filter}},
	{"show", "show a tcp connection", cmd_tcp_connection_show,
		.pos = {{"ADDRESS", VALUE_TEXT, true, "HEX, /service/HEX or HOST:PORT"}},
		.opt = {&o_at, &o_from_filter}},
	{"delete", "close a tcp connection", cmd_tcp_connection_delete,
		.pos = {{"ADDRESS", VALUE_TEXT, false, "HEX, /service/HEX or HOST:PORT"}},
		.opt = {&o_at, &o_from_filter, DELETE}},
};

#define UDP_ABOUT                                                                                  \
	"Channels and messages go over UDP as over TCP, also where a relay has TCP on its other "  \
	"side.\n"                                                                                  \
	"A message may be lost then, and has to fit into one frame; tcp-inlets need a route "      \
	"without UDP."

static const struct command udp_listener_commands[] = {
	{"create", "listen on a UDP address", cmd_udp_listener_create,
		.pos = {{"ADDRESS", VALUE_ADDRESS, true, "HOST:PORT"}}, .opt = {&o_at},
		.about = UDP_ABOUT,
		.examples = "ockam udp-listener create 127.0.0.1:0 --at n1\n"
			    "ockam message send hello --to "
			    "/dnsaddr/localhost/udp/4000/secure/api/service/uppercase"},
	{"list", "list the udp listeners of a node", cmd_udp_listener_list, .opt = {&o_at}},
	{"show", "show a udp listener", cmd_udp_listener_show,
		.pos = {{"ADDRESS", VALUE_TEXT, true, "HOST:PORT"}}, .opt = {&o_at}},
	{"delete", "stop listening on an address", cmd_udp_listener_delete,
		.pos = {{"ADDRESS", VALUE_TEXT, false, "HOST:PORT"}}, .opt = {&o_at, DELETE}},
};

static const struct command udp_connection_commands[] = {
	{"create", "connect to another node over UDP", cmd_udp_connection_create,
		.opt = {&o_from_node, &o_udp_connection_to, &o_timeout, RETRY}, .about = UDP_ABOUT,
		.examples = "ockam udp-connection create --from n1 --to 127.0.0.1:4000"},
	{"list", "list the udp connections of a node", cmd_udp_connection_list,
		.opt = {&o_at, &o_from_filter}},
	{"show", "show a udp connection", cmd_udp_connection_show,
		.pos = {{"ADDRESS", VALUE_TEXT, true, "HEX, /service/HEX or HOST:PORT"}},
		.opt = {&o_at, &o_from_filter}},
	{"delete", "close a udp connection", cmd_udp_connection_delete,
		.pos = {{"ADDRESS", VALUE_TEXT, false, "HEX, /service/HEX or HOST:PORT"}},
		.opt = {&o_at, &o_from_filter, DELETE}},
};

static const struct command outlet_commands[] = {
	{"create", "offer a TCP service to those who open a channel to the node", cmd_outlet_create,
		.opt = {&o_outlet_to, &o_outlet_name, &o_at},
		.about = "Whoever a channel listener of the node accepts can connect. TLS to the "
			 "target is not "
			 "supported.",
		.examples = "ockam tcp-outlet create --at n2 --to 127.0.0.1:5432\n"
			    "ockam tcp-outlet create --at n2 --from db --to "
			    "unix:/run/postgresql/.s.PGSQL.5432"},
	{"list", "list the tcp outlets of a node", cmd_outlet_list, .opt = {&o_at}},
	{"show", "show a tcp outlet", cmd_outlet_show,
		.pos = {{"NAME", VALUE_TEXT, true, "NAME or /service/NAME"}}, .opt = {&o_at}},
	{"delete", "delete a tcp outlet; open connections go on", cmd_outlet_delete,
		.pos = {{"NAME", VALUE_TEXT, false, "NAME or /service/NAME"}},
		.opt = {&o_at, DELETE}},
};

static const struct command inlet_commands[] = {
	{"create", "listen for connections that come out at an outlet", cmd_inlet_create,
		.opt = {&o_inlet_from, &o_inlet_to, &o_via, &o_at, &o_alias, &o_identity,
			&o_authorized, &o_parallel, &o_no_wait, &o_connection_wait, &o_retry_wait},
		.about = "Prints the address that it listens on. The connections go through secure "
			 "channels "
			 "that the node keeps up;\na route without one gets /secure/api before its "
			 "last "
			 "service. An inlet whose outlet is not there yet is\ncreated and connects "
			 "later.",
		.examples = "ockam tcp-inlet create --at n1 --from 15432 --to "
			    "/node/n2/secure/api/service/outlet\n"
			    "ockam tcp-inlet create --at n1 --from 7777 --via "
			    "/node/relay/service/forward_to_n2 --to outlet"},
	{"list", "list the tcp inlets of a node", cmd_inlet_list, .opt = {&o_at}},
	{"show", "show a tcp inlet", cmd_inlet_show,
		.pos = {{"NAME", VALUE_TEXT, true, "its alias or the address it listens on"}},
		.opt = {&o_at}},
	{"delete", "delete a tcp inlet, and reset its connections", cmd_inlet_delete,
		.pos = {{"NAME", VALUE_TEXT, false, "its alias or the address it listens on"}},
		.opt = {&o_at, DELETE}},
};

static const struct command identity_commands[] = {
	{"create", "create an identity", cmd_identity_create,
		.pos = {{"NAME", VALUE_NAME, false, "default: a random one"}},
		.opt = {&o_vault, &o_import}, .examples = "ockam identity create alice"},
	{"list", "list the identities of the home", cmd_identity_list, .examples = NULL},
	{"show", "print an identifier", cmd_identity_show,
		.pos = {{"NAME", VALUE_NAME, false, "default: the default identity"}},
		.opt = {&o_full, &o_encoding},
		.examples = "ockam identity show --full --encoding hex"},
	{"delete", "delete an identity", cmd_identity_delete,
		.pos = {{"NAME", VALUE_NAME, false, "the identity"}}, .opt = {DELETE}},
	{"default", "show or change the default identity", cmd_identity_default,
		.pos = {{"NAME", VALUE_NAME, false, "the identity that becomes the default"}}},
};

static const struct command vault_commands[] = {
	{"create", "create a vault", cmd_vault_create,
		.pos = {{"NAME", VALUE_NAME, false, "default: a random one"}}, .opt = {&o_path},
		.examples = "ockam vault create keys --path /media/stick/keys"},
	{"list", "list the vaults of the home", cmd_vault_list, .examples = NULL},
	{"show", "show a vault", cmd_vault_show,
		.pos = {{"NAME", VALUE_NAME, false, "default: the default vault"}}},
	{"move", "move a vault's keys to another file", cmd_vault_move,
		.pos = {{"NAME", VALUE_NAME, true, "the vault"}}, .opt = {&o_path_needed}},
	{"delete", "delete a vault", cmd_vault_delete,
		.pos = {{"NAME", VALUE_NAME, false, "the vault"}}, .opt = {DELETE}},
};

static const struct command service_commands[] = {
	{"list", "list the services of a node", cmd_service_list, .opt = {&o_at}},
	{"start", "start a service", cmd_service_start,
		.pos = {{"NAME", VALUE_NAME, true,
			"uppercase, echo, hop or another kind of service"}},
		.opt = {&o_addr, &o_at},
		.examples = "ockam service start uppercase --addr shout --at n1"},
	{"stop", "stop a service", cmd_service_stop,
		.pos = {{"ADDRESS", VALUE_TEXT, false, "NAME or /service/NAME"}},
		.opt = {&o_at, DELETE}},
};

static const struct command worker_commands[] = {
	{"list", "list all addresses of a node", cmd_worker_list, .opt = {&o_at}},
};

static const struct command run_command = {NULL, "make the nodes of a file, and all they have",
	cmd_run, .pos = {{"FILE", VALUE_TEXT, false, "a configuration in YAML, or `-` for stdin"}},
	.opt = {&o_variable, &o_schema},
	.about =
		"The file maps `nodes` to names, each name to what `ockam node create FILE` takes: "
		"the options of\n`node create`, and tcp-listeners, relays and so on, each a map "
		"from "
		"a name to the options of that\ngroup's `create`. $NAME stands for a variable: "
		"from "
		"--variable, from `variables` in the file, or\nfrom the environment. If a part "
		"fails "
		"the nodes that were made are removed again.",
	.examples = "ockam run machine.yaml\n"
		    "ockam run machine.yaml --variable RELAY=/ip4/192.0.2.7/tcp/4000"};
static const struct command status_command = {
	NULL, "show the home, its identities and nodes", cmd_status};
static const struct command reset_command = {
	NULL, "delete everything in the home", cmd_reset, .opt = {&o_yes}};
static const struct command environment_command = {
	NULL, "list the environment variables that count", cmd_environment, .no_home = true};
static const struct command completion_command = {NULL, "print completions for a shell",
	cmd_completion, .pos = {{"SHELL", VALUE_SHELL, true, "bash, zsh or fish"}}, .no_home = true,
	.examples = "source <(ockam completion bash)"};
static const struct command help_command = {NULL, "show help for a command", cmd_help,
	.pos = {{"GROUP", VALUE_TEXT, false, "like `node`"},
		{"COMMAND", VALUE_TEXT, false, "like `create`"}},
	.no_home = true};

#define MANY(a) a, sizeof a / sizeof *a
const struct group table_groups[] = {
	{"node", NULL, "create and manage nodes", MANY(node_commands)},
	{"secure-channel", NULL, "end-to-end encrypted channels between nodes",
		MANY(channel_commands)},
	{"secure-channel-listener", NULL, "where a node accepts secure channels",
		MANY(channel_listener_commands)},
	{"message", NULL, "send messages", MANY(message_commands)},
	{"relay", "forwarder", "make a node reachable through another", MANY(relay_commands)},
	{"tcp-listener", NULL, "addresses that a node listens on", MANY(tcp_listener_commands)},
	{"tcp-connection", NULL, "connections to other nodes", MANY(tcp_connection_commands)},
	{"udp-listener", NULL, "UDP addresses that a node listens on", MANY(udp_listener_commands)},
	{"udp-connection", NULL, "links to other nodes over UDP", MANY(udp_connection_commands)},
	{"tcp-outlet", NULL, "TCP services offered through secure channels", MANY(outlet_commands)},
	{"tcp-inlet", NULL, "local ports that lead to such services", MANY(inlet_commands)},
	{"identity", NULL, "create and manage identities", MANY(identity_commands)},
	{"vault", NULL, "create and manage vaults", MANY(vault_commands)},
	{"service", NULL, "services of a node", MANY(service_commands)},
	{"worker", NULL, "all addresses of a node", MANY(worker_commands)},
	{"run", NULL, "make the nodes of a file, and all they have", &run_command, 1},
	{"status", NULL, "show the home, its identities and nodes", &status_command, 1},
	{"reset", NULL, "delete everything in the home", &reset_command, 1},
	{"completion", NULL, "print completions for a shell", &completion_command, 1},
	{"environment", NULL, "list the environment variables that count", &environment_command, 1},
	{"help", NULL, "show help for a command", &help_command, 1},
};
const size_t table_groups_n = sizeof table_groups / sizeof *table_groups;

const struct option *const table_global_options[] = {&o_output, &o_jq, &o_compact, &o_pretty,
	&o_no_color, &o_no_input, &o_quiet, &o_verbose, &o_help, &o_version};
const size_t table_global_options_n = sizeof table_global_options / sizeof *table_global_options;

const struct variable_help table_variables[] = {
	{"OCKAM_HOME", "directory of all state; default ~/.ockam"},
	{"OCKAM_DEFAULT_TIMEOUT", "replaces the default of --timeout"},
	{"OCKAM_LOG", "level of the logs: error, warn, info, debug or trace"},
	{"OCKAM_LOG_FORMAT", "plain or json"},
	{"NO_COLOR", "no colour"},
	{"NO_INPUT", "no questions"},
	{"QUIET", "no progress, hints and warnings"},
	{"TMPDIR", "where temporary nodes have their sockets; default /tmp"},
};
const size_t table_variables_n = sizeof table_variables / sizeof *table_variables;

const char table_example[] = "ockam node create n1\n"
			     "ockam node create n2\n"
			     "ockam secure-channel create --from n1 --to /node/n2/service/api |\n"
			     "    ockam message send hello --from n1 --to -/service/uppercase";

const struct group *table_group(const char *name)
{
	for (size_t i = 0; i < table_groups_n; i++) {
		const struct group *g = &table_groups[i];
		if (!strcmp(g->name, name) || (g->alias && !strcmp(g->alias, name)))
			return g;
	}
	return NULL;
}

const struct command *table_command(const struct group *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++) {
		const char *n = g->commands[i].name;
		if ((!n && !name) || (n && name && !strcmp(n, name)))
			return &g->commands[i];
	}
	return NULL;
}

static bool is(const char *word, const char *name, size_t len)
{
	return word && strlen(word) == len && !strncmp(word, name, len);
}

static bool option_named(const struct option *o, const char *name, size_t len)
{
	return is(o->name, name, len) || is(o->alias[0], name, len) || is(o->alias[1], name, len);
}

const struct option *table_option(const struct command *cmd, const char *name, size_t len)
{
	for (size_t i = 0; cmd && i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		if (option_named(cmd->opt[i], name, len))
			return cmd->opt[i];
	for (size_t i = 0; i < table_global_options_n; i++)
		if (option_named(table_global_options[i], name, len))
			return table_global_options[i];
	return NULL;
}

const struct option *table_option_letter(const struct command *cmd, char letter)
{
	for (size_t i = 0; cmd && i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		if (cmd->opt[i]->letter == letter)
			return cmd->opt[i];
	for (size_t i = 0; i < table_global_options_n; i++)
		if (table_global_options[i]->letter == letter)
			return table_global_options[i];
	return NULL;
}
