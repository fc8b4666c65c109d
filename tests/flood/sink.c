// SPDX-License-Identifier: Apache-2.0
/*
 * What a flood costs the machine whatever is flooded: a listener that accepts, answers HELLO, reads
 * and forgets. Of more than SINK_MAX connections the oldest is closed. Ends with its input.
 */
#include "flood.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SINK_MAX = 4096, EVENTS = 64 };
enum { LISTENER = UINT32_MAX, INPUT = UINT32_MAX - 1 };

static struct {
	int ep, listener;
	int fd[SINK_MAX]; /* in turn; 0: none */
	bool greeted[SINK_MAX];
	unsigned next;
} sink;

static void watch(int fd, uint32_t what)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = what};
	epoll_ctl(sink.ep, EPOLL_CTL_ADD, fd, &ev);
}

static void forget(unsigned i)
{
	if (sink.fd[i])
		close(sink.fd[i]);
	sink.fd[i] = 0;
}

static void accept_some(void)
{
	for (unsigned n = 0; n < EVENTS; n++) {
		int fd = accept4(sink.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		unsigned i = sink.next++ % SINK_MAX;
		forget(i);
		sink.fd[i] = fd;
		sink.greeted[i] = false;
		watch(fd, i);
	}
}

static void serve(unsigned i)
{
	static uint8_t buf[256 << 10];
	static const uint8_t hello[] = {WIRE_VERSION << 4 | WIRE_LINK, LINK_HELLO, 0,
		24, [16] = 0xa2, LINK_P_VERSIONS, 0x81, WIRE_VERSION, LINK_P_MAX_FRAME, 0x19, 0xff,
		0xff};
	ssize_t n = read(sink.fd[i], buf, sizeof buf);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		forget(i);
	else if (!sink.greeted[i])
		sink.greeted[i] = send(sink.fd[i], hello, sizeof hello, MSG_NOSIGNAL) > 0;
}

int sink_run(struct flood *f)
{
	struct epoll_event ev[EVENTS];
	int one = 1;
	sink.ep = epoll_create1(EPOLL_CLOEXEC);
	sink.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(sink.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(sink.listener, (struct sockaddr *)&f->to, sizeof f->to) < 0 ||
		listen(sink.listener, SOMAXCONN) < 0)
		return 1;
	watch(sink.listener, LISTENER);
	watch(STDIN_FILENO, INPUT);
	puts("listening");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(sink.ep, ev, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.u32 == INPUT)
				return 0;
			if (ev[i].data.u32 == LISTENER)
				accept_some();
			else if (sink.fd[ev[i].data.u32])
				serve(ev[i].data.u32);
		}
	}
}
