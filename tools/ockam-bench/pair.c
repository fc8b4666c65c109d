// SPDX-License-Identifier: Apache-2.0
#include "pair.h"

#include "cbor.h"
#include "handshake_codec.h"
#include "hop_part.h"
#include "socket.h"
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NOISE_1 = 32,
	RESP_END = 200,
	ANSWER_SECONDS = 20,
	UNSENT = 256 << 10, /* what the protocol lets a sender keep unsent in a shared socket */
};

static int send_frame(int fd, uint8_t *f, struct wr *w, enum wire_type type, uint32_t label)
{
	if (w->bad)
		return -EMSGSIZE;
	frame_header_encode(f, type, 0, (uint16_t)wr_len(w), label, 0);
	return socket_send(fd, f, wr_len(w));
}

static struct wr frame_begin(uint8_t *f, size_t cap)
{
	struct wr w = wr_init(f, cap);
	wr_room(&w, WIRE_HEADER);
	return w;
}

static int hello_send(int fd)
{
	uint8_t f[64];
	struct wr w = frame_begin(f, sizeof f);
	cbor_put_map(&w, 3);
	cbor_put_uint(&w, LINK_P_VERSIONS);
	cbor_put_array(&w, 1);
	cbor_put_uint(&w, WIRE_VERSION);
	cbor_put_uint(&w, LINK_P_MAX_FRAME);
	cbor_put_uint(&w, WIRE_FRAME_MAX);
	cbor_put_uint(&w, LINK_P_FEATURES);
	cbor_put_uint(&w, 0);
	return send_frame(fd, f, &w, WIRE_LINK, 0);
}

/* The next frame that has this type; others are passed over, but a RESET is the end. */
static int frame_wait(int fd, enum wire_type type, uint8_t f[static WIRE_FRAME_MAX])
{
	for (;;) {
		int rc = socket_receive(fd, f, WIRE_HEADER);
		if (rc < 0)
			return rc;
		struct frame_header h = frame_header_decode(f);
		if (h.version != WIRE_VERSION || h.len < WIRE_HEADER)
			return -EPROTO;
		rc = socket_receive(fd, f + WIRE_HEADER, h.len - WIRE_HEADER);
		if (rc < 0)
			return rc;
		if (h.type == type)
			return h.len;
		if (h.type == WIRE_RESET) {
			bench_say("the relay reset the path with code %u", h.sub & 0x7f);
			return -ECONNRESET;
		}
	}
}

static int init_send(int fd, uint32_t li, uint16_t port)
{
	uint8_t f[WIRE_INIT_MAX], noise[NOISE_1];
	char text[64], err[128];
	struct hop_part h = {.hops_left = WIRE_HOPS_MAX, .path_max = WIRE_FRAME_MAX};
	snprintf(text, sizeof text, "/ip4/127.0.0.1/tcp/%u/service/api", port);
	if (route_parse(&h.onward, text, err, sizeof err) < 0)
		return -EINVAL;
	struct wr w = frame_begin(f, sizeof f);
	hop_part_encode(&w, &h, 0);
	int n = init_prologue_encode(
		SUITE_AESGCM, li, WIRE_FRAME_MAX, "api", w.p, (size_t)(w.end - w.p));
	if (n < 0)
		return n;
	wr_room(&w, (size_t)n);
	randombytes_buf(noise, sizeof noise);
	wr_bytes(&w, noise, sizeof noise);
	return send_frame(fd, f, &w, WIRE_INIT, li);
}

/* The sink answers the INIT with a label of its own. */
static int resp_send(int fd, const uint8_t *init, int len, uint32_t lr)
{
	uint8_t f[WIRE_PATH_MIN], end[RESP_END];
	struct hop_part h;
	struct rd rest;
	int rc = hop_part_decode(init + WIRE_HEADER, (size_t)len - WIRE_HEADER, false, &h, &rest);
	if (rc < 0)
		return rc;
	h.onward.n = 0;
	h.hops_left = WIRE_HOPS_MAX;
	randombytes_buf(end, sizeof end);
	put_be32(end, lr);
	struct wr w = frame_begin(f, sizeof f);
	hop_part_encode(&w, &h, 0);
	wr_bytes(&w, end, sizeof end);
	return send_frame(fd, f, &w, WIRE_RESP, frame_header_decode(init).label);
}

static int data_send(int fd, uint32_t label)
{
	uint8_t f[WIRE_DATA_MIN] = {0};
	frame_header_encode(f, WIRE_DATA, 0, sizeof f, label, 0);
	return socket_send(fd, f, sizeof f);
}

/* One frame each way, so that the path is open at the relay. */
static int path_use(struct pair *p, unsigned i, uint8_t *f)
{
	int rc = data_send(p->a, p->to_b[i]);
	if (rc == 0)
		rc = frame_wait(p->b, WIRE_DATA, f);
	if (rc >= 0)
		rc = data_send(p->b, p->to_a[i]);
	if (rc == 0)
		rc = frame_wait(p->a, WIRE_DATA, f);
	return rc < 0 ? rc : 0;
}

static int path_open(struct pair *p, unsigned i, int listener, uint16_t port, uint8_t *f)
{
	int rc = init_send(p->a, p->to_a[i], port);
	if (rc == 0 && p->b < 0) { /* the relay dials the sink with the first one */
		p->b = socket_accept(listener);
		if (p->b < 0)
			return p->b;
		socket_timeout(p->b, ANSWER_SECONDS);
		rc = frame_wait(p->b, WIRE_LINK, f);
		if (rc >= 0)
			rc = hello_send(p->b);
	}
	if (rc >= 0)
		rc = frame_wait(p->b, WIRE_INIT, f);
	if (rc >= 0)
		rc = resp_send(p->b, f, rc, p->to_b[i]);
	if (rc >= 0)
		rc = frame_wait(p->a, WIRE_RESP, f);
	return rc < 0 ? rc : path_use(p, i, f);
}

/* A listening socket of its own: the relay may not know yet that the last sink has gone. */
static int paths_open(struct pair *p)
{
	uint16_t sink_port;
	uint8_t *f = malloc(WIRE_FRAME_MAX);
	int listener = socket_listen(&sink_port);
	int rc = !f ? -ENOMEM : listener < 0 ? listener : hello_send(p->a);
	if (rc == 0) {
		socket_timeout(listener, ANSWER_SECONDS);
		rc = frame_wait(p->a, WIRE_LINK, f);
	}
	for (unsigned i = 0; i < p->paths && rc >= 0; i++)
		rc = path_open(p, i, listener, sink_port, f);
	if (listener >= 0)
		close(listener);
	free(f);
	return rc < 0 ? rc : 0;
}

int pair_open(struct pair *p, const struct via *v, int listener, unsigned paths)
{
	*p = (struct pair){.a = socket_connect(v->port), .b = -1, .paths = paths};
	if (p->a < 0)
		return p->a;
	int unsent = UNSENT;
	setsockopt(p->a, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	socket_timeout(p->a, ANSWER_SECONDS);
	for (unsigned i = 0; i < paths; i++) {
		randombytes_buf(&p->to_a[i], sizeof p->to_a[i]);
		randombytes_buf(&p->to_b[i], sizeof p->to_b[i]);
		p->to_a[i] |= 1; /* 0 is no label */
		p->to_b[i] |= 1;
	}
	int rc;
	if (v->is_node) {
		rc = paths_open(p);
	} else {
		p->b = socket_accept(listener);
		rc = p->b < 0 ? p->b : 0;
	}
	if (rc < 0) {
		bench_say("no way through: %s: %s", v->name, strerror(-rc));
		pair_close(p);
	}
	return rc;
}

void pair_close(struct pair *p)
{
	if (p->a >= 0)
		close(p->a);
	if (p->b >= 0)
		close(p->b);
	p->a = p->b = -1;
}

/* What frame `seq` of path `path` consists of. */
static void frame_make(const struct pair *p, uint8_t *f, uint32_t len, unsigned path, uint64_t seq)
{
	frame_header_encode(f, WIRE_DATA, 0, (uint16_t)len, p->to_b[path], seq);
	memset(f + WIRE_HEADER, (int)(seq * 31 + path), len - WIRE_HEADER);
}

struct check {
	struct pair *p;
	uint32_t frame_len;
	size_t frames;
	int rc;
};

static void *check_send(void *arg)
{
	struct check *c = arg;
	uint8_t *f = malloc(c->frame_len);
	c->rc = f ? 0 : -ENOMEM;
	for (size_t i = 0; i < c->frames && c->rc == 0; i++) {
		frame_make(c->p, f, c->frame_len, (unsigned)(i % c->p->paths), i / c->p->paths);
		c->rc = socket_send(c->p->a, f, c->frame_len);
	}
	free(f);
	return NULL;
}

static int check_receive(struct check *c)
{
	uint8_t *got = malloc(WIRE_FRAME_MAX), *want = malloc(c->frame_len);
	uint64_t next[PAIR_PATHS_MAX] = {0};
	int rc = got && want ? 0 : -ENOMEM;
	for (size_t i = 0; i < c->frames && rc >= 0; i++) {
		rc = frame_wait(c->p->b, WIRE_DATA, got);
		uint32_t label = rc < 0 ? 0 : frame_header_decode(got).label;
		unsigned path = 0;
		while (path < c->p->paths && c->p->to_b[path] != label)
			path++;
		if (rc < 0)
			break;
		if (path == c->p->paths || rc != (int)c->frame_len) {
			rc = -EILSEQ;
			break;
		}
		frame_make(c->p, want, c->frame_len, path, next[path]++);
		rc = memcmp(got, want, c->frame_len) ? -EILSEQ : 0;
	}
	free(got);
	free(want);
	return rc;
}

int pair_check(struct pair *p, uint32_t frame_len, size_t frames)
{
	struct check c = {.p = p, .frame_len = frame_len, .frames = frames};
	pthread_t t;
	int rc = -pthread_create(&t, NULL, check_send, &c);
	if (rc < 0)
		return rc;
	rc = check_receive(&c);
	if (rc < 0)
		shutdown(p->a, SHUT_RDWR);
	pthread_join(t, NULL);
	return rc < 0 ? rc : c.rc;
}
