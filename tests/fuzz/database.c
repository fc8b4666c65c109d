// SPDX-License-Identifier: Apache-2.0
/*
 * Databases of a home, and files of vaults, as somebody else may have left them. The first byte
 * picks: a whole file of any bytes as the home's database, or as a vault's file; or values put into
 * columns of a sound home, [table, column, kind, length, bytes]... In all cases everything is read
 * and written that the commands read and write; errors have a sentence. Files are on a memory file
 * system.
 */
#include "fuzz.h"
#include "home.h"
#include "node_config.h"
#include "vault.h"
#include "vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[PATH_MAX / 4], database[PATH_MAX / 2], vault[PATH_MAX / 2];
static uint8_t sound[1 << 18];
static size_t sound_len;

static void write_file(const char *path, const uint8_t *p, size_t n)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static void remove_files(void)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(path, sizeof path, "%s%s", database, tails[i]);
		unlink(path);
		snprintf(path, sizeof path, "%s%s", vault, tails[i]);
		unlink(path);
	}
}

static void done(const struct home *h, int rc)
{
	CHECK(rc >= 0 || (*home_error(h) && strlen(home_error(h)) < 2 * PATH_MAX));
}

static int see_identity(void *ctx, const struct identity_info *i)
{
	struct secret32 secret;
	CHECK(i->history_len <= IDENTITY_HISTORY_MAX && strlen(i->name) < sizeof i->name);
	done(ctx, identity_secret(ctx, i->name, &secret));
	identity_is_own(ctx, &i->identity.id);
	return 0;
}

static int see_vault(void *ctx, const struct vault_info *v)
{
	CHECK(strlen(v->name) < sizeof v->name && strlen(v->path) < sizeof v->path);
	return 0;
}

static int see_object(void *ctx, const char *name, const char *json)
{
	CHECK(name && json);
	return 0;
}

static int see_node(void *ctx, const struct node_info *n)
{
	struct identifier owner;
	uint64_t used;
	CHECK(n->config && strlen(n->name) < sizeof n->name);
	done(ctx, node_object_each(ctx, n->name, "service", see_object, NULL));
	done(ctx, relay_name_get(ctx, n->name, "forward_to_x", &owner, &used));
	return 0;
}

static void see_all(struct home *h)
{
	struct identity_info *i = calloc(1, sizeof *i);
	CHECK(i);
	done(h, vault_each(h, see_vault, NULL));
	done(h, identity_each(h, see_identity, h));
	done(h, node_each(h, see_node, h));
	done(h, identity_get(h, NULL, i));
	free(i);
}

static void change_all(struct home *h)
{
	struct identity_info *i = calloc(1, sizeof *i);
	struct vault_info v;
	CHECK(i);
	done(h, home_ensure_default(h));
	done(h, identity_renew(h, NULL, i));
	done(h, vault_create(h, "fresh", NULL, &v));
	done(h, identity_store(h, "other", "fresh", NULL, 0, NULL, i));
	done(h, node_store(h, "n2", "other", "{}"));
	done(h, node_object_put(h, "n2", "service", "x", "{}"));
	done(h, node_remove(h, "n1"));
	done(h, identity_delete(h, "other"));
	done(h, vault_delete(h, "fresh"));
	free(i);
}

static void use_home(void)
{
	struct home *h;
	int rc = home_open(&h, dir, HOME_READ);
	done(h, rc);
	if (!rc)
		see_all(h);
	home_close(h);
	rc = home_open(&h, dir, HOME_WRITE);
	done(h, rc);
	if (!rc)
		change_all(h);
	home_close(h);
}

static void use_vault(void)
{
	struct home *h;
	struct vault_info v;
	struct identity_info *i = calloc(1, sizeof *i);
	CHECK(i && !home_open(&h, dir, HOME_WRITE));
	int rc = vault_create(h, "v", vault, &v);
	done(h, rc);
	if (!rc) {
		rc = identity_store(h, "i", "v", NULL, 0, NULL, i);
		done(h, rc);
		see_all(h);
		done(h, vault_move(h, "v", NULL));
	}
	home_close(h);
	free(i);
}

/* Columns of the schema get values of the input: integer, text, blob or null. */
static void spoil(struct rd *r)
{
	static const char *const updates[] = {
		"UPDATE vault SET name = ?1",
		"UPDATE vault SET path = ?1",
		"UPDATE vault SET is_default = ?1",
		"UPDATE identity SET name = ?1",
		"UPDATE identity SET vault = ?1",
		"UPDATE identity SET identifier = ?1",
		"UPDATE identity SET history = ?1",
		"UPDATE identity SET is_default = ?1",
		"UPDATE secret SET public_key = ?1",
		"UPDATE secret SET secret = ?1",
		"UPDATE node SET name = ?1",
		"UPDATE node SET identity = ?1",
		"UPDATE node SET static_key = ?1",
		"UPDATE node SET config = ?1",
		"UPDATE node SET is_default = ?1",
		"UPDATE node_object SET name = ?1",
		"UPDATE node_object SET config = ?1",
		"UPDATE relay_name SET owner = ?1",
		"UPDATE relay_name SET last_used = ?1",
		"DELETE FROM secret WHERE ?1",
		"DELETE FROM vault WHERE ?1",
		"DELETE FROM identity WHERE ?1",
		"PRAGMA user_version = 2",
		"DROP TABLE secret",
		"DROP TABLE node_object",
		"INSERT OR REPLACE INTO stray_secret VALUES(?1, zeroblob(32))",
		"INSERT OR REPLACE INTO stray_secret VALUES('/nonexistent/vault', ?1)",
	};
	sqlite3 *db;
	CHECK(sqlite3_open(database, &db) == SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
	while (rd_left(r) >= 3) {
		const char *sql = updates[rd_u8(r) % (sizeof updates / sizeof *updates)];
		uint8_t kind = rd_u8(r);
		size_t len = rd_u8(r) * (kind & 0x80 ? 20u : 1u);
		const uint8_t *p = rd_bytes(r, len);
		sqlite3_stmt *st = NULL;
		if (!p || sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
			len = 0;
		if (kind % 4 == 0)
			sqlite3_bind_int64(st, 1, len ? (int64_t)p[0] - 1 : 0);
		else if (kind % 4 == 1)
			sqlite3_bind_text(
				st, 1, len ? (const char *)p : "", (int)len, SQLITE_STATIC);
		else if (kind % 4 == 2)
			sqlite3_bind_blob(
				st, 1, len ? (const void *)p : "", (int)len, SQLITE_STATIC);
		if (st)
			sqlite3_step(st);
		sqlite3_finalize(st);
	}
	sqlite3_close(db);
}

static void remove_dir(void)
{
	remove_files();
	rmdir(dir);
}

/* A home with one of everything. */
static void make_sound(void)
{
	struct home *h;
	struct identifier owner = {{1}};
	CHECK(!home_open(&h, dir, HOME_WRITE) && !home_ensure_default(h));
	CHECK(!node_store(h, "n1", "default", "{\"workers\":1}"));
	CHECK(!node_object_put(h, "n1", "service", "echo", "{\"type\":\"echo\"}"));
	CHECK(!relay_name_put(h, "n1", "forward_to_x", &owner, 1700000000));
	home_close(h);
	int fd = open(database, O_RDONLY);
	ssize_t n = read(fd, sound, sizeof sound);
	CHECK(n > 0 && n < (ssize_t)sizeof sound);
	sound_len = (size_t)n;
	close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(dir, sizeof dir, "%s/fuzz_database.XXXXXX", base);
	CHECK(mkdtemp(dir));
	snprintf(database, sizeof database, "%s/database.sqlite3", dir);
	snprintf(vault, sizeof vault, "%s/vault", dir);
	atexit(remove_dir);
	make_sound();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	uint8_t what = rd_u8(&in) % 3;
	remove_files();
	if (what == 0) {
		write_file(database, in.p, rd_left(&in));
		use_home();
	} else if (what == 1) {
		write_file(vault, in.p, rd_left(&in));
		use_vault();
	} else {
		write_file(database, sound, sound_len);
		spoil(&in);
		use_home();
	}
	return 0;
}
