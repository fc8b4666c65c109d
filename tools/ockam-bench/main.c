// SPDX-License-Identifier: Apache-2.0
/*
 * ockam-bench: measures this build of ockam beside what else moves bytes on the same machine, in
 * the same run. It starts the real programs, in homes of its own below a temporary directory.
 */
#include "bench.h"
#include "hog.h"
#include "machine.h"
#include "place.h"
#include "supervise.h"
#include "tunnel.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_INTERNAL = 70, EXIT_CONFIG = 78, RUNS = 5, RUNS_MAX = 1000 };

static const struct scenario *const scenarios[] = {
	&scenario_seal,
	&scenario_handshake,
	&scenario_message,
	&scenario_forward,
	&scenario_start,
	&scenario_portal,
};
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

static const char usage[] =
	"usage: ockam-bench SCENARIO... [--seconds S] [--runs N] [--idle S] [--peers LIST]\n"
	"                             [--hogs N] [-j]\n"
	"       ockam-bench all | list\n"
	"\n"
	"  --seconds S   length of each measurement (default 1)\n"
	"  --runs N      measurements of each figure, contestants in turn (default 5)\n"
	"  --idle S      how long `start` watches an idle node (default 20)\n"
	"  --peers LIST  who is beside ockam in `portal`: ssh, stunnel, haproxy, socat, spiped, "
	"by\n"
	"                comma, or none (default all that are installed)\n"
	"  --hogs N      processes that want the CPU beside `portal` (default 0)\n"
	"  -j, --json    one JSON document instead of a table\n"
	"  -h, --help    this text\n"
	"\n"
	"Prints medians with the least and the greatest. Compare figures of one run only. As root "
	"it\n"
	"measures in a network namespace of its own with TCP cubic. HAProxy takes part if it is\n"
	"installed.\n";

void bench_say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("ockam-bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static int list(void)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		printf("%-10s %s\n", scenarios[i]->name, scenarios[i]->help);
	return 0;
}

static int seconds_parse(const char *text, double *out)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= 0.01 && v <= 3600))
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

/* Returns an exit status, or -1 to go on. */
static int parse(struct bench *b, bool *json, int argc, char **argv)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'},
		{"runs", required_argument, NULL, 'r'},
		{"idle", required_argument, NULL, 'i'},
		{"peers", required_argument, NULL, 'p'},
		{"hogs", required_argument, NULL, 'o'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "jh", options, NULL)) != -1;) {
		int rc = 0;
		switch (c) {
		case 's':
			rc = seconds_parse(optarg, &b->seconds);
			break;
		case 'i':
			rc = seconds_parse(optarg, &b->idle_seconds);
			break;
		case 'r':
			rc = count_parse(optarg, 1, RUNS_MAX, &b->runs);
			break;
		case 'p':
			b->peers = optarg;
			rc = tunnel_peers_check(optarg);
			break;
		case 'o':
			rc = count_parse(optarg, 0, HOGS_MAX, &b->hogs);
			break;
		case 'j':
			*json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs("ockam-bench --help lists the options\n", stderr);
			return EXIT_USAGE;
		}
		if (rc < 0) {
			bench_say("%s is not a sensible value here; seconds go from 0.01 to 3600, "
				  "runs from 1 to %d, hogs to %d; --help lists the peers",
				optarg, RUNS_MAX, HOGS_MAX);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* Which scenarios are named; -EINVAL after saying which name is none. */
static int choose(bool chosen[static SCENARIOS], char **names, int n)
{
	for (int k = 0; k < n; k++) {
		bool known = false;
		for (size_t i = 0; i < SCENARIOS; i++)
			if (!strcmp(names[k], scenarios[i]->name) || !strcmp(names[k], "all"))
				known = chosen[i] = true;
		if (!known) {
			bench_say("there is no scenario %s; ockam-bench list shows them all",
				names[k]);
			return -EINVAL;
		}
	}
	return 0;
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

struct request {
	bool chosen[SCENARIOS], json;
};

static int run(struct bench *b, const struct request *q)
{
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (!q->chosen[i])
			continue;
		bench_say("%s: %s", scenarios[i]->name, scenarios[i]->help);
		int rc = scenarios[i]->run(b);
		if (rc < 0) {
			bench_say("%s broke off: %s", scenarios[i]->name, strerror(-rc));
			return EXIT_INTERNAL;
		}
	}
	return 0;
}

static void print(struct bench *b, json_t *machine, bool json)
{
	if (!json) {
		const char *key;
		json_t *v;
		json_object_foreach(machine, key, v)
		{
			char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(3));
			printf("%s %s  ", key, text ? text : "");
			free(text);
		}
		printf("\n\n");
		results_table(b->results);
		return;
	}
	json_t *doc =
		json_pack("{s:O, s:o}", "machine", machine, "results", results_json(b->results));
	json_dumpf(doc, stdout, JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(doc);
}

static int work(struct bench *b, void *ctx)
{
	const struct request *q = ctx;
	place_enter();
	b->results = results_new();
	json_t *machine = machine_json();
	int rc = run(b, q);
	if (rc == 0)
		print(b, machine, q->json);
	json_decref(machine);
	results_free(b->results);
	return rc;
}

int main(int argc, char **argv)
{
	struct bench b = {.runs = RUNS, .seconds = 1, .idle_seconds = 20};
	struct request q = {0};
	int rc = parse(&b, &q.json, argc, argv);
	if (rc >= 0)
		return rc;
	if (!strcmp(argv[optind], "list"))
		return list();
	if (choose(q.chosen, argv + optind, argc - optind) < 0)
		return EXIT_USAGE;
	if (find_ockam(b.ockam, sizeof b.ockam) < 0) {
		bench_say("the program ockam is not beside this one; build or install all of it");
		return EXIT_CONFIG;
	}
	const char *tmp = getenv("TMPDIR");
	snprintf(b.dir, sizeof b.dir, "%.60s/ockam-bench.XXXXXX", tmp ? tmp : "/tmp");
	if (sodium_init() < 0 || !mkdtemp(b.dir)) {
		bench_say("cannot make a temporary directory: %s", strerror(errno));
		return EXIT_CONFIG;
	}
	signal(SIGPIPE, SIG_IGN);
	return supervise(&b, work, &q);
}
