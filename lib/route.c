// SPDX-License-Identifier: Apache-2.0
/*
 * One table says what each protocol is called and what its value is; parsing, formatting and both
 * directions of the wire form go by it. `shape_check` holds for routes from text and from the wire.
 *
 * Wire form: [[code, value], ...]; a value is an integer (port), text (names) or bytes (addresses,
 * reply handles, and Unix paths, which need not be UTF-8).
 */
#include "route.h"

#include "cbor.h"
#include "hex.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum value { V_NAME, V_HOST, V_PORT, V_IP4, V_IP6, V_UNIX };

struct protocol {
	enum route_code code;
	enum value value;
	bool on_wire;
	const char *name;
	const char *needs;
};

static const struct protocol protocols[] = {
	{ROUTE_NODE, V_NAME, false, "node", "a node name"},
	{ROUTE_IP4, V_IP4, true, "ip4", "an IPv4 address"},
	{ROUTE_IP6, V_IP6, true, "ip6", "an IPv6 address"},
	{ROUTE_DNSADDR, V_HOST, true, "dnsaddr", "a host name"},
	{ROUTE_TCP, V_PORT, true, "tcp", "a port"},
	{ROUTE_UDP, V_PORT, true, "udp", "a port"},
	{ROUTE_SERVICE, V_NAME, true, "service", "an address"},
	{ROUTE_WORKER, V_NAME, true, "worker", "an address"},
	{ROUTE_SECURE, V_NAME, false, "secure", "a listener name"},
	{ROUTE_UNIX, V_UNIX, true, "unix", "a path with %2F for each /"},
};

enum { PROTOCOLS = sizeof protocols / sizeof *protocols };

static const struct protocol *protocol_by_code(uint64_t code)
{
	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (protocols[i].code == code)
			return &protocols[i];
	return NULL;
}

static const struct protocol *protocol_by_name(const char *name, size_t len)
{
	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (strlen(protocols[i].name) == len && !memcmp(protocols[i].name, name, len))
			return &protocols[i];
	return NULL;
}

static bool is_host(enum route_code code)
{
	return code == ROUTE_IP4 || code == ROUTE_IP6 || code == ROUTE_DNSADDR;
}

static bool is_port(enum route_code code)
{
	return code == ROUTE_TCP || code == ROUTE_UDP;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool name_valid(const char *s, size_t len)
{
	if (!len || len > WIRE_NAME_MAX || s[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return true;
}

bool route_name_valid(const char *name)
{
	return name_valid(name, strlen(name));
}

static bool host_valid(const char *s, size_t len)
{
	if (!len || len > ROUTE_TEXT_MAX || s[0] == '-' || s[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '-' && s[i] != '.')
			return false;
	return true;
}

static bool unix_valid(const char *s, size_t len)
{
	return len && len <= ROUTE_TEXT_MAX && !memchr(s, 0, len);
}

static int set_text(struct route_element *e, const char *s, size_t len)
{
	memcpy(e->text, s, len);
	e->text[len] = 0;
	e->len = (uint8_t)len;
	return 0;
}

static int parse_port(struct route_element *e, const char *s, size_t len)
{
	unsigned v = 0;
	if (!len || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (!v || v > UINT16_MAX)
		return -EINVAL;
	e->port = (uint16_t)v;
	return 0;
}

static int parse_ip(struct route_element *e, int family, const char *s, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	if (len >= sizeof text || memchr(s, 0, len))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = 0;
	e->len = family == AF_INET ? 4 : 16;
	return inet_pton(family, text, e->addr) == 1 ? 0 : -EINVAL;
}

/* %2F and %25 are the only escapes. */
static int parse_unix(struct route_element *e, const char *s, size_t len)
{
	char path[ROUTE_TEXT_MAX];
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		if (c == '%') {
			if (len - i < 3 || s[i + 1] != '2')
				return -EINVAL;
			c = s[i + 2] == '5' ? '%' : s[i + 2] == 'F' || s[i + 2] == 'f' ? '/' : 0;
			i += 2;
		}
		if (!c || n == sizeof path)
			return -EINVAL;
		path[n++] = c;
	}
	return unix_valid(path, n) ? set_text(e, path, n) : -EINVAL;
}

static int parse_value(struct route_element *e, const struct protocol *p, const char *s, size_t len)
{
	*e = (struct route_element){.code = p->code};
	switch (p->value) {
	case V_NAME:
		return name_valid(s, len) ? set_text(e, s, len) : -EINVAL;
	case V_HOST:
		return host_valid(s, len) ? set_text(e, s, len) : -EINVAL;
	case V_PORT:
		return parse_port(e, s, len);
	case V_IP4:
		return parse_ip(e, AF_INET, s, len);
	case V_IP6:
		return parse_ip(e, AF_INET6, s, len);
	case V_UNIX:
		return parse_unix(e, s, len);
	}
	return -EINVAL;
}

int route_append(struct route *r, const struct route_element *e)
{
	if (r->n >= ROUTE_ELEMENTS_MAX)
		return -E2BIG;
	r->e[r->n++] = *e;
	return 0;
}

int route_append_text(struct route *r, enum route_code code, const char *text)
{
	struct route_element e;
	const struct protocol *p = protocol_by_code(code);
	if (!p || parse_value(&e, p, text, strlen(text)) < 0)
		return -EINVAL;
	return route_append(r, &e);
}

unsigned route_hops(const struct route *r)
{
	unsigned hops = 0;
	for (unsigned i = 0; i < r->n; i++)
		hops += !is_port(r->e[i].code);
	return hops;
}

/* Index of the first element without the host or port that belongs to it, or -1. */
static int shape_check(const struct route *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (is_port(r->e[i].code) && (!i || !is_host(r->e[i - 1].code)))
			return (int)i;
		if (is_host(r->e[i].code) && (i + 1 == r->n || !is_port(r->e[i + 1].code)))
			return (int)i;
	}
	return -1;
}

static void put_unix(struct wr *w, const char *path)
{
	for (; *path; path++) {
		if (*path == '/')
			wr_bytes(w, "%2F", 3);
		else if (*path == '%')
			wr_bytes(w, "%25", 3);
		else
			wr_bytes(w, path, 1);
	}
}

static void put_element(struct wr *w, const struct route_element *e)
{
	const struct protocol *p = protocol_by_code(e->code);
	char text[INET6_ADDRSTRLEN];
	wr_bytes(w, "/", 1);
	wr_bytes(w, p->name, strlen(p->name));
	wr_bytes(w, "/", 1);
	switch (p->value) {
	case V_NAME:
	case V_HOST:
		if (e->is_handle) {
			char hex[2 * WIRE_HANDLE + 1];
			wr_bytes(w, hex_encode(hex, e->addr, WIRE_HANDLE), 2 * WIRE_HANDLE);
		} else {
			wr_bytes(w, e->text, e->len);
		}
		return;
	case V_UNIX:
		put_unix(w, e->text);
		return;
	case V_PORT:
		snprintf(text, sizeof text, "%u", e->port);
		break;
	case V_IP4:
		inet_ntop(AF_INET, e->addr, text, sizeof text);
		break;
	case V_IP6:
		inet_ntop(AF_INET6, e->addr, text, sizeof text);
		break;
	}
	wr_bytes(w, text, strlen(text));
}

int route_format(const struct route *r, char *dst, size_t cap)
{
	struct wr w = wr_init(dst, cap);
	for (unsigned i = 0; i < r->n; i++)
		put_element(&w, &r->e[i]);
	wr_u8(&w, 0);
	return w.bad ? -ENAMETOOLONG : (int)wr_len(&w) - 1;
}

static void encode_element(struct wr *w, const struct route_element *e)
{
	const struct protocol *p = protocol_by_code(e->code);
	cbor_put_array(w, 2);
	cbor_put_uint(w, (uint64_t)e->code);
	if (p->value == V_PORT)
		cbor_put_uint(w, e->port);
	else if (p->value == V_IP4 || p->value == V_IP6 || e->is_handle)
		cbor_put_bytes(w, e->addr, e->len);
	else if (p->value == V_UNIX)
		cbor_put_bytes(w, e->text, e->len);
	else
		cbor_put_text(w, e->text, e->len);
}

void route_encode(struct wr *w, const struct route *r, unsigned from)
{
	const uint8_t *start = w->p;
	cbor_put_array(w, from < r->n ? r->n - from : 0);
	for (unsigned i = from; i < r->n; i++) {
		if (!protocol_by_code(r->e[i].code)->on_wire)
			w->bad = true;
		encode_element(w, &r->e[i]);
	}
	if (w->bad || w->p - start > WIRE_ROUTE_MAX)
		w->bad = true;
}

/* A value that the wire carries as bytes: an address, a handle or a Unix path. */
static bool take_bytes(struct route_element *e, const struct protocol *p, struct slice s)
{
	if (p->value == V_UNIX) {
		if (unix_valid((const char *)s.p, s.len))
			return !set_text(e, (const char *)s.p, s.len);
		return false;
	}
	size_t want = p->value == V_IP4 ? 4 : 16;
	if (s.len != want)
		return false;
	e->is_handle = p->value == V_NAME;
	e->len = (uint8_t)want;
	memcpy(e->addr, s.p, want);
	return true;
}

static bool decode_element(struct rd *r, struct route_element *e)
{
	if (cbor_get_array(r, 2) != 2)
		return false;
	const struct protocol *p = protocol_by_code(cbor_get_uint(r));
	if (r->bad || !p || !p->on_wire)
		return false;
	*e = (struct route_element){.code = p->code};
	switch (p->value) {
	case V_PORT: {
		uint64_t port = cbor_get_uint(r);
		e->port = (uint16_t)port;
		return port && port <= UINT16_MAX;
	}
	case V_NAME:
		if (p->code == ROUTE_SERVICE && cbor_peek(r) == CBOR_BYTES)
			break;
		/* fall through */
	case V_HOST: {
		struct slice s = cbor_get_text(r);
		return !r->bad && !parse_value(e, p, (const char *)s.p, s.len);
	}
	case V_IP4:
	case V_IP6:
	case V_UNIX:
		break;
	}
	struct slice s = cbor_get_bytes(r);
	return !r->bad && take_bytes(e, p, s);
}

void route_decode(struct rd *r, struct route *out)
{
	const uint8_t *start = r->p;
	size_t n = cbor_get_array(r, ROUTE_ELEMENTS_MAX);
	out->n = 0;
	for (size_t i = 0; i < n && !r->bad; i++) {
		struct route_element e;
		if (!decode_element(r, &e))
			r->bad = true;
		else
			route_append(out, &e);
	}
	if (r->bad || r->p - start > WIRE_ROUTE_MAX || shape_check(out) >= 0 ||
		route_hops(out) > WIRE_HOPS_MAX) {
		r->bad = true;
		out->n = 0;
	}
}

/* What a user wrote, short and without control characters, for an error clause. */
struct quoted {
	char s[48];
};

static struct quoted quote(const char *s, size_t len)
{
	struct quoted q = {{0}};
	size_t n = 0;
	for (; n < len && n < sizeof q.s - 4; n++)
		q.s[n] = s[n] >= 0x20 && s[n] < 0x7f ? s[n] : '?';
	if (n < len)
		memcpy(q.s + n, "...", 3);
	return q;
}

/* Takes "/protocol/value" off *text. 0, or -EINVAL with the clause. */
static int parse_element(struct route_element *e, const char **text, char *err, size_t err_len)
{
	const char *name = *text + (**text == '/');
	size_t name_len = strcspn(name, "/");
	const struct protocol *p = protocol_by_name(name, name_len);
	if (!p) {
		snprintf(err, err_len, "unknown protocol \"%s\"", quote(name, name_len).s);
		return -EINVAL;
	}
	if (!name[name_len]) {
		snprintf(err, err_len, "route ends after \"/%s\"", p->name);
		return -EINVAL;
	}
	const char *value = name + name_len + 1;
	size_t len = strcspn(value, "/");
	if (parse_value(e, p, value, len) < 0) {
		snprintf(err, err_len, "\"%s\" needs %s, got \"%s\"", p->name, p->needs,
			quote(value, len).s);
		return -EINVAL;
	}
	*text = value + len;
	return 0;
}

/* What the wire takes of a route whose node names are not resolved yet. */
static bool too_long_for_wire(const struct route *r)
{
	uint8_t buf[WIRE_ROUTE_MAX];
	struct wr w = wr_init(buf, sizeof buf);
	cbor_put_array(&w, r->n);
	for (unsigned i = 0; i < r->n; i++)
		if (protocol_by_code(r->e[i].code)->on_wire)
			encode_element(&w, &r->e[i]);
	return w.bad;
}

static int check_parsed(const struct route *r, char *err, size_t err_len)
{
	if (route_hops(r) > WIRE_HOPS_MAX || too_long_for_wire(r)) {
		snprintf(err, err_len, "the route is too long: it may have %d hops and %d bytes",
			WIRE_HOPS_MAX, WIRE_ROUTE_MAX);
		return -EINVAL;
	}
	int at = shape_check(r);
	if (at < 0)
		return 0;
	char part[ROUTE_TEXT_MAX * 3 + 16];
	struct wr w = wr_init(part, sizeof part - 1);
	put_element(&w, &r->e[at]);
	*w.p = 0;
	if (is_port(r->e[at].code))
		snprintf(err, err_len, "\"%s\" must follow a host", part);
	else
		snprintf(err, err_len, "\"%s\" must be followed by /tcp/PORT or /udp/PORT", part);
	return -EINVAL;
}

int route_parse(struct route *out, const char *text, char *err, size_t err_len)
{
	size_t len = strlen(text);
	out->n = 0;
	if (!len || !strcmp(text, "/")) {
		snprintf(err, err_len, "the route is empty");
		return -EINVAL;
	}
	if (text[len - 1] == '/') {
		snprintf(err, err_len, "the route ends with \"/\"");
		return -EINVAL;
	}
	while (*text) {
		struct route_element e;
		int rc = parse_element(&e, &text, err, err_len);
		if (rc == 0 && route_append(out, &e) < 0)
			break; /* more elements than 16 hops have */
		if (rc < 0) {
			out->n = 0;
			return rc;
		}
	}
	int rc = check_parsed(out, err, err_len);
	if (rc < 0)
		out->n = 0;
	return rc;
}
