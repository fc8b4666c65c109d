/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vaults hold secret keys; identities are named histories whose primary secret lies in a vault. A
 * vault without a path keeps its secrets in database.sqlite3, one with a path in an SQLite file
 * there (0600). Rules for errors: home.h.
 */
#ifndef OCKAM_VAULT_H
#define OCKAM_VAULT_H

#include "home.h"
#include "identity.h"

struct vault_info {
	char name[65];
	char path[4096]; /* the file that holds its secrets */
	bool is_default;
};

struct identity_info {
	char name[65];
	char vault[65];
	bool is_default;
	struct identity identity;
	uint8_t history[IDENTITY_HISTORY_MAX];
	size_t history_len;
};

/* name NULL: a random one; path NULL: inside the database. The first becomes the default. */
int vault_create(struct home *h, const char *name, const char *path, struct vault_info *out);
int vault_get(struct home *h, const char *name /* NULL: default */, struct vault_info *out);
/* Calls fn for each, by name; stops when it returns non-zero and returns that. */
int vault_each(struct home *h, int (*fn)(void *ctx, const struct vault_info *), void *ctx);
int vault_move(struct home *h, const char *name, const char *path);
int vault_delete(struct home *h, const char *name); /* -EBUSY while an identity uses it */

/* vault NULL: the default (made when the home has none). history NULL: a new one; else an imported
 * history whose secret is given. The first becomes the default. */
int identity_store(struct home *h, const char *name /* NULL: random */, const char *vault,
	const uint8_t *history, size_t len, const struct secret32 *secret,
	struct identity_info *out);
int identity_get(struct home *h, const char *name /* NULL: default */, struct identity_info *out);
int identity_each(struct home *h, int (*fn)(void *ctx, const struct identity_info *), void *ctx);
int identity_set_default(struct home *h, const char *name);
int identity_delete(struct home *h, const char *name); /* -EBUSY while a node uses it */
/* Gives the identity a new primary key (a further change); -ENOSPC after 16. */
int identity_renew(struct home *h, const char *name /* NULL: default */, struct identity_info *out);
/* The primary secret; the caller wipes it. */
int identity_secret(struct home *h, const char *name, struct secret32 *out);
/* 1 when the secret of this identifier lies in one of the home's vaults, 0 when not; -EROFS when the
 * vault that it lies in cannot be read. */
int identity_is_own(struct home *h, const struct identifier *id);
/* Makes vault and identity `default` when the home has none; parallel calls make one. */
int home_ensure_default(struct home *h);

#endif
