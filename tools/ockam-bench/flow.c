// SPDX-License-Identifier: Apache-2.0
#include "flow.h"

#include "machine.h"
#include "turn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	BATCH = 1 << 20, /* bytes per send and per receive over TCP */
	SUPER = 65000,	 /* bytes of a super-packet */
	SEGMENTS_MAX = 64,
	WINDOW = 1 << 20,   /* bytes under way over UDP */
	STUCK_NS = 5000000, /* nothing has come for so long: it is lost */
	WAIT_NS = 10000,
	LISTEN_EVERY = 64, /* sends over UDP */
	STOP_MS = 10,	   /* how soon an end that waits sees the end */
	STOP_TRIES = 2000,
	QUIET_TRIES = 10,	     /* datagrams that have not come by then do not */
	SINK_SEES = WIRE_HEADER + 8, /* of a datagram; the rest is thrown away by the kernel */
};

struct flow {
	struct pair *p;
	uint32_t frame_len;
	uint8_t *frames; /* whole frames, sent again and again */
	uint8_t *waste;	 /* for what arrives */
	size_t len;
	_Atomic uint64_t sent, received;
	uint64_t given_up; /* of what was sent; the source's */
	atomic_bool stop, done, failed;
	pthread_t source, sink;
	unsigned threads;
};

/* TCP: as many frames as a batch takes, and every path in it. */
static int frames_make_tcp(struct flow *f)
{
	unsigned paths = f->p->paths, n = BATCH / f->frame_len;
	n = n < paths ? paths : n / paths * paths;
	f->len = (size_t)n * f->frame_len;
	f->frames = malloc(f->len);
	if (!f->frames)
		return -ENOMEM;
	memset(f->frames, 0x5a, f->len);
	for (unsigned i = 0; i < n; i++)
		frame_header_encode(f->frames + (size_t)i * f->frame_len, WIRE_DATA, 0,
			(uint16_t)f->frame_len, f->p->label[PAIR_SOURCE][i % paths], i);
	return 0;
}

static unsigned segments_of(const struct flow *f)
{
	unsigned n = SUPER / (f->frame_len + pair_prefix(f->p, PAIR_SOURCE));
	return n > SEGMENTS_MAX ? SEGMENTS_MAX : n ? n : 1;
}

/* UDP: one super-packet for each path, with what the way wants in front of each frame. */
static int frames_make_udp(struct flow *f)
{
	unsigned prefix = pair_prefix(f->p, PAIR_SOURCE), n = segments_of(f);
	size_t segment = f->frame_len + prefix;
	f->len = n * segment;
	f->frames = malloc(f->len * f->p->paths);
	if (!f->frames)
		return -ENOMEM;
	memset(f->frames, 0x5a, f->len * f->p->paths);
	for (unsigned i = 0; i < f->p->paths; i++)
		for (unsigned k = 0; k < n; k++) {
			uint8_t *at = f->frames + i * f->len + k * segment;
			if (prefix)
				turn_prefix(at, (uint16_t)f->frame_len);
			frame_header_encode(at + prefix, WIRE_DATA, 0, (uint16_t)f->frame_len,
				f->p->label[PAIR_SOURCE][i], k);
		}
	return 0;
}

/* All that the relay has said so far. False: the connection is over. */
static bool listen_to_relay(struct flow *f)
{
	uint8_t b[2 * WIRE_PATH_MIN];
	int fd = f->p->fd[PAIR_SOURCE];
	for (;;) {
		ssize_t n = recv(fd, b, WIRE_HEADER, MSG_DONTWAIT | MSG_PEEK);
		if (n < WIRE_HEADER)
			return n > 0 || (n < 0 && errno == EAGAIN);
		size_t len = frame_header_decode(b).len;
		if (len < WIRE_HEADER || len > sizeof b)
			return false;
		n = recv(fd, b, pair_is_udp(f->p) ? sizeof b : len,
			MSG_DONTWAIT | (pair_is_udp(f->p) ? 0 : MSG_PEEK));
		if (n < (ssize_t)len)
			return n > 0 || errno == EAGAIN;
		if (!pair_is_udp(f->p) && recv(fd, b, len, MSG_DONTWAIT) != (ssize_t)len)
			return false;
		if (pair_heed(f->p, PAIR_SOURCE, b, len) < 0)
			return false;
	}
}

/* Looks for PAUSE before each send, as a node does, and never waits inside of one. Goes on to the
 * end of a frame. */
static bool source_tcp(struct flow *f)
{
	int fd = f->p->fd[PAIR_SOURCE];
	for (size_t at = 0; !f->stop || at % f->frame_len;) {
		bool rest = f->p->paused > 0 && at % f->frame_len == 0;
		size_t end = f->stop ? at - at % f->frame_len + f->frame_len : f->len;
		if (f->p->via->kind->speech == VIA_FRAMES && !listen_to_relay(f))
			return false;
		ssize_t n =
			rest ? -1 : send(fd, f->frames + at, end - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			at = (at + (size_t)n) % f->len;
			f->sent += (uint64_t)n;
			continue;
		}
		if (!rest && errno != EAGAIN)
			return false;
		struct pollfd p = {fd, (short)(POLLIN | (rest ? 0 : POLLOUT)), 0};
		poll(&p, 1, STOP_MS);
	}
	return true;
}

/* Waits for room in the window, and gives up what does not come. It may come all the same. */
static void window_wait(struct flow *f)
{
	uint64_t last = f->received, since = now_ns();
	while (!f->stop && (int64_t)(f->sent - f->given_up - f->received) >= WINDOW) {
		uint64_t have = f->received;
		if (have != last) {
			last = have;
			since = now_ns();
		} else if (now_ns() - since > STUCK_NS) {
			f->given_up = f->sent - have;
			return;
		}
		sleep_seconds(WAIT_NS / 1e9);
	}
}

static bool source_udp(struct flow *f)
{
	unsigned prefix = pair_prefix(f->p, PAIR_SOURCE), n = segments_of(f), path = 0;
	int fd = f->p->fd[PAIR_SOURCE], segment = (int)(f->frame_len + prefix);
	if (n == 1)
		segment = 0;
	if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0)
		return false;
	for (uint64_t i = 0; !f->stop; i++) {
		if (f->p->via->kind->speech == VIA_FRAMES && i % LISTEN_EVERY == 0 &&
			!listen_to_relay(f))
			break;
		window_wait(f);
		ssize_t sent = send(fd, f->frames + path * f->len, f->len, MSG_NOSIGNAL);
		if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED)
			break;
		if (sent > 0)
			f->sent += (uint64_t)n * f->frame_len;
		path = (path + 1) % f->p->paths;
	}
	segment = 0;
	setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
	return f->stop;
}

static void *source_run(void *arg)
{
	struct flow *f = arg;
	if (!(pair_is_udp(f->p) ? source_udp(f) : source_tcp(f)))
		f->failed = true;
	f->done = true;
	return NULL;
}

/* `tries`: how often in turn nothing came. */
static bool sink_over(const struct flow *f, unsigned tries)
{
	if (!f->done)
		return false;
	unsigned most = pair_is_udp(f->p) ? QUIET_TRIES : STOP_TRIES;
	return f->failed || f->received == f->sent || tries >= most;
}

/* A datagram's first bytes are looked at, for PING. */
static void *sink_run(void *arg)
{
	struct flow *f = arg;
	bool udp = pair_is_udp(f->p);
	unsigned tries = 0;
	while (!sink_over(f, tries)) {
		ssize_t n = recv(f->p->fd[PAIR_SINK], f->waste, udp ? SINK_SEES : BATCH, MSG_TRUNC);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			f->failed = true;
			break;
		}
		tries = n < 0 ? tries + f->done : 0;
		if (n < 0)
			continue;
		if (udp && frame_header_decode(f->waste).type != WIRE_DATA)
			pair_heed(f->p, PAIR_SINK, f->waste, (size_t)n);
		else
			f->received += (uint64_t)n;
	}
	return NULL;
}

static void sink_prepare(const struct pair *p, bool on)
{
	struct timeval patience = {.tv_sec = on ? 0 : 20, .tv_usec = on ? STOP_MS * 1000 : 0};
	int gro = on;
	if (pair_is_udp(p)) {
		setsockopt(p->fd[PAIR_SINK], SOL_UDP, UDP_GRO, &gro, sizeof gro);
		patience.tv_sec = on ? 0 : 1;
	}
	setsockopt(p->fd[PAIR_SINK], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

int flow_start(struct pair *p, uint32_t frame_len, struct flow **out)
{
	struct flow *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	f->p = p;
	f->frame_len = frame_len;
	f->waste = malloc(BATCH);
	int rc = f->waste ? 0 : -ENOMEM;
	if (rc == 0)
		rc = pair_is_udp(p) ? frames_make_udp(f) : frames_make_tcp(f);
	sink_prepare(p, true);
	if (rc == 0)
		rc = -pthread_create(&f->sink, NULL, sink_run, f);
	f->threads += rc == 0;
	if (rc == 0)
		rc = -pthread_create(&f->source, NULL, source_run, f);
	f->threads += rc == 0 && f->threads;
	if (rc == 0) {
		*out = f;
		return 0;
	}
	f->failed = f->done = true;
	flow_stop(f, NULL);
	return rc;
}

static struct flow_cost now(const struct flow *f)
{
	return (struct flow_cost){f->received, now_ns(), via_cpu_ns(f->p->via),
		clock_ns(CLOCK_PROCESS_CPUTIME_ID), machine_busy_ns()};
}

/* Until more than so much has come, however short the time is; not for ever. */
static void wait_bytes(const struct flow *f, uint64_t bytes)
{
	for (unsigned i = 0; i < STOP_TRIES && f->received <= bytes && !f->failed; i++)
		sleep_seconds(STOP_MS / 1e3);
}

int flow_take(struct flow *f, double seconds, struct flow_cost *out)
{
	sleep_seconds(seconds / 5);
	wait_bytes(f, 0);
	struct flow_cost a = now(f);
	sleep_seconds(seconds);
	wait_bytes(f, a.bytes);
	struct flow_cost b = now(f);
	*out = (struct flow_cost){b.bytes - a.bytes, b.wall_ns - a.wall_ns, b.relay_ns - a.relay_ns,
		b.own_ns - a.own_ns, b.machine_ns - a.machine_ns};
	return f->failed ? -ECONNRESET : 0;
}

int flow_stop(struct flow *f, double *lost)
{
	f->stop = true;
	if (f->threads > 1)
		pthread_join(f->source, NULL);
	if (f->threads)
		pthread_join(f->sink, NULL);
	sink_prepare(f->p, false);
	if (lost)
		*lost = f->sent > f->received ? 1 - (double)f->received / (double)f->sent : 0;
	int rc = f->failed ? -ECONNRESET : !pair_is_udp(f->p) && f->received != f->sent ? -EIO : 0;
	free(f->frames);
	free(f->waste);
	free(f);
	return rc;
}
