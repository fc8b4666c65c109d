// SPDX-License-Identifier: Apache-2.0
#include "flood.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

double now_s(void)
{
	return (double)now_us() / 1e6;
}

void links_limit(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

struct peer *peer_new(struct flood *f)
{
	struct peer *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->fd = -1;
	p->next = f->all;
	f->all = p;
	return p;
}

void peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->connected = p->up = p->filled = false;
	p->out_len = p->out_done = p->in_len = 0;
}

void peers_free(struct flood *f)
{
	while (f->all) {
		struct peer *p = f->all;
		f->all = p->next;
		peer_close(p);
		free(p);
	}
	free(f->peers);
}

bool peer_connect(struct flood *f, struct peer *p)
{
	int one = 1;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return false;
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (f->from.sin_family) {
		/* the kernel picks the port when it connects, so that one may serve many targets */
		setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
		if (bind(p->fd, (struct sockaddr *)&f->from, sizeof f->from) < 0)
			abort();
	}
	if (connect(p->fd, (struct sockaddr *)&f->to, sizeof f->to) < 0 && errno != EINPROGRESS) {
		peer_close(p);
		f->connect_failures++;
		return false;
	}
	p->since_us = now_us();
	return true;
}

bool peer_write(struct flood *f, struct peer *p)
{
	while (p->out_done < p->out_len) {
		ssize_t n = write(p->fd, p->out + p->out_done, p->out_len - p->out_done);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		p->out_done += (size_t)n;
		f->bytes_sent += (size_t)n;
	}
	p->out_done = p->out_len = 0;
	return true;
}

static void take_frames(struct flood *f, struct peer *p)
{
	size_t at = 0;
	while (p->in_len - at >= WIRE_HEADER) {
		struct frame_header h = frame_header_decode(p->in + at);
		if (h.len < WIRE_HEADER || p->in_len - at < h.len)
			break;
		f->received[h.type < FRAME_TYPES ? h.type : 0]++;
		if (h.type == WIRE_LINK && h.sub == LINK_HELLO)
			p->up = true;
		if (f->on_frame)
			f->on_frame(f, p, p->in + at, h.len);
		at += h.len;
	}
	memmove(p->in, p->in + at, p->in_len - at);
	p->in_len -= at;
}

bool peer_read(struct flood *f, struct peer *p)
{
	for (unsigned i = 0; i < 4; i++) {
		ssize_t n = read(p->fd, p->in + p->in_len, sizeof p->in - p->in_len);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		f->bytes_received += (size_t)n;
		p->in_len += (size_t)n;
		take_frames(f, p);
	}
	return true;
}

/* How many frames --rate allows by now. */
static bool rate_allows(const struct flood *f, const struct peer *p)
{
	return !f->rate || p->frames * 1000000 < (now_us() - p->since_us) * f->rate;
}

static void fill(struct flood *f, struct peer *p)
{
	bool ready = p->up || f->mode->no_hello || f->mode->no_read;
	if (!ready || p->out_len || (f->mode->once && p->filled) || !rate_allows(f, p))
		return;
	p->filled = true;
	if (f->mode->fill)
		f->mode->fill(f, p);
}

/* After the first event of a socket it is connected, or is not. */
static bool connected(struct flood *f, struct peer *p)
{
	int error = 0;
	socklen_t len = sizeof error;
	if (p->connected)
		return true;
	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		f->connect_failures++;
		return false;
	}
	p->connected = true;
	f->connects++;
	if (!f->mode->no_hello)
		put_hello(f, p);
	return true;
}

static void serve(struct flood *f, struct peer *p, unsigned events)
{
	if (!connected(f, p)) {
		peer_close(p);
		return;
	}
	bool open = true;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !f->mode->no_read)
		open = peer_read(f, p);
	if (open) {
		fill(f, p);
		open = peer_write(f, p);
	}
	if (!open) {
		f->closed++;
		peer_close(p);
	}
}

static void connect_some(struct flood *f, int ep)
{
	for (unsigned i = 0; i < f->links; i++) {
		struct peer *p = f->peers[i];
		if (p->fd >= 0 || !peer_connect(f, p))
			continue;
		struct epoll_event ev = {.data.ptr = p,
			.events = EPOLLOUT | EPOLLET | (f->mode->no_read ? 0u : (unsigned)EPOLLIN)};
		epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &ev);
	}
}

int flood_run(struct flood *f)
{
	struct epoll_event ev[256];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	f->peers = calloc(f->links, sizeof *f->peers);
	if (ep < 0 || !f->peers)
		abort();
	for (unsigned i = 0; i < f->links; i++) {
		f->peers[i] = peer_new(f);
		f->peers[i]->index = i;
	}
	for (double end = now_s() + f->seconds; now_s() < end;) {
		connect_some(f, ep);
		int n = epoll_wait(ep, ev, 256, 5);
		for (int i = 0; i < n; i++) {
			struct peer *p = ev[i].data.ptr;
			if (p->fd >= 0)
				serve(f, p, ev[i].events);
		}
		for (unsigned i = 0; i < f->links; i++) { /* who could write all along */
			struct peer *p = f->peers[i];
			if (p->fd >= 0 && p->connected && !p->out_len)
				serve(f, p, 0);
		}
	}
	for (unsigned i = 0; i < f->links; i++)
		peer_close(f->peers[i]);
	close(ep);
	return 0;
}
