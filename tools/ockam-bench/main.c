// SPDX-License-Identifier: Apache-2.0
/*
 * ockam-bench: measures this build of ockam beside what else moves bytes on the same machine, in
 * the same run. It starts the real programs, in homes of its own below a temporary directory.
 */
#include "bench.h"
#include "compare.h"
#include "document.h"
#include "list.h"
#include "machine.h"
#include "options.h"
#include "place.h"
#include "plot.h"
#include "rounds.h"
#include "supervise.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_WORSE = 1,
	EXIT_USAGE = 2,
	EXIT_DATA = 65,
	EXIT_NO_INPUT = 66,
	EXIT_INTERNAL = 70,
	EXIT_IO = 74,
	EXIT_CONFIG = 78
};

void bench_say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("ockam-bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* The command beside this program, or where the build directory has it. */
static int find_ockam(char *dst, size_t cap)
{
	static const char *const places[] = {"ockam", "../ockam/ockam"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return -ENOENT;
	self[n] = 0;
	*(strrchr(self, '/') + 1) = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if ((size_t)snprintf(dst, cap, "%s%s", self, places[i]) < cap &&
			access(dst, X_OK) == 0)
			return 0;
	return -ENOENT;
}

static bool chosen(const struct options *o, const struct scenario *s)
{
	for (int i = 0; i < o->names_n; i++)
		if (!strcmp(o->names[i], s->name) || !strcmp(o->names[i], "all"))
			return true;
	return false;
}

static void print_table(json_t *machine, const struct results *r)
{
	const char *key;
	json_t *v;
	json_object_foreach(machine, key, v)
	{
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(3));
		printf("%s %s  ", key, text ? text : "");
		free(text);
	}
	printf("\n\n");
	results_table(r);
}

static int write_file(const char *path,
	int (*write)(FILE *f, json_t *machine, const struct results *r), json_t *machine,
	const struct results *r)
{
	FILE *f = fopen(path, "we");
	int rc = f ? write(f, machine, r) : -errno;
	if (f && fclose(f) && rc == 0)
		rc = -errno;
	if (rc < 0)
		bench_say("cannot write %s: %s", path, strerror(-rc));
	return rc;
}

/* What there is to show of a run or of files. An exit status. */
static int show(const struct options *o, json_t *machine, const struct results *r)
{
	int rc = 0;
	if (o->json)
		rc = document_write(stdout, machine, r);
	else
		print_table(machine, r);
	if (o->out && write_file(o->out, document_write, machine, r) < 0)
		rc = -EIO;
	if (o->plot && write_file(o->plot, plot_write, machine, r) < 0)
		rc = -EIO;
	return rc < 0 || fflush(stdout) ? EXIT_IO : 0;
}

static int work(struct bench *b, void *ctx)
{
	const struct options *o = ctx;
	int rc = 0;
	place_enter();
	b->results = results_new();
	json_t *machine = machine_json();
	for (unsigned i = 0; i < scenarios_count && rc == 0; i++)
		if (chosen(o, scenarios[i]))
			rc = rounds_run(b, scenarios[i]) < 0 ? EXIT_INTERNAL : 0;
	if (rc == 0)
		rc = show(o, machine, b->results);
	json_decref(machine);
	results_free(b->results);
	return rc;
}

static int run(struct bench *b, struct options *o)
{
	const char *tmp = getenv("TMPDIR");
	if (find_ockam(b->ockam, sizeof b->ockam) < 0) {
		bench_say("the program ockam is not beside this one; build or install all of it");
		return EXIT_CONFIG;
	}
	snprintf(b->dir, sizeof b->dir, "%.60s/ockam-bench.XXXXXX", tmp ? tmp : "/tmp");
	if (sodium_init() < 0 || !mkdtemp(b->dir)) {
		bench_say("cannot make a temporary directory: %s", strerror(errno));
		return EXIT_CONFIG;
	}
	signal(SIGPIPE, SIG_IGN);
	return supervise(b, work, o);
}

static int status_of(int rc)
{
	return rc == -EBADMSG || rc == -EEXIST ? EXIT_DATA : rc == -ENOENT ? EXIT_NO_INPUT : EXIT_IO;
}

/* The machine shown is that of the first file. */
static int report(const struct options *o)
{
	static char standard_input[] = "-";
	char *one = standard_input, **files = o->names_n ? o->names : &one;
	struct results *r = results_new();
	json_t *machine = NULL;
	int rc = 0;
	for (int i = 0; i < (o->names_n ? o->names_n : 1) && rc == 0; i++)
		rc = document_read(files[i], machine ? NULL : &machine, r);
	int status = rc < 0 ? status_of(rc) : show(o, machine, r);
	json_decref(machine);
	results_free(r);
	return status;
}

static int compare(const struct options *o)
{
	struct results *before = results_new(), *after = results_new();
	const struct compare_how how = {o->relative, o->least, o->json};
	int rc = document_read(o->names[0], NULL, before);
	if (rc == 0)
		rc = document_read(o->names[1], NULL, after);
	int status = rc < 0 ? status_of(rc) : compare_print(before, after, &how) ? EXIT_WORSE : 0;
	results_free(before);
	results_free(after);
	return fflush(stdout) ? EXIT_IO : status;
}

int main(int argc, char **argv)
{
	struct bench b;
	struct options o;
	int status = options_parse(&b, &o, argc, argv);
	if (status >= 0)
		return status;
	switch (o.verb) {
	case VERB_LIST:
		return list_print(o.names, o.names_n, o.json) < 0 ? EXIT_USAGE : 0;
	case VERB_REPORT:
		return report(&o);
	case VERB_RUN:
		return run(&b, &o);
	case VERB_COMPARE:
		return compare(&o);
	}
	return EXIT_USAGE;
}
