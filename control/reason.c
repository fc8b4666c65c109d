// SPDX-License-Identifier: Apache-2.0
#include "reason.h"

#include "wire.h"

#include <stdarg.h>
#include <stdio.h>

struct reason reason_make(int exit, const char *fmt, ...)
{
	struct reason r = {.exit = exit};
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(r.text, sizeof r.text, fmt, ap);
	va_end(ap);
	return r;
}

struct reset_text {
	int exit;
	const char *text;
};

static const struct reset_text reset_texts[] = {
	[RESET_COLLISION] = {EXIT_UNREACHABLE, "the path's label was taken; try again"},
	[RESET_UNKNOWN] = {EXIT_UNREACHABLE, "the path is not known there any more"},
	[RESET_IDLE] = {EXIT_UNREACHABLE, "the path was idle and has expired"},
	[RESET_LINK_LOST] = {EXIT_UNREACHABLE, "a link of the path was lost"},
	[RESET_NO_ROUTE] = {EXIT_UNREACHABLE, "the next hop could not be reached"},
	[RESET_NOT_FOUND] = {EXIT_NOT_FOUND, "NotFound: no such listener, service or relay there"},
	[RESET_TRANSIT] = {EXIT_REFUSED, "the transit policy there does not allow to go on to the "
					 "next hop; that node needs --transit"},
	[RESET_LOOP] = {EXIT_USAGE, "the route is too long or goes in a circle"},
	[RESET_OVERRUN] = {EXIT_UNREACHABLE, "the message or the queue is too large for the path"},
	[RESET_DONE] = {EXIT_UNREACHABLE, "the other side has closed the path"},
	[RESET_REFUSED] = {EXIT_REFUSED, "not authorized"},
	[RESET_LIMIT] = {EXIT_REFUSED,
		"that node lets a link, or an identity, have no more paths (--max-paths)"},
};

struct reason reason_from_reset(uint8_t code, uint8_t hops_left, const char *text)
{
	struct reset_text t = {EXIT_UNREACHABLE, "refused for an unknown reason"};
	if (code < sizeof reset_texts / sizeof *reset_texts && reset_texts[code].text)
		t = reset_texts[code];
	struct reason r = {.exit = t.exit};
	char where[48] = "";
	if (hops_left <= WIRE_HOPS_MAX)
		snprintf(where, sizeof where,
			"hop %d of the route answered: ", WIRE_HOPS_MAX - hops_left + 1);
	if (text && *text)
		snprintf(r.text, sizeof r.text, "%s%s (%s)", where, t.text, text);
	else
		snprintf(r.text, sizeof r.text, "%s%s", where, t.text);
	return r;
}
