// SPDX-License-Identifier: Apache-2.0
#include "reassembly.h"

#include "message_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STALL_MS = 30000 };

struct assembly {
	const void *session;
	uint32_t message;
	uint8_t *buf; /* NULL: the rest is swallowed */
	size_t len, cap;
	uint64_t last_ms;
	bool swallow;
	struct assembly *next;
};

static void buf_drop(struct reassembly *ra, struct assembly *a)
{
	free(a->buf);
	ra->bytes -= a->cap;
	a->buf = NULL;
	a->len = a->cap = 0;
	a->swallow = true;
}

static void drop(struct reassembly *ra, struct assembly **pp)
{
	struct assembly *a = *pp;
	*pp = a->next;
	buf_drop(ra, a);
	free(a);
}

/* Room for len bytes more; -EMSGSIZE beyond a limit. Grows by doubling: what is touched is what
 * came. */
static int grow(struct reassembly *ra, struct assembly *a, size_t len)
{
	if (len > MSG_BODY_MAX - a->len)
		return -EMSGSIZE;
	size_t need = a->len + len, cap = a->cap ? a->cap : 4096;
	while (cap < need)
		cap *= 2;
	if (cap > MSG_BODY_MAX)
		cap = MSG_BODY_MAX;
	if (cap == a->cap)
		return 0;
	if (cap - a->cap > WIRE_MSG_NODE_MAX - ra->bytes)
		return -EMSGSIZE;
	uint8_t *buf = realloc(a->buf, cap);
	if (!buf)
		return -ENOMEM;
	ra->bytes += cap - a->cap;
	a->buf = buf;
	a->cap = cap;
	return 0;
}

static struct assembly **find(
	struct reassembly *ra, const void *session, uint32_t message, unsigned *open)
{
	struct assembly **pp = &ra->first, **found = NULL;
	*open = 0;
	for (; *pp; pp = &(*pp)->next) {
		if ((*pp)->session != session)
			continue;
		++*open;
		if ((*pp)->message == message)
			found = pp;
	}
	return found ? found : pp;
}

int reassembly_take(struct reassembly *ra, uint64_t now_ms, const void *session, uint32_t message,
	bool more, const uint8_t *part, size_t len, uint8_t **whole, size_t *whole_len)
{
	unsigned open;
	struct assembly **pp = find(ra, session, message, &open);
	struct assembly *a = *pp;
	if (!a) {
		if (open >= WIRE_MSG_OPEN_MAX)
			return -EPROTO;
		a = *pp = calloc(1, sizeof *a);
		if (!a)
			return -ENOMEM;
		a->session = session;
		a->message = message;
	}
	a->last_ms = now_ms;
	if (!a->swallow && grow(ra, a, len) < 0)
		buf_drop(ra, a);
	if (!a->swallow && len) {
		memcpy(a->buf + a->len, part, len);
		a->len += len;
	}
	if (more)
		return 0;
	int rc = a->swallow ? 0 : 1;
	if (rc) {
		*whole = a->buf;
		*whole_len = a->len;
		ra->bytes -= a->cap;
		a->buf = NULL;
		a->cap = 0;
	}
	drop(ra, pp);
	return rc;
}

void reassembly_drop_session(struct reassembly *ra, const void *session)
{
	for (struct assembly **pp = &ra->first; *pp;)
		if ((*pp)->session == session)
			drop(ra, pp);
		else
			pp = &(*pp)->next;
}

void reassembly_tick(struct reassembly *ra, uint64_t now_ms)
{
	for (struct assembly *a = ra->first; a; a = a->next)
		if (!a->swallow && now_ms >= a->last_ms + STALL_MS)
			buf_drop(ra, a);
}

uint64_t reassembly_deadline(const struct reassembly *ra)
{
	uint64_t due = UINT64_MAX;
	for (const struct assembly *a = ra->first; a; a = a->next)
		if (!a->swallow && a->last_ms + STALL_MS < due)
			due = a->last_ms + STALL_MS;
	return due;
}

void reassembly_fini(struct reassembly *ra)
{
	while (ra->first)
		drop(ra, &ra->first);
}
