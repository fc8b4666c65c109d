/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections through a portal that send pseudo-random bytes both ways with random sizes, pauses,
 * half-closes and resets, and check every byte and every end (pair.h). Listens on a free port,
 * which it prints; reads the address to connect to from its input; then keeps N connections going
 * for S seconds, waits for the last ones and says in one line of JSON what there was. Exit 1: a
 * fault.
 *
 *   soak [--connections N] [--seconds S] [--seed SEED] [--cuts] [--bound-ms MS]
 */
#include "pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS_MAX = 1024, GUESTS_MAX = 4096, FAULTS_MAX = 10, BACKLOG = 4096, AGAIN_MS = 200 };

/* Accepted; its first bytes have not all come. */
struct guest {
	int fd;
	uint8_t head[PAIR_HEAD];
	size_t n;
};

struct soak {
	struct pair_rules rules;
	unsigned connections, seconds;
	uint64_t seed, next_id, now_ms;
	struct sockaddr_in to;
	int listener;
	struct pair pair[PAIRS_MAX];
	struct guest guest[GUESTS_MAX];
	unsigned guests, faults;
	uint64_t clean, reset, cut, absent, half_closed, bytes[2];
	uint64_t slowest_ms; /* from the error at one side to the end of the other */
	uint64_t again_ms;   /* after a cut the next ones start then */
};

static uint64_t clock_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "soak: %s\n", what);
	exit(2);
}

static void fault(struct soak *s, const struct pair *p, const char *what)
{
	char text[512] = "";
	if (p)
		pair_describe(p, text, sizeof text);
	fprintf(stderr, "soak: seed %llu: %s: %s\n", (unsigned long long)s->seed, what, text);
	s->faults++;
}

static void options_parse(struct soak *s, int argc, char **argv)
{
	static const struct option longs[] = {{"connections", 1, NULL, 'n'},
		{"seconds", 1, NULL, 's'}, {"seed", 1, NULL, 'r'}, {"cuts", 0, NULL, 'c'},
		{"bound-ms", 1, NULL, 'b'}, {0}};
	*s = (struct soak){.connections = 200, .seconds = 10, .rules.bound_ms = 60000};
	if (getrandom(&s->seed, sizeof s->seed, 0) != sizeof s->seed)
		die("no random seed");
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		switch (c) {
		case 'n':
			s->connections = (unsigned)atoi(optarg);
			break;
		case 's':
			s->seconds = (unsigned)atoi(optarg);
			break;
		case 'r':
			s->seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			s->rules.cuts = true;
			break;
		case 'b':
			s->rules.bound_ms = (unsigned)atoi(optarg);
			break;
		default:
			die("usage: soak [--connections N] [--seconds S] [--seed SEED] [--cuts] "
			    "[--bound-ms MS]");
		}
	}
	if (!s->connections || s->connections > PAIRS_MAX)
		die("1 to 1024 connections");
}

static void target_listen(struct soak *s)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sa;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(s->listener, (struct sockaddr *)&sa, len) < 0 || listen(s->listener, BACKLOG) < 0)
		die("cannot listen");
	getsockname(s->listener, (struct sockaddr *)&sa, &len);
	printf("%u\n", ntohs(sa.sin_port));
	fflush(stdout);
}

static void inlet_ask(struct soak *s)
{
	char line[128], *colon = NULL;
	if (!fgets(line, sizeof line, stdin) || !(colon = strrchr(line, ':')))
		die("the address of the inlet comes by the input");
	*colon = 0;
	s->to = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
	if (inet_pton(AF_INET, line, &s->to.sin_addr) != 1)
		die("the address of the inlet is not IPv4");
}

static void guests_accept(struct soak *s)
{
	while (s->guests < GUESTS_MAX) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		s->guest[s->guests++] = (struct guest){.fd = fd};
	}
}

/* True: it is a guest no more. */
static bool guest_read(struct soak *s, struct guest *g)
{
	ssize_t n = recv(g->fd, g->head + g->n, PAIR_HEAD - g->n, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* an error is a connection that was reset or cut at once */
		if (n == 0)
			fault(s, NULL, "a clean end where the connection's number should be");
		close(g->fd);
		return true;
	}
	g->n += (size_t)n;
	if (g->n < PAIR_HEAD)
		return false;
	uint64_t id = pair_id(g->head);
	for (unsigned i = 0; id && i < s->connections; i++)
		if (s->pair[i].used && s->pair[i].plan.id == id &&
			s->pair[i].side[1].fate == FATE_ABSENT) {
			pair_accepted(&s->pair[i], g->fd, s->now_ms);
			return true;
		}
	if (!id || id >= s->next_id)
		fault(s, NULL, "a connection without its number");
	close(g->fd); /* the other side has reset, and was done with */
	return true;
}

static void finish(struct soak *s, struct pair *p, const char *what)
{
	const enum fate *a = &p->side[0].fate, *b = &p->side[1].fate;
	if (what)
		fault(s, p, what);
	else if (*a == FATE_CLEAN && *b == FATE_CLEAN)
		s->clean++;
	else if (*a == FATE_RESET || *b == FATE_RESET)
		s->reset++;
	else if (*b == FATE_ABSENT) {
		s->absent++;
		s->again_ms = s->now_ms + AGAIN_MS;
	} else
		s->cut++;
	if (*b != FATE_ABSENT && p->broken_ms && s->now_ms - p->broken_ms > s->slowest_ms)
		s->slowest_ms = s->now_ms - p->broken_ms;
	s->half_closed += p->plan.waits[0] || p->plan.waits[1];
	for (unsigned i = 0; i < 2; i++)
		s->bytes[i] += p->side[!i].got;
	pair_close(p);
}

/* Those that are over make room for new ones. How many there are. */
static unsigned pairs_check(struct soak *s, bool more)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->connections; i++) {
		struct pair *p = &s->pair[i];
		const char *what = NULL;
		if (p->used && (pair_over(p, &s->rules, &what) ||
				       (what = pair_tick(p, &s->rules, s->now_ms))))
			finish(s, p, what);
		if (!p->used && more && s->now_ms >= s->again_ms)
			pair_start(p, s->seed, s->next_id++, &s->to, s->now_ms);
		n += p->used;
	}
	return n;
}

static void events(struct soak *s)
{
	static struct pollfd fds[1 + 2 * PAIRS_MAX + GUESTS_MAX];
	uint64_t wake = s->now_ms + 200;
	unsigned n = 0, guests = s->guests;
	fds[n++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	for (unsigned i = 0; i < 2 * s->connections; i++)
		fds[n++] = pair_poll(&s->pair[i / 2], i % 2, s->now_ms, &wake);
	for (unsigned i = 0; i < guests; i++)
		fds[n++] = (struct pollfd){.fd = s->guest[i].fd, .events = POLLIN};
	s->now_ms = clock_ms();
	if (poll(fds, n, wake > s->now_ms ? (int)(wake - s->now_ms) : 0) < 0 && errno != EINTR)
		die("poll failed");
	s->now_ms = clock_ms();
	for (unsigned i = 0; i < 2 * s->connections; i++) {
		struct pair *p = &s->pair[i / 2];
		const char *what = pair_event(p, i % 2, fds[1 + i].revents, s->now_ms);
		if (what)
			finish(s, p, what);
	}
	for (unsigned i = guests; i-- > 0;)
		if (fds[1 + 2 * s->connections + i].revents && guest_read(s, &s->guest[i]))
			s->guest[i] = s->guest[--s->guests];
	if (fds[0].revents)
		guests_accept(s);
}

int main(int argc, char **argv)
{
	static struct soak s;
	options_parse(&s, argc, argv);
	fprintf(stderr, "soak: seed %llu\n", (unsigned long long)s.seed);
	for (unsigned i = 0; i < PAIRS_MAX; i++)
		s.pair[i].side[0].fd = s.pair[i].side[1].fd = -1;
	target_listen(&s);
	inlet_ask(&s);
	s.next_id = 1;
	s.now_ms = clock_ms();
	uint64_t until = s.now_ms + s.seconds * 1000u;
	while (s.faults < FAULTS_MAX && (pairs_check(&s, s.now_ms < until) || s.now_ms < until))
		events(&s);
	printf("{\"seed\": %llu, \"connections\": %llu, \"clean\": %llu, \"reset\": %llu, \"cut\": "
	       "%llu, "
	       "\"not_reached\": %llu, \"waited_for_the_end\": %llu, \"bytes_to_target\": %llu, "
	       "\"bytes_back\": %llu, "
	       "\"slowest_notice_ms\": %llu, \"faults\": %u}\n",
		(unsigned long long)s.seed, (unsigned long long)s.next_id - 1,
		(unsigned long long)s.clean, (unsigned long long)s.reset, (unsigned long long)s.cut,
		(unsigned long long)s.absent, (unsigned long long)s.half_closed,
		(unsigned long long)s.bytes[0], (unsigned long long)s.bytes[1],
		(unsigned long long)s.slowest_ms, s.faults);
	return s.faults ? 1 : 0;
}
