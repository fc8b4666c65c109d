/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns a label on a link. A label is known per direction: KEY_RX names frames that come in on the
 * link, KEY_TX frames that go out on it (the same number may be in use both ways). Transit paths and
 * this node's own ends share one table, so that a collision is seen whoever owns the other side.
 */
#ifndef OCKAM_PATH_KEY_H
#define OCKAM_PATH_KEY_H

#include "node.h"

enum key_dir { KEY_RX, KEY_TX };
enum key_kind { KEY_FREE, KEY_TRANSIT, KEY_END };

struct key_owner {
	enum key_kind kind;
	void *owner; /* struct path, or struct end */
};

struct path_keys *path_keys_new(void);
void path_keys_free(struct path_keys *k);
/* -EEXIST when taken, -ENOMEM. */
int path_key_claim(
	struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir, enum key_kind kind, void *owner);
/* Drops it if `owner` holds it. */
void path_key_drop(struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir, const void *owner);
struct key_owner path_key_get(const struct path_keys *k, uint32_t link, uint32_t label, enum key_dir dir);
unsigned path_keys_count(const struct path_keys *k);

#endif
