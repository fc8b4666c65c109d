// SPDX-License-Identifier: Apache-2.0
/* completion: shell scripts made from the table. They call nothing: node names are directory names.
 */
#include "complete.h"

#include "parse.h"

#include <string.h>

enum complete_value complete_value(enum value_kind kind)
{
	switch (kind) {
	case VALUE_NODE:
		return COMPLETE_NODES;
	case VALUE_PLACE:
		return COMPLETE_PLACES;
	case VALUE_ROUTE:
		return COMPLETE_ROUTES;
	case VALUE_IDENTIFIER:
	case VALUE_ENCODING:
	case VALUE_FORMAT:
	case VALUE_SHELL:
		return COMPLETE_WORDS;
	case VALUE_TEXT:
	case VALUE_NAME_OR_FILE:
		return COMPLETE_FILES;
	default:
		return COMPLETE_NOTHING;
	}
}

const char *complete_words(enum value_kind kind)
{
	switch (kind) {
	case VALUE_IDENTIFIER:
		return "any";
	case VALUE_ENCODING:
		return "text hex";
	case VALUE_FORMAT:
		return "plain json";
	case VALUE_SHELL:
		return "bash zsh fish";
	default:
		return NULL;
	}
}

/* Of an argument; what is no file and has no words leaves room for the options. */
static bool offers(enum value_kind kind)
{
	return complete_value(kind) != COMPLETE_NOTHING;
}

/* What prints the words for a value; nothing for files. */
static const char *words_of(enum value_kind kind, char *dst, size_t cap)
{
	static const char *const how[] = {
		[COMPLETE_NODES] = "_ockam_nodes ''",
		[COMPLETE_PLACES] = "_ockam_nodes '' /node/",
		[COMPLETE_ROUTES] = "_ockam_nodes /node/",
		[COMPLETE_FILES] = ":",
		[COMPLETE_NOTHING] = ":",
	};
	enum complete_value v = complete_value(kind);
	if (v != COMPLETE_WORDS)
		return how[v];
	snprintf(dst, cap, "printf '%s'", complete_words(kind));
	return dst;
}

static void option_pattern(FILE *f, const struct option *o)
{
	fprintf(f, "--%s", o->name);
	for (size_t i = 0; i < sizeof o->alias / sizeof *o->alias && o->alias[i]; i++)
		fprintf(f, "|--%s", o->alias[i]);
	if (o->letter)
		fprintf(f, "|-%c", o->letter);
}

static void option_values(FILE *f, const struct option *o)
{
	char words[64];
	if (o->refused || o->kind == VALUE_NONE)
		return;
	fputs("\t\t\t", f);
	option_pattern(f, o);
	fprintf(f, ") %s; return ;;\n", words_of(o->kind, words, sizeof words));
}

static void group_pattern(FILE *f, const struct group *g, const char *command)
{
	fprintf(f, "%s/%s", g->name, command);
	if (g->alias)
		fprintf(f, "|%s/%s", g->alias, command);
}

/* The values of its options, its arguments, its options. */
static void command_case(FILE *f, const struct group *g, const struct command *cmd)
{
	char words[64];
	fputs("\t\t", f);
	group_pattern(f, g, cmd->name ? cmd->name : "*");
	fputs(")\n\t\tcase $3 in\n", f);
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		option_values(f, cmd->opt[i]);
	fputs("\t\tesac\n", f);
	if (cmd->pos[0].meta && offers(cmd->pos[0].kind))
		fprintf(f,
			"\t\tcase $5$4 in\n\t\t\t0-*|[1-9]*) ;;\n\t\t\t*) %s; return "
			";;\n\t\tesac\n",
			words_of(cmd->pos[0].kind, words, sizeof words));
	fputs("\t\tprintf -- '", f);
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		if (!cmd->opt[i]->refused)
			fprintf(f, "--%s ", cmd->opt[i]->name);
	fputs("'; _ockam_common ;;\n", f);
}

static void cases(FILE *f)
{
	for (size_t i = 0; i < table_groups_n; i++) {
		const struct group *g = &table_groups[i];
		for (size_t k = 0; k < g->n; k++)
			if (strcmp(g->name, "help"))
				command_case(f, g, &g->commands[k]);
		if (!g->commands[0].name)
			continue;
		fputs("\t\t", f);
		group_pattern(f, g, "");
		fputs(") printf '", f);
		for (size_t k = 0; k < g->n; k++)
			fprintf(f, "%s ", g->commands[k].name);
		fputs("' ;;\n", f);
	}
}

static void group_names(FILE *f)
{
	for (size_t i = 0; i < table_groups_n; i++)
		fprintf(f, "%s %s%s", table_groups[i].name,
			table_groups[i].alias ? table_groups[i].alias : "",
			table_groups[i].alias ? " " : "");
}

/* "GROUP LETTER" of the options with a letter that take a value: a letter may mean two things. */
static void letters(FILE *f, const struct group *g)
{
	for (size_t k = 0; k < g->n; k++)
		for (size_t i = 0; i < COMMAND_OPTIONS_MAX && g->commands[k].opt[i]; i++) {
			const struct option *o = g->commands[k].opt[i];
			if (!o->letter || o->kind == VALUE_NONE)
				continue;
			fprintf(f, "'%s -%c'|", g->name, o->letter);
			if (g->alias)
				fprintf(f, "'%s -%c'|", g->alias, o->letter);
		}
}

static void longs(FILE *f, const struct option *const *list, size_t max)
{
	for (size_t i = 0; i < max && list[i]; i++) {
		const struct option *o = list[i];
		if (o->refused || o->kind == VALUE_NONE)
			continue;
		fprintf(f, "*' --%s'|", o->name);
		for (size_t k = 0; k < sizeof o->alias / sizeof *o->alias && o->alias[k]; k++)
			fprintf(f, "*' --%s'|", o->alias[k]);
	}
}

/* Whether the word after $2 is its value, in group $1. */
static void takes_function(FILE *f)
{
	fputs("_ockam_takes() {\n\tcase \"$1 $2\" in\n\t\t", f);
	longs(f, table_global_options, table_global_options_n);
	for (size_t i = 0; i < table_groups_n; i++) {
		letters(f, &table_groups[i]);
		for (size_t k = 0; k < table_groups[i].n; k++)
			longs(f, table_groups[i].commands[k].opt, COMMAND_OPTIONS_MAX);
	}
	fputs("'--') return 0 ;;\n\tesac\n\treturn 1\n}\n", f);
}

/*
 * The functions of both shells. _ockam_words prints the words for $1 (group), $2 (command), $3 (the
 * word before), $4 (what was typed of this one), $5 (how many arguments it has): nothing means a
 * file.
 */
static void functions(FILE *f)
{
	fputs("_ockam_nodes() {\n"
	      "\tlocal d p\n"
	      "\t[ -z \"$ZSH_VERSION\" ] || setopt local_options null_glob\n"
	      "\tfor d in \"${OCKAM_HOME:-$HOME/.ockam}\"/nodes/*/; do\n"
	      "\t\td=${d%/}\n"
	      "\t\t[ -d \"$d\" ] || continue\n"
	      "\t\tfor p in \"$@\"; do printf '%s%s ' \"$p\" \"${d##*/}\"; done\n"
	      "\tdone\n"
	      "}\n"
	      "_ockam_common() {\n"
	      "\tprintf -- '",
		f);
	for (size_t i = 0; i < table_global_options_n; i++)
		fprintf(f, "--%s ", table_global_options[i]->name);
	fputs("'\n}\n", f);
	takes_function(f);
	fputs("_ockam_words() {\n\tcase $3 in\n", f);
	for (size_t i = 0; i < table_global_options_n; i++)
		option_values(f, table_global_options[i]);
	fputs("\tesac\n"
	      "\tcase $1/$2/$5/$4 in\n"
	      "\t\t//*/-*) _ockam_common; return ;;\n"
	      "\t\t//*|help//*) printf '",
		f);
	group_names(f);
	fputs("'; return ;;\n"
	      "\t\thelp/*/0/*) _ockam_words \"$2\" '' '' '' 0; return ;;\n"
	      "\tesac\n"
	      "\tcase $1/$2 in\n",
		f);
	cases(f);
	fputs("\tesac\n}\n", f);
}

/* From the words before this one: group, command, and how many arguments they have. */
#define SCAN                                                                                       \
	"\t\tif _ockam_takes \"$group\" \"$before\"; then before=; continue; fi\n"                 \
	"\t\tbefore=$w\n"                                                                          \
	"\t\tcase $w in\n"                                                                         \
	"\t\t\t-*|=) ;;\n"                                                                         \
	"\t\t\t*) if [ -z \"$group\" ]; then group=$w; elif [ -z \"$command\" ]; then "            \
	"command=$w; else n=$((n + 1)); fi ;;\n"                                                   \
	"\t\tesac\n"                                                                               \
	"\tdone\n"

static void bash(FILE *f)
{
	fputs("# bash completion of ockam\n", f);
	functions(f);
	fputs("_ockam() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} before= group= command= n=0 w i\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tw=${COMP_WORDS[i]}\n"
	      "\t\t[ \"$w\" = = ] && continue\n" SCAN "\tif [ \"$cur\" = = ]; then cur=; fi\n"
	      "\tCOMPREPLY=($(compgen -W \"$(_ockam_words \"$group\" \"$command\" \"$before\" "
	      "\"$cur\" $n)\" -- \"$cur\"))\n"
	      "}\n"
	      "complete -o default -F _ockam ockam\n",
		f);
}

static void zsh(FILE *f)
{
	fputs("#compdef ockam\n", f);
	functions(f);
	fputs("_ockam() {\n"
	      "\tlocal before= group= command= n=0 w i found\n"
	      "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	      "\t\tw=${words[i]}\n" SCAN
	      "\tfound=$(_ockam_words \"$group\" \"$command\" \"$before\" \"$PREFIX\" $n)\n"
	      "\tif [ -n \"$found\" ]; then compadd -- ${=found}; else _files; fi\n"
	      "}\n"
	      "if [ \"${funcstack[1]}\" = _ockam ]; then _ockam \"$@\"; else compdef _ockam ockam; "
	      "fi\n",
		f);
}

int cmd_completion(struct cli *c, const struct args *a)
{
	if (!strcmp(a->pos[0], "bash"))
		bash(stdout);
	else if (!strcmp(a->pos[0], "zsh"))
		zsh(stdout);
	else
		complete_fish(stdout);
	return CLI_OK;
}
