// SPDX-License-Identifier: Apache-2.0
/*
 * A request whose route has `secure` elements: each opens a hidden channel to that listener, over
 * the route so far or over the channel before it; the message goes inside the last one. The
 * channels are closed afterwards, the innermost first, from the tick: news of their end may come
 * from the middle of a channel's own work. They are kept by address, since a channel may be gone
 * before that.
 */
#include "message_private.h"

#include <errno.h>
#include <stdlib.h>

enum { SECURE_MAX = WIRE_NESTING_MAX + 1 };

struct secure_route {
	struct message_request *outer; /* NULL: done */
	struct message_request *inner;
	struct channel *opening;
	char address[SECURE_MAX][33];
	unsigned n;  /* channels made */
	unsigned at; /* next element of the route */
	struct route route;
	struct trust trust;
	uint64_t deadline_ms;
	size_t len;
	struct secure_route *next;
	uint8_t payload[];
};

static void step(struct node *n, struct secure_route *s);

bool secure_route_needed(const struct route *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->e[i].code == ROUTE_SECURE)
			return true;
	return false;
}

static void finish(struct node *n, struct secure_route *s, const struct reason *why,
	const uint8_t *payload, size_t len)
{
	message_finish(n, s->outer, why, payload, len); /* abandons s */
}

void secure_route_abandon(struct node *n, struct secure_route *s)
{
	if (s->inner)
		message_cancel(n, s->inner);
	if (s->opening)
		channel_open_cancel(n, s->opening);
	s->inner = NULL;
	s->opening = NULL;
	s->outer = NULL;
	secret_wipe(s->payload, s->len);
	s->next = n->messages->secure_done;
	n->messages->secure_done = s;
}

void secure_routes_tick(struct node *n)
{
	while (n->messages->secure_done) {
		struct secure_route *s = n->messages->secure_done;
		n->messages->secure_done = s->next;
		while (s->n) {
			struct channel *ch = channel_by_address(n, s->address[--s->n]);
			if (ch)
				channel_close(n, ch);
		}
		free(s);
	}
}

void secure_routes_fini(struct node *n)
{
	while (n->messages->secure_done) {
		struct secure_route *s = n->messages->secure_done;
		n->messages->secure_done = s->next;
		free(s);
	}
}

static void replied(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct secure_route *s = ctx;
	s->inner = NULL;
	finish(n, s, why, payload, len);
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct secure_route *s = ctx;
	s->opening = NULL;
	if (!ch) {
		s->n--;
		finish(n, s, why, NULL, 0);
		return;
	}
	step(n, s);
}

static void fail(struct node *n, struct secure_route *s, int exit, const char *text)
{
	struct reason why = reason_make(exit, "%s", text);
	finish(n, s, &why, NULL, 0);
}

/* The part of the route up to element `to`, from inside the last channel when there is one. */
static int part_of(const struct secure_route *s, unsigned to, struct route *out)
{
	int rc = 0;
	out->n = 0;
	if (s->n)
		rc = route_append_text(out, ROUTE_SERVICE, s->address[s->n - 1]);
	for (unsigned i = s->at; rc == 0 && i < to; i++)
		rc = route_append(out, &s->route.e[i]);
	return rc;
}

static void open_next(struct node *n, struct secure_route *s, unsigned secure, uint64_t left_ms)
{
	struct route to;
	int rc = part_of(s, secure, &to);
	if (rc == 0)
		rc = route_append_text(&to, ROUTE_SERVICE, s->route.e[secure].text);
	if (rc < 0 || s->n == SECURE_MAX) {
		fail(n, s, EXIT_USAGE, "the route is too long or has too many secure elements");
		return;
	}
	struct channel_options o = {
		.to = &to, .trust = &s->trust, .timeout_ms = left_ms, .hidden = true};
	s->opening = channel_open(n, &o, opened, s);
	if (!s->opening) {
		fail(n, s, EXIT_INTERNAL, "out of memory");
		return;
	}
	memcpy(s->address[s->n++], s->opening->address, sizeof s->address[0]);
	s->at = secure + 1;
}

static void step(struct node *n, struct secure_route *s)
{
	unsigned secure = s->at;
	while (secure < s->route.n && s->route.e[secure].code != ROUTE_SECURE)
		secure++;
	uint64_t left_ms = s->deadline_ms > n->now_ms ? s->deadline_ms - n->now_ms : 1;
	if (secure < s->route.n) {
		open_next(n, s, secure, left_ms);
		return;
	}
	struct channel *ch = channel_by_address(n, s->address[s->n - 1]);
	if (s->at == s->route.n) {
		fail(n, s, EXIT_USAGE,
			"the route ends in a secure channel; name a service behind it");
	} else if (!ch) {
		fail(n, s, EXIT_UNREACHABLE, "the secure channel was closed at once");
	} else {
		struct route onward = {0};
		for (unsigned i = s->at; i < s->route.n; i++)
			route_append(&onward, &s->route.e[i]);
		/* may finish s before it returns */
		struct message_request *inner =
			message_send_in(n, ch, &onward, s->payload, s->len, left_ms, replied, s);
		if (inner)
			s->inner = inner;
	}
}

void secure_route_start(struct node *n, struct message_request *r, const struct route *to,
	const struct trust *trust, const uint8_t *payload, size_t len)
{
	struct secure_route *s = calloc(1, sizeof *s + len);
	if (!s) {
		struct reason why = reason_make(EXIT_INTERNAL, "out of memory");
		message_finish(n, r, &why, NULL, 0);
		return;
	}
	s->outer = r;
	s->route = *to;
	if (trust)
		s->trust = *trust;
	s->deadline_ms = r->deadline_ms;
	s->len = len;
	if (len)
		memcpy(s->payload, payload, len);
	r->secure = s;
	r->deadline_ms = UINT64_MAX; /* each step has its own, and says what it waited for */
	step(n, s);
}
