// SPDX-License-Identifier: Apache-2.0
#include "tcp_listener.h"

#include "link.h"
#include "log.h"
#include "seam_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LISTENERS_MAX = 64 };

static int listener_route(struct tcp_listener *l)
{
	return (l->udp ? udp_address_route : tcp_address_route)(
		&l->address, l->route, sizeof l->route);
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
	*why = reason_make(EXIT_USAGE,
		"%.128s is no address for UDP: expected IPV4:PORT or [IPV6]:PORT", text);
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
	*l = (struct tcp_listener){.id = id,
		.fd = fd,
		.address = l->address,
		.p = p,
		.udp = type == SOCK_DGRAM,
		.adopted = true,
		.unclaimed = true};
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

struct tcp_listener *tcp_listener_add(struct program *p, bool udp, const char *text,
	tcp_listener_fn *fn, void *ctx, struct reason *why)
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
