/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCKAM_TREE_H
#define OCKAM_TREE_H

#include <stddef.h>

/* Removes a directory with all in it, or a file; symbolic links are not followed. 0 also when
 * nothing is there. */
int tree_remove(const char *path);
/* Makes a directory (0700) and its parents; 0 when it is there. */
int tree_make(const char *path);

#endif
