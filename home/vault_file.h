/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where secrets lie: the table `secret` of the home's database, or of a vault's own file. A secret
 * is found by the public key that it belongs to, so that a rotation can store the new one before
 * the history says so and drop the old one after. Internal to home/.
 */
#ifndef OCKAM_VAULT_FILE_H
#define OCKAM_VAULT_FILE_H

#include "db.h"
#include "secret.h"
#include "vault.h"

/* True when the vault's secrets lie in the home's database, so its transaction covers them. */
bool vault_is_inside(const struct home *h, const struct vault_info *v);
/* Creates the file of a vault (0600) or takes an existing vault file. -EEXIST: something else is
 * there. */
int vault_file_create(struct home *h, const char *path);
/* Removes the file when it holds no secret any more. */
void vault_file_remove_empty(struct home *h, const char *path);

int vault_secret_put(struct home *h, const struct vault_info *v, const uint8_t key[static 32],
	const struct secret32 *secret);
int vault_secret_get(struct home *h, const struct vault_info *v, const uint8_t key[static 32],
	struct secret32 *out); /* -ENOENT */
int vault_secret_delete(struct home *h, const struct vault_info *v, const uint8_t key[static 32]);

#endif
