// SPDX-License-Identifier: Apache-2.0
#include "parse.h"

#include "address.h"
#include "duration.h"
#include "hex.h"
#include "identity.h"
#include "route.h"
#include "stdin_route.h"
#include "variables.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t SIZE_MOST = 1ull << 40;
enum { COUNT_MAX = 1000000, TIMEOUT_MS_MAX = 24 * 3600 * 1000 };

struct parser {
	struct cli *cli;
	struct args *out;
	char **argv;
	int argc, at;
	bool options_ended;
	char *err;
	size_t err_len;
};

static int usage(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int usage(struct parser *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(p->err, p->err_len, fmt, ap);
	va_end(ap);
	return CLI_USAGE;
}

static int count_parse(const char *text, unsigned long *out)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	unsigned long v = strtoul(text, &end, 10);
	if (errno || *end || v > COUNT_MAX)
		return -EINVAL;
	*out = v;
	return 0;
}

static int size_parse(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (errno || v > SIZE_MOST >> shift || (unit ? end[1] : *end))
		return -EINVAL;
	*out = v << shift;
	return 0;
}

static bool one_of(const char *text, const char *a, const char *b)
{
	return !strcmp(text, a) || !strcmp(text, b);
}

static bool is_channel(const char *text)
{
	uint8_t id[16];
	text += *text == '/';
	text += strncmp(text, "service/", 8) ? 0 : 8;
	return hex_decode(id, sizeof id, text, strlen(text)) == (int)sizeof id;
}

static bool is_configuration(const char *text)
{
	static const char *const ends[] = {".yaml", ".yml", ".json"};
	size_t n = strlen(text);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (n > strlen(ends[i]) && !strcmp(text + n - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

const char *parse_value_fault(enum value_kind kind, const char *v, char *why, size_t cap)
{
	int64_t ms;
	unsigned long n;
	uint64_t size;
	struct identifier id;
	struct variable variable;
	static const char name_rule[] =
		"a name has letters, digits, _ and -, does not begin with -, and has "
		"at most 64 characters";
	switch (kind) {
	case VALUE_NONE:
	case VALUE_TEXT:
		return NULL;
	case VALUE_NAME:
		return route_name_valid(v) ? NULL : name_rule;
	case VALUE_NAME_OR_FILE:
		return route_name_valid(v) || is_configuration(v) ? NULL : name_rule;
	case VALUE_VARIABLE:
		return variable_parse(v, &variable) ? NULL : "it is like NAME=VALUE";
	case VALUE_NODE:
		return route_name_valid(args_node(v)) ? NULL : name_rule;
	case VALUE_PLACE:
		if (!strchr(v, '/'))
			return route_name_valid(v) ? NULL : name_rule;
		/* fall through */
	case VALUE_ROUTE:
		return stdin_route_check(v, why, cap) ? why : NULL;
	case VALUE_CHANNEL:
		return is_channel(v) ? NULL : "an address is HEX or /service/HEX with 32 digits";
	case VALUE_ADDRESS:
		return address_valid(v) ? NULL : "an address is HOST:PORT or unix:PATH";
	case VALUE_PORT:
		return address_port_valid(v) ? NULL : "it is HOST:PORT, PORT or unix:PATH";
	case VALUE_TRANSIT:
		return address_transit_valid(v)
			       ? NULL
			       : "it is like 10.0.0.0/8, 10.0.0.0/8:4000 or [fd00::/8]:4000-4999";
	case VALUE_IDENTIFIER:
		if (!strcmp(v, "any") || identifier_parse(&id, v) == 0)
			return NULL;
		return "an identifier is I and 64 hexadecimal digits, or `any`";
	case VALUE_DURATION:
		return duration_parse(v, &ms) ? "a duration is like 500ms, 10s, 2m, 1h or 1d"
					      : NULL;
	case VALUE_TIMEOUT:
		return duration_parse(v, &ms) || ms == 0
			       ? "a time-out is like 500ms, 10s, 2m, 1h or 1d, and not 0"
			       : NULL;
	case VALUE_COUNT:
		return count_parse(v, &n) ? "a number from 0 to 1000000 is needed" : NULL;
	case VALUE_SIZE:
		return size_parse(v, &size) ? "a size is like 65536, 64K, 10M or 1G" : NULL;
	case VALUE_ENCODING:
		return one_of(v, "text", "hex") ? NULL : "it is text or hex";
	case VALUE_FORMAT:
		return one_of(v, "plain", "json") ? NULL : "it is plain or json";
	case VALUE_SHELL:
		return one_of(v, "bash", "zsh") || !strcmp(v, "fish") ? NULL
								      : "it is bash, zsh or fish";
	}
	return NULL;
}

static int check_value(struct parser *p, const char *what, enum value_kind kind, const char *v)
{
	char why[200];
	const char *fault = parse_value_fault(kind, v, why, sizeof why);
	return fault ? usage(p, "invalid value '%s' for %s: %s", v, what, fault) : 0;
}

static bool apply_global(struct parser *p, const struct option *o, const char *value)
{
	struct cli *c = p->cli;
	const char *n = o->name;
	if (!strcmp(n, "output"))
		c->format = !strcmp(value, "json") ? OUTPUT_JSON : OUTPUT_PLAIN;
	else if (!strcmp(n, "jq"))
		c->jq = value;
	else if (!strcmp(n, "compact-output"))
		c->compact = true;
	else if (!strcmp(n, "pretty"))
		c->pretty = true;
	else if (!strcmp(n, "no-color"))
		c->no_color = true;
	else if (!strcmp(n, "no-input"))
		c->no_input = true;
	else if (!strcmp(n, "quiet"))
		c->quiet = true;
	else if (!strcmp(n, "verbose"))
		c->verbose++;
	else if (!strcmp(n, "version"))
		p->out->version = true;
	else
		return false;
	return true;
}

static int take_option(struct parser *p, const struct option *o, const char *as, const char *value)
{
	struct args *a = p->out;
	if (o->refused)
		return usage(p, "%s", o->refused);
	if (o->kind == VALUE_NONE && value)
		return usage(p, "%s takes no value", as);
	if (o->kind != VALUE_NONE && !value) {
		if (p->at >= p->argc)
			return usage(p, "%s needs a value: %s %s", as, as, o->meta);
		value = p->argv[p->at++];
	}
	if (value) {
		int rc = check_value(p, as, o->kind, value);
		if (rc)
			return rc;
	}
	if (!strcmp(o->name, "help")) {
		a->help = as[1] == '-' ? HELP_LONG : HELP_SHORT;
		return 0;
	}
	if (apply_global(p, o, value))
		return 0;
	if (!o->many && args_nth(a, o->name, 0) && o->kind != VALUE_NONE)
		return usage(p, "%s was given twice", as);
	a->given[a->given_n++] = (struct given){o, value};
	return 0;
}

static int unknown_option(struct parser *p, const char *as)
{
	const struct args *a = p->out;
	return usage(p, "unknown option %s; see `ockam%s%s%s%s --help`", as, a->group ? " " : "",
		a->group ? a->group_name : "", a->command && a->command->name ? " " : "",
		a->command && a->command->name ? a->command->name : "");
}

static int long_option(struct parser *p, const char *word)
{
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	char as[64];
	snprintf(as, sizeof as, "%.*s", (int)len, word);
	const struct option *o = table_option(p->out->command, word + 2, len - 2);
	return o ? take_option(p, o, as, eq ? eq + 1 : NULL) : unknown_option(p, as);
}

/* -x, -xVALUE, -x=VALUE, and -xyz for options without values. */
static int short_options(struct parser *p, const char *word)
{
	for (const char *s = word + 1; *s; s++) {
		const char as[] = {'-', *s, 0};
		const struct option *o = table_option_letter(p->out->command, *s);
		if (!o)
			return unknown_option(p, as);
		if (o->kind != VALUE_NONE)
			return take_option(p, o, as, s[1] ? s + 1 + (s[1] == '=') : NULL);
		int rc = take_option(p, o, as, NULL);
		if (rc)
			return rc;
	}
	return 0;
}

static int take_word(struct parser *p, const char *word)
{
	struct args *a = p->out;
	if (!a->group) {
		a->group = table_group(word);
		a->group_name = word;
		if (!a->group)
			return usage(
				p, "unknown command '%s'; `ockam --help` lists the commands", word);
		a->command = table_command(a->group, NULL);
		return 0;
	}
	if (!a->command) {
		a->command = table_command(a->group, word);
		if (!a->command)
			return usage(p,
				"unknown command '%s %s'; `ockam %s --help` lists the commands",
				a->group_name, word, a->group_name);
		return 0;
	}
	unsigned i = a->pos_n;
	if (i >= COMMAND_POSITIONALS_MAX || !a->command->pos[i].meta)
		return usage(p, "unexpected argument '%s'", word);
	int rc = check_value(p, a->command->pos[i].meta, a->command->pos[i].kind, word);
	if (!rc)
		a->pos[a->pos_n++] = word;
	return rc;
}

static int take_next(struct parser *p)
{
	const char *word = p->argv[p->at++];
	bool option = word[0] == '-' && word[1] && word[1] != '/' && !p->options_ended;
	if (option && !strcmp(word, "--")) {
		p->options_ended = true;
		return 0;
	}
	if (option)
		return word[1] == '-' ? long_option(p, word) : short_options(p, word);
	return take_word(p, word);
}

static int check_required(struct parser *p)
{
	const struct args *a = p->out;
	const struct command *cmd = a->command;
	for (unsigned i = a->pos_n; i < COMMAND_POSITIONALS_MAX && cmd->pos[i].meta; i++)
		if (cmd->pos[i].required)
			return usage(p, "%s is missing; see `ockam %s%s%s --help`",
				cmd->pos[i].meta, a->group_name, cmd->name ? " " : "",
				cmd->name ? cmd->name : "");
	for (unsigned i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		if (cmd->opt[i]->required && !args_nth(a, cmd->opt[i]->name, 0))
			return usage(p, "--%s %s is missing; see `ockam %s %s --help`",
				cmd->opt[i]->name, cmd->opt[i]->meta, a->group_name,
				cmd->name ? cmd->name : "");
	return 0;
}

int parse_line(struct cli *c, int argc, char **argv, struct args *out, char *err, size_t err_len)
{
	struct parser p = {.cli = c,
		.out = out,
		.argv = argv,
		.argc = argc,
		.at = 1,
		.err = err,
		.err_len = err_len};
	*out = (struct args){0};
	/* each word is at most as many options as it has characters */
	size_t most = 1;
	for (int i = 1; i < argc; i++)
		most += argv[i][0] == '-' && argv[i][1] != '-' ? strlen(argv[i]) : 1;
	out->given = calloc(most, sizeof *out->given);
	if (!out->given)
		return usage(&p, "out of memory");
	int rc = 0;
	while (!rc && p.at < argc)
		rc = take_next(&p);
	if (out->help || out->version)
		return 0;
	if (!rc && out->command)
		rc = check_required(&p);
	return rc;
}

void parse_fini(struct args *a)
{
	free(a->given);
	a->given = NULL;
	a->given_n = 0;
}

static const struct given *nth(const struct args *a, const char *name, unsigned i)
{
	assert(a->command && table_option(a->command, name, strlen(name)));
	for (unsigned k = 0; k < a->given_n; k++)
		if (!strcmp(a->given[k].option->name, name) && i-- == 0)
			return &a->given[k];
	return NULL;
}

const char *args_nth(const struct args *a, const char *name, unsigned i)
{
	const struct given *g = nth(a, name, i);
	return g ? g->value : NULL;
}

const char *args_text(const struct args *a, const char *name)
{
	return args_nth(a, name, 0);
}

bool args_flag(const struct args *a, const char *name)
{
	return nth(a, name, 0) != NULL;
}

unsigned long args_count(const struct args *a, const char *name, unsigned long dflt)
{
	const char *v = args_text(a, name);
	unsigned long n;
	return v && count_parse(v, &n) == 0 ? n : dflt;
}

uint64_t args_size(const struct args *a, const char *name)
{
	const char *v = args_text(a, name);
	uint64_t n;
	return v && size_parse(v, &n) == 0 ? n : 0;
}

int64_t args_ms(const struct args *a, const char *name, int64_t dflt)
{
	const char *v = args_text(a, name);
	int64_t ms;
	return v && duration_parse(v, &ms) == 0 ? ms : dflt;
}

const char *args_node(const char *value)
{
	if (!value)
		return NULL;
	const char *p = value + (*value == '/');
	return strncmp(p, "node/", 5) ? value : p + 5;
}

int args_timeout(const struct args *a, int64_t dflt, int64_t *ms)
{
	const char *env = getenv("OCKAM_DEFAULT_TIMEOUT");
	if (env && *env && (duration_parse(env, &dflt) || dflt == 0))
		return -EINVAL;
	dflt = args_ms(a, "timeout", dflt);
	*ms = dflt < TIMEOUT_MS_MAX ? dflt : TIMEOUT_MS_MAX;
	return 0;
}
