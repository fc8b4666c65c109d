// SPDX-License-Identifier: Apache-2.0
/* Places to connect to: as text, in routes, as socket addresses. */
#include "link_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static_assert(
	sizeof(((struct link_target *)0)->host) >= sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	"a path fits");

static void set_ip4(struct link_target *t, const uint8_t addr[static 4], uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	memcpy(&sa.sin_addr, addr, 4);
	memset(&t->addr, 0, sizeof t->addr);
	memcpy(&t->addr, &sa, sizeof sa);
	t->addr_len = sizeof sa;
	t->resolved = true;
}

/* An IPv4 address in IPv6 clothes is the IPv4 address: policies see one form. */
static void set_ip6(struct link_target *t, const uint8_t addr[static 16], uint16_t port)
{
	struct in6_addr in6;
	memcpy(&in6, addr, 16);
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		set_ip4(t, addr + 12, port);
		return;
	}
	struct sockaddr_in6 sa = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6};
	memset(&t->addr, 0, sizeof t->addr);
	memcpy(&t->addr, &sa, sizeof sa);
	t->addr_len = sizeof sa;
	t->resolved = true;
}

static int set_unix(struct link_target *t, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (!len || len >= sizeof sa.sun_path)
		return -EINVAL;
	memcpy(sa.sun_path, path, len);
	*t = (struct link_target){.kind = LINK_UNIX, .resolved = true, .addr_len = sizeof sa};
	memcpy(&t->addr, &sa, sizeof sa);
	memcpy(t->host, path, len + 1);
	return 0;
}

static bool host_name_valid(const char *s, size_t len)
{
	if (!len || len > ROUTE_TEXT_MAX || *s == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
		if (!ok)
			return false;
	}
	return true;
}

static int parse_port(const char *s, uint16_t *port)
{
	unsigned v = 0;
	size_t len = strlen(s);
	if (!len || len > 5)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(*s - '0');
	}
	if (v > 65535)
		return -EINVAL;
	*port = (uint16_t)v;
	return 0;
}

int link_target_parse(struct link_target *t, const char *text)
{
	if (!strncmp(text, "unix:", 5))
		return set_unix(t, text + 5);
	bool bracket = *text == '[';
	const char *host = bracket ? text + 1 : text;
	const char *end = bracket ? strchr(host, ']') : strrchr(host, ':');
	if (!end || (bracket && end[1] != ':'))
		return -EINVAL;
	struct link_target out = {.kind = LINK_TCP};
	size_t len = (size_t)(end - host);
	if (!len || len >= sizeof out.host || parse_port(end + (bracket ? 2 : 1), &out.port) < 0)
		return -EINVAL;
	memcpy(out.host, host, len);
	uint8_t addr[16];
	if (bracket) {
		if (inet_pton(AF_INET6, out.host, addr) != 1)
			return -EINVAL;
		set_ip6(&out, addr, out.port);
	} else if (inet_pton(AF_INET, out.host, addr) == 1) {
		set_ip4(&out, addr, out.port);
	} else if (!host_name_valid(host, len)) {
		return -EINVAL;
	}
	*t = out;
	return 0;
}

int link_target_parse_udp(struct link_target *t, const char *text)
{
	struct link_target out;
	int rc = link_target_parse(&out, text);
	if (rc < 0 || out.kind != LINK_TCP)
		return -EINVAL;
	out.kind = LINK_UDP;
	*t = out;
	return 0;
}

int link_target_from_route(struct link_target *t, const struct route *r, unsigned from)
{
	if (from >= r->n)
		return -EINVAL;
	const struct route_element *e = &r->e[from];
	if (e->code == ROUTE_UNIX)
		return set_unix(t, e->text) < 0 ? -EINVAL : 1;
	const struct route_element *port = from + 1 < r->n ? &r->e[from + 1] : NULL;
	if (!port || (port->code != ROUTE_TCP && port->code != ROUTE_UDP) || !port->port)
		return -EINVAL;
	struct link_target out = {
		.kind = port->code == ROUTE_UDP ? LINK_UDP : LINK_TCP, .port = port->port};
	if (e->code == ROUTE_IP4) {
		set_ip4(&out, e->addr, out.port);
		inet_ntop(AF_INET, e->addr, out.host, sizeof out.host);
	} else if (e->code == ROUTE_IP6) {
		set_ip6(&out, e->addr, out.port);
		inet_ntop(AF_INET6, e->addr, out.host, sizeof out.host);
	} else if (e->code == ROUTE_DNSADDR && host_name_valid(e->text, strlen(e->text))) {
		memcpy(out.host, e->text, strlen(e->text) + 1);
	} else {
		return -EINVAL;
	}
	*t = out;
	return 2;
}

int link_target_set_addr(struct link_target *t, const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET) {
		struct sockaddr_in sa;
		memcpy(&sa, addr, sizeof sa);
		set_ip4(t, (const uint8_t *)&sa.sin_addr, t->port);
		return 0;
	}
	if (addr->ss_family == AF_INET6) {
		struct sockaddr_in6 sa;
		memcpy(&sa, addr, sizeof sa);
		set_ip6(t, sa.sin6_addr.s6_addr, t->port);
		/* a link-local address means nothing without its interface */
		if (t->addr.ss_family == AF_INET6)
			((struct sockaddr_in6 *)&t->addr)->sin6_scope_id = sa.sin6_scope_id;
		return 0;
	}
	return -EINVAL;
}

bool link_target_equal(const struct link_target *a, const struct link_target *b)
{
	return a->kind == b->kind && a->lane == b->lane && a->resolved && b->resolved && a->addr_len == b->addr_len &&
	       !memcmp(&a->addr, &b->addr, a->addr_len);
}

void link_target_format(const struct link_target *t, char *dst, size_t cap)
{
	char ip[INET6_ADDRSTRLEN];
	if (t->kind == LINK_UNIX) {
		snprintf(dst, cap, "unix:%s", t->host);
	} else if (t->resolved && t->addr.ss_family == AF_INET) {
		inet_ntop(
			AF_INET, &((const struct sockaddr_in *)&t->addr)->sin_addr, ip, sizeof ip);
		snprintf(dst, cap, "%s:%u", ip, t->port);
	} else if (t->resolved) {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&t->addr)->sin6_addr, ip,
			sizeof ip);
		snprintf(dst, cap, "[%s]:%u", ip, t->port);
	} else {
		snprintf(dst, cap, "%s:%u", t->host, t->port);
	}
}
