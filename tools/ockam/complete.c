// SPDX-License-Identifier: Apache-2.0
/* completion: shell scripts made from the table. They call nothing: node names are directory names.
 */
#include "parse.h"

#include <stdio.h>
#include <string.h>

static void words_of_options(FILE *f, const struct command *cmd)
{
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		if (!cmd->opt[i]->refused)
			fprintf(f, " --%s", cmd->opt[i]->name);
	for (size_t i = 0; i < table_global_options_n; i++)
		fprintf(f, " --%s", table_global_options[i]->name);
}

static bool takes_node(const struct command *cmd)
{
	return cmd->pos[0].meta && cmd->pos[0].kind == VALUE_NODE;
}

/* "--at|--from|..." of all options whose value is a node or may be one. */
static void node_options(FILE *f)
{
	static const char *const names[] = {"--at", "--node", "--from", "--to"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		fprintf(f, "%s%s", i ? "|" : "", names[i]);
}

static void group_pattern(FILE *f, const struct group *g, const char *command)
{
	fprintf(f, "%s%s%s", g->name, command ? "/" : "", command ? command : "");
	if (g->alias)
		fprintf(f, "|%s%s%s", g->alias, command ? "/" : "", command ? command : "");
}

/* One case of words per group (its commands) and per command (its options and node names). */
static void cases(FILE *f)
{
	for (size_t i = 0; i < table_groups_n; i++) {
		const struct group *g = &table_groups[i];
		bool single = g->commands[0].name == NULL;
		for (size_t k = 0; k < g->n; k++) {
			const struct command *cmd = &g->commands[k];
			fputs("\t\t", f);
			group_pattern(f, g, cmd->name);
			fputs(") words=\"", f);
			if (cmd->pos[0].kind == VALUE_SHELL)
				fputs("bash zsh", f);
			else if (takes_node(cmd))
				fputs("$(_ockam_nodes)", f);
			words_of_options(f, cmd);
			fputs("\" ;;\n", f);
		}
		if (single)
			continue;
		fputs("\t\t", f);
		group_pattern(f, g, NULL);
		fputs("/) words=\"", f);
		for (size_t k = 0; k < g->n; k++)
			fprintf(f, "%s%s", k ? " " : "", g->commands[k].name);
		fputs("\" ;;\n", f);
	}
}

static void group_names(FILE *f)
{
	for (size_t i = 0; i < table_groups_n; i++) {
		fprintf(f, "%s%s", i ? " " : "", table_groups[i].name);
		if (table_groups[i].alias)
			fprintf(f, " %s", table_groups[i].alias);
	}
}

static void single_pattern(FILE *f)
{
	bool first = true;
	for (size_t i = 0; i < table_groups_n; i++) {
		if (table_groups[i].commands[0].name)
			continue;
		fprintf(f, "%s%s", first ? "" : "|", table_groups[i].name);
		first = false;
	}
}

/* The function that sets `words` from $1 (group), $2 (command), $3 (the word before). */
static void words_function(FILE *f)
{
	fputs("_ockam_nodes() {\n"
	      "\tlocal d\n"
	      "\tfor d in \"${OCKAM_HOME:-$HOME/.ockam}\"/nodes/*/; do\n"
	      "\t\td=${d%/}\n"
	      "\t\t[ -d \"$d\" ] && printf '%s ' \"${d##*/}\"\n"
	      "\tdone\n"
	      "}\n"
	      "_ockam_words() {\n"
	      "\tlocal words key=\"$1/$2\"\n"
	      "\tcase \"$1\" in\n"
	      "\t\t\"\") words=\"",
		f);
	group_names(f);
	fputs("\"; printf '%s' \"$words\"; return ;;\n\t\t", f);
	single_pattern(f);
	fputs(") key=\"$1\" ;;\n"
	      "\tesac\n"
	      "\tcase \"$3\" in\n"
	      "\t\t",
		f);
	node_options(f);
	fputs(") printf '%s' \"$(_ockam_nodes)\"; return ;;\n"
	      "\t\t--output) printf 'plain json'; return ;;\n"
	      "\tesac\n"
	      "\tcase \"$key\" in\n",
		f);
	cases(f);
	fputs("\tesac\n"
	      "\tprintf '%s' \"$words\"\n"
	      "}\n",
		f);
}

static void bash(FILE *f)
{
	fputs("# bash completion of ockam\n", f);
	words_function(f);
	fputs("_ockam() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} group= command= w i\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tw=${COMP_WORDS[i]}\n"
	      "\t\tcase $w in\n"
	      "\t\t\t-*) ;;\n"
	      "\t\t\t*) if [ -z \"$group\" ]; then group=$w; elif [ -z \"$command\" ]; then "
	      "command=$w; fi ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tCOMPREPLY=($(compgen -W \"$(_ockam_words \"$group\" \"$command\" "
	      "\"${COMP_WORDS[COMP_CWORD-1]}\")\" -- \"$cur\"))\n"
	      "}\n"
	      "complete -o default -F _ockam ockam\n",
		f);
}

static void zsh(FILE *f)
{
	fputs("#compdef ockam\n", f);
	words_function(f);
	fputs("_ockam() {\n"
	      "\tlocal group= command= w i\n"
	      "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	      "\t\tw=${words[i]}\n"
	      "\t\tcase $w in\n"
	      "\t\t\t-*) ;;\n"
	      "\t\t\t*) if [ -z \"$group\" ]; then group=$w; elif [ -z \"$command\" ]; then "
	      "command=$w; fi ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcompadd -- ${=\"$(_ockam_words \"$group\" \"$command\" "
	      "\"${words[CURRENT-1]}\")\"} || _files\n"
	      "}\n"
	      "compdef _ockam ockam\n",
		f);
}

int cmd_completion(struct cli *c, const struct args *a)
{
	if (!strcmp(a->pos[0], "bash"))
		bash(stdout);
	else
		zsh(stdout);
	return CLI_OK;
}
