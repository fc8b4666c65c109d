/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for keys: between guard pages, locked so that it is not swapped out, not dumped, empty in
 * a forked child, wiped when it is freed. Where the limit of the user (RLIMIT_MEMLOCK) allows no
 * more it is all that but locked; the process says so once in its log. Any thread. An object costs
 * at least one page and three mappings: for what holds keys, not for their every copy on a stack.
 */
#ifndef OCKAM_LOCKED_H
#define OCKAM_LOCKED_H

#include <stddef.h>

/* Zeroed; aligned for any type when size is a multiple of its alignment. NULL: no memory. */
void *locked_new(size_t size);
void locked_free(void *p); /* NULL allowed */
/* Locks what the caller owns already, page by page as it is touched; it stays the caller's to wipe.
 */
void locked_in_place(void *p, size_t size);

#endif
