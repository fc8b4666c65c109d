// SPDX-License-Identifier: Apache-2.0
/*
 * ockam-control: one node's control plane. Starts its data plane, restores what the node has,
 * serves the control API, and says on --ready-fd when it is ready or why not.
 */
#include "confine.h"
#include "descriptors.h"
#include "log.h"
#include "program.h"
#include "route.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
	"usage: ockam-control --home DIR --node NAME [--ready-fd N] [--foreground] "
	"[--exit-on-eof] [--notify]\n"
	"       ockam-control --home DIR --temporary DIR [--ready-fd N] [--identity NAME]\n"
	"The ockam command starts it; see docs/api.md.\n";

static int copy_text(char *dst, size_t cap, const char *src)
{
	size_t n = strlen(src);
	if (n >= cap)
		return -1;
	memcpy(dst, src, n + 1);
	return 0;
}

enum option_code {
	OPT_HOME = 256,
	OPT_NODE,
	OPT_READY,
	OPT_FOREGROUND,
	OPT_TEMPORARY,
	OPT_IDENTITY,
	OPT_EOF,
	OPT_NOTIFY
};

/* 0, or -1 when the command line makes no sense. */
static int parse(struct program *p, int argc, char **argv)
{
	static const struct option options[] = {
		{"home", required_argument, NULL, OPT_HOME},
		{"node", required_argument, NULL, OPT_NODE},
		{"ready-fd", required_argument, NULL, OPT_READY},
		{"foreground", no_argument, NULL, OPT_FOREGROUND},
		{"temporary", required_argument, NULL, OPT_TEMPORARY},
		{"identity", required_argument, NULL, OPT_IDENTITY},
		{"exit-on-eof", no_argument, NULL, OPT_EOF},
		{"notify", no_argument, NULL, OPT_NOTIFY},
		{NULL, 0, NULL, 0},
	};
	int c, rc = 0;
	while (rc == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case OPT_HOME:
			rc = copy_text(p->home_dir, sizeof p->home_dir, optarg);
			break;
		case OPT_NODE:
			rc = route_name_valid(optarg) ? copy_text(p->name, sizeof p->name, optarg)
						      : -1;
			break;
		case OPT_READY:
			p->ready_fd = atoi(optarg);
			rc = fcntl(p->ready_fd, F_SETFD, FD_CLOEXEC);
			break;
		case OPT_FOREGROUND:
			p->foreground = true;
			break;
		case OPT_TEMPORARY:
			p->temporary = true;
			rc = copy_text(p->dir, sizeof p->dir, optarg);
			break;
		case OPT_IDENTITY:
			rc = copy_text(p->identity, sizeof p->identity, optarg);
			break;
		case OPT_EOF:
			p->ends_with_stdin = true;
			break;
		case OPT_NOTIFY:
			p->notifies = true;
			break;
		default:
			rc = -1;
		}
	}
	if (rc < 0 || optind < argc || !p->home_dir[0] || p->temporary == !!p->name[0])
		return -1;
	if (p->temporary)
		snprintf(p->name, sizeof p->name, "temporary-%d", (int)getpid());
	return 0;
}

static void close_stray_descriptors(int keep)
{
	unsigned from = 3;
	if (keep > 3)
		close_range(3, (unsigned)keep - 1, 0);
	if (keep >= 3)
		from = (unsigned)keep + 1;
	close_range(from, ~0u, 0);
}

int main(int argc, char **argv)
{
	static struct program p = {.ready_fd = -1, .lock_fd = -1, .steer_fd = -1};
	if (parse(&p, argc, argv) < 0) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	umask(077);
	close_stray_descriptors(p.ready_fd);
	signal(SIGPIPE, SIG_IGN);
	descriptors_raise();
	confine_hide();
	log_init_env(p.foreground ? STDOUT_FILENO : STDERR_FILENO,
		p.temporary ? LOG_WARN : LOG_INFO, p.name);
	return sodium_init() < 0 ? EXIT_INTERNAL : program_run(&p);
}
