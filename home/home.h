/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OCKAM_HOME on disk: database.sqlite3 (0600, WAL, migrations by PRAGMA user_version) and the
 * directories nodes/NAME/ and run/NAME/. One handle per process and thread. Every function that can
 * fail returns a negative errno and leaves one sentence in home_error(): what failed, the cause,
 * what to do next. -ENOENT not found, -EEXIST exists, -EBUSY in use, -EROFS read-only or no access,
 * -ENOSPC full, -EUCLEAN corrupt database, -EIO otherwise.
 *
 * vault.h: vaults and identities stored in them. node_config.h: node configurations and their
 * objects. known_history.h: what was seen of other identities.
 */
#ifndef OCKAM_HOME_H
#define OCKAM_HOME_H

#include <stdbool.h>
#include <stddef.h>

struct home;

enum home_mode {
	HOME_READ,  /* opens read-only; a home that does not exist reads as empty */
	HOME_WRITE, /* creates what is missing (directory 0700) */
};

/* Directory from OCKAM_HOME or ~/.ockam, made absolute. 0, -ENOENT (no HOME), -ENAMETOOLONG. */
int home_directory(char *dst, size_t cap);
/* *out is set on failure too, only for home_error(); always close it. */
int home_open(struct home **out, const char *dir, enum home_mode mode);
void home_close(struct home *h);
const char *home_error(const struct home *h);
const char *home_dir(const struct home *h);

/* Paths below the home: kind "nodes" or "run". -ENAMETOOLONG when a socket in it would exceed 107
 * bytes. */
int home_node_path(char *dst, size_t cap, const char *dir, const char *kind, const char *node,
	const char *file);

#endif
