/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in the files of vaults that no identity has: written down in the home's database before
 * they come to be, and struck out in the transaction that gives them an identity; written down by
 * the transaction that takes it away. So whatever was interrupted between the two files is cleaned
 * up by the next command that writes. Vaults inside the database need none of this. Internal to
 * home/.
 */
#ifndef OCKAM_STRAY_H
#define OCKAM_STRAY_H

#include "db.h"

/* Inside a transaction. The secret of `key` in the file at `path` is nobody's. */
int stray_add(struct home *h, const char *path, const uint8_t key[static 32]);
/* Inside the transaction that makes it somebody's: -EAGAIN when it is not written down (any more):
 * then write it down again, in a transaction of its own. */
int stray_claim(struct home *h, const char *path, const uint8_t key[static 32]);
/* Takes all of them out of their files, as far as that goes; keeps the home's sentence. */
void stray_sweep(struct home *h);

#endif
