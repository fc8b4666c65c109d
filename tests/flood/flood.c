/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floods a node's TCP listener with frames that the protocol allows or forbids, as fast as it takes
 * them, and says in one line of JSON what went out and what came back. One thread, non-blocking
 * sockets. What a mode sends is in modes[]; every link begins with HELLO unless the mode is about
 * its absence.
 *
 *   flood --to HOST:PORT --mode MODE [--links N] [--seconds S] [--from ADDRESS] [--route ROUTE]
 *         [--listener NAME] [--rate FRAMES-PER-LINK-AND-SECOND] [--paths N] [--ends ADDRESS:PORT]
 *
 * MODE `paths` sets up N paths and keeps them: it is both ends of them, the responders listening on
 * ADDRESS, ADDRESS + 1, ... (one per 256 paths), which the relay dials because its transit policy
 * lets it. It reports when all are up, sends one frame over each in each direction, and waits for
 * the end of its input. MODE `sink` listens on HOST:PORT, for comparison.
 */
#include "flood.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

const char *const frame_names[FRAME_TYPES] = {
	"other", "CONTROL", "INIT", "RESP", "FINISH", "DATA", "RESET", "COOKIE", "LINK"};

static const char usage[] =
	"usage: flood --to HOST:PORT --mode MODE [--links N] [--seconds S] [--from ADDRESS]\n"
	"             [--route ROUTE] [--listener NAME] [--rate N] [--paths N] [--ends HOST:PORT]\n"
	"modes: ";

static void die(const char *what)
{
	fprintf(stderr, "flood: %s\n", what);
	exit(2);
}

static void parse_addr(struct sockaddr_in *sa, const char *text)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	if (len >= sizeof host)
		die("an address is too long");
	memcpy(host, text, len);
	host[len] = 0;
	*sa = (struct sockaddr_in){.sin_family = AF_INET};
	if (inet_pton(AF_INET, host, &sa->sin_addr) != 1)
		die("addresses are IPv4, as numbers");
	if (colon)
		sa->sin_port = htons((uint16_t)atoi(colon + 1));
}

static void options_parse(struct flood *f, int argc, char **argv)
{
	static const struct option longs[] = {{"to", 1, NULL, 't'}, {"mode", 1, NULL, 'm'},
		{"links", 1, NULL, 'n'}, {"seconds", 1, NULL, 's'}, {"from", 1, NULL, 'f'},
		{"route", 1, NULL, 'r'}, {"listener", 1, NULL, 'l'}, {"rate", 1, NULL, 'R'},
		{"paths", 1, NULL, 'p'}, {"ends", 1, NULL, 'e'}, {0}};
	char err[128];
	*f = (struct flood){.links = 64, .seconds = 5, .listener = "api", .paths = 1000};
	const char *route = "/service/api";
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		switch (c) {
		case 't':
			parse_addr(&f->to, optarg);
			break;
		case 'm':
			f->mode = mode_by_name(optarg);
			break;
		case 'n':
			f->links = (unsigned)atoi(optarg);
			break;
		case 's':
			f->seconds = atof(optarg);
			break;
		case 'f':
			parse_addr(&f->from, optarg);
			break;
		case 'r':
			route = optarg;
			break;
		case 'l':
			f->listener = optarg;
			break;
		case 'R':
			f->rate = (unsigned)atoi(optarg);
			break;
		case 'p':
			f->paths = (unsigned)atoi(optarg);
			break;
		case 'e':
			parse_addr(&f->ends, optarg);
			break;
		default:
			f->mode = NULL;
			optind = argc + 1;
		}
	}
	if (!f->mode || !f->to.sin_port || optind != argc || !f->links) {
		fputs(usage, stderr);
		modes_print(stderr);
		exit(64);
	}
	if (route_parse(&f->route, route, err, sizeof err) < 0)
		die(err);
}

static void report(const struct flood *f, double seconds)
{
	printf("{\"mode\":\"%s\",\"links\":%u,\"seconds\":%.1f,\"connects\":%llu,"
	       "\"connect_failures\":%llu,\"closed_by_node\":%llu,\"frames_sent\":%llu,"
	       "\"bytes_sent\":%llu,\"bytes_received\":%llu,\"received\":{",
		f->mode->name, f->links, seconds, f->connects, f->connect_failures, f->closed,
		f->frames_sent, f->bytes_sent, f->bytes_received);
	const char *comma = "";
	for (unsigned i = 0; i < FRAME_TYPES; i++)
		if (f->received[i]) {
			printf("%s\"%s\":%llu", comma, frame_names[i], f->received[i]);
			comma = ",";
		}
	printf("}}\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct flood f;
	signal(SIGPIPE, SIG_IGN);
	options_parse(&f, argc, argv);
	links_limit();
	double begin = now_s();
	int rc = f.mode->run ? f.mode->run(&f) : flood_run(&f);
	report(&f, now_s() - begin);
	peers_free(&f);
	return rc;
}
