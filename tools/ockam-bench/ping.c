// SPDX-License-Identifier: Apache-2.0
#include "ping.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { STEP_MS = 50, LOST_MAX = 20 };

struct echo {
	struct pair *p;
	atomic_bool stop;
};

static unsigned path_of(const struct pair *p, enum pair_end from, uint32_t label)
{
	unsigned i = 0;
	while (i < p->paths && p->label[from][i] != label)
		i++;
	return i;
}

/* What comes goes back on the same path. */
static void *echo_run(void *arg)
{
	struct echo *e = arg;
	uint8_t *b = malloc(PAIR_PREFIX_MAX + WIRE_FRAME_MAX), *f = b ? b + PAIR_PREFIX_MAX : NULL;
	while (f && !e->stop) {
		int n = pair_receive(e->p, PAIR_SINK, WIRE_DATA, f);
		if (n == -EAGAIN)
			continue;
		unsigned path = n < 0 ? e->p->paths
				      : path_of(e->p, PAIR_SOURCE, frame_header_decode(f).label);
		if (path == e->p->paths)
			break;
		put_be32(f + 4, e->p->label[PAIR_SINK][path]);
		if (pair_send(e->p, PAIR_SINK, f, (size_t)n) < 0)
			break;
	}
	free(b);
	return NULL;
}

/* The reply to this one; older ones are passed over. */
static int reply(struct pair *p, uint64_t seq, uint8_t *f)
{
	int n;
	do
		n = pair_receive(p, PAIR_SOURCE, WIRE_DATA, f);
	while (n >= 0 && pair_is_udp(p) && frame_header_decode(f).seq < seq);
	if (n < 0)
		return n;
	return n == PING_LEN && frame_header_decode(f).seq == seq ? 0 : -EILSEQ;
}

static int64_t trips(struct pair *p, double seconds, double *us, uint8_t *f)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9), start;
	unsigned lost = 0;
	size_t n = 0;
	for (uint64_t seq = 1; n < PINGS_MAX && ((start = now_ns()) < end || !n); seq++) {
		frame_header_encode(
			f, WIRE_DATA, 0, PING_LEN, p->label[PAIR_SOURCE][seq % p->paths], seq);
		int rc = pair_send(p, PAIR_SOURCE, f, PING_LEN);
		if (rc == 0)
			rc = reply(p, seq, f);
		if (rc == -EAGAIN && pair_is_udp(p) && ++lost < LOST_MAX)
			continue;
		if (rc < 0)
			return rc;
		us[n++] = (double)(now_ns() - start) / 1e3;
	}
	return (int64_t)n;
}

static void patience(int fd, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
}

int64_t pings(struct pair *p, double seconds, double us[static PINGS_MAX])
{
	struct echo e = {.p = p};
	pthread_t t;
	uint8_t *b = malloc(PAIR_PREFIX_MAX + WIRE_FRAME_MAX);
	int64_t rc = b ? -pthread_create(&t, NULL, echo_run, &e) : -ENOMEM;
	if (rc == 0) {
		if (pair_is_udp(p))
			patience(p->fd[PAIR_SINK], STEP_MS);
		rc = trips(p, seconds, us, b + PAIR_PREFIX_MAX);
		e.stop = true;
		if (!pair_is_udp(p))
			shutdown(p->fd[PAIR_SINK], SHUT_RDWR);
		pthread_join(t, NULL);
	}
	free(b);
	return rc;
}
