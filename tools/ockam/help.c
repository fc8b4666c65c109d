// SPDX-License-Identifier: Apache-2.0
#include "help.h"

#include <string.h>

enum { NAME_WIDTH = 26 };

static void print_option(FILE *f, const struct option *o)
{
	char left[128];
	if (o->refused)
		return;
	int n = snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
		o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->meta ? " " : "",
		o->meta ? o->meta : "");
	fprintf(f, "  %-*s%s%s", NAME_WIDTH + 12, left, n >= NAME_WIDTH + 12 ? "\n" : "", "");
	if (n >= NAME_WIDTH + 12)
		fprintf(f, "  %-*s", NAME_WIDTH + 12, "");
	fprintf(f, "%s%s%s", o->help, o->many && o->meta ? " (repeatable)" : "",
		o->required ? " (required)" : "");
	for (size_t i = 0; i < sizeof o->alias / sizeof *o->alias && o->alias[i]; i++)
		fprintf(f, "%s--%s", i ? ", " : "; also ", o->alias[i]);
	fputc('\n', f);
}

static void print_globals(FILE *f)
{
	fputs("\nOptions of every command:\n", f);
	for (size_t i = 0; i < table_global_options_n; i++)
		print_option(f, table_global_options[i]);
}

static void print_examples(FILE *f, const char *examples)
{
	fputs("\nExamples:\n", f);
	for (const char *p = examples; *p;) {
		size_t n = strcspn(p, "\n");
		fprintf(f, "  %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static void help_top(FILE *f, bool is_long)
{
	fputs("ockam: end-to-end encrypted, mutually authenticated channels between programs\n\n"
	      "Usage: ockam GROUP COMMAND [ARGUMENTS] [OPTIONS]\n\n",
		f);
	for (size_t i = 0; i < table_groups_n; i++)
		fprintf(f, "  %-*s%s\n", NAME_WIDTH, table_groups[i].name, table_groups[i].line);
	print_globals(f);
	if (is_long)
		print_examples(f, table_example);
	fputs("\n`ockam help GROUP COMMAND` tells more; the manual page is ockam(1).\n", f);
}

static void help_group(FILE *f, const struct group *g, const char *typed)
{
	fprintf(f, "ockam %s: %s\n\nUsage: ockam %s COMMAND [ARGUMENTS] [OPTIONS]\n", typed,
		g->line, typed);
	if (g->alias)
		fprintf(f, "Also:  ockam %s COMMAND\n",
			strcmp(typed, g->alias) ? g->alias : g->name);
	fputc('\n', f);
	for (size_t i = 0; i < g->n; i++)
		fprintf(f, "  %-*s%s\n", NAME_WIDTH, g->commands[i].name, g->commands[i].line);
	fprintf(f, "\n`ockam %s COMMAND --help` tells more; the manual page is ockam-%s(1).\n",
		typed, g->name);
}

static void print_usage(FILE *f, const struct command *cmd, const char *typed)
{
	fprintf(f, "Usage: ockam %s%s%s", typed, cmd->name ? " " : "", cmd->name ? cmd->name : "");
	for (size_t i = 0; i < COMMAND_POSITIONALS_MAX && cmd->pos[i].meta; i++)
		fprintf(f, cmd->pos[i].required ? " %s" : " [%s]", cmd->pos[i].meta);
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		if (cmd->opt[i]->required)
			fprintf(f, " --%s %s", cmd->opt[i]->name, cmd->opt[i]->meta);
	fputs(" [OPTIONS]\n", f);
}

static void help_command_text(FILE *f, const struct group *g, const struct command *cmd,
	const char *typed, bool is_long)
{
	fprintf(f, "ockam %s%s%s: %s\n\n", typed, cmd->name ? " " : "", cmd->name ? cmd->name : "",
		cmd->line);
	print_usage(f, cmd, typed);
	if (is_long && cmd->about)
		fprintf(f, "\n%s\n", cmd->about);
	if (cmd->pos[0].meta)
		fputs("\nArguments:\n", f);
	for (size_t i = 0; i < COMMAND_POSITIONALS_MAX && cmd->pos[i].meta; i++)
		fprintf(f, "  %-*s%s\n", NAME_WIDTH + 12, cmd->pos[i].meta, cmd->pos[i].help);
	if (cmd->opt[0])
		fputs("\nOptions:\n", f);
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		print_option(f, cmd->opt[i]);
	if (!is_long)
		return;
	print_globals(f);
	if (cmd->examples)
		print_examples(f, cmd->examples);
	fprintf(f, "\nThe manual page is ockam-%s(1).\n", g->name);
}

void help_print(FILE *f, const struct group *group, const struct command *cmd, const char *typed,
	bool is_long)
{
	if (!group)
		help_top(f, is_long);
	else if (!cmd)
		help_group(f, group, typed);
	else
		help_command_text(f, group, cmd, typed, is_long);
}

int cmd_help(struct cli *c, const struct args *a)
{
	const struct group *g = a->pos_n > 0 ? table_group(a->pos[0]) : NULL;
	const struct command *cmd = g ? table_command(g, a->pos_n > 1 ? a->pos[1] : NULL) : NULL;
	if (a->pos_n > 0 && !g)
		return cli_fail(c, CLI_USAGE,
			"unknown command '%s'; `ockam --help` lists the commands", a->pos[0]);
	if (a->pos_n > 1 && !cmd)
		return cli_fail(c, CLI_USAGE,
			"unknown command '%s %s'; `ockam %s --help` lists the commands", a->pos[0],
			a->pos[1], a->pos[0]);
	help_print(stdout, g, cmd, a->pos[0], true);
	return CLI_OK;
}
