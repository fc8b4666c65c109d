// SPDX-License-Identifier: Apache-2.0
#include "transit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 256 };

struct rule {
	int family;
	uint8_t addr[16];
	unsigned prefix; /* bits */
	uint16_t lo, hi;
};

struct transit {
	struct rule *rules;
	unsigned n;
};

struct transit *transit_new(void)
{
	return calloc(1, sizeof(struct transit));
}

void transit_free(struct transit *t)
{
	if (!t)
		return;
	free(t->rules);
	free(t);
}

/* Digits from *s up to a byte that is none; -EINVAL when there are none or too large. */
static int take_number(const char **s, unsigned max)
{
	unsigned v = 0;
	const char *p = *s;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (unsigned)(*p - '0');
		if (v > max)
			return -EINVAL;
	}
	if (p == *s)
		return -EINVAL;
	*s = p;
	return (int)v;
}

static int parse_ports(const char *s, struct rule *r)
{
	int lo = take_number(&s, 65535), hi = lo;
	if (lo >= 0 && *s == '-') {
		s++;
		hi = take_number(&s, 65535);
	}
	if (lo < 1 || hi < lo || *s)
		return -EINVAL;
	r->lo = (uint16_t)lo;
	r->hi = (uint16_t)hi;
	return 0;
}

static int parse_cidr(const char *s, size_t len, struct rule *r)
{
	char buf[64];
	if (len >= sizeof buf)
		return -EINVAL;
	memcpy(buf, s, len);
	buf[len] = 0;
	char *slash = strchr(buf, '/');
	if (slash)
		*slash = 0;
	r->family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	unsigned bits = r->family == AF_INET6 ? 128 : 32;
	if (inet_pton(r->family, buf, r->addr) != 1)
		return -EINVAL;
	r->prefix = bits;
	if (slash) {
		const char *p = slash + 1;
		int prefix = take_number(&p, bits);
		if (prefix < 0 || *p)
			return -EINVAL;
		r->prefix = (unsigned)prefix;
	}
	return 0;
}

int transit_allow(struct transit *t, const char *text)
{
	struct rule r = {.lo = 1, .hi = 65535};
	const char *cidr = text, *end, *ports = NULL;
	const char *colon = strchr(text, ':');
	if (*text == '[') {
		cidr++;
		end = strchr(cidr, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		if (end[1])
			ports = end + 2;
	} else if (colon && !strchr(colon + 1, ':')) {
		end = colon;
		ports = colon + 1;
	} else {
		end = text + strlen(text);
	}
	if (parse_cidr(cidr, (size_t)(end - cidr), &r) < 0 ||
		(ports && parse_ports(ports, &r) < 0) || (*text == '[' && r.family != AF_INET6) ||
		t->n == RULES_MAX)
		return -EINVAL;
	struct rule *rules = realloc(t->rules, (t->n + 1) * sizeof *rules);
	if (!rules)
		return -ENOMEM;
	rules[t->n++] = r;
	t->rules = rules;
	return 0;
}

static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;
	if (memcmp(a, b, bytes))
		return false;
	return !rest || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0;
}

static bool rule_admits(const struct rule *r, const struct link_target *t)
{
	const uint8_t *addr;
	if (r->family != t->addr.ss_family || t->port < r->lo || t->port > r->hi)
		return false;
	if (r->family == AF_INET)
		addr = (const uint8_t *)&((const struct sockaddr_in *)&t->addr)->sin_addr;
	else
		addr = ((const struct sockaddr_in6 *)&t->addr)->sin6_addr.s6_addr;
	return prefix_equal(r->addr, addr, r->prefix);
}

bool transit_admits(const struct node *n, const struct link_target *t)
{
	if (!t->resolved)
		return false;
	for (unsigned i = 0; t->kind != LINK_UNIX && i < n->transit->n; i++)
		if (rule_admits(&n->transit->rules[i], t))
			return true;
	return n->io->is_own_listener(n->io_ctx, t);
}
