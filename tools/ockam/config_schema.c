// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include "config_part.h"

#include <stdio.h>
#include <string.h>

/* Numbers and truth values may stand without quotes; a variable may stand for any of them. */
static json_t *scalar(void)
{
	return json_pack("{s:[s,s]}", "type", "string", "number");
}

static json_t *option_schema(const struct option *o)
{
	json_t *one = o->kind == VALUE_NONE ? json_pack("{s:s}", "type", "boolean") : scalar();
	if (o->many)
		one = json_pack(
			"{s:[o, {s:s, s:o}]}", "anyOf", one, "type", "array", "items", scalar());
	json_object_set_new(one, "description", json_string(o->help));
	return one;
}

/* Patterns, because a key may be written with - or _. */
static void add_key(json_t *patterns, const char *key, json_t *schema)
{
	char pattern[128];
	size_t n = 0;
	pattern[n++] = '^';
	for (const char *s = key; *s && n < sizeof pattern - 6; s++) {
		if (*s == '-')
			n += (size_t)snprintf(pattern + n, sizeof pattern - n, "[-_]");
		else
			pattern[n++] = *s;
	}
	pattern[n++] = '$';
	pattern[n] = 0;
	json_object_set_new(patterns, pattern, schema);
}

static json_t *options_schema(const struct config_part *part)
{
	const struct command *cmd = config_command(part);
	json_t *patterns = json_object();
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++) {
		const struct option *o = cmd->opt[i];
		if (!config_takes(part, o))
			continue;
		add_key(patterns, o->name, option_schema(o));
		for (size_t k = 0; k < sizeof o->alias / sizeof *o->alias && o->alias[k]; k++)
			add_key(patterns, o->alias[k], option_schema(o));
	}
	return json_pack("{s:[s,s], s:o, s:b}", "type", "object", "null", "patternProperties",
		patterns, "additionalProperties", 0);
}

/* One map of options, names with maps of options, a name alone, or a list of these. */
static json_t *part_schema(const struct config_part *part)
{
	json_t *options = options_schema(part);
	json_t *named = json_pack("{s:s, s:O}", "type", "object", "additionalProperties", options);
	json_t *forms = json_pack("[o, o, {s:s}]", options, named, "type", "string");
	return json_pack("{s:s, s:[{s:O}, {s:s, s:{s:o}}]}", "description",
		table_group(part->group)->line, "anyOf", "anyOf", forms, "type", "array", "items",
		"anyOf", forms);
}

static json_t *node_schema(void)
{
	json_t *node = options_schema(NULL), *patterns = json_object_get(node, "patternProperties");
	for (size_t i = 0; i < config_parts_n; i++)
		add_key(patterns, config_parts[i].key, part_schema(&config_parts[i]));
	add_key(patterns, "name", scalar());
	add_key(patterns, "variables", json_pack("{s:s}", "type", "object"));
	return node;
}

json_t *config_schema(void)
{
	json_t *patterns = json_object();
	add_key(patterns, "variables", json_pack("{s:s}", "type", "object"));
	for (size_t i = 0; i < config_parts_n; i++)
		if (!config_parts[i].node)
			add_key(patterns, config_parts[i].key, part_schema(&config_parts[i]));
	add_key(patterns, "nodes",
		json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "$ref",
			"#/definitions/node"));
	return json_pack("{s:s, s:s, s:{s:o}, s:[{s:s}, {s:s, s:[s], s:o, s:b}]}", "$schema",
		"http://json-schema.org/draft-07/schema#", "title",
		"configuration of ockam nodes: of `ockam run` with `nodes`, else of `ockam node "
		"create`",
		"definitions", "node", node_schema(), "anyOf", "$ref", "#/definitions/node", "type",
		"object", "required", "nodes", "patternProperties", patterns,
		"additionalProperties", 0);
}
