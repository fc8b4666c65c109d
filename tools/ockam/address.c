// SPDX-License-Identifier: Apache-2.0
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static const char unix_prefix[] = "unix:";
enum { UNIX_PREFIX = sizeof unix_prefix - 1, PORT_MAX = 65535, HOST_MAX = 255 };

/* Digits from *s on, at most `max`; -EINVAL when there are none. */
static int take_number(const char **s, int max)
{
	int v = 0;
	const char *p = *s;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (*p - '0');
		if (v > max)
			return -EINVAL;
	}
	if (p == *s)
		return -EINVAL;
	*s = p;
	return v;
}

bool address_valid(const char *text)
{
	if (!strncmp(text, unix_prefix, UNIX_PREFIX))
		return text[UNIX_PREFIX] != 0;
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || colon - text > HOST_MAX)
		return false;
	const char *port = colon + 1;
	bool bracketed = text[0] == '[' && colon[-1] == ']';
	if (!bracketed && memchr(text, ':', (size_t)(colon - text)))
		return false;
	return take_number(&port, PORT_MAX) >= 0 && *port == 0;
}

bool address_port_valid(const char *text)
{
	const char *port = text;
	return address_valid(text) || (take_number(&port, PORT_MAX) >= 0 && *port == 0);
}

static bool cidr_valid(const char *text, size_t len)
{
	char host[64];
	uint8_t bits[16];
	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = 0;
	char *slash = strchr(host, '/');
	if (slash)
		*slash = 0;
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, host, bits) != 1)
		return false;
	const char *prefix = slash ? slash + 1 : "0";
	return take_number(&prefix, family == AF_INET6 ? 128 : 32) >= 0 && *prefix == 0;
}

static bool ports_valid(const char *s)
{
	int lo = take_number(&s, PORT_MAX), hi = lo;
	if (lo >= 0 && *s == '-') {
		s++;
		hi = take_number(&s, PORT_MAX);
	}
	return lo >= 1 && hi >= lo && *s == 0;
}

bool address_transit_valid(const char *text)
{
	const char *colon = strchr(text, ':');
	if (*text == '[') {
		const char *end = strchr(text, ']');
		return end && strchr(text, ':') < end &&
		       cidr_valid(text + 1, (size_t)(end - text - 1)) &&
		       (end[1] == 0 || (end[1] == ':' && ports_valid(end + 2)));
	}
	if (colon && !strchr(colon + 1, ':'))
		return cidr_valid(text, (size_t)(colon - text)) && ports_valid(colon + 1);
	return cidr_valid(text, strlen(text));
}

int address_absolute(const struct cli *c, const char *text, char *dst, size_t cap)
{
	char cwd[PATH_MAX] = "";
	const char *path = text + UNIX_PREFIX;
	int n;
	if (strncmp(text, unix_prefix, UNIX_PREFIX)) {
		n = snprintf(dst, cap, "%s%s", strchr(text, ':') ? "" : "127.0.0.1:", text);
		return n < 0 || (size_t)n >= cap ? cli_fail(c, CLI_USAGE, "an address is too long")
						 : CLI_OK;
	}
	if (*path != '/' && !getcwd(cwd, sizeof cwd))
		return cli_fail(
			c, CLI_IO, "the working directory cannot be read: %s", strerror(errno));
	n = snprintf(dst, cap, "%s%s%s%s", unix_prefix, cwd, *cwd ? "/" : "", path);
	if (n < 0 || (size_t)n >= cap ||
		(size_t)n - UNIX_PREFIX >= sizeof((struct sockaddr_un *)0)->sun_path)
		return cli_fail(c, CLI_USAGE,
			"the path of '%.80s' is longer than the 107 bytes a socket may have", text);
	return CLI_OK;
}
