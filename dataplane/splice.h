/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One link's socket whose frames pass (through.h): the header of each is looked at where it lies in
 * the socket, then the frame moves into a pipe. What does not pass is received as ever, frame by
 * frame. The caller waits as it is told, in between. The socket is non-blocking meanwhile.
 */
#ifndef OCKAM_SPLICE_H
#define OCKAM_SPLICE_H

#include "through.h"

enum splice_result {
	SPLICE_AGAIN, /* there may be more at once */
	SPLICE_DATA,  /* wait until the socket can be read */
	SPLICE_BUSY,  /* wait a little: its way out has something in front. Or be impatient */
	SPLICE_ROOM,  /* wait until splice_room_fd can be written, or release */
	SPLICE_LEAVE, /* back to receiving: it is at the begin of a frame, or the engine has it */
	SPLICE_GONE,  /* the link has gone */
};

struct splice {
	int fd;
	struct conduit *c;
	struct through_way way; /* where what is in c goes */
	struct through run;	/* whole frames that the engine was not told of yet */
	uint32_t need, have;	/* the frame that is moving: of its bytes, so many are in c */
	uint32_t label;		/* its path */
	unsigned refused;	/* frames in a row that did not pass */
	bool impatient;		/* does not wait for a way that is busy */
	bool denied;		/* there is no splice(2) here */
	bool leaving;		/* released: back to receiving as soon as c is empty */
};

/* 0, or a negative errno: this socket cannot, or there is nothing to do it with. */
int splice_begin(struct splice *s, int fd);
/*
 * At most about `budget` bytes. *lp becomes NULL when the engine closes the link. *moved: how many
 * came. *error: of SPLICE_GONE, what engine_link_gone is to be told, when *lp is still there.
 */
enum splice_result splice_pump(struct splice *s, struct engine *e, struct link *const *lp,
	size_t budget, size_t *moved, int *error, uint64_t now_ms);
/* Its way out is behind: what waits in the pipe goes to memory, then it leaves. */
void splice_release(struct splice *s, struct engine *e, uint64_t now_ms);
int splice_room_fd(const struct splice *s);
/* Ends it, between frames or with its link. */
void splice_end(struct splice *s);

#endif
