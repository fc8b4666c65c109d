// SPDX-License-Identifier: Apache-2.0
#include "stdin_route.h"

#include "route.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The `-` that is a whole part of the route and has a neighbour, or NULL. */
static const char *dash(const char *text)
{
	size_t n = strlen(text);
	if (!strncmp(text, "-/", 2))
		return text;
	const char *inside = strstr(text, "/-/");
	if (inside)
		return inside + 1;
	return n >= 2 && !strcmp(text + n - 2, "/-") ? text + n - 1 : NULL;
}

bool stdin_route_wanted(const char *text)
{
	return dash(text) != NULL;
}

static int join(const char *text, const char *line, char *dst, size_t cap)
{
	const char *at = dash(text);
	while (*line == '/')
		line++;
	int n = snprintf(dst, cap, "%.*s%s%s%s", (int)(at - text), text, at == text ? "/" : "",
		line, at + 1);
	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

int stdin_route_check(const char *text, char *why, size_t cap)
{
	char joined[ROUTE_STRING_MAX];
	struct route r;
	if (dash(text)) {
		if (join(text, "service/x", joined, sizeof joined)) {
			snprintf(why, cap, "it is too long");
			return -EINVAL;
		}
		text = joined;
		if (dash(text)) {
			snprintf(why, cap, "only one `-` can stand for the line from stdin");
			return -EINVAL;
		}
	}
	return route_parse(&r, text, why, cap);
}

int stdin_route_join(
	const char *text, const char *line, char *dst, size_t dst_cap, char *why, size_t cap)
{
	char trimmed[ROUTE_STRING_MAX];
	struct route r;
	while (isspace((unsigned char)*line))
		line++;
	size_t n = strlen(line);
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	if (n == 0)
		return -ENODATA;
	if (n >= sizeof trimmed)
		return -ENAMETOOLONG;
	memcpy(trimmed, line, n);
	trimmed[n] = 0;
	if (route_parse(&r, trimmed, why, cap))
		return -EBADMSG;
	if (join(text, trimmed, dst, dst_cap))
		return -ENAMETOOLONG;
	return route_parse(&r, dst, why, cap) ? -EBADMSG : 0;
}

int stdin_route_read(int fd, char *dst, size_t cap)
{
	size_t n = 0;
	for (;;) {
		char c;
		ssize_t got = read(fd, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0 || c == '\n')
			break;
		if (c == 0)
			return -EBADMSG;
		if (n + 1 >= cap)
			return -EMSGSIZE;
		dst[n++] = c;
	}
	dst[n] = 0;
	return (int)n;
}
