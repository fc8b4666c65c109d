// SPDX-License-Identifier: Apache-2.0
#include "timer.h"

#include <errno.h>
#include <stdlib.h>

static void place(struct timers *ts, struct timer *t, size_t pos)
{
	ts->heap[pos] = t;
	t->pos = pos;
}

static void sift(struct timers *ts, struct timer *t)
{
	size_t i = t->pos;
	while (i && ts->heap[(i - 1) / 2]->due_ms > t->due_ms) {
		place(ts, ts->heap[(i - 1) / 2], i);
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t c = 2 * i + 1;
		if (c + 1 < ts->n && ts->heap[c + 1]->due_ms < ts->heap[c]->due_ms)
			c++;
		if (c >= ts->n || ts->heap[c]->due_ms >= t->due_ms)
			break;
		place(ts, ts->heap[c], i);
		i = c;
	}
	place(ts, t, i);
}

int timer_add(struct timers *ts, struct timer *t, enum timer_kind kind)
{
	if (ts->n == ts->cap) {
		size_t cap = ts->cap ? 2 * ts->cap : 64;
		struct timer **heap = realloc(ts->heap, cap * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		ts->heap = heap;
		ts->cap = cap;
	}
	*t = (struct timer){.due_ms = UINT64_MAX, .kind = kind};
	place(ts, t, ts->n++);
	return 0;
}

void timer_remove(struct timers *ts, struct timer *t)
{
	struct timer *last = ts->heap[--ts->n];
	if (last == t)
		return;
	place(ts, last, t->pos);
	sift(ts, last);
}

void timer_set(struct timers *ts, struct timer *t, uint64_t due_ms)
{
	if (t->due_ms == due_ms)
		return;
	t->due_ms = due_ms;
	sift(ts, t);
}

struct timer *timer_first(const struct timers *ts, uint64_t now_ms)
{
	return ts->n && ts->heap[0]->due_ms <= now_ms ? ts->heap[0] : NULL;
}

uint64_t timers_deadline(const struct timers *ts)
{
	return ts->n ? ts->heap[0]->due_ms : UINT64_MAX;
}

void timers_fini(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers){0};
}
