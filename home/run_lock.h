/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that says whether a process lives, and its number. Two bytes are locked in turn: the first
 * says that the place is taken, the second that the number in the file is that of the holder. So a
 * reader never takes the number of an earlier process for the present one. A third says that the
 * holder is about to end. The locks are of the open file description (F_OFD_SETLK): asking for them
 * takes nothing, a reader that closes the file does not drop the holder's, and a child that inherits
 * the descriptor holds them for as long as it lives.
 */
#ifndef OCKAM_RUN_LOCK_H
#define OCKAM_RUN_LOCK_H

#include <stdbool.h>

struct run_lock_holder {
	bool lives, ending;
	int pid; /* 0: not published (yet) */
};

/* Takes the place: a descriptor, -EEXIST when somebody holds it, or another negative errno. */
int run_lock_take(const char *path);
/* Writes the holder's number. */
int run_lock_publish(int fd, int pid);
void run_lock_ending(int fd);
struct run_lock_holder run_lock_holder(const char *path);

#endif
