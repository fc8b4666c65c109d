/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tables of vaults, identities and nodes have in common. Internal to home/.
 */
#ifndef OCKAM_RECORD_H
#define OCKAM_RECORD_H

#include "db.h"
#include "route.h"

/* The given name, checked (-EINVAL), or a random one. `noun` as in "no name for NOUN". */
int record_name(struct home *h, const char *noun, const char *given, char dst[static 65]);
/* -ENOENT with a sentence; name NULL: the default. */
int record_missing(struct home *h, const char *noun, const char *name);
/* Inserts the row of a vault, inside a transaction. */
int vault_insert(struct home *h, const char *name, const char *path);

#endif
