// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include "config_part.h"
#include "route.h"
#include "stdin_route.h"
#include "wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_NODE = 100, RANK_PART = 200, TEXT_FAULT = 512 };

struct loader {
	struct cli *c;
	const struct config_source *source;
	struct variables variables;
	struct config *out;
	size_t cap;
};

static int fault(struct loader *l, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fault(struct loader *l, unsigned line, const char *fmt, ...)
{
	char why[TEXT_FAULT];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return cli_fail(l->c, CLI_DATA, "%s:%u: %s", l->source->name, line, why);
}

static int no_memory(struct loader *l)
{
	return cli_fail(l->c, CLI_INTERNAL, "out of memory");
}

/* Takes `word` over. */
static int push(struct loader *l, struct config_step *s, char *word)
{
	char **argv = word ? realloc(s->argv, ((size_t)s->argc + 2) * sizeof *argv) : NULL;
	if (!argv) {
		free(word);
		return no_memory(l);
	}
	s->argv = argv;
	argv[s->argc++] = word;
	argv[s->argc] = NULL;
	return CLI_OK;
}

static int push_copy(struct loader *l, struct config_step *s, const char *word)
{
	return push(l, s, strdup(word));
}

static int new_step(struct loader *l, unsigned rank, unsigned line, const struct config_part *part,
	struct config_step **out)
{
	struct config *cfg = l->out;
	if (cfg->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct config_step *steps = realloc(cfg->steps, cap * sizeof *steps);
		if (!steps)
			return no_memory(l);
		cfg->steps = steps;
		l->cap = cap;
	}
	struct config_step *s = &cfg->steps[cfg->n];
	*s = (struct config_step){.rank = rank, .seq = (unsigned)cfg->n, .line = line};
	s->is_home = part && !part->node;
	s->is_node = !part;
	cfg->n++;
	*out = s;
	int rc = push_copy(l, s, "ockam");
	if (!rc)
		rc = push_copy(l, s, part ? part->group : "node");
	return rc ? rc : push_copy(l, s, part ? part->command : "create");
}

/* A text with its variables put in; a bare port where an address is wanted is one of this machine.
 */
static int expand(struct loader *l, const struct yaml_value *v, const char *what,
	enum value_kind kind, char **out)
{
	char why[TEXT_FAULT], *text;
	if (v->kind != YAML_TEXT)
		return fault(l, v->line, "%s: text is expected, and here is %s", what,
			yaml_kind_name(v->kind));
	int rc = variables_expand(&l->variables, v->text, &text, why, sizeof why);
	if (rc)
		return rc == -ENOMEM ? no_memory(l) : fault(l, v->line, "%s: %s", what, why);
	if (kind == VALUE_ADDRESS && *text && text[strspn(text, "0123456789")] == 0) {
		char *bare = text;
		rc = asprintf(&text, "127.0.0.1:%s", bare) < 0;
		free(bare);
		if (rc)
			return no_memory(l);
	}
	const char *wrong = parse_value_fault(kind, text, why, sizeof why);
	if (!wrong && (kind == VALUE_ROUTE || kind == VALUE_PLACE) && stdin_route_wanted(text))
		wrong = "`-` stands for a line of stdin, which a file cannot have";
	if (wrong)
		rc = fault(l, v->line, "invalid value '%s' for %s: %s", text, what, wrong);
	if (rc)
		free(text);
	else
		*out = text;
	return rc;
}

static int push_flag(
	struct loader *l, struct config_step *s, const struct option *o, const struct yaml_value *v)
{
	char word[64];
	bool on = v->kind == YAML_TEXT && !strcmp(v->text, "true");
	if (!on && !(v->kind == YAML_TEXT && !strcmp(v->text, "false")))
		return fault(l, v->line, "%s: true or false is expected", o->name);
	snprintf(word, sizeof word, "--%s", o->name);
	return on ? push_copy(l, s, word) : CLI_OK;
}

static int push_value(
	struct loader *l, struct config_step *s, const struct option *o, const struct yaml_value *v)
{
	char *text, *word;
	int rc = expand(l, v, o->name, o->kind, &text);
	if (rc)
		return rc;
	if (asprintf(&word, "--%s=%s", o->name, text) < 0)
		word = NULL;
	free(text);
	return push(l, s, word);
}

static int push_option(
	struct loader *l, struct config_step *s, const struct option *o, const struct yaml_value *v)
{
	if (o->kind == VALUE_NONE)
		return push_flag(l, s, o, v);
	if (v->kind != YAML_LIST)
		return push_value(l, s, o, v);
	if (!o->many)
		return fault(l, v->line, "%s: one value is expected, and here is a list", o->name);
	int rc = CLI_OK;
	for (const struct yaml_value *item = v->first; item && !rc; item = item->next)
		rc = push_value(l, s, o, item);
	return rc;
}

/* The last check: what only the whole line shows, like an option that is missing. */
static int check_step(struct loader *l, struct config_step *s)
{
	char why[TEXT_FAULT];
	struct cli scratch = *l->c;
	struct args a;
	int rc = parse_line(&scratch, s->argc, s->argv, &a, why, sizeof why);
	parse_fini(&a);
	return rc ? fault(l, s->line, "%s", why) : CLI_OK;
}

static int push_options(struct loader *l, struct config_step *s, const struct config_part *part,
	const struct yaml_value *map)
{
	char keys[TEXT_FAULT];
	int rc = CLI_OK;
	for (const struct yaml_value *v = map ? map->first : NULL; v && !rc; v = v->next) {
		const struct option *o = config_option(part, v->key);
		if (o) {
			rc = push_option(l, s, o, v);
		} else {
			config_keys(part, keys, sizeof keys);
			rc = fault(l, v->line, "unknown key '%.60s' in %s; expected are %s", v->key,
				part->key, keys);
		}
	}
	return rc;
}

/* One object of a part: its name may be NULL, its options NULL or a map. */
static int load_object(struct loader *l, const struct config_part *part, const char *node,
	unsigned line, const char *name, const struct yaml_value *options)
{
	char word[256];
	struct config_step *s;
	const struct command *cmd = config_command(part);
	unsigned rank = (unsigned)(part - config_parts) + (part->node ? RANK_PART : 0);
	int rc = new_step(l, rank, line, part, &s);
	if (!rc && name && part->name) {
		snprintf(word, sizeof word, "--%s=%s", part->name, name);
		rc = push_copy(l, s, word);
	} else if (!rc && name && !cmd->pos[0].meta) {
		rc = fault(l, line, "%s have no names: '%.60s' stands where options are expected",
			part->key, name);
	}
	if (!rc && part->node) {
		snprintf(word, sizeof word, "--%s=%s", part->node, node);
		rc = push_copy(l, s, word);
	}
	if (!rc)
		rc = push_options(l, s, part, options);
	if (!rc && name && !part->name) {
		rc = push_copy(l, s, "--");
		if (!rc)
			rc = push_copy(l, s, name);
	}
	return rc ? rc : check_step(l, s);
}

/* A map is one object's options, unless its values are maps or nothing: then its keys are names. */
static bool is_named(const struct yaml_value *map)
{
	return map->first && (map->first->kind == YAML_MAP || map->first->kind == YAML_NULL);
}

static int load_map(struct loader *l, const struct config_part *part, const char *node,
	const struct yaml_value *map)
{
	int rc = CLI_OK;
	if (!is_named(map))
		return load_object(l, part, node, map->line, NULL, map);
	for (const struct yaml_value *v = map->first; v && !rc; v = v->next) {
		if (v->kind != YAML_MAP && v->kind != YAML_NULL)
			rc = fault(l, v->line,
				"%s: a map of options is expected after '%.60s', and here is %s",
				part->key, v->key, yaml_kind_name(v->kind));
		else
			rc = load_object(l, part, node, v->line, v->key, v);
	}
	return rc;
}

static int load_part(struct loader *l, const struct config_part *part, const char *node,
	const struct yaml_value *v)
{
	int rc = CLI_OK;
	char *name;
	if (v->kind == YAML_MAP)
		return load_map(l, part, node, v);
	if (v->kind == YAML_TEXT) {
		rc = expand(l, v, part->key, VALUE_TEXT, &name);
		if (!rc) {
			rc = load_object(l, part, node, v->line, name, NULL);
			free(name);
		}
		return rc;
	}
	if (v->kind == YAML_LIST) {
		for (const struct yaml_value *item = v->first; item && !rc; item = item->next)
			rc = item->kind == YAML_LIST
				     ? fault(l, item->line, "%s: a list inside a list", part->key)
				     : load_part(l, part, node, item);
		return rc;
	}
	return fault(l, v->line, "%s: a map of names and options is expected, and here is nothing",
		part->key);
}

static bool is_overridden(const struct loader *l, const struct option *o)
{
	return l->source->overrides && args_nth(l->source->overrides, o->name, 0) != NULL;
}

static int push_overrides(struct loader *l, struct config_step *s)
{
	const struct args *a = l->source->overrides;
	char *word;
	int rc = CLI_OK;
	for (unsigned i = 0; a && i < a->given_n && !rc; i++) {
		const struct given *g = &a->given[i];
		if (!config_takes(NULL, g->option))
			continue;
		if (asprintf(&word, "--%s%s%s", g->option->name, g->value ? "=" : "",
			    g->value ? g->value : "") < 0)
			word = NULL;
		rc = push(l, s, word);
	}
	return rc;
}

/* A node's own options into its step; its parts into steps of their own. */
static int load_member(struct loader *l, size_t step, const char *node, const struct yaml_value *v)
{
	char keys[TEXT_FAULT];
	const struct option *o = config_option(NULL, v->key);
	const struct config_part *part = config_part_of(v->key);
	bool top = l->source->scope == CONFIG_NODE;
	if (top && (config_key_is(v->key, "variables") || config_key_is(v->key, "name")))
		return CLI_OK;
	if (o)
		return is_overridden(l, o) ? CLI_OK : push_option(l, &l->out->steps[step], o, v);
	if (part && (part->node || top))
		return load_part(l, part, node, v);
	config_keys(NULL, keys, sizeof keys);
	return fault(l, v->line, "unknown key '%.60s'; expected are %s", v->key, keys);
}

static int load_node(
	struct loader *l, const char *name, unsigned line, const struct yaml_value *map)
{
	struct config_step *s;
	size_t step = l->out->n;
	if (!route_name_valid(name))
		return fault(
			l, line, "'%.80s' is no name for a node: letters, digits, _ and -", name);
	int rc = new_step(l, RANK_NODE, line, NULL, &s);
	if (!rc)
		rc = push_copy(l, s, name);
	for (const struct yaml_value *v = map->first; v && !rc; v = v->next)
		rc = load_member(l, step, name, v);
	if (!rc)
		rc = push_overrides(l, &l->out->steps[step]);
	return rc ? rc : check_step(l, &l->out->steps[step]);
}

static int load_one_node(struct loader *l, const struct yaml_value *top)
{
	const struct yaml_value *v = yaml_tree_get(top, "name");
	char *name;
	if (l->source->node_name)
		return load_node(l, l->source->node_name, 1, top);
	if (!v)
		return load_node(l, "default", 1, top);
	int rc = expand(l, v, "name", VALUE_NAME, &name);
	if (!rc) {
		rc = load_node(l, name, v->line, top);
		free(name);
	}
	return rc;
}

static int load_nodes(struct loader *l, const struct yaml_value *nodes)
{
	int rc = CLI_OK;
	if (nodes->kind != YAML_MAP)
		return fault(l, nodes->line, "nodes: a map of names is expected, and here is %s",
			yaml_kind_name(nodes->kind));
	for (const struct yaml_value *v = nodes->first; v && !rc; v = v->next) {
		if (v->kind != YAML_MAP && v->kind != YAML_NULL)
			rc = fault(l, v->line, "node %.64s: a map is expected, and here is %s",
				v->key, yaml_kind_name(v->kind));
		else
			rc = load_node(l, v->key, v->line, v);
	}
	return rc;
}

static int load_run(struct loader *l, const struct yaml_value *top)
{
	int rc = CLI_OK;
	for (const struct yaml_value *v = top->first; v && !rc; v = v->next) {
		const struct config_part *part = config_part_of(v->key);
		if (config_key_is(v->key, "nodes"))
			rc = load_nodes(l, v);
		else if (part && !part->node)
			rc = load_part(l, part, NULL, v);
		else if (!config_key_is(v->key, "variables"))
			rc = fault(l, v->line,
				"unknown key '%.60s'; expected are variables, vaults, identities, "
				"nodes",
				v->key);
	}
	if (!rc && !yaml_tree_get(top, "nodes"))
		rc = fault(l, 1,
			"there are no `nodes`; for one node there is `ockam node create %s`",
			l->source->name);
	return rc;
}

static int load_variables(struct loader *l, const struct yaml_value *top)
{
	const struct yaml_value *map = yaml_tree_get(top, "variables");
	if (!map || map->kind == YAML_NULL)
		return CLI_OK;
	if (map->kind != YAML_MAP)
		return fault(l, map->line, "variables: a map of names and texts is expected");
	for (const struct yaml_value *v = map->first; v; v = v->next)
		if (v->kind != YAML_TEXT && v->kind != YAML_NULL)
			return fault(l, v->line, "variables: text is expected for '%.60s'", v->key);
	l->variables.defaults = map;
	return CLI_OK;
}

static int by_order(const void *pa, const void *pb)
{
	const struct config_step *a = pa, *b = pb;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

int config_load(struct cli *c, const struct config_source *source, struct config *out)
{
	struct yaml_value *top;
	struct yaml_fault why;
	struct loader l = {.c = c, .source = source, .out = out};
	*out = (struct config){0};
	l.variables = (struct variables){source->given, source->given_n, NULL};
	int rc = yaml_tree_read(source->text, source->len, &top, &why);
	if (rc)
		return rc == -ENOMEM ? no_memory(&l) : fault(&l, why.line, "%s", why.why);
	if (top->kind == YAML_NULL)
		top->kind = YAML_MAP;
	rc = top->kind == YAML_MAP ? load_variables(&l, top)
				   : fault(&l, top->line, "a map is expected, and here is %s",
					     yaml_kind_name(top->kind));
	if (!rc)
		rc = source->scope == CONFIG_RUN ? load_run(&l, top) : load_one_node(&l, top);
	yaml_tree_free(top);
	if (rc)
		config_fini(out);
	else if (out->n)
		qsort(out->steps, out->n, sizeof *out->steps, by_order);
	return rc;
}

void config_fini(struct config *config)
{
	for (size_t i = 0; i < config->n; i++) {
		for (int k = 0; k < config->steps[i].argc; k++)
			free(config->steps[i].argv[k]);
		free(config->steps[i].argv);
	}
	free(config->steps);
	*config = (struct config){0};
}
