/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of many objects in a binary heap. An object stays in it for life; UINT64_MAX is never.
 */
#ifndef OCKAM_TIMER_H
#define OCKAM_TIMER_H

#include <stddef.h>
#include <stdint.h>

enum timer_kind { TIMER_LINK, TIMER_ENDPOINT };

struct timer {
	uint64_t due_ms;
	size_t pos;
	enum timer_kind kind;
};

struct timers {
	struct timer **heap;
	size_t n, cap;
};

/* Adds t as never due. 0 or -ENOMEM. */
int timer_add(struct timers *ts, struct timer *t, enum timer_kind kind);
void timer_remove(struct timers *ts, struct timer *t);
void timer_set(struct timers *ts, struct timer *t, uint64_t due_ms);
/* Only ever moves it nearer: what is due later is found out when it fires. */
static inline void timer_nearer(struct timers *ts, struct timer *t, uint64_t due_ms)
{
	if (due_ms < t->due_ms)
		timer_set(ts, t, due_ms);
}
/* The first one due; NULL: none. */
struct timer *timer_first(const struct timers *ts, uint64_t now_ms);
uint64_t timers_deadline(const struct timers *ts);
void timers_fini(struct timers *ts);

#endif
