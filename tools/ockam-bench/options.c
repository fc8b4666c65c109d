// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include "hog.h"
#include "list.h"
#include "tunnel.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, ROUNDS_LEAST = 5, ROUNDS_MOST = 15, ROUNDS_MAX = 1000 };

static const char usage[] =
	"usage: ockam-bench list [SCENARIO...] [-j]\n"
	"       ockam-bench run SCENARIO...|all [options]\n"
	"       ockam-bench compare BEFORE.json AFTER.json [--relative] [--least PERCENT] [-j]\n"
	"       ockam-bench report [FILE.json...] [--plot FILE.html] [-j]\n"
	"\n"
	"A scenario in place of the verb is run: ockam-bench seal. Without a file `report` reads "
	"standard input.\n"
	"\n"
	"run:\n"
	"  --seconds S    length of each measurement (default: the scenario's own)\n"
	"  --runs N[-M]   rounds, contestants in turn: at least N, and up to M until the ratios "
	"that decide are\n"
	"                 known well enough (default 5-15; N alone is N)\n"
	"  --warm-up N    rounds before those, that do not count (default 1)\n"
	"  --bound P      well enough: the 95 % interval of a ratio is within ± P % (default 10)\n"
	"  --limit S      no more rounds of a scenario after so long (default: no limit)\n"
	"  --idle S       how long `start` watches an idle node (default 20)\n"
	"  --peers LIST   who is beside ockam in `portal`: ssh, stunnel, haproxy, socat, spiped, "
	"by comma, or\n"
	"                 none (default all that are installed)\n"
	"  --paths LIST   how many paths in `relay`, by comma, each from 1 to 256 (default "
	"1,16,256)\n"
	"  --hogs N       processes that want the CPU beside `portal` (default 0)\n"
	"  -o FILE        also writes the JSON document there\n"
	"  --plot FILE    also writes the report there, one HTML file with pictures of all "
	"samples\n"
	"  --profile      one more round under perf: CPU time by program, stage and symbol, on standard error\n"
	"compare:\n"
	"  --relative     compares what each figure is of the scenario's first contestant in the "
	"same round\n"
	"  --least P      what changed by less than P % is no difference (default 2)\n"
	"everywhere:\n"
	"  -j, --json     one JSON document instead of a table\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit status: 0, nothing is worse; 1, compare found something worse; 2, usage; 65, a file "
	"is no document\n"
	"of this program; 66, there is no such file; 70, a scenario broke off; 74, cannot write; "
	"78, no place to run.\n"
	"\n"
	"`run` prints medians with the least and the greatest, and the interval in which the true "
	"median lies.\n"
	"Compare figures of one run only. As root it measures in a network namespace of its own "
	"with TCP cubic.\n"
	"Other programs take part if they are installed.\n";

static int number_parse(const char *text, double least, double greatest, double *out)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= least && v <= greatest))
		return -EINVAL;
	*out = v;
	return 0;
}

static int count_parse(const char *text, long least, long greatest, unsigned *out)
{
	char *end;
	long v = strtol(text, &end, 10);
	if (end == text || *end || v < least || v > greatest)
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

static int percent_parse(const char *text, double *out)
{
	double percent;
	int rc = number_parse(text, 0, 100, &percent);
	if (rc == 0)
		*out = percent / 100;
	return rc;
}

/* N or N-M. */
static int rounds_parse(const char *text, struct bench *b)
{
	char least[16];
	size_t n = strcspn(text, "-");
	if (n >= sizeof least)
		return -EINVAL;
	memcpy(least, text, n);
	least[n] = 0;
	int rc = count_parse(least, 1, ROUNDS_MAX, &b->rounds_least);
	if (rc < 0)
		return rc;
	b->rounds_most = b->rounds_least;
	return text[n] ? count_parse(text + n + 1, b->rounds_least, ROUNDS_MAX, &b->rounds_most)
		       : 0;
}

enum {
	ONLY_RUN = 1 << VERB_RUN,
	ONLY_COMPARE = 1 << VERB_COMPARE,
	PLOTS = ONLY_RUN | 1 << VERB_REPORT,
	ALL_VERBS = 15
};

static int paths_parse(const char *text, struct bench *b)
{
	memset(b->paths, 0, sizeof b->paths);
	for (unsigned i = 0; i < PATH_COUNTS; i++) {
		char one[8];
		size_t n = strcspn(text, ",");
		if (n >= sizeof one)
			return -EINVAL;
		memcpy(one, text, n);
		one[n] = 0;
		int rc = count_parse(one, 1, PATHS_MOST, &b->paths[i]);
		if (rc < 0 || !text[n])
			return rc;
		text += n + 1;
	}
	return -EINVAL;
}

static const struct option long_options[] = {
	{"seconds", required_argument, NULL, 's'},
	{"runs", required_argument, NULL, 'r'},
	{"warm-up", required_argument, NULL, 'w'},
	{"bound", required_argument, NULL, 'b'},
	{"limit", required_argument, NULL, 'l'},
	{"idle", required_argument, NULL, 'i'},
	{"peers", required_argument, NULL, 'p'},
	{"paths", required_argument, NULL, 'n'},
	{"hogs", required_argument, NULL, 'g'},
	{"plot", required_argument, NULL, 'P'},
	{"profile", no_argument, NULL, 'f'},
	{"relative", no_argument, NULL, 'R'},
	{"least", required_argument, NULL, 'L'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* Which verbs take the option. */
static unsigned takers(int c)
{
	switch (c) {
	case 'j':
		return ALL_VERBS;
	case 'P':
		return PLOTS;
	case 'R':
	case 'L':
		return ONLY_COMPARE;
	default:
		return ONLY_RUN;
	}
}

static int take(struct bench *b, struct options *o, int c, const char *arg)
{
	switch (c) {
	case 's':
		return number_parse(arg, .01, 3600, &b->seconds);
	case 'i':
		return number_parse(arg, .01, 3600, &b->idle_seconds);
	case 'l':
		return number_parse(arg, .01, 86400, &b->limit);
	case 'b':
		return percent_parse(arg, &b->bound);
	case 'L':
		return percent_parse(arg, &o->least);
	case 'w':
		return count_parse(arg, 0, ROUNDS_MAX, &b->warm_ups);
	case 'r':
		return rounds_parse(arg, b);
	case 'p':
		b->peers = arg;
		return tunnel_peers_check(arg);
	case 'n':
		return paths_parse(arg, b);
	case 'g':
		return count_parse(arg, 0, HOGS_MAX, &b->hogs);
	case 'o':
		o->out = arg;
		return 0;
	case 'P':
		o->plot = arg;
		return 0;
	case 'f':
		b->profile = true;
		return 0;
	case 'R':
		o->relative = true;
		return 0;
	default:
		o->json = true;
		return 0;
	}
}

static int bad_value(const char *arg)
{
	bench_say("%s is not a sensible value here; seconds go from 0.01 to 3600, runs from 1 to "
		  "%d, hogs to "
		  "%d, percent to 100; --help lists the peers",
		arg, ROUNDS_MAX, HOGS_MAX);
	return EXIT_USAGE;
}

/* The verb, and where the names begin; a scenario in its place is run. */
static enum verb verb_of(const char *word, int *names_from)
{
	static const char *const words[] = {[VERB_RUN] = "run",
		[VERB_LIST] = "list",
		[VERB_COMPARE] = "compare",
		[VERB_REPORT] = "report"};
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i], word)) {
			++*names_from;
			return i;
		}
	return VERB_RUN;
}

static int check_names(const struct options *o)
{
	bool wrong = (o->verb == VERB_COMPARE && o->names_n != 2) ||
		     (o->verb == VERB_RUN && !o->names_n);
	if (wrong) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	for (int i = 0; o->verb == VERB_RUN && i < o->names_n; i++)
		if (strcmp(o->names[i], "all") && !scenario_find(o->names[i]))
			return EXIT_USAGE;
	return -1;
}

int options_parse(struct bench *b, struct options *o, int argc, char **argv)
{
	unsigned taken_by = ALL_VERBS;
	*b = (struct bench){.rounds_least = ROUNDS_LEAST,
		.rounds_most = ROUNDS_MOST,
		.warm_ups = 1,
		.bound = .1,

		.paths = {1, 16, 256},
		.idle_seconds = 20};
	*o = (struct options){.least = .02};
	for (int c; (c = getopt_long(argc, argv, "jho:", long_options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c == '?') {
			fputs("ockam-bench --help lists the options\n", stderr);
			return EXIT_USAGE;
		}
		taken_by &= takers(c);
		if (take(b, o, c, optarg) < 0)
			return bad_value(optarg);
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	o->verb = verb_of(argv[optind], &optind);
	o->names = argv + optind;
	o->names_n = argc - optind;
	if (!(taken_by & 1U << o->verb)) {
		bench_say("an option is of another verb; --help says which takes what");
		return EXIT_USAGE;
	}
	return check_names(o);
}
