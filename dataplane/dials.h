/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that control has aimed at the target of an outlet, and that have not said a word to it:
 * TCP Fast Open's deferred connect, without its cookie, so that the first send is what dials, by an
 * ordinary SYN. With them a worker connects the streams of that outlet by itself, to where control
 * says and nowhere else, though its sandbox lets it make no socket and connect none. By the name of
 * the service; any thread: one lock. Owns the sockets that it has.
 */
#ifndef OCKAM_DIALS_H
#define OCKAM_DIALS_H

#include <stdbool.h>

enum {
	DIALS_EACH = 64, /* of one service */
	DIALS_MAX = 512, /* of all */
	DIALS_LOW = 8,	 /* so few are left: control is asked for more */
};

struct dials;

struct dials *dials_new(void); /* NULL: no memory */
void dials_free(struct dials *d);
/* One more; takes fd. 0; -ENOBUFS: there are enough; -EINVAL, -ENOMEM. */
int dials_add(struct dials *d, const char *service, int fd);
/* One of them, -1: there is none. *ask: control shall be asked for more; once, until one is added.
 */
int dials_take(struct dials *d, const char *service, bool *ask);
/* Those of a service, or all (NULL), are closed. */
void dials_drop(struct dials *d, const char *service);

#endif
