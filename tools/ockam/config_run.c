// SPDX-License-Identifier: Apache-2.0
/* run, and `node create` with a configuration. */
#include "config_run.h"

#include "config.h"
#include "config_schema.h"
#include "output.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VARIABLES_MAX = 256 };

/* A configuration as it is carried out. */
struct run {
	struct cli *c;
	struct config config;
	const char *source;
	size_t next, done; /* steps; those before `done` were done */
};

static int read_all(const struct cli *c, int fd, const char *name, char **text, size_t *len)
{
	size_t cap = YAML_TREE_BYTES_MAX + 1;
	ssize_t n = 1;
	*len = 0;
	*text = malloc(cap);
	if (!*text)
		return cli_fail(c, CLI_INTERNAL, "out of memory");
	while (*len < cap && (n = read(fd, *text + *len, cap - *len)) > 0)
		*len += (size_t)n;
	if (n >= 0)
		return CLI_OK;
	free(*text);
	return cli_fail(c, CLI_IO, "could not read %s: %s", name, strerror(errno));
}

static int read_file(const struct cli *c, const char *path, char **text, size_t *len)
{
	if (!strcmp(path, "-"))
		return read_all(c, STDIN_FILENO, "stdin", text, len);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail(c, errno == ENOENT ? CLI_NOT_FOUND : CLI_IO,
			"%sthe configuration %s cannot be opened: %s",
			errno == ENOENT ? "NotFound: " : "", path, strerror(errno));
	int rc = read_all(c, fd, path, text, len);
	close(fd);
	return rc;
}

static int run_line(
	struct cli *c, int argc, char **argv, int (*run)(struct cli *, const struct args *))
{
	char why[512];
	struct args a;
	int rc = parse_line(c, argc, argv, &a, why, sizeof why);
	rc = rc ? cli_fail(c, rc, "%s", why) : (run ? run : a.command->run)(c, &a);
	progress_stop();
	parse_fini(&a);
	return rc;
}

static void remove_nodes(struct run *r)
{
	struct cli c = *r->c;
	c.silent = c.mute = c.quiet = true;
	for (size_t i = r->done; i--;) {
		char *argv[] = {"ockam", "node", "delete", r->config.steps[i].argv[3], NULL};
		if (r->config.steps[i].is_node)
			run_line(&c, 4, argv, NULL);
	}
}

static int rest(void *ctx);

static int create_foreground(struct cli *c, const struct args *a)
{
	return node_create_line(c, a, rest, c->step_ctx);
}

static int do_step(struct run *r, const struct config_step *s)
{
	char where[PATH_MAX + 16];
	struct cli c = *r->c;
	snprintf(where, sizeof where, "%s:%u", r->source, s->line);
	c.silent = true;
	c.where = where;
	if (s->is_home) { /* what is there already is as good */
		c.mute = true;
		int rc = run_line(&c, s->argc, s->argv, NULL);
		if (rc == CLI_OK || rc == CLI_EXISTS)
			return CLI_OK;
		c.mute = false;
	}
	c.step_ctx = r;
	return run_line(&c, s->argc, s->argv, s->is_foreground ? create_foreground : NULL);
}

/* The steps that are left; an exit code. A node in the foreground does those after it while it
 * runs. */
static int rest(void *ctx)
{
	struct run *r = ctx;
	int rc = CLI_OK;
	while (!rc && r->next < r->config.n) {
		const struct config_step *s = &r->config.steps[r->next++];
		rc = do_step(r, s);
		if (!rc && !s->is_foreground)
			r->done = r->next;
	}
	return rc;
}

static int load(struct run *r, const struct args *a, struct config_source *source)
{
	const char *v;
	struct variable given[VARIABLES_MAX];
	for (unsigned i = 0; (v = args_nth(a, "variable", i)); i++) {
		if (i == VARIABLES_MAX)
			return cli_fail(r->c, CLI_USAGE, "more than %d variables", VARIABLES_MAX);
		variable_parse(v, &given[source->given_n++]);
	}
	source->given = given;
	r->source = source->name;
	return config_load(r->c, source, &r->config);
}

static int carry_out(struct run *r)
{
	int rc = rest(r);
	if (rc)
		remove_nodes(r);
	return rc;
}

static int print_nodes(const struct run *r)
{
	char *names = NULL;
	size_t size;
	json_t *doc = json_array();
	FILE *f = open_memstream(&names, &size);
	if (!f || !doc)
		return cli_fail(r->c, CLI_INTERNAL, "out of memory");
	for (size_t i = 0; i < r->config.n; i++) {
		const struct config_step *s = &r->config.steps[i];
		if (!s->is_node)
			continue;
		fprintf(f, "%s%s", json_array_size(doc) ? "\n" : "", s->argv[3]);
		json_array_append_new(doc, json_pack("{s:s}", "name", s->argv[3]));
	}
	fclose(f);
	int rc = output_value(r->c, doc, names, NULL);
	free(names);
	return rc;
}

int cmd_run(struct cli *c, const struct args *a)
{
	struct run r = {.c = c};
	char *text;
	if (args_flag(a, "schema"))
		return output_record(c, config_schema());
	if (!a->pos_n)
		return cli_fail(c, CLI_USAGE, "FILE is missing; see `ockam run --help`");
	struct config_source source = {
		.name = strcmp(a->pos[0], "-") ? a->pos[0] : "stdin", .scope = CONFIG_RUN};
	int rc = read_file(c, a->pos[0], &text, &source.len);
	if (rc)
		return rc;
	source.text = text;
	rc = load(&r, a, &source);
	if (!rc)
		rc = carry_out(&r);
	if (!rc)
		rc = print_nodes(&r);
	config_fini(&r.config);
	free(text);
	return rc;
}

bool config_wanted(const struct args *a)
{
	return args_text(a, "configuration") || (a->pos_n && strchr(a->pos[0], '.'));
}

/* --configuration takes the text itself, which has a colon or a line's end, or a file. */
static int read_source(
	struct cli *c, const struct args *a, struct config_source *source, char **text)
{
	const char *v = args_text(a, "configuration");
	bool file = a->pos_n && strchr(a->pos[0], '.');
	if (v && file)
		return cli_fail(c, CLI_USAGE,
			"a configuration is given twice: %s and --configuration", a->pos[0]);
	source->node_name = file || !a->pos_n ? NULL : a->pos[0];
	if (v && access(v, F_OK) && (strchr(v, '\n') || strstr(v, ": ") || *v == '{')) {
		*text = strdup(v);
		source->name = "--configuration";
		source->len = strlen(v);
		return *text ? CLI_OK : cli_fail(c, CLI_INTERNAL, "out of memory");
	}
	source->name = v ? v : a->pos[0];
	return read_file(c, source->name, text, &source->len);
}

/* The node of a foreground configuration gets the options that a file cannot have. */
static int set_foreground(struct run *r, const struct args *a)
{
	bool eof = args_flag(a, "exit-on-eof");
	if (!eof && !args_flag(a, "foreground"))
		return CLI_OK;
	for (size_t i = 0; i < r->config.n; i++) {
		struct config_step *s = &r->config.steps[i];
		if (!s->is_node)
			continue;
		char **argv = realloc(s->argv, ((size_t)s->argc + 2) * sizeof *argv);
		if (!argv)
			return cli_fail(r->c, CLI_INTERNAL, "out of memory");
		s->argv = argv;
		argv[s->argc] = strdup(eof ? "--exit-on-eof" : "--foreground");
		argv[s->argc += argv[s->argc] != NULL] = NULL;
		s->is_foreground = true;
	}
	return CLI_OK;
}

int config_create_node(struct cli *c, const struct args *a)
{
	struct run r = {.c = c};
	struct config_source source = {.scope = CONFIG_NODE, .overrides = a};
	char *text;
	const char *name = NULL;
	int rc = read_source(c, a, &source, &text);
	if (rc)
		return rc;
	source.text = text;
	rc = load(&r, a, &source);
	if (!rc)
		rc = set_foreground(&r, a);
	if (!rc)
		rc = carry_out(&r);
	for (size_t i = 0; !rc && i < r.config.n; i++)
		if (r.config.steps[i].is_node && !r.config.steps[i].is_foreground)
			name = r.config.steps[i].argv[3];
	if (name) {
		char sentence[128];
		snprintf(sentence, sizeof sentence, "node %s was created", name);
		rc = output_value(c, json_pack("{s:s}", "name", name), name, sentence);
	}
	config_fini(&r.config);
	free(text);
	return rc;
}
