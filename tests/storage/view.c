// SPDX-License-Identifier: Apache-2.0
#include "view.h"
#include "node_config.h"
#include "peer.h"
#include "place.h"
#include "vault.h"
#include "vault_file.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say(struct view *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct view *v, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(v->text + v->n, sizeof v->text - v->n, fmt, ap);
	va_end(ap);
	if (n < 0 || v->n + (size_t)n >= sizeof v->text)
		fail("the view is too small");
	v->n += (size_t)n;
}

static int64_t count(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st = NULL;
	int64_t n = -1;
	if (access(path, F_OK) == 0 &&
		sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == 0) {
		if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
			sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	return n;
}

static int see_vault(void *ctx, const struct vault_info *v)
{
	struct view *view = ctx;
	struct secret32 none;
	const uint8_t key[32] = {0};
	const char *usable =
		vault_secret_get(view->h, v, key, &none) == -ENOENT ? "" : " WITHOUT ITS FILE";
	say(view, "vault %s%s%s%s\n", v->name,
		vault_is_inside(view->h, v) ? "" : strrchr(v->path, '/'),
		v->is_default ? " default" : "", usable);
	return 0;
}

static int see_identity(void *ctx, const struct identity_info *i)
{
	struct view *view = ctx;
	struct secret32 secret;
	bool has = identity_secret(view->h, i->name, &secret) == 0 &&
		   identity_key_matches(&i->identity, &secret);
	view->secrets += has;
	say(view, "identity %s in %s, %u changes%s%s\n", i->name, i->vault, i->identity.changes,
		i->is_default ? " default" : "", has ? "" : " WITHOUT ITS SECRET");
	return 0;
}

static int see_object(void *ctx, const char *name, const char *json)
{
	say(ctx, "  %s %s\n", name, json);
	return 0;
}

static int see_node(void *ctx, const struct node_info *n)
{
	struct view *v = ctx;
	struct identifier owner;
	uint64_t used = 0;
	bool held = relay_name_get(v->h, n->name, "forward_to_x", &owner, &used) == 0;
	say(v, "node %s of %s %s%s\n", n->name, n->identity, n->config,
		n->is_default ? " default" : "");
	if (held)
		say(v, "  name used %llu\n", (unsigned long long)used);
	return node_object_each(v->h, n->name, "service", see_object, v);
}

/* What is kept of the peer, byte for byte, and that its first key is taken no more. */
static void see_known(struct view *v)
{
	char path[PATH_MAX], sql[64 + 2 * IDENTITY_HISTORY_MAX];
	snprintf(path, sizeof path, "%s/database.sqlite3", place_home);
	int64_t all = count(path, "SELECT count(*) FROM known_history"), whole = 0;
	for (unsigned i = 0; i < PEER_HISTORIES; i++) {
		size_t n = (size_t)snprintf(
			sql, sizeof sql, "SELECT count(*) FROM known_history WHERE history = x'");
		for (size_t k = 0; k < peer[i].len; k++, n += 2)
			snprintf(sql + n, sizeof sql - n, "%02x", peer[i].history[k]);
		snprintf(sql + n, sizeof sql - n, "'");
		if (count(path, sql) != 1)
			continue;
		whole++;
		say(v, "a history of %u changes is known\n", i + 1);
	}
	if (whole != all)
		say(v, "A HISTORY OF NOBODY\n");
	if (peer_check(v->h, 0) != (whole ? -ESTALE : 0))
		say(v, "A HISTORY THAT IS NOT HEEDED\n");
}

/* Secrets in all places; more than identities have are orphans. */
static void see_secrets(struct view *v)
{
	static const char sql[] = "SELECT count(*) FROM secret";
	char path[PATH_MAX];
	int64_t n = 0;
	snprintf(path, sizeof path, "%s/database.sqlite3", place_home);
	const char *const places[] = {path, place_v1, place_v2};
	for (size_t i = 0; i < 3; i++) {
		int64_t k = count(places[i], sql);
		n += k > 0 ? k : 0;
		if (count(places[i], "PRAGMA integrity_check") > 0)
			say(v, "%s IS DAMAGED\n", places[i]);
	}
	if (n != v->secrets)
		say(v, "ORPHANED SECRETS: %d\n", (int)(n - v->secrets));
}

void view_look(struct view *v)
{
	*v = (struct view){.n = 0};
	/* whatever was left half done is finished by the next command that writes */
	if (home_open(&v->h, place_home, HOME_WRITE) < 0)
		fail("the home cannot be opened: %s", home_error(v->h));
	if (vault_each(v->h, see_vault, v) < 0 || identity_each(v->h, see_identity, v) < 0 ||
		node_each(v->h, see_node, v) < 0)
		fail("the home cannot be read: %s", home_error(v->h));
	see_known(v);
	home_close(v->h);
	see_secrets(v);
}
