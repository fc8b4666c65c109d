// SPDX-License-Identifier: Apache-2.0
#include "complete.h"

#include <string.h>

static void quoted(FILE *f, const char *s)
{
	fputc('\'', f);
	for (; *s; s++)
		fprintf(f, *s == '\'' || *s == '\\' ? "\\%c" : "%c", *s);
	fputc('\'', f);
}

/* -n '__ockam_is GROUP|ALIAS COMMAND' */
static void condition(FILE *f, const struct group *g, const char *command)
{
	fprintf(f, "complete -c ockam -n '__ockam_is %s%s%s %s'", g->name, g->alias ? "," : "",
		g->alias ? g->alias : "", command ? command : "\"\"");
}

static void value(FILE *f, enum value_kind kind)
{
	static const char *const how[] = {
		[COMPLETE_NODES] = "-f -a '(__ockam_nodes)'",
		[COMPLETE_PLACES] = "-f -a '(__ockam_nodes) /node/(__ockam_nodes)'",
		[COMPLETE_ROUTES] = "-f -a '/node/(__ockam_nodes)'",
		[COMPLETE_FILES] = "-F",
		[COMPLETE_NOTHING] = "-f",
	};
	if (complete_value(kind) == COMPLETE_WORDS)
		fprintf(f, " -f -a '%s'", complete_words(kind));
	else
		fprintf(f, " %s", how[complete_value(kind)]);
}

static void option(FILE *f, const struct option *o)
{
	fprintf(f, " -l %s", o->name);
	if (o->letter)
		fprintf(f, " -s %c", o->letter);
	if (o->kind != VALUE_NONE) {
		fputs(" -r", f);
		value(f, o->kind);
	}
	fputs(" -d ", f);
	quoted(f, o->help);
	fputc('\n', f);
}

static void command(FILE *f, const struct group *g, const struct command *cmd)
{
	if (cmd->name) {
		condition(f, g, NULL);
		fprintf(f, " -f -a %s -d ", cmd->name);
		quoted(f, cmd->line);
		fputc('\n', f);
	}
	if (cmd->pos[0].meta) {
		condition(f, g, cmd->name ? cmd->name : "*");
		value(f, cmd->pos[0].kind);
		fputc('\n', f);
	}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++) {
		if (cmd->opt[i]->refused)
			continue;
		condition(f, g, cmd->name ? cmd->name : "*");
		option(f, cmd->opt[i]);
	}
}

void complete_fish(FILE *f)
{
	fputs("# fish completion of ockam\n"
	      "function __ockam_nodes\n"
	      "\tset -l home $OCKAM_HOME\n"
	      "\ttest -n \"$home\"; or set home $HOME/.ockam\n"
	      "\tfor d in $home/nodes/*/\n"
	      "\t\tbasename $d\n"
	      "\tend\n"
	      "end\n"
	      "# the first two words that are no options: a group of $argv[1], the command "
	      "$argv[2]\n"
	      "function __ockam_is\n"
	      "\tset -l words (string match -v -- '-*' (commandline -opc)[2..-1])\n"
	      "\ttest (count $words) -ge 1; or return\n"
	      "\tcontains -- $words[1] (string split , $argv[1]); or return\n"
	      "\ttest \"$argv[2]\" = '*'; and return\n"
	      "\ttest \"$words[2]\" = \"$argv[2]\"\n"
	      "end\n"
	      "function __ockam_no_group\n"
	      "\ttest -z (string match -v -- '-*' (commandline -opc)[2..-1])[1] 2>/dev/null\n"
	      "end\n"
	      "complete -c ockam -f\n",
		f);
	for (size_t i = 0; i < table_global_options_n; i++) {
		fputs("complete -c ockam", f);
		option(f, table_global_options[i]);
	}
	for (size_t i = 0; i < table_groups_n; i++) {
		const struct group *g = &table_groups[i];
		for (const char *name = g->name; name; name = name == g->name ? g->alias : NULL) {
			fprintf(f, "complete -c ockam -n __ockam_no_group -a %s -d ", name);
			quoted(f, g->line);
			fputc('\n', f);
		}
		for (size_t k = 0; k < g->n; k++)
			command(f, g, &g->commands[k]);
	}
}
