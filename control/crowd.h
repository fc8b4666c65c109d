/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has how many: half-open paths, half-open ends, established paths, each by the link that it
 * came by. A crowd has a limit in all and one per link; when one is reached it names who has to go:
 * the oldest of that link, or the oldest of the link that has most. Every operation takes constant
 * time. Members are embedded in links, items in what is counted.
 */
#ifndef OCKAM_CROWD_H
#define OCKAM_CROWD_H

#include <stdbool.h>
#include <stddef.h>

struct crowd_item {
	struct crowd_item *newer, *older;
	struct crowd_member *of; /* NULL: not in */
};

struct crowd_member {
	struct crowd_item *oldest, *newest;
	unsigned n;
	struct crowd_member *next, **back; /* of those with as many */
};

struct crowd {
	unsigned max, max_each, total;
	unsigned most; /* that one member has */
	struct crowd_member **by_count;
};

#define CROWD_ENTRY(item, type, field) ((type *)(void *)((char *)(item)-offsetof(type, field)))

int crowd_init(struct crowd *c, unsigned max, unsigned max_each); /* 0 or -ENOMEM */
void crowd_fini(struct crowd *c);
/* Who has to leave before one more of `m` may enter; NULL: nobody. */
struct crowd_item *crowd_victim(const struct crowd *c, const struct crowd_member *m);
void crowd_enter(struct crowd *c, struct crowd_member *m, struct crowd_item *i);
void crowd_leave(struct crowd *c, struct crowd_item *i); /* nothing when it is not in */

#endif
