// SPDX-License-Identifier: Apache-2.0
#include "tcp_listener.h"

#include "link.h"
#include "log.h"
#include "seam_client.h"
#include "udp_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTENERS_MAX = 64 };

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
		log_warn("no filter in front of a UDP socket (%s): what is no frame wakes the data plane",
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

static int listener_route(struct tcp_listener *l)
{
	return address_route(&l->address, l->udp ? ROUTE_UDP : ROUTE_TCP, l->route, sizeof l->route);
}

/* Streams come first, since they carry all, then loopback addresses. */
static int rank(const struct tcp_listener *l)
{
	return (l->udp ? 2 : 0) + (strncmp(l->route, "/dnsaddr/", 9) ? 1 : 0);
}

/* What other nodes of the home read. */
static void publish(struct program *p)
{
	const char *routes[LISTENERS_MAX];
	unsigned n = 0;
	if (p->temporary)
		return;
	for (int pass = 0; pass < 4; pass++)
		for (struct tcp_listener *l = p->tcp_listeners; l; l = l->next)
			if (rank(l) == pass && n < LISTENERS_MAX)
				routes[n++] = l->route;
	int rc = node_publish_listeners(p->home_dir, p->name, routes, n);
	if (rc < 0)
		log_warn("the listeners of the node cannot be published: %s", strerror(-rc));
}

static void unlink_listener(struct program *p, struct tcp_listener *l)
{
	struct tcp_listener **pp = &p->tcp_listeners;
	while (*pp && *pp != l)
		pp = &(*pp)->next;
	if (*pp)
		*pp = l->next;
}

static void listener_free(struct tcp_listener *l)
{
	if (l->address.sa.sa_family == AF_UNIX)
		unlink(l->address.un.sun_path);
	close(l->fd);
	free(l);
}

static void on_added(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct tcp_listener *l = ctx;
	struct program *p = l->p;
	tcp_listener_fn *fn = l->fn;
	if (error == -ECANCELED)
		return; /* the data plane is gone: the next one gets it */
	l->fn = NULL;
	if (error == -EEXIST && l->adopted)
		error = 0; /* as it should be */
	if (!error) {
		l->adopted = false; /* another data plane has to be given it */
		publish(p);
		log_info("listening on %s%s", l->text, l->udp ? " (UDP)" : "");
		if (fn)
			fn(p, l->ctx, l, NULL);
		return;
	}
	struct reason why = reason_make(
		EXIT_INTERNAL, "the data plane cannot listen on %s: %s", l->text, strerror(-error));
	log_warn("%s", why.text);
	unlink_listener(p, l);
	if (fn)
		fn(p, l->ctx, NULL, &why);
	listener_free(l);
}

/* Hands a duplicate to the data plane. */
static int hand_over(struct program *p, struct tcp_listener *l)
{
	struct seam_msg m = {
		.cmd = SEAM_LISTENER_ADD,
		.has = SEAM_HAS(SEAM_A_LISTENER),
		.listener = l->id,
		.fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0),
	};
	return m.fd < 0 ? -errno : seam_request(p->node, &m, on_added, l);
}

static unsigned listeners_count(const struct program *p)
{
	unsigned n = 0;
	for (struct tcp_listener *l = p->tcp_listeners; l; l = l->next)
		n++;
	return n;
}

/* A datagram socket has a name and a port like the others, and no file. */
static int parse_address(struct tcp_listener *l, const char *text, struct reason *why)
{
	int rc = tcp_address_parse(&l->address, text, why);
	if (rc < 0 || !l->udp || l->address.sa.sa_family != AF_UNIX)
		return rc;
	*why = reason_make(EXIT_USAGE, "%.128s is no address for UDP: expected IPV4:PORT or [IPV6]:PORT", text);
	return -EINVAL;
}

static struct tcp_listener *listener_new(
	struct program *p, bool udp, const char *text, struct reason *why)
{
	struct tcp_listener *l = calloc(1, sizeof *l);
	*why = reason_make(EXIT_INTERNAL, "out of memory");
	if (!l)
		return NULL;
	l->p = p;
	l->udp = udp;
	if (parse_address(l, text, why) < 0)
		goto err_free;
	tcp_address_format(&l->address, l->text);
	if (tcp_listener_get(p, udp, l->text)) {
		*why = reason_make(EXIT_EXISTS, "the node already listens on %s", l->text);
		goto err_free;
	}
	if (listeners_count(p) >= LISTENERS_MAX) {
		*why = reason_make(EXIT_USAGE, "a node has at most %d listeners", LISTENERS_MAX);
		goto err_free;
	}
	l->fd = udp ? udp_address_bind(&l->address, why) : tcp_address_listen(&l->address, why);
	if (l->fd < 0)
		goto err_free;
	tcp_address_format(&l->address, l->text);
	if (listener_route(l) >= 0)
		return l;
	*why = reason_make(EXIT_USAGE, "no route can name %s", l->text);
	listener_free(l);
	return NULL;
err_free:
	free(l);
	return NULL;
}

static void append(struct program *p, struct tcp_listener *l)
{
	struct tcp_listener **pp = &p->tcp_listeners;
	while (*pp)
		pp = &(*pp)->next;
	*pp = l;
}

void tcp_listener_adopt(struct program *p, uint32_t id, int fd)
{
	struct tcp_listener *l = calloc(1, sizeof *l);
	socklen_t len = l ? sizeof l->address.any : 0;
	if (!l || getsockname(fd, &l->address.sa, &len) < 0) {
		free(l);
		close(fd);
		return;
	}
	int type = SOCK_STREAM;
	socklen_t type_len = sizeof type;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len);
	l->address.len = l->address.sa.sa_family == AF_UNIX ? sizeof l->address.un : len;
	*l = (struct tcp_listener){
		.id = id, .fd = fd, .address = l->address, .p = p, .udp = type == SOCK_DGRAM, .adopted = true, .unclaimed = true};
	tcp_address_format(&l->address, l->text);
	if (listener_route(l) < 0)
		log_warn("no route can name %s", l->text);
	append(p, l);
}

/* By the address as somebody wrote it. */
static struct tcp_listener *claim(struct program *p, bool udp, const char *text)
{
	struct tcp_address a;
	struct reason why;
	char canonical[TCP_ADDRESS_TEXT];
	if (tcp_address_parse(&a, text, &why) < 0)
		return NULL;
	tcp_address_format(&a, canonical);
	struct tcp_listener *l = tcp_listener_get(p, udp, canonical);
	if (!l || !l->unclaimed)
		return NULL;
	l->unclaimed = false;
	return l;
}

void tcp_listeners_adopted(struct program *p)
{
	struct tcp_listener *next;
	for (struct tcp_listener *l = p->tcp_listeners; l; l = next) {
		next = l->next;
		if (l->unclaimed)
			tcp_listener_del(p, l);
	}
}

struct tcp_listener *tcp_listener_add(
	struct program *p, bool udp, const char *text, tcp_listener_fn *fn, void *ctx, struct reason *why)
{
	struct tcp_listener *known = claim(p, udp, text);
	struct tcp_listener *l = known ? known : listener_new(p, udp, text, why);
	if (!l)
		return NULL;
	if (!known)
		l->id = ++p->last_listener;
	l->fn = fn;
	l->ctx = ctx;
	int rc = hand_over(p, l);
	if (rc < 0) {
		*why = reason_make(
			EXIT_INTERNAL, "the data plane is not reached: %s", strerror(-rc));
		if (known)
			unlink_listener(p, l);
		listener_free(l);
		return NULL;
	}
	if (!known)
		append(p, l);
	return l;
}

void tcp_listeners_hand_over(struct program *p)
{
	for (struct tcp_listener *l = p->tcp_listeners; l; l = l->next)
		if (hand_over(p, l) < 0)
			log_warn("%s is not handed to the data plane", l->text);
}

void tcp_listener_del(struct program *p, struct tcp_listener *l)
{
	struct seam_msg m = {
		.cmd = SEAM_LISTENER_DEL,
		.has = SEAM_HAS(SEAM_A_LISTENER),
		.listener = l->id,
		.fd = -1,
	};
	unlink_listener(p, l);
	seam_forget(p->node, l);
	if (l->udp)
		links_on_listener_gone(p->node, l->id);
	seam_request(p->node, &m, NULL, NULL);
	publish(p);
	log_info("no longer listening on %s", l->text);
	listener_free(l);
}

struct tcp_listener *tcp_listener_get(struct program *p, bool udp, const char *text)
{
	struct tcp_listener *l = p->tcp_listeners;
	while (l && (l->udp != udp || (strcmp(l->text, text) && strcmp(l->route, text))))
		l = l->next;
	return l;
}

void tcp_listeners_free(struct program *p, bool leave)
{
	while (p->tcp_listeners) {
		struct tcp_listener *l = p->tcp_listeners;
		p->tcp_listeners = l->next;
		seam_forget(p->node, l);
		if (leave)
			l->address.sa.sa_family = AF_UNSPEC; /* its file stays */
		listener_free(l);
	}
}
