/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has how many: half-open paths, half-open ends, established paths, each by the link that it
 * came by, links by the address that they came from (control/origin.h), and connections that have
 * said nothing (dataplane/pending.h). A crowd has a limit in all and one per link; when one is
 * reached it names who has to go: the oldest of that link, or of the address that has most the
 * oldest of a link that has many. Every operation takes constant time.
 * Members are embedded in links, groups in origins, items in what is counted; a member is a group
 * of its own until it joins one.
 */
#ifndef OCKAM_CROWD_H
#define OCKAM_CROWD_H

#include <stdbool.h>
#include <stddef.h>

struct crowd_item {
	struct crowd_item *newer, *older;
	struct crowd_member *of; /* NULL: not in */
};

struct crowd_group {
	struct crowd *in; /* NULL: nothing of it is */
	unsigned n;	  /* items of all its members */
	struct crowd_member *first,
		*last;			  /* members with items; the last had one more added last */
	struct crowd_group *next, **back; /* of those with as many */
};

struct crowd_member {
	struct crowd_item *oldest, *newest;
	unsigned n;
	struct crowd_member *prev, *next; /* of the group, while it has items */
	struct crowd_group own, *of;	  /* of NULL: own */
};

struct crowd {
	unsigned max, max_each, total;
	unsigned most; /* that one group has */
	struct crowd_group **by_count;
};

#define CROWD_ENTRY(item, type, field) ((type *)(void *)((char *)(item)-offsetof(type, field)))

int crowd_init(struct crowd *c, unsigned max, unsigned max_each); /* 0 or -ENOMEM */
void crowd_fini(struct crowd *c);
/* Who has to leave before one more of `m` may enter; NULL: nobody. */
struct crowd_item *crowd_victim(const struct crowd *c, const struct crowd_member *m);
/* Who has to leave when there is no room for another reason; NULL: nobody is in. */
struct crowd_item *crowd_most(const struct crowd *c);
void crowd_enter(struct crowd *c, struct crowd_member *m, struct crowd_item *i);
void crowd_leave(struct crowd *c, struct crowd_item *i); /* nothing when it is not in */
/* Goes over to a group with all that it has; NULL: to its own. */
void crowd_join(struct crowd_member *m, struct crowd_group *g);

static inline const struct crowd_group *crowd_group(const struct crowd_member *m)
{
	return m->of ? m->of : &m->own;
}

#endif
