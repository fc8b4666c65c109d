// SPDX-License-Identifier: Apache-2.0
/*
 * Makes the manual page and the completions of `ockam-dp` from the tables that the command works
 *with.
 *
 *	ockam-dp-doc man|bash|zsh|fish
 */
#include "dp.h"
#include "layout.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 1024 };

static void append(char dst[WORDS_MAX], const char *before, const char *word)
{
	const size_t n = strlen(dst);
	snprintf(dst + n, WORDS_MAX - n, "%s%s%s", n ? " " : "", before, word);
}

static void option_words(void *ctx, const char *const *names, const char *arg, const char *help)
{
	(void)arg;
	(void)help;
	for (unsigned k = 0; names[k]; k++)
		append(ctx, "-", names[k]);
}

static void objects_text(char dst[WORDS_MAX])
{
	dst[0] = 0;
	for (unsigned o = 0; o < ADMIN_EVENT; o++)
		append(dst, "", admin_objects[o].name);
}

static void verbs_text(char dst[WORDS_MAX], enum admin_object o)
{
	dst[0] = 0;
	for (unsigned v = 0; v < VERBS; v++)
		if (verb_applies((enum dp_verb)v, o))
			append(dst, "", verb_name((enum dp_verb)v));
}

static void values_text(char dst[WORDS_MAX], enum admin_object o)
{
	const uint64_t all = layout_all(o) | admin_objects[o].keys | admin_objects[o].set;
	dst[0] = 0;
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (all & ADMIN_HAS(a))
			append(dst, "", admin_attrs[a].name);
}

static const char comparisons[] = "eq ne gt ge lt le and or not";

/* Words without options and their arguments: the object, the verb, then what a filter may hold. */
static void bash_cases(void)
{
	char text[WORDS_MAX];
	printf("\tcase $object in\n");
	for (unsigned o = 0; o < ADMIN_EVENT; o++) {
		verbs_text(text, (enum admin_object)o);
		printf("\t%s) verbs=\"%s\"", admin_objects[o].name, text);
		values_text(text, (enum admin_object)o);
		printf(" values=\"%s\" ;;\n", text);
	}
	objects_text(text);
	printf("\thelp|monitor) verbs=\"%s\"", text);
	values_text(text, ADMIN_EVENT);
	printf(" values=\"%s\" ;;\n", text);
	values_text(text, ADMIN_COUNTER);
	printf("\tstats) verbs=\"%s\" values=\"%s\" ;;\n\tesac\n", text, text);
}

static void bash(bool zsh)
{
	char options[WORDS_MAX] = "", objects[WORDS_MAX];
	options_each(option_words, options);
	objects_text(objects);
	if (zsh)
		printf("#compdef ockam-dp\nautoload -U +X bashcompinit && bashcompinit\n");
	printf("# Completion of ockam-dp; made from its tables.\n"
	       "_ockam_dp()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal object= verb= verbs= values= word i\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tword=${COMP_WORDS[i]}\n"
	       "\t\tcase $word in\n"
	       "\t\t-n|-node|-b|-batch|-w|-watch|-count) ((i++)) ;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) if [ -z \"$object\" ]; then object=$word; elif [ -z \"$verb\" ]; then "
	       "verb=$word; fi ;;\n"
	       "\t\tesac\n"
	       "\tdone\n");
	bash_cases();
	printf("\tif [[ $before == -n || $before == -node ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$(ls \"${OCKAM_HOME:-$HOME/.ockam}/run\" "
	       "2>/dev/null)\" -- \"$cur\"))\n"
	       "\telif [[ $before == -b || $before == -batch ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\telif [[ $cur == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))\n"
	       "\telif [ -z \"$object\" ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"%s monitor stats help\" -- \"$cur\"))\n"
	       "\telif [ -z \"$verb\" ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
	       "\telse\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$values %s\" -- \"$cur\"))\n"
	       "\tfi\n}\ncomplete -F _ockam_dp ockam-dp\n",
		options, objects, comparisons);
}

static void fish_option(void *ctx, const char *const *names, const char *arg, const char *help)
{
	(void)ctx;
	for (unsigned k = 0; names[k]; k++)
		printf("complete -c ockam-dp -o %s%s -d '%s'\n", names[k],
			arg && arg[0] != '=' ? " -r" : "", help);
}

static void fish(void)
{
	char text[WORDS_MAX];
	objects_text(text);
	printf("# Completion of ockam-dp; made from its tables.\ncomplete -c ockam-dp -f\n"
	       "set -l objects %s monitor stats help\n"
	       "complete -c ockam-dp -n \"not __fish_seen_subcommand_from $objects\" -a "
	       "\"$objects\"\n",
		text);
	for (unsigned o = 0; o < ADMIN_EVENT; o++) {
		verbs_text(text, (enum admin_object)o);
		printf("complete -c ockam-dp -n '__fish_seen_subcommand_from %s' -a '%s'\n",
			admin_objects[o].name, text);
		values_text(text, (enum admin_object)o);
		printf("complete -c ockam-dp -n '__fish_seen_subcommand_from %s' -a '%s %s'\n",
			admin_objects[o].name, text, comparisons);
	}
	options_each(fish_option, NULL);
}

/* --- the manual page --- */

static void man_option(void *ctx, const char *const *names, const char *arg, const char *help)
{
	FILE *f = ctx;
	fprintf(f, ".It Fl %s", names[0]);
	for (unsigned k = 1; names[k]; k++)
		fprintf(f, " , %s", names[k]);
	if (arg)
		fprintf(f, arg[0] == '=' ? " Ns Oo = Ns Ar %s Oc" : " Ar %s",
			arg + (arg[0] == '='));
	fprintf(f, "\n%s.\n", help);
}

static void man_object(FILE *f, enum admin_object o)
{
	const struct admin_object_info *info = &admin_objects[o];
	char text[WORDS_MAX];
	verbs_text(text, o);
	fprintf(f, ".It Cm %s\n%s.\n.br\nCommands: %s.\n.br\nValues: ", info->name,
		layouts[o].about, text);
	values_text(text, o);
	fprintf(f, "%s.\n", text);
	text[0] = 0;
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (info->keys & ADMIN_HAS(a))
			append(text, "", admin_attrs[a].name);
	fprintf(f, ".br\nKey: %s.\n", text);
}

static const char man_head[] =
	".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Made from the tables of the command.\n"
	".Dd $Mdocdate$\n.Dt OCKAM-DP 8\n.Os\n.Sh NAME\n.Nm ockam-dp\n"
	".Nd look at the data plane of a node, and act on it\n.Sh SYNOPSIS\n"
	".Nm\n.Op Ar options\n.Ar object\n.Op Ar command\n"
	".Nm\n.Op Ar options\n.Cm monitor\n.Op Ar object\n.Op Ar filter\n"
	".Nm\n.Op Ar options\n.Cm stats\n.Op Ar filter\n"
	".Nm\n.Op Ar options\n.Fl batch Ar file\n.Sh DESCRIPTION\n.Nm\nshows what a running node "
	"of\n"
	".Ev OCKAM_HOME\ncarries: its links, sessions, paths, streams and portals, what became of "
	"every "
	"frame, and\nwhat happens, in the manner of\n.Xr ip 8\nand\n.Xr ss 8 .\n"
	"It speaks to the data plane itself, also when the control plane is down, and delays "
	"nothing that "
	"is carried.\nWords and options may be shortened; of several that fit, the first in the "
	"lists "
	"below is meant.\nOptions stand anywhere.\n.Sh OBJECTS\n.Bl -tag -width 8n\n";

static const char man_tail[] =
	".Sh COMMANDS\n.Bl -tag -width 8n\n"
	".It Cm show Op Ar filter\nRows, sorted. What is done without a command.\n"
	".It Cm get Ar key ...\nOne row.\n"
	".It Cm set Ar key ... Ar what\nOf a session:\n.Cm ping\nasks the peer for an answer now.\n"
	".It Cm del Ar key ...\nCloses a link, a session (its peer is told), a path (both sides "
	"are told) or "
	"a stream.\nThe control plane learns of it and may make another.\n"
	".It Cm monitor Op Ar filter\nEvents as they happen, until it is interrupted.\n"
	"When it cannot keep up,\n.Ql overrun\nsays how many were missed.\n"
	".It Cm stats Op Ar filter\nAs show, with counters. Alone: what became of frames. On each "
	"worker what "
	"came in is what\nwas used, went on, waits or was dropped, to the frame.\n.El\n"
	".Sh CHOOSING ROWS\nComparisons\n.Ar name\n.Op Cm eq | ne | gt | ge | lt | le\n.Ar value "
	",\njoined by\n"
	".Cm and\n(which may be left out),\n.Cm or , not\nand parentheses.\nA value alone is the "
	"first key.\n"
	"Numbers may end in k, M, G or Ki, Mi, Gi, times in us, ms, s, m, h; texts may hold * and "
	"?, the\n"
	"identifier of a peer may be shortened;\n.Cm bytes\nand\n.Cm frames\nare both ways "
	"together.\n"
	".Sh ENVIRONMENT\n.Bl -tag -width 12n\n.It Ev OCKAM_HOME\nThe home of the nodes.\n"
	".It Ev NO_COLOR\nNo colours, but for\n.Fl color Ns =always .\n.It Ev COLUMNS\nHow wide "
	"the output may be.\n.El\n"
	".Sh FILES\n.Bl -tag -width 12n\n.It Pa $OCKAM_HOME/run/NAME/admin.sock\nWhere the data "
	"plane listens, "
	"for its own user only.\n.El\n"
	".Sh EXIT STATUS\n0; 2 usage, 65 what the data plane says is not understood, 66 not found, "
	"69 the node "
	"does not\nrun or answer, 74 I/O, 75 busy, 77 another user's node, 78 configuration.\n"
	".Sh EXAMPLES\nThe links, with counters:\n.Dl ockam-dp -s link\nWhat a relay forwards to "
	"link 6, and by which "
	"way:\n.Dl ockam-dp -d label show egress 6\nThe busiest streams, each second:\n.Dl "
	"ockam-dp -w 1 stream\n"
	"Why frames were dropped, on all nodes:\n.Dl ockam-dp -a stats stage dropped value gt 0\n"
	"Sessions that end, as JSON:\n.Dl ockam-dp -j -ts monitor session event closed or event "
	"broken\n"
	".Sh SEE ALSO\n.Xr ockam 1 ,\n.Xr ockam-control 8 ,\n.Xr ockam-dataplane 8\n";

/* A line of the source: text is one sentence at most, and not too long. */
static void man_line(char *line)
{
	unsigned at = 0;
	if (*line == '.') {
		puts(line);
		return;
	}
	for (char *save = NULL, *word = strtok_r(line, " ", &save); word;
		word = strtok_r(NULL, " ", &save)) {
		const size_t n = strlen(word);
		printf("%s%s", !at ? "" : at + 1 + n > 76 ? "\n" : " ", word);
		at = at && at + 1 + n > 76 ? (unsigned)n : at + (unsigned)n + 1;
		if (word[n - 1] == '.' && save && *save >= 'A' && *save <= 'Z') {
			printf("\n");
			at = 0;
		}
	}
	printf("\n");
}

static int man(void)
{
	char *page = NULL;
	size_t len;
	FILE *f = open_memstream(&page, &len);
	if (!f)
		return DP_INTERNAL;
	fputs(man_head, f);
	for (unsigned o = 0; o < ADMIN_EVENT; o++)
		man_object(f, (enum admin_object)o);
	fputs(".El\n.Sh OPTIONS\n.Bl -tag -width 8n\n", f);
	options_each(man_option, f);
	fputs(".El\n", f);
	fputs(man_tail, f);
	if (fclose(f) != 0)
		return DP_INTERNAL;
	for (char *save = NULL, *line = strtok_r(page, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		man_line(line);
	free(page);
	return DP_OK;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	if (!strcmp(what, "man")) {
		if (man() != DP_OK)
			return DP_INTERNAL;
	} else if (!strcmp(what, "bash") || !strcmp(what, "zsh")) {
		bash(*what == 'z');
	} else if (!strcmp(what, "fish")) {
		fish();
	} else {
		return DP_USAGE;
	}
	return fflush(stdout) || ferror(stdout) ? DP_IO : DP_OK;
}
