// SPDX-License-Identifier: Apache-2.0
/*
 * Many paths through one relay, both ends of which are here. The keys are not real, which only ends
 * could tell. Path i goes from link i mod `links` to the listener i / PER_END.
 */
#include "flood.h"

#include "cbor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PER_END = 256, DATA_BODY = 64, INITS_PER_S = 45, TIMEOUT_S = 120 };

enum { LABEL_I = 0x10000000, LABEL_R = 0x20000000 };

enum path_state { PATH_NONE, PATH_SENT, PATH_UP, PATH_RESET };

static struct {
	int ep;
	uint8_t *state; /* enum path_state by path */
	uint8_t *heard; /* bit 1: at the initiator, 2: at the responder */
	unsigned up, both, reset;
} all;

static void watch(struct peer *p)
{
	struct epoll_event ev = {.data.ptr = p, .events = EPOLLIN | EPOLLOUT | EPOLLET};
	epoll_ctl(all.ep, EPOLL_CTL_ADD, p->fd, &ev);
}

static void put_resp(struct flood *f, struct peer *p, uint32_t li)
{
	uint8_t body[128];
	struct wr w = wr_init(body, sizeof body);
	uint8_t *len = wr_room(&w, 2), *start = w.p;
	cbor_put_array(&w, 4);
	cbor_put_uint(&w, WIRE_HOPS_MAX);
	cbor_put_uint(&w, WIRE_FRAME_MAX);
	cbor_put_uint(&w, 0);
	cbor_put_array(&w, 0);
	put_be16(len, (uint16_t)(w.p - start));
	wr_u32(&w, li ^ LABEL_I ^ LABEL_R);
	for (unsigned i = 0; i < 12; i++)
		wr_u32(&w, i);
	put_frame(f, p, WIRE_RESP, 0, li, body, wr_len(&w));
}

static void put_data(struct flood *f, struct peer *p, uint32_t label)
{
	uint8_t body[DATA_BODY] = {0};
	put_frame(f, p, WIRE_DATA, 0, label, body, sizeof body);
}

static void on_frame(struct flood *f, struct peer *p, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	uint32_t path = h.label & 0xfffffff;
	if (path >= f->paths)
		return;
	switch (h.type) {
	case WIRE_INIT:
		put_resp(f, p, h.label);
		break;
	case WIRE_RESP:
		if (all.state[path] == PATH_SENT) {
			all.state[path] = PATH_UP;
			all.up++;
		}
		put_data(f, p, LABEL_R | path);
		break;
	case WIRE_DATA:
		if (!(all.heard[path] & (p->end ? 2 : 1))) {
			all.heard[path] |= p->end ? 2 : 1;
			all.both += all.heard[path] == 3;
		}
		if (p->end)
			put_data(f, p, LABEL_I | path);
		break;
	case WIRE_RESET:
		if (all.state[path] != PATH_RESET)
			all.reset++;
		all.state[path] = PATH_RESET;
		break;
	}
	peer_write(f, p);
}

static void listen_all(struct flood *f)
{
	unsigned n = (f->paths + PER_END - 1) / PER_END;
	for (unsigned i = 0; i < n; i++) {
		struct sockaddr_in sa = f->ends;
		sa.sin_addr.s_addr = htonl(ntohl(sa.sin_addr.s_addr) + i);
		int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 64) < 0) {
			perror("flood: listen");
			exit(1);
		}
		struct peer *p = peer_new(f);
		p->fd = fd;
		struct epoll_event ev = {.data.ptr = p, .events = EPOLLIN};
		p->filled = true; /* a listener */
		epoll_ctl(all.ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

static void accept_one(struct flood *f, struct peer *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct peer *p = peer_new(f);
	p->fd = fd;
	p->end = p->connected = true;
	watch(p);
}

static void turn(struct flood *f, int wait_ms)
{
	struct epoll_event ev[256];
	int n = epoll_wait(all.ep, ev, 256, wait_ms);
	for (int i = 0; i < n; i++) {
		struct peer *p = ev[i].data.ptr;
		if (p->filled && !p->connected) {
			accept_one(f, p);
			continue;
		}
		if (p->fd < 0)
			continue;
		bool said = p->connected && p->up;
		if (!p->end && !p->connected) {
			p->connected = true;
			f->connects++;
			put_hello(f, p);
		}
		bool open = peer_read(f, p);
		if (p->end && p->up && !said)
			put_hello(f, p);
		if (!open || !peer_write(f, p)) {
			f->closed++;
			peer_close(p);
		}
	}
}

/* HELLO of an end is the answer to the relay's: the frames behind it must come after it. */
static void init_of(struct flood *f, unsigned path)
{
	struct peer *p = f->peers[path % f->links];
	char text[64], host[INET_ADDRSTRLEN], err[128];
	struct in_addr a = {htonl(ntohl(f->ends.sin_addr.s_addr) + path / PER_END)};
	struct route r;
	inet_ntop(AF_INET, &a, host, sizeof host);
	snprintf(text, sizeof text, "/ip4/%s/tcp/%u/service/api", host, ntohs(f->ends.sin_port));
	if (p->fd < 0 || route_parse(&r, text, err, sizeof err) < 0)
		abort();
	put_init(f, p, &r, "api", LABEL_I | path);
	peer_write(f, p);
	all.state[path] = PATH_SENT;
}

static void say(const char *what, double seconds)
{
	printf("{\"%s\":%u,\"both_ways\":%u,\"reset\":%u,\"seconds\":%.1f}\n", what, all.up,
		all.both, all.reset, seconds);
	fflush(stdout);
}

/* One frame over every path from its initiator, which its responder answers. */
static void ask_all(struct flood *f)
{
	memset(all.heard, 0, f->paths);
	all.both = 0;
	for (unsigned i = 0; i < f->paths; i++) {
		struct peer *p = f->peers[i % f->links];
		if (p->fd >= 0 && all.state[i] == PATH_UP)
			put_data(f, p, LABEL_R | i);
		if (i % 64 == 63) {
			for (unsigned k = 0; k < f->links; k++)
				if (f->peers[k]->fd >= 0)
					peer_write(f, f->peers[k]);
			turn(f, 0);
		}
	}
	for (double end = now_s() + 10; all.both < all.up && now_s() < end;) {
		for (unsigned k = 0; k < f->links; k++)
			if (f->peers[k]->fd >= 0)
				peer_write(f, f->peers[k]);
		turn(f, 10);
	}
}

int paths_run(struct flood *f)
{
	char line[64];
	all.ep = epoll_create1(EPOLL_CLOEXEC);
	all.state = calloc(f->paths, 1);
	all.heard = calloc(f->paths, 1);
	f->peers = calloc(f->links, sizeof *f->peers);
	if (all.ep < 0 || !all.state || !all.heard || !f->peers || !f->ends.sin_port)
		return 2;
	f->on_frame = on_frame;
	listen_all(f);
	for (unsigned i = 0; i < f->links; i++) {
		f->peers[i] = peer_new(f);
		if (!peer_connect(f, f->peers[i]))
			return 1;
		watch(f->peers[i]);
	}
	double begin = now_s();
	unsigned next = 0;
	while (all.up + all.reset < f->paths && now_s() < begin + TIMEOUT_S) {
		/* as many as the links' and the ends' shares of INITs allow */
		unsigned ends = (f->paths + PER_END - 1) / PER_END;
		unsigned rate = INITS_PER_S * (f->links < ends ? f->links : ends);
		while (next < ends * PER_END && next < (now_s() - begin - 0.2) * rate) {
			/* neighbours in time go to different ends */
			unsigned path = next % ends * PER_END + next / ends;
			next++;
			if (path < f->paths)
				init_of(f, path);
		}
		turn(f, 5);
	}
	say("up", now_s() - begin);
	/* each line of input asks all paths once more; its end is the end */
	while (fgets(line, sizeof line, stdin)) {
		double asked = now_s();
		ask_all(f);
		say("asked", now_s() - asked);
	}
	free(all.state);
	free(all.heard);
	close(all.ep);
	return all.up == f->paths && !all.reset ? 0 : 1;
}
