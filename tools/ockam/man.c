// SPDX-License-Identifier: Apache-2.0
/*
 * Writes the manual pages, made from the table: ockam.1 and one ockam-GROUP.1 for each group. Part
 * of the build, and not installed.
 *
 *   ockam-man DIRECTORY
 */
#include "mdoc.h"
#include "table.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of the last change to what the pages say. */
#define PAGE_DATE "November 25, 2026"

static const struct {
	enum exit_code code;
	const char *meaning;
} exit_codes[] = {
	{CLI_OK, "Success."},
	{CLI_USAGE, "The command line is not understood."},
	{CLI_DATA, "Data from elsewhere are malformed: a file, a reply, a route from stdin."},
	{CLI_NOT_FOUND, "What was named is not there. The error contains the word `NotFound`."},
	{CLI_UNREACHABLE, "A peer or a service cannot be reached, or did not answer in time."},
	{CLI_INTERNAL, "Internal error."},
	{CLI_EXISTS, "It cannot be made: there is one already."},
	{CLI_IO, "A file or a device fails."},
	{CLI_BUSY, "It is in use."},
	{CLI_REFUSED, "Refused by policy: here, or by the peer."},
	{CLI_CONFIG, "The configuration or the environment does not allow it."},
};

static void page_head(FILE *f, const char *page, const char *line)
{
	fprintf(f, ".\\\" Made from the table of commands by ockam-man.\n.Dd " PAGE_DATE "\n.Dt ");
	for (const char *s = page; *s; s++)
		fputc(toupper((unsigned char)*s), f);
	fprintf(f, " 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", page, line);
}

/* A clause of the table as a sentence. */
static void sentence(FILE *f, const char *clause, const char *more)
{
	char text[1024];
	snprintf(text, sizeof text, "%s%s.", clause, more);
	text[0] = (char)toupper((unsigned char)text[0]);
	mdoc_text(f, text);
}

static void option_item(FILE *f, const struct option *o)
{
	if (o->refused)
		return;
	fputs(".It", f);
	if (o->letter)
		fprintf(f, " Fl %c ,", o->letter);
	fprintf(f, " Fl -%s", o->name);
	for (size_t i = 0; i < sizeof o->alias / sizeof *o->alias && o->alias[i]; i++)
		fprintf(f, " , Fl -%s", o->alias[i]);
	if (o->meta) {
		fputs(" Ar", f);
		mdoc_arg(f, o->meta);
	}
	fputc('\n', f);
	sentence(f, o->help, "");
	if (o->required)
		mdoc_text(f, "It is required.");
	if (o->many && o->meta)
		mdoc_text(f, "It may be given several times.");
}

static void synopsis(FILE *f, const struct group *g, const struct command *cmd)
{
	fprintf(f, ".Nm \"ockam %s\"\n", g->name);
	if (cmd->name)
		fprintf(f, ".Cm %s\n", cmd->name);
	for (size_t i = 0; i < COMMAND_POSITIONALS_MAX && cmd->pos[i].meta; i++) {
		fputs(cmd->pos[i].required ? ".Ar" : ".Op Ar", f);
		mdoc_arg(f, cmd->pos[i].meta);
		fputc('\n', f);
	}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++) {
		if (!cmd->opt[i]->required)
			continue;
		fprintf(f, ".Fl -%s Ar", cmd->opt[i]->name);
		mdoc_arg(f, cmd->opt[i]->meta);
		fputc('\n', f);
	}
	fputs(".Op Ar options\n", f);
}

static void command_lists(FILE *f, const struct command *cmd)
{
	if (!cmd->pos[0].meta && !cmd->opt[0])
		return;
	fputs(".Bl -tag -width Ds\n", f);
	for (size_t i = 0; i < COMMAND_POSITIONALS_MAX && cmd->pos[i].meta; i++) {
		fputs(".It Ar", f);
		mdoc_arg(f, cmd->pos[i].meta);
		fputc('\n', f);
		sentence(f, cmd->pos[i].help, "");
	}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->opt[i]; i++)
		option_item(f, cmd->opt[i]);
	fputs(".El\n", f);
}

static void command_text(FILE *f, const struct group *g, const struct command *cmd)
{
	if (cmd->name)
		fprintf(f, ".Ss %s %s\n", g->name, cmd->name);
	sentence(f, cmd->line, "");
	if (cmd->about)
		mdoc_text(f, cmd->about);
	command_lists(f, cmd);
	if (!cmd->examples)
		return;
	fprintf(f, ".Pp\n%s:\n", strchr(cmd->examples, '\n') ? "Examples" : "Example");
	mdoc_literal(f, cmd->examples);
}

static void group_page(FILE *f, const struct group *g)
{
	char page[64];
	snprintf(page, sizeof page, "ockam-%s", g->name);
	page_head(f, page, g->line);
	fputs(".Sh SYNOPSIS\n", f);
	for (size_t i = 0; i < g->n; i++)
		synopsis(f, g, &g->commands[i]);
	fputs(".Sh DESCRIPTION\n", f);
	if (g->commands[0].name)
		sentence(f, g->line, "");
	if (g->alias)
		fprintf(f, "The group is also called\n.Cm %s .\n", g->alias);
	for (size_t i = 0; i < g->n; i++)
		command_text(f, g, &g->commands[i]);
	fputs(".Sh EXIT STATUS\nAs of every command, and with the same options of every command:\n"
	      "see\n.Xr ockam 1 .\n.Sh SEE ALSO\n.Xr ockam 1\n",
		f);
}

static void top_lists(FILE *f)
{
	fputs("The commands come in groups:\n.Bl -tag -width secure-channel-listener\n", f);
	for (size_t i = 0; i < table_groups_n; i++) {
		fprintf(f, ".It Cm %s", table_groups[i].name);
		if (table_groups[i].alias)
			fprintf(f, " , Cm %s", table_groups[i].alias);
		fputc('\n', f);
		sentence(f, table_groups[i].line, "");
	}
	fputs(".El\n.Pp\nEach has a page of its own, like\n.Xr ockam-node 1 .\n.Pp\n"
	      "The result goes to stdout, everything else to stderr.\n"
	      "Where stdout is no terminal, only the bare value is written, or JSON\n"
	      "for what has no single value.\n"
	      "A route argument that begins with\n.Ql -/\ntakes one line from stdin in place of\n"
	      ".Ql - ,\nso that commands can be joined by pipes.\n.Pp\n"
	      "Every command takes these options, anywhere on the line:\n.Bl -tag -width Ds\n",
		f);
	for (size_t i = 0; i < table_global_options_n; i++)
		option_item(f, table_global_options[i]);
	fputs(".El\n", f);
}

static int by_name(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static void see_also(FILE *f)
{
	const struct group *sorted[64];
	size_t n = table_groups_n < 64 ? table_groups_n : 64;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &table_groups[i];
	qsort(sorted, n, sizeof *sorted, by_name);
	fputs(".Sh SEE ALSO\n", f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, ".Xr ockam-%s 1%s\n", sorted[i]->name, i + 1 < n ? " ," : "");
}

static void top_page(FILE *f)
{
	page_head(f, "ockam", "encrypted, mutually authenticated channels between programs");
	fputs(".Sh SYNOPSIS\n.Nm\n.Ar group\n.Ar command\n.Op Ar arguments\n.Op Ar options\n"
	      ".Sh DESCRIPTION\n"
	      "Makes and manages nodes, which open end-to-end encrypted, mutually authenticated\n"
	      "channels to each other through any number of relays, and carry messages and TCP\n"
	      "connections through them.\n"
	      ".Pp\n",
		f);
	top_lists(f);
	fputs(".Sh ENVIRONMENT\n.Bl -tag -width OCKAM_DEFAULT_TIMEOUT\n", f);
	for (size_t i = 0; i < table_variables_n; i++) {
		fprintf(f, ".It Ev %s\n", table_variables[i].name);
		sentence(f, table_variables[i].help, "");
	}
	fputs(".El\n.Sh FILES\n.Bl -tag -width Ds\n"
	      ".It Pa \\(ti/.ockam/database.sqlite3\n"
	      "Identities, vaults, and what nodes there are and have.\n"
	      ".It Pa \\(ti/.ockam/nodes/NAME/stdout.log\nThe log of a node.\n"
	      ".It Pa \\(ti/.ockam/run/NAME/\nThe sockets of a node that runs.\n"
	      ".El\n.Sh EXIT STATUS\n.Bl -tag -width Ds\n",
		f);
	for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
		fprintf(f, ".It %d\n", exit_codes[i].code);
		mdoc_text(f, exit_codes[i].meaning);
	}
	fputs(".El\n.Sh EXAMPLES\n", f);
	mdoc_literal(f, table_example);
	see_also(f);
}

static int write_page(const char *dir, const struct group *g)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/ockam%s%s.1", dir, g ? "-" : "", g ? g->name : "");
	FILE *f = fopen(path, "w");
	if (!f)
		return -errno;
	if (g)
		group_page(f, g);
	else
		top_page(f);
	int failed = ferror(f);
	return fclose(f) || failed ? -EIO : 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: ockam-man DIRECTORY\n", stderr);
		return CLI_USAGE;
	}
	int rc = mkdir(argv[1], 0777) < 0 && errno != EEXIST ? -errno : write_page(argv[1], NULL);
	for (size_t i = 0; rc == 0 && i < table_groups_n; i++)
		rc = write_page(argv[1], &table_groups[i]);
	/* the directory is what the build looks at */
	if (rc == 0 && utimensat(AT_FDCWD, argv[1], NULL, 0) < 0)
		rc = -errno;
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
	return rc < 0 ? CLI_IO : CLI_OK;
}
