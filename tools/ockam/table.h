/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one declarative table of commands. The parser, the help texts, the manual pages and the
 * completions are made from it and from nothing else. All of it is constant.
 */
#ifndef OCKAM_TABLE_H
#define OCKAM_TABLE_H

#include "cli.h"

#include <stddef.h>

/* What a value must look like; checked by the parser, so that commands see only well-formed ones.
 */
enum value_kind {
	VALUE_NONE, /* an option without a value */
	VALUE_TEXT,
	VALUE_NAME,
	VALUE_NAME_OR_FILE, /* a name, or a path that ends in .yaml, .yml or .json */
	VALUE_VARIABLE,	    /* NAME=VALUE */
	VALUE_NODE,	    /* NAME or /node/NAME */
	VALUE_ROUTE,	    /* may take one line from stdin in place of `-` */
	VALUE_PLACE,	    /* a route, or a node's name when it has no slash */
	VALUE_CHANNEL,	    /* HEX or /service/HEX */
	VALUE_ADDRESS,	    /* HOST:PORT or unix:PATH */
	VALUE_PORT,	    /* the same, or PORT: one of 127.0.0.1 */
	VALUE_TRANSIT,	    /* CIDR[:PORT|:LO-HI] */
	VALUE_IDENTIFIER,   /* I<64 hex> or `any` */
	VALUE_DURATION,
	VALUE_TIMEOUT, /* a duration above 0 */
	VALUE_COUNT,
	VALUE_SIZE,	/* bytes; K, M, G are powers of 1024 */
	VALUE_ENCODING, /* text or hex */
	VALUE_FORMAT,	/* plain or json */
	VALUE_SHELL,	/* bash, zsh or fish */
};

struct option {
	const char *name; /* without dashes */
	char letter;	  /* or 0 */
	enum value_kind kind;
	bool many; /* may be given several times */
	bool required;
	const char *meta; /* how help calls the value */
	const char *help;
	const char *alias[2];
	const char *refused; /* the sentence for an option that is known but not taken here */
};

struct positional {
	const char *meta;
	enum value_kind kind;
	bool required;
	const char *help;
};

struct args;
enum { COMMAND_OPTIONS_MAX = 20, COMMAND_POSITIONALS_MAX = 3 };

struct command {
	const char *name; /* NULL: the group itself is the command */
	const char *line; /* one line of help */
	int (*run)(struct cli *c, const struct args *a);
	struct positional pos[COMMAND_POSITIONALS_MAX];
	const struct option *opt[COMMAND_OPTIONS_MAX]; /* NULL ends the list */
	const char *about;			       /* more help, or NULL */
	const char *examples;			       /* lines, or NULL */
	bool no_home;				       /* works without OCKAM_HOME */
};

struct group {
	const char *name;
	const char *alias;
	const char *line;
	const struct command *commands;
	size_t n;
};

extern const struct group table_groups[];
extern const size_t table_groups_n;
extern const struct option *const table_global_options[];
extern const size_t table_global_options_n;

/* An environment variable that counts. */
struct variable_help {
	const char *name, *help;
};
extern const struct variable_help table_variables[];
extern const size_t table_variables_n;
extern const char table_example[]; /* of the whole, lines */

const struct group *table_group(const char *name);
const struct command *table_command(const struct group *g, const char *name);
/* By long name, alias or letter, among the command's (may be NULL) and the global ones. */
const struct option *table_option(const struct command *cmd, const char *name, size_t len);
const struct option *table_option_letter(const struct command *cmd, char letter);

/* One function per command, by file. */
#define COMMAND(name) int name(struct cli *c, const struct args *a)
COMMAND(cmd_node_create);
COMMAND(cmd_node_list);
COMMAND(cmd_node_show);
COMMAND(cmd_node_start);
COMMAND(cmd_node_stop);
COMMAND(cmd_node_delete);
COMMAND(cmd_node_logs);
COMMAND(cmd_node_default);
COMMAND(cmd_node_set);
COMMAND(cmd_channel_create);
COMMAND(cmd_channel_list);
COMMAND(cmd_channel_show);
COMMAND(cmd_channel_delete);
COMMAND(cmd_listener_create);
COMMAND(cmd_listener_list);
COMMAND(cmd_listener_show);
COMMAND(cmd_listener_delete);
COMMAND(cmd_message_send);
COMMAND(cmd_relay_create);
COMMAND(cmd_relay_list);
COMMAND(cmd_relay_show);
COMMAND(cmd_relay_delete);
COMMAND(cmd_tcp_listener_create);
COMMAND(cmd_tcp_listener_list);
COMMAND(cmd_tcp_listener_show);
COMMAND(cmd_tcp_listener_delete);
COMMAND(cmd_tcp_connection_create);
COMMAND(cmd_tcp_connection_list);
COMMAND(cmd_tcp_connection_show);
COMMAND(cmd_tcp_connection_delete);
COMMAND(cmd_udp_listener_create);
COMMAND(cmd_udp_listener_list);
COMMAND(cmd_udp_listener_show);
COMMAND(cmd_udp_listener_delete);
COMMAND(cmd_udp_connection_create);
COMMAND(cmd_udp_connection_list);
COMMAND(cmd_udp_connection_show);
COMMAND(cmd_udp_connection_delete);
COMMAND(cmd_outlet_create);
COMMAND(cmd_outlet_list);
COMMAND(cmd_outlet_show);
COMMAND(cmd_outlet_delete);
COMMAND(cmd_inlet_create);
COMMAND(cmd_inlet_list);
COMMAND(cmd_inlet_show);
COMMAND(cmd_inlet_delete);
COMMAND(cmd_identity_create);
COMMAND(cmd_identity_list);
COMMAND(cmd_identity_show);
COMMAND(cmd_identity_delete);
COMMAND(cmd_identity_default);
COMMAND(cmd_vault_create);
COMMAND(cmd_vault_list);
COMMAND(cmd_vault_show);
COMMAND(cmd_vault_move);
COMMAND(cmd_vault_delete);
COMMAND(cmd_service_list);
COMMAND(cmd_service_start);
COMMAND(cmd_service_stop);
COMMAND(cmd_worker_list);
COMMAND(cmd_run);
COMMAND(cmd_status);
COMMAND(cmd_reset);
COMMAND(cmd_environment);
COMMAND(cmd_completion);
COMMAND(cmd_help);
#undef COMMAND

#endif
