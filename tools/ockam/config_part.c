// SPDX-License-Identifier: Apache-2.0
#include "config_part.h"

#include <stdio.h>
#include <string.h>

/* In the order in which they are made. */
const struct config_part config_parts[] = {
	{"vaults", "vault", "create", NULL, NULL},
	{"identities", "identity", "create", NULL, NULL},
	{"secure-channel-listeners", "secure-channel-listener", "create", "at", NULL},
	{"services", "service", "start", "at", NULL},
	{"tcp-listeners", "tcp-listener", "create", "at", NULL},
	{"tcp-connections", "tcp-connection", "create", "from", NULL},
	{"udp-listeners", "udp-listener", "create", "at", NULL},
	{"udp-connections", "udp-connection", "create", "from", NULL},
	{"relays", "relay", "create", "to", NULL},
	{"tcp-outlets", "tcp-outlet", "create", "at", "from"},
	{"tcp-inlets", "tcp-inlet", "create", "at", "alias"},
	{"secure-channels", "secure-channel", "create", "from", NULL},
};
const size_t config_parts_n = sizeof config_parts / sizeof *config_parts;

/* Keys are written with - or _. */
bool config_key_is(const char *key, const char *name)
{
	for (; *key && *name; key++, name++)
		if (*key != *name && !(*key == '_' && *name == '-'))
			return false;
	return *key == *name;
}

const struct command *config_command(const struct config_part *part)
{
	return part ? table_command(table_group(part->group), part->command)
		    : table_command(table_group("node"), "create");
}

bool config_takes(const struct config_part *part, const struct option *o)
{
	static const char *const not_of_a_node[] = {
		"foreground", "exit-on-eof", "configuration", "variable"};
	if (o->refused)
		return false;
	if (part)
		return !part->node || strcmp(o->name, part->node);
	for (size_t i = 0; i < sizeof not_of_a_node / sizeof *not_of_a_node; i++)
		if (!strcmp(o->name, not_of_a_node[i]))
			return false;
	return true;
}

const struct option *config_option(const struct config_part *part, const char *key)
{
	const struct command *cmd = config_command(part);
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++) {
		const struct option *o = cmd->opt[i];
		bool named = config_key_is(key, o->name);
		for (size_t k = 0; k < sizeof o->alias / sizeof *o->alias && o->alias[k]; k++)
			named |= config_key_is(key, o->alias[k]);
		if (named && config_takes(part, o))
			return o;
	}
	return NULL;
}

const struct config_part *config_part_of(const char *key)
{
	for (size_t i = 0; i < config_parts_n; i++)
		if (config_key_is(key, config_parts[i].key))
			return &config_parts[i];
	return NULL;
}

void config_keys(const struct config_part *part, char *dst, size_t cap)
{
	const struct command *cmd = config_command(part);
	size_t n = 0;
	dst[0] = 0;
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i] && n < cap; i++)
		if (config_takes(part, cmd->opt[i]))
			n += (size_t)snprintf(
				dst + n, cap - n, "%s%s", n ? ", " : "", cmd->opt[i]->name);
	for (size_t i = 0; !part && i < config_parts_n && n < cap; i++)
		n += (size_t)snprintf(dst + n, cap - n, ", %s", config_parts[i].key);
}
