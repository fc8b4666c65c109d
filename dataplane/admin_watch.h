/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens, for operators who watch: news of any thread becomes rows in a ring of a fixed size,
 * which the admin server empties. While nobody watches nothing is made; what finds the ring full is
 * counted.
 */
#ifndef OCKAM_ADMIN_WATCH_H
#define OCKAM_ADMIN_WATCH_H

#include "admin.h"
#include "seam.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WATCH_SLOTS = 1024, WATCH_ROW_MAX = 384 };

struct watch_slot {
	enum admin_object object;
	uint16_t len;
	_Alignas(8) uint8_t row[WATCH_ROW_MAX];
};

struct admin_watch {
	atomic_bool on;
	int bell; /* eventfd, rung when something lies in an empty ring */
	pthread_mutex_t lock;
	unsigned first, count;
	uint64_t lost;
	struct watch_slot slot[WATCH_SLOTS];
};

void admin_watch_init(struct admin_watch *w, int bell);
void admin_watch_fini(struct admin_watch *w);
/* On when somebody watches; what lies there is forgotten. */
void admin_watch_set(struct admin_watch *w, bool on);
/* Any thread. A command of control that was executed, or an event that control is told; ctx: this.
 */
void admin_watch_seam(void *ctx, const struct seam_msg *m);
/* Any thread. An EVENT row about an object of this kind; ctx: this. */
void admin_watch_news(void *ctx, enum admin_object object, struct admin_msg *row);
/* Takes up to max slots out, in order; how many. *lost: what had no place before them. */
unsigned admin_watch_take(
	struct admin_watch *w, struct watch_slot *dst, unsigned max, uint64_t *lost);

#endif
