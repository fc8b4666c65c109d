// SPDX-License-Identifier: Apache-2.0
/* `ockam-dp`: reads the line, or a batch of them, and runs what it says. */
#include "dp.h"
#include "home.h"
#include "print.h"
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WORDS_MAX = 128, LINE_MAX_BYTES = 4096 };

/* NO_COLOR is stronger than -c, not than -c=always. */
static bool wants_colour(const struct dp_options *o)
{
	const char *no = getenv("NO_COLOR");
	if (o->colour != COLOUR_AUTO)
		return o->colour == COLOUR_ALWAYS;
	return isatty(STDOUT_FILENO) && !(no && *no);
}

/* 0: not a terminal, and COLUMNS does not say. */
static unsigned columns(void)
{
	struct winsize w;
	const char *text = getenv("COLUMNS");
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;
	if (n >= 20 && n <= 10000)
		return (unsigned)n;
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static int find_home(struct dp *d)
{
	int rc = home_directory(d->home, sizeof d->home);
	if (!rc)
		return DP_OK;
	if (rc == -ENOENT)
		return dp_fail(d, DP_CONFIG,
			"neither OCKAM_HOME nor HOME is set; set OCKAM_HOME to a directory");
	return dp_fail(d, DP_CONFIG, "the path in OCKAM_HOME cannot be used: %s", strerror(-rc));
}

static int run_words(const struct dp *d, char **words, int n)
{
	static struct dp_command c;
	char err[512];
	int rc = words_parse(&c, words, n, err, sizeof err);
	return rc ? dp_fail(d, rc, "%s", err) : run_command(d, &c);
}

/* Blanks separate words, quotes keep them together; # begins a comment. How many; -1: too many. */
static int split(char *line, char *words[WORDS_MAX])
{
	int n = 1; /* words[0] is the program */
	for (char *p = line; *p;) {
		p += strspn(p, " \t\r\n");
		if (!*p || *p == '#')
			break;
		if (n == WORDS_MAX)
			return -1;
		const char quote = *p == '"' || *p == '\'' ? *p++ : 0;
		words[n++] = p;
		p += quote ? strcspn(p, (char[]){quote, 0}) : strcspn(p, " \t\r\n");
		if (*p)
			*p++ = 0;
	}
	return n;
}

static int batch_line(const struct dp *d, char *line)
{
	char *words[WORDS_MAX] = {NULL}, err[512];
	struct dp own = *d;
	int n = split(line, words);
	if (n < 0)
		return dp_fail(d, DP_USAGE, "the line has too many words");
	own.o.batch = NULL;
	int rc = options_parse(&own.o, &n, words, err, sizeof err);
	if (!rc && own.o.batch)
		return dp_fail(d, DP_USAGE, "a batch cannot begin another one");
	own.colour = wants_colour(&own.o);
	return rc ? dp_fail(d, rc, "%s", err) : n > 1 ? run_words(&own, words + 1, n - 1) : DP_OK;
}

/* The exit status is that of the first line that failed. */
static int batch(struct dp *d)
{
	char line[LINE_MAX_BYTES], where[PATH_MAX + 16];
	const bool from_stdin = !strcmp(d->o.batch, "-");
	FILE *f = from_stdin ? stdin : fopen(d->o.batch, "re");
	int first = DP_OK;
	if (!f)
		return dp_fail(d, errno == ENOENT ? DP_NOT_FOUND : DP_IO, "cannot read %s: %s",
			d->o.batch, strerror(errno));
	for (unsigned i = 1; (!first || d->o.force) && fgets(line, sizeof line, f); i++) {
		const bool cut = !strchr(line, '\n') && !feof(f);
		snprintf(where, sizeof where, "%s:%u", from_stdin ? "stdin" : d->o.batch, i);
		d->where = where;
		int rc = cut ? dp_fail(d, DP_USAGE, "the line is too long") : batch_line(d, line);
		first = first ? first : rc;
		if (cut)
			break;
	}
	d->where = NULL;
	if (!first && ferror(f))
		first = dp_fail(d, DP_IO, "cannot read %s: %s", d->o.batch, strerror(errno));
	if (!from_stdin)
		fclose(f);
	return first;
}

int main(int argc, char **argv)
{
	static struct dp d;
	char err[512];
	signal(SIGPIPE, SIG_DFL); /* `ockam-dp monitor | head` ends quietly */
	int rc = options_parse(&d.o, &argc, argv, err, sizeof err);
	if (rc)
		return dp_fail(&d, rc, "%s", err);
	d.colour = wants_colour(&d.o);
	d.columns = columns();
	if (d.o.version) {
		puts("ockam-dp " OCKAM_VERSION);
		return print_flush(&d);
	}
	if (d.o.node && d.o.all)
		return dp_fail(
			&d, DP_USAGE, "-n names one node and -a means all: only one of them goes");
	if (d.o.help || (argc == 1 && !d.o.batch)) {
		char *word[] = {"help", argc > 1 ? argv[1] : NULL};
		return run_words(&d, word, argc > 1 ? 2 : 1);
	}
	rc = find_home(&d);
	if (rc == DP_OK)
		rc = d.o.batch ? batch(&d) : run_words(&d, argv + 1, argc - 1);
	return rc;
}
