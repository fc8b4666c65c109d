// SPDX-License-Identifier: Apache-2.0
#include "node_config.h"

#include "record.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int out_of_memory(struct home *h)
{
	return home_fail(h, -ENOMEM, "out of memory");
}

/* Inside a transaction: -ENOENT when there is no such node or identity. */
static int check_exists(struct home *h, const char *noun, const char *name)
{
	int64_t n = 0;
	const char *sql = !strcmp(noun, "node") ? "SELECT count(*) FROM node WHERE name = ?1"
						: "SELECT count(*) FROM identity WHERE name = ?1";
	int rc = db_int(&h->db, &n, 0, sql, "t", name);
	return rc == 0 && !n ? record_missing(h, noun, name) : rc;
}

static int store(struct home *h, const char *name, const char *identity, const char *config)
{
	struct secret32 key;
	int rc = check_exists(h, "identity", identity);
	if (rc == 0)
		rc = db_run(&h->db, "DELETE FROM node_object WHERE node = ?1", "t", name);
	if (rc >= 0)
		rc = db_run(&h->db, "UPDATE node SET identity = ?2, config = ?3 WHERE name = ?1",
			"ttt", name, identity, config);
	if (rc != 0) /* failed, or replaced */
		return rc < 0 ? rc : 0;
	randombytes_buf(key.b, sizeof key.b);
	rc = db_run(&h->db,
		"INSERT INTO node(name, identity, config, static_key, is_default)"
		" VALUES(?1, ?2, ?3, ?4, NOT EXISTS(SELECT 1 FROM node))",
		"tttb", name, identity, config, key.b, sizeof key.b);
	secret_wipe(&key, sizeof key);
	return rc < 0 ? rc : 0;
}

int node_store(struct home *h, const char *name, const char *identity, const char *config)
{
	char checked[65];
	int rc = record_name(h, "a node", name, checked);
	if (rc == 0 && sodium_init() < 0)
		rc = home_fail(h, -EIO, "the system has no random numbers");
	if (rc == 0)
		rc = db_begin(&h->db);
	return rc < 0 ? rc : db_end(&h->db, store(h, checked, identity, config));
}

static int read_row(struct home *h, sqlite3_stmt *st, struct node_info *out)
{
	struct node_info n = {.is_default = sqlite3_column_int(st, 2)};
	const unsigned char *config = sqlite3_column_text(st, 3);
	const void *key = sqlite3_column_blob(st, 4);
	db_text(st, 0, n.name, sizeof n.name);
	db_text(st, 1, n.identity, sizeof n.identity);
	if (!key || sqlite3_column_bytes(st, 4) != (int)sizeof n.static_key.b)
		return home_fail(h, -EUCLEAN,
			"the key of node %s in %s is damaged; create the node again", n.name,
			h->db.path);
	n.config = strdup(config ? (const char *)config : "{}");
	if (!n.config)
		return out_of_memory(h);
	memcpy(n.static_key.b, key, sizeof n.static_key.b);
	*out = n;
	secret_wipe(&n.static_key, sizeof n.static_key);
	return 0;
}

int node_get(struct home *h, const char *name, struct node_info *out)
{
	sqlite3_stmt *st;
	int rc = db_prepare(&h->db, &st,
		"SELECT name, identity, is_default, config, static_key FROM node"
		" WHERE name = ?1 OR (?1 IS NULL AND is_default)",
		"t", name);
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 0 || rc == -ENOENT)
		rc = record_missing(h, "node", name);
	else if (rc == 1)
		rc = read_row(h, st, out);
	sqlite3_finalize(st);
	return rc;
}

void node_info_fini(struct node_info *n)
{
	free(n->config);
	n->config = NULL;
	secret_wipe(&n->static_key, sizeof n->static_key);
}

int node_each(struct home *h, int (*fn)(void *ctx, const struct node_info *), void *ctx)
{
	struct db_names names;
	int rc = db_names(&h->db, &names, "SELECT name FROM node ORDER BY name", "");
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < names.n && rc == 0; i++) {
		struct node_info n = {0};
		rc = node_get(h, names.name[i], &n);
		rc = rc == 0 ? fn(ctx, &n) : rc == -ENOENT ? 0 : rc;
		node_info_fini(&n);
	}
	db_names_fini(&names);
	return rc;
}

int node_set_default(struct home *h, const char *name)
{
	int rc = db_begin(&h->db);
	if (rc < 0)
		return rc;
	rc = check_exists(h, "node", name);
	if (rc == 0)
		rc = db_run(&h->db, "UPDATE node SET is_default = (name = ?1)", "t", name);
	rc = db_end(&h->db, rc);
	return rc < 0 ? rc : 0;
}

int node_remove(struct home *h, const char *name)
{
	int rc = db_begin(&h->db);
	if (rc < 0)
		return rc;
	rc = check_exists(h, "node", name);
	if (rc == 0)
		rc = db_run(&h->db, "DELETE FROM node WHERE name = ?1", "t", name);
	if (rc >= 0)
		rc = db_run(&h->db,
			"UPDATE node SET is_default = 1 WHERE rowid = (SELECT min(rowid) FROM node)"
			" AND NOT EXISTS(SELECT 1 FROM node WHERE is_default)",
			"");
	rc = db_end(&h->db, rc);
	return rc < 0 ? rc : 0;
}

int node_set_config(struct home *h, const char *name, const char *config)
{
	int rc = db_run(&h->db, "UPDATE node SET config = ?2 WHERE name = ?1", "tt", name, config);
	return rc < 0 ? rc : rc == 0 ? record_missing(h, "node", name) : 0;
}

static int object_put(
	struct home *h, const char *node, const char *kind, const char *name, const char *json)
{
	int rc = check_exists(h, "node", node);
	if (rc == 0)
		rc = db_run(&h->db,
			"INSERT INTO node_object(node, kind, name, config) VALUES(?1, ?2, ?3, ?4)"
			" ON CONFLICT(node, kind, name) DO UPDATE SET config = excluded.config",
			"tttt", node, kind, name, json);
	return rc < 0 ? rc : 0;
}

int node_object_put(
	struct home *h, const char *node, const char *kind, const char *name, const char *json)
{
	int rc = db_begin(&h->db);
	return rc < 0 ? rc : db_end(&h->db, object_put(h, node, kind, name, json));
}

int node_object_del(struct home *h, const char *node, const char *kind, const char *name)
{
	int rc = db_run(&h->db,
		"DELETE FROM node_object WHERE node = ?1 AND kind = ?2 AND name = ?3", "ttt", node,
		kind, name);
	if (rc == 0)
		return home_fail(
			h, -ENOENT, "NotFound: node %s has no %s %.128s", node, kind, name);
	return rc < 0 ? rc : 0;
}

static int object_get(
	struct home *h, const char *node, const char *kind, const char *name, char **json)
{
	sqlite3_stmt *st;
	int rc = db_prepare(&h->db, &st,
		"SELECT config FROM node_object WHERE node = ?1 AND kind = ?2 AND name = ?3", "ttt",
		node, kind, name);
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 1) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		*json = text ? strdup(text) : NULL;
		rc = *json ? 1 : out_of_memory(h);
	}
	sqlite3_finalize(st);
	return rc;
}

int node_object_each(struct home *h, const char *node, const char *kind,
	int (*fn)(void *ctx, const char *name, const char *json), void *ctx)
{
	struct db_names names;
	int rc = db_names(&h->db, &names,
		"SELECT name FROM node_object WHERE node = ?1 AND kind = ?2 ORDER BY id", "tt",
		node, kind);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < names.n && rc == 0; i++) {
		char *json = NULL;
		rc = object_get(h, node, kind, names.name[i], &json);
		if (rc == 1)
			rc = fn(ctx, names.name[i], json);
		free(json);
	}
	db_names_fini(&names);
	return rc;
}

int relay_name_get(struct home *h, const char *node, const char *name, struct identifier *owner,
	uint64_t *last_used)
{
	sqlite3_stmt *st;
	int rc = db_prepare(&h->db, &st,
		"SELECT owner, last_used FROM relay_name WHERE node = ?1 AND name = ?2", "tt", node,
		name);
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 0 || rc == -ENOENT)
		rc = home_fail(
			h, -ENOENT, "NotFound: node %s keeps no relay name %.64s", node, name);
	else if (rc == 1 && sqlite3_column_bytes(st, 0) != (int)sizeof owner->b)
		rc = home_fail(h, -EUCLEAN,
			"the owner of relay name %.64s in %s is damaged; delete that relay", name,
			h->db.path);
	if (rc == 1) {
		memcpy(owner->b, sqlite3_column_blob(st, 0), sizeof owner->b);
		*last_used = (uint64_t)sqlite3_column_int64(st, 1);
		rc = 0;
	}
	sqlite3_finalize(st);
	return rc;
}

static int relay_put(struct home *h, const char *node, const char *name,
	const struct identifier *owner, uint64_t now)
{
	int rc = check_exists(h, "node", node);
	if (rc == 0)
		rc = db_run(&h->db,
			"INSERT OR REPLACE INTO relay_name(node, name, owner, last_used) "
			"VALUES(?1, ?2, ?3, ?4)",
			"ttbi", node, name, owner->b, sizeof owner->b, (int64_t)now);
	return rc < 0 ? rc : 0;
}

int relay_name_put(struct home *h, const char *node, const char *name,
	const struct identifier *owner, uint64_t now)
{
	int rc = db_begin(&h->db);
	return rc < 0 ? rc : db_end(&h->db, relay_put(h, node, name, owner, now));
}

int relay_name_del(struct home *h, const char *node, const char *name)
{
	int rc = db_run(
		&h->db, "DELETE FROM relay_name WHERE node = ?1 AND name = ?2", "tt", node, name);
	if (rc == 0)
		return home_fail(
			h, -ENOENT, "NotFound: node %s keeps no relay name %.64s", node, name);
	return rc < 0 ? rc : 0;
}
