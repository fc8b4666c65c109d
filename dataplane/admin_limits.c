// SPDX-License-Identifier: Apache-2.0
#include "admin_limits.h"

#include <string.h>
#include <time.h>

static uint64_t clock_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void admin_limits_init(struct admin_limits *l)
{
	memset(l, 0, sizeof *l);
	l->work.request.type = admin_type(ADMIN_LIMIT, ADMIN_GET);
	l->work.request.dump = true;
	l->work.kind = ADMIN_WORK_PART;
}

void admin_limits_forget(struct admin_limits *l)
{
	memset(l->known, 0, sizeof l->known);
}

bool admin_limits_due(struct admin_limits *l, unsigned every_ms, unsigned workers, unsigned *worker)
{
	uint64_t now = clock_ms();
	if (l->out)
		return false;
	if (l->worker >= workers)
		l->worker = 0;
	if (l->worker == 0) { /* a round begins */
		if (now < l->next_ms)
			return false;
		l->next_ms = now + every_ms;
	}
	l->out = true;
	l->work.at = (struct admin_cursor){0};
	*worker = l->worker;
	return true;
}

static void compare(
	struct admin_limits *l, struct admin_watch *w, const struct admin_msg *row, unsigned i)
{
	const uint64_t now = row->v[ADMIN_A_HITS].n, was = l->hits[l->worker][i];
	struct admin_msg m = {0};
	l->hits[l->worker][i] = now;
	if (!l->known[l->worker] || now <= was)
		return;
	admin_set_text(&m, ADMIN_A_EVENT, "hit");
	admin_set_text(&m, ADMIN_A_REASON, row->v[ADMIN_A_NAME].text);
	admin_set(&m, ADMIN_A_WORKER, l->worker);
	admin_set(&m, ADMIN_A_VALUE, now - was);
	admin_watch_news(w, ADMIN_LIMIT, &m);
}

void admin_limits_back(struct admin_limits *l, struct admin_watch *w)
{
	struct admin_msg row;
	size_t off = 0;
	l->out = false;
	for (unsigned i = 0; off < l->work.len && i < LIMITS_MAX; i++) {
		int n = admin_decode_answer(&row, l->work.out + off, l->work.len - off);
		if (n <= 0)
			break;
		compare(l, w, &row, i);
		off += (size_t)n;
	}
	l->known[l->worker] = true;
	l->worker++;
}
