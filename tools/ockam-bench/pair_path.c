// SPDX-License-Identifier: Apache-2.0
/* Both ends of a pair as neighbours of a relay node: links, then paths. */
#include "cbor.h"
#include "handshake_codec.h"
#include "hello.h"
#include "hop_part.h"
#include "pair.h"
#include "socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOISE_1 = 32, RESP_END = 200, ANSWER_SECONDS = 20 };

/* Where the relay is to dial. */
struct dialled {
	int listener; /* TCP; -1: the sink's own socket */
	uint16_t port;
};

static uint64_t random_tag(void)
{
	uint64_t tag;
	randombytes_buf(&tag, sizeof tag);
	return tag | 1; /* 0 is none */
}

static int hello_send(struct pair *p, enum pair_end end, const struct hello *h, size_t pad_to)
{
	uint8_t f[HELLO_SIZE_MAX];
	size_t len = hello_encode(f, h, pad_to);
	frame_header_encode(f, WIRE_LINK, LINK_HELLO, (uint16_t)len, 0, pad_to ? 0 : p->tag[end]);
	return pair_send(p, end, f, len);
}

static int hello_receive(struct pair *p, enum pair_end end, struct hello *h, uint8_t *f)
{
	int n = pair_receive(p, end, WIRE_LINK, f);
	if (n < 0)
		return n;
	return frame_header_decode(f).sub == LINK_HELLO &&
			       hello_decode(f + WIRE_HEADER, (size_t)n - WIRE_HEADER,
				       pair_is_udp(p), h) &&
			       h->common
		       ? 0
		       : -EPROTO;
}

/* The source dials. Over UDP the relay first wants its cookie back. */
static int source_greet(struct pair *p, uint8_t *f)
{
	bool udp = pair_is_udp(p);
	struct hello answer, mine = {.max_frame = udp ? WIRE_UDP_MAX : WIRE_FRAME_MAX,
				     .has_tag = udp,
				     .tag = random_tag()};
	int rc = hello_send(p, PAIR_SOURCE, &mine, udp ? WIRE_UDP_HELLO_MIN : 0);
	if (rc == 0 && udp) {
		rc = pair_receive(p, PAIR_SOURCE, WIRE_COOKIE, f);
		if (rc >= 0 && rc != WIRE_HEADER + WIRE_COOKIE_LEN)
			rc = -EPROTO;
		if (rc >= 0) {
			mine.has_cookie = true;
			memcpy(mine.cookie, f + WIRE_HEADER, WIRE_COOKIE_LEN);
			rc = hello_send(p, PAIR_SOURCE, &mine, WIRE_UDP_HELLO_MIN);
		}
	}
	if (rc >= 0)
		rc = hello_receive(p, PAIR_SOURCE, &answer, f);
	if (rc == 0 && udp)
		p->tag[PAIR_SOURCE] = answer.tag;
	return rc;
}

/* Over UDP whoever sends the first datagram is the relay. */
static int sink_accept(struct pair *p, const struct dialled *d)
{
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	if (d->listener >= 0) {
		p->fd[PAIR_SINK] = socket_accept(d->listener);
		if (p->fd[PAIR_SINK] < 0)
			return p->fd[PAIR_SINK];
		socket_timeout(p->fd[PAIR_SINK], ANSWER_SECONDS);
		return 0;
	}
	if (recvfrom(p->fd[PAIR_SINK], NULL, 0, MSG_PEEK, (struct sockaddr *)&from, &len) < 0)
		return -errno;
	return socket_udp_connect(p->fd[PAIR_SINK], ntohs(from.sin_port));
}

static int sink_greet(struct pair *p, const struct dialled *d, uint8_t *f)
{
	struct hello theirs, mine = {.max_frame = pair_is_udp(p) ? WIRE_UDP_MAX : WIRE_FRAME_MAX,
				     .has_tag = pair_is_udp(p),
				     .has_token = pair_is_udp(p),
				     .tag = random_tag()};
	int rc = sink_accept(p, d);
	if (rc == 0)
		rc = hello_receive(p, PAIR_SINK, &theirs, f);
	if (rc < 0)
		return rc;
	p->tag[PAIR_SINK] = pair_is_udp(p) ? theirs.tag : 0;
	randombytes_buf(mine.token, sizeof mine.token);
	return hello_send(p, PAIR_SINK, &mine, 0);
}

static int frame_send(struct pair *p, enum pair_end end, uint8_t *f, struct wr *w,
	enum wire_type type, uint32_t label)
{
	if (w->bad)
		return -EMSGSIZE;
	frame_header_encode(f, type, 0, (uint16_t)wr_len(w), label, p->tag[end]);
	return pair_send(p, end, f, wr_len(w));
}

static struct wr frame_begin(uint8_t *f, size_t cap)
{
	struct wr w = wr_init(f, cap);
	wr_room(&w, WIRE_HEADER);
	return w;
}

static int init_send(struct pair *p, uint32_t li, uint16_t port)
{
	uint8_t f[WIRE_INIT_MAX], noise[NOISE_1];
	char text[64], err[128];
	struct hop_part h = {.hops_left = WIRE_HOPS_MAX, .path_max = WIRE_FRAME_MAX};
	snprintf(text, sizeof text, "/ip4/127.0.0.1/%s/%u/service/api",
		pair_is_udp(p) ? "udp" : "tcp", port);
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
	return frame_send(p, PAIR_SOURCE, f, &w, WIRE_INIT, li);
}

/* The sink answers the INIT with a label of its own. */
static int resp_send(struct pair *p, const uint8_t *init, int len, uint32_t lr)
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
	return frame_send(p, PAIR_SINK, f, &w, WIRE_RESP, frame_header_decode(init).label);
}

static int data_send(struct pair *p, enum pair_end end, uint32_t label)
{
	uint8_t f[WIRE_DATA_MIN] = {0};
	frame_header_encode(f, WIRE_DATA, 0, sizeof f, label, 0);
	return pair_send(p, end, f, sizeof f);
}

/* One frame each way, so that the path is open at the relay. */
static int path_use(struct pair *p, unsigned i, uint8_t *f)
{
	int rc = data_send(p, PAIR_SOURCE, p->label[PAIR_SOURCE][i]);
	if (rc == 0)
		rc = pair_receive(p, PAIR_SINK, WIRE_DATA, f);
	if (rc >= 0)
		rc = data_send(p, PAIR_SINK, p->label[PAIR_SINK][i]);
	if (rc == 0)
		rc = pair_receive(p, PAIR_SOURCE, WIRE_DATA, f);
	return rc < 0 ? rc : 0;
}

/* The relay dials the sink with the first one. */
static int path_open(struct pair *p, unsigned i, const struct dialled *d, uint8_t *f)
{
	int rc = init_send(p, p->label[PAIR_SINK][i], d->port);
	if (rc == 0 && i == 0)
		rc = sink_greet(p, d, f);
	if (rc >= 0)
		rc = pair_receive(p, PAIR_SINK, WIRE_INIT, f);
	if (rc >= 0)
		rc = resp_send(p, f, rc, p->label[PAIR_SOURCE][i]);
	if (rc >= 0)
		rc = pair_receive(p, PAIR_SOURCE, WIRE_RESP, f);
	return rc < 0 ? rc : path_use(p, i, f);
}

/* A listening socket of its own: the relay may not know yet that the last sink has gone. */
int pair_paths_open(struct pair *p)
{
	uint8_t *f = malloc(WIRE_FRAME_MAX);
	struct dialled d = {.listener = -1};
	int rc = f ? 0 : -ENOMEM;
	if (rc == 0 && pair_is_udp(p))
		rc = socket_port(p->fd[PAIR_SINK], &d.port);
	else if (rc == 0)
		rc = d.listener = socket_listen(&d.port);
	if (rc >= 0) {
		if (d.listener >= 0)
			socket_timeout(d.listener, ANSWER_SECONDS);
		rc = source_greet(p, f);
	}
	for (unsigned i = 0; i < p->paths && rc >= 0; i++)
		rc = path_open(p, i, &d, f);
	if (d.listener >= 0)
		close(d.listener);
	free(f);
	return rc < 0 ? rc : 0;
}
