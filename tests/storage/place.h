/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the tests of storage work: a directory for a home and the files of two vaults, whose
 * content is put back between runs.
 */
#ifndef OCKAM_STORAGE_PLACE_H
#define OCKAM_STORAGE_PLACE_H

#include <limits.h>

extern char place_base[PATH_MAX / 4], place_home[PATH_MAX / 3]; /* the home is below the base */
extern char place_v1[PATH_MAX / 3], place_v2[PATH_MAX / 3];	/* vaults in files */

void place_init(void);
void place_fini(void);
void place_clear(void);
/* What is there now, and to have it again. */
void place_save(void);
void place_restore(void);

/* Says what is wrong, and ends the program. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
