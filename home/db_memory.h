/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's heap, wiped when it is given back: rows that hold secrets pass through its page cache
 * and its copies of values. Internal to home/.
 */
#ifndef OCKAM_DB_MEMORY_H
#define OCKAM_DB_MEMORY_H

/* Before SQLite is used for the first time; later calls do nothing. */
void db_memory_init(void);

#endif
