// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BACKLOG = 512, UDP_ROOM = 4 << 20 };

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void no_delay(int fd)
{
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int listen_at(struct sockaddr_in sa)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, BACKLOG) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int socket_listen(uint16_t *port)
{
	int fd = listen_at(loopback(0));
	if (fd < 0)
		return fd;
	int rc = socket_port(fd, port);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int socket_port(int fd, uint16_t *port)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	*port = ntohs(sa.sin_port);
	return 0;
}

int socket_udp(uint16_t *port)
{
	struct sockaddr_in sa = loopback(0);
	int room = UDP_ROOM, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	static const int forced[] = {SO_RCVBUFFORCE, SO_SNDBUFFORCE},
			 asked[] = {SO_RCVBUF, SO_SNDBUF};
	for (unsigned i = 0; i < 2; i++)
		if (setsockopt(fd, SOL_SOCKET, forced[i], &room, sizeof room) < 0)
			setsockopt(fd, SOL_SOCKET, asked[i], &room, sizeof room);
	int rc = bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ? -errno : socket_port(fd, port);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int socket_udp_connect(int fd, uint16_t port)
{
	struct sockaddr_in sa = loopback(port);
	return connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ? -errno : 0;
}

int socket_listen_at(uint16_t port)
{
	return listen_at(loopback(port));
}

int socket_connect(uint16_t port)
{
	struct sockaddr_in sa = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	no_delay(fd);
	return fd;
}

int socket_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	no_delay(fd);
	return fd;
}

void socket_timeout(int fd, unsigned seconds)
{
	struct timeval tv = {.tv_sec = (time_t)seconds};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

int socket_send(int fd, const void *p, size_t n)
{
	for (const char *s = p; n;) {
		ssize_t done = send(fd, s, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

int socket_receive(int fd, void *p, size_t n)
{
	for (char *d = p; n;) {
		ssize_t got = recv(fd, d, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EPIPE;
		d += got;
		n -= (size_t)got;
	}
	return 0;
}
