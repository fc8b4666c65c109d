/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails, for whatever this program does below one directory: the C library's calls that
 * change files are replaced by ours, for SQLite too. The n-th of them fails with an errno, or the
 * power goes: of what was not synced since some part is lost, and the process ends. A file's entry
 * in its directory is only safe when that directory was synced. Nothing is synced in truth. One
 * thread; a process arms it once.
 */
#ifndef OCKAM_STORAGE_DISK_H
#define OCKAM_STORAGE_DISK_H

#include <stdbool.h>

enum disk_loss {
	DISK_KEEP, /* a kill: all that was written is there */
	DISK_LOSE, /* nothing that was not synced is there */
	DISK_TEAR, /* some of it, by sectors of 512 bytes */
};
enum { DISK_CUT_STATUS = 99 };

/* The n-th call, from 1, returns -1 with this errno. */
void disk_arm_error(const char *below, unsigned n, int err);
/* The power goes before the n-th call. */
void disk_arm_cut(const char *below, unsigned n, enum disk_loss loss, unsigned seed);
/* The power goes now. Does not return. */
void disk_cut(void);
/* How many calls there were since it was armed; the name of the one that failed, or NULL. */
unsigned disk_calls(void);
const char *disk_failed(void);

#endif
