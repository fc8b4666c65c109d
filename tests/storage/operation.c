// SPDX-License-Identifier: Apache-2.0
#include "operation.h"
#include "known_history.h"
#include "node_config.h"
#include "peer.h"
#include "place.h"
#include "vault.h"
#include "vault_file.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* What is there before. */

static void must(struct home *h, int rc)
{
	if (rc < 0)
		fail("setting up: %s", home_error(h));
}

static void with_default(struct home *h)
{
	must(h, home_ensure_default(h));
}

static void with_file_vault(struct home *h)
{
	struct vault_info v;
	with_default(h);
	must(h, vault_create(h, "f", place_v1, &v));
}

static void with_file_identity(struct home *h)
{
	struct identity_info i;
	with_file_vault(h);
	must(h, identity_store(h, "alice", "f", NULL, 0, NULL, &i));
}

static void with_inside_identity(struct home *h)
{
	struct identity_info i;
	struct vault_info v;
	with_default(h);
	must(h, vault_create(h, "in", NULL, &v));
	must(h, identity_store(h, "alice", "in", NULL, 0, NULL, &i));
	must(h, identity_store(h, "bob", "in", NULL, 0, NULL, &i));
}

static void with_node(struct home *h)
{
	const struct identifier owner = {{1}};
	with_default(h);
	must(h, node_store(h, "n0", "default", "{\"a\":1}"));
	must(h, node_store(h, "n1", "default", "{\"a\":1}"));
	must(h, node_object_put(h, "n1", "service", "echo", "{}"));
	must(h, relay_name_put(h, "n1", "forward_to_x", &owner, 1));
}

static void with_known_history(struct home *h)
{
	with_default(h);
	must(h, peer_check(h, 1));
}

static void with_tables_of(struct home *h, const char *sql)
{
	char path[PATH_MAX];
	sqlite3 *db;
	with_default(h);
	snprintf(path, sizeof path, "%s/database.sqlite3", place_home);
	if (sqlite3_open(path, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail("%s", path);
	sqlite3_close(db);
}

/* As the first version of the tables was, and the second. */
static void with_first_tables(struct home *h)
{
	with_tables_of(h, "DROP TABLE stray_secret;DROP TABLE known_history;PRAGMA user_version=1");
}

static void with_second_tables(struct home *h)
{
	with_tables_of(h, "DROP TABLE known_history;PRAGMA user_version=2");
}

static int do_nothing(struct home *h)
{
	return 0;
}

static int do_ensure_default(struct home *h)
{
	return home_ensure_default(h);
}

static int do_vault_inside(struct home *h)
{
	struct vault_info v;
	return vault_create(h, "in", NULL, &v);
}

static int do_vault_file(struct home *h)
{
	struct vault_info v;
	return vault_create(h, "f", place_v1, &v);
}

static int do_store_inside(struct home *h)
{
	struct identity_info i;
	return identity_store(h, "alice", NULL, NULL, 0, NULL, &i);
}

static int do_store_file(struct home *h)
{
	struct identity_info i;
	return identity_store(h, "alice", "f", NULL, 0, NULL, &i);
}

static int do_renew(struct home *h)
{
	struct identity_info i;
	return identity_renew(h, "alice", &i);
}

static int do_delete(struct home *h)
{
	return identity_delete(h, "alice");
}

static int do_set_default(struct home *h)
{
	return identity_set_default(h, "alice");
}

static int do_move_out(struct home *h)
{
	return vault_move(h, "in", place_v1);
}

static int do_move_in(struct home *h)
{
	return vault_move(h, "f", NULL);
}

static int do_move_on(struct home *h)
{
	return vault_move(h, "f", place_v2);
}

static int do_vault_delete(struct home *h)
{
	return vault_delete(h, "f");
}

static int do_node(struct home *h)
{
	return node_store(h, "n2", "default", "{\"a\":2}");
}

static int do_node_again(struct home *h)
{
	return node_store(h, "n1", "default", "{\"a\":2}");
}

static int do_config(struct home *h)
{
	return node_set_config(h, "n1", "{\"a\":3}");
}

static int do_object(struct home *h)
{
	return node_object_put(h, "n1", "service", "hop", "{}");
}

static int do_object_del(struct home *h)
{
	return node_object_del(h, "n1", "service", "echo");
}

static int do_node_remove(struct home *h)
{
	return node_remove(h, "n1");
}

static int do_relay_name(struct home *h)
{
	const struct identifier owner = {{1}};
	return relay_name_put(h, "n1", "forward_to_x", &owner, 2);
}

static int do_know(struct home *h)
{
	return peer_check(h, 1);
}

static int do_know_longer(struct home *h)
{
	return peer_check(h, 2);
}

const struct operation operations[] = {
	{"the first command of a home", NULL, do_nothing},
	{"the tables of an older home", with_first_tables, do_nothing},
	{"the tables without histories", with_second_tables, do_nothing},
	{"a history into older tables", with_second_tables, do_know},
	{"the default vault and identity", NULL, do_ensure_default},
	{"vault create", with_default, do_vault_inside},
	{"vault create in a file", with_default, do_vault_file},
	{"vault delete of a file", with_file_vault, do_vault_delete},
	{"vault move into a file", with_inside_identity, do_move_out},
	{"vault move into the database", with_file_identity, do_move_in},
	{"vault move to another file", with_file_identity, do_move_on},
	{"identity create", with_default, do_store_inside},
	{"identity create in a file", with_file_vault, do_store_file},
	{"identity renew", with_inside_identity, do_renew},
	{"identity renew in a file", with_file_identity, do_renew},
	{"identity delete", with_inside_identity, do_delete},
	{"identity delete in a file", with_file_identity, do_delete},
	{"identity default", with_inside_identity, do_set_default},
	{"node create", with_node, do_node},
	{"node create again", with_node, do_node_again},
	{"node configuration", with_node, do_config},
	{"node object", with_node, do_object},
	{"node object delete", with_node, do_object_del},
	{"node delete", with_node, do_node_remove},
	{"relay name", with_node, do_relay_name},
	{"the first history of a peer", with_default, do_know},
	{"a longer history of a peer", with_known_history, do_know_longer},
};

const size_t operations_n = sizeof operations / sizeof *operations;
