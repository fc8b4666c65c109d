/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of database.sqlite3 and the steps from one version of them to the next. A version is
 * never changed once released: what is new comes as another step.
 */
#ifndef OCKAM_SCHEMA_H
#define OCKAM_SCHEMA_H

#include "db.h"

/* Makes or brings up to date, in one transaction. -EIO when the database is of a newer program. */
int schema_update(struct db *db);
/* What PRAGMA user_version says: 0 for an empty file. */
int schema_version(struct db *db, int64_t *out);
int64_t schema_latest(void);

#endif
