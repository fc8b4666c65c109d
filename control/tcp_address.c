// SPDX-License-Identifier: Apache-2.0
#include "tcp_address.h"

#include "log.h"
#include "udp_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char unix_prefix[] = "unix:";

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || end - text > 5 || v > 65535)
		return -EINVAL;
	*port = (uint16_t)v;
	return 0;
}

static int parse_unix(struct tcp_address *a, const char *path)
{
	size_t n = strlen(path);
	if (path[0] != '/' || n >= sizeof a->un.sun_path)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) /* it is one line of a file, and of messages */
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return -EINVAL;
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, n + 1);
	a->len = sizeof a->un;
	return 0;
}

/* Host is numeric or "localhost": a listener's address is a fact of this machine. */
static int parse_host(struct tcp_address *a, const char *host, size_t n, uint16_t port)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)&a->any;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&a->any;
	char text[INET6_ADDRSTRLEN];
	bool bracket = n > 2 && host[0] == '[' && host[n - 1] == ']';
	if (bracket) {
		host++;
		n -= 2;
	}
	if (n >= sizeof text)
		return -EINVAL;
	memcpy(text, host, n);
	text[n] = 0;
	if (!bracket && !strcmp(text, "localhost"))
		snprintf(text, sizeof text, "127.0.0.1");
	if (bracket && inet_pton(AF_INET6, text, &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons(port);
		a->len = sizeof *a6;
		return 0;
	}
	if (!bracket && inet_pton(AF_INET, text, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons(port);
		a->len = sizeof *a4;
		return 0;
	}
	return -EINVAL;
}

int tcp_address_parse(struct tcp_address *a, const char *text, struct reason *why)
{
	struct tcp_address out = {.len = 0};
	uint16_t port = 0;
	int rc;
	const char *colon = strrchr(text, ':');
	if (!strncmp(text, unix_prefix, sizeof unix_prefix - 1)) {
		rc = parse_unix(&out, text + sizeof unix_prefix - 1);
		if (rc < 0)
			*why = reason_make(EXIT_USAGE,
				"\"%.128s\": a Unix socket needs an absolute path of at most %zu "
				"bytes, without control characters",
				text, sizeof out.un.sun_path - 1);
	} else {
		rc = parse_port(colon ? colon + 1 : text, &port);
		if (rc == 0)
			rc = colon ? parse_host(&out, text, (size_t)(colon - text), port)
				   : parse_host(&out, "127.0.0.1", 9, port);
		if (rc < 0)
			*why = reason_make(EXIT_USAGE,
				"\"%.128s\" is not an address to listen on: expected IPV4:PORT, "
				"[IPV6]:PORT or unix:PATH",
				text);
	}
	if (rc == 0)
		*a = out;
	return rc;
}

/* A socket file whose listener is gone: removed. True when bind may be tried again. */
static bool remove_stale(const struct tcp_address *a)
{
	struct stat st;
	if (lstat(a->un.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	bool dead = connect(fd, &a->sa, a->len) < 0 && errno == ECONNREFUSED;
	close(fd);
	return dead && unlink(a->un.sun_path) == 0;
}

static int bind_address(int fd, const struct tcp_address *a)
{
	int one = 1;
	if (a->sa.sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, &a->sa, a->len) == 0)
		return 0;
	if (errno == EADDRINUSE && a->sa.sa_family == AF_UNIX && remove_stale(a) &&
		bind(fd, &a->sa, a->len) == 0)
		return 0;
	return -errno;
}

static struct reason listen_reason(const struct tcp_address *a, int rc)
{
	char text[TCP_ADDRESS_TEXT];
	tcp_address_format(a, text);
	if (rc == -EADDRINUSE)
		return reason_make(EXIT_IN_USE,
			"%s is in use by another program: choose another address, or port 0", text);
	if (rc == -EACCES && a->sa.sa_family == AF_UNIX)
		return reason_make(EXIT_REFUSED,
			"not allowed to listen on %s: a running node makes sockets below its home, "
			"/run and /tmp, and beside those that it started with",
			text);
	if (rc == -EACCES || rc == -EPERM)
		return reason_make(EXIT_REFUSED, "not allowed to listen on %s", text);
	return reason_make(EXIT_IO, "cannot listen on %s: %s", text, strerror(-rc));
}

int tcp_address_listen(struct tcp_address *a, struct reason *why)
{
	int rc = 0;
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = bind_address(fd, a);
	if (rc == 0 && listen(fd, SOMAXCONN) < 0)
		rc = -errno;
	if (rc == 0 && a->sa.sa_family != AF_UNIX) {
		socklen_t len = sizeof a->any;
		if (getsockname(fd, &a->sa, &len) < 0)
			rc = -errno;
		else
			a->len = len;
	}
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	*why = listen_reason(a, rc);
	return rc;
}

int udp_address_bind(struct tcp_address *a, struct reason *why)
{
	int one = 1, rc = 0;
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof a->any;
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	/* without SO_REUSEADDR: two sockets of one address would steal each other's datagrams */
	if (fd < 0 || bind(fd, &a->sa, a->len) < 0 || getsockname(fd, &a->sa, &len) < 0)
		rc = -errno;
	a->len = len;
	int unfiltered = rc == 0 ? udp_filter_attach(fd) : 0;
	if (unfiltered)
		log_warn("no filter in front of a UDP socket (%s): what is no frame wakes the data "
			 "plane",
			strerror(-unfiltered));
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	*why = listen_reason(a, rc);
	return rc;
}

void tcp_address_format(const struct tcp_address *a, char dst[static TCP_ADDRESS_TEXT])
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->any;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a->any;
	char host[INET6_ADDRSTRLEN] = "";
	if (a->sa.sa_family == AF_UNIX) {
		snprintf(dst, TCP_ADDRESS_TEXT, "%s%s", unix_prefix, a->un.sun_path);
	} else if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a6->sin6_addr, host, sizeof host);
		snprintf(dst, TCP_ADDRESS_TEXT, "[%s]:%u", host, ntohs(a6->sin6_port));
	} else {
		inet_ntop(AF_INET, &a4->sin_addr, host, sizeof host);
		snprintf(dst, TCP_ADDRESS_TEXT, "%s:%u", host, ntohs(a4->sin_port));
	}
}

static int address_route(const struct tcp_address *a, uint32_t port_code, char *dst, size_t cap)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->any;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a->any;
	struct route r = {.n = 0};
	struct route_element e = {.code = ROUTE_IP4, .len = 4};
	struct route_element tcp = {.code = port_code};
	if (a->sa.sa_family == AF_UNIX) { /* the path as it is: % is a letter here */
		size_t n = strnlen(a->un.sun_path, ROUTE_TEXT_MAX);
		e = (struct route_element){.code = ROUTE_UNIX, .len = (uint8_t)n};
		memcpy(e.text, a->un.sun_path, n);
		route_append(&r, &e);
		return route_format(&r, dst, cap);
	}
	if (a->sa.sa_family == AF_INET6) {
		const struct in6_addr *ip = &a6->sin6_addr;
		if (IN6_IS_ADDR_UNSPECIFIED(ip))
			ip = &in6addr_loopback;
		e.code = ROUTE_IP6;
		e.len = 16;
		memcpy(e.addr, ip, 16);
		tcp.port = ntohs(a6->sin6_port);
		route_append(&r, &e);
	} else {
		tcp.port = ntohs(a4->sin_port);
		memcpy(e.addr, &a4->sin_addr, 4);
		if (a4->sin_addr.s_addr == htonl(INADDR_LOOPBACK) ||
			a4->sin_addr.s_addr == htonl(INADDR_ANY))
			route_append_text(&r, ROUTE_DNSADDR, "localhost");
		else
			route_append(&r, &e);
	}
	route_append(&r, &tcp);
	return route_format(&r, dst, cap);
}

int tcp_address_route(const struct tcp_address *a, char *dst, size_t cap)
{
	return address_route(a, ROUTE_TCP, dst, cap);
}

int udp_address_route(const struct tcp_address *a, char *dst, size_t cap)
{
	return address_route(a, ROUTE_UDP, dst, cap);
}
