// SPDX-License-Identifier: Apache-2.0
#include "node_config.h"
#include "vault.h"

#include "route.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { PATH = 128 };

/* A directory of each test's own, below which its home is. */
struct place {
	char base[40], dir[PATH], database[PATH + 32];
	struct home *h;
	struct identity_info info;
	struct vault_info vault;
};

static const char *in(const struct place *p, const char *name)
{
	static char path[2 * PATH];
	snprintf(path, sizeof path, "%s/%s", p->base, name);
	return path;
}

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	strcpy(p->base, "/tmp/home_test.XXXXXX");
	if (!mkdtemp(p->base))
		return -1;
	snprintf(p->dir, sizeof p->dir, "%s/a/home", p->base);
	snprintf(p->database, sizeof p->database, "%s/database.sqlite3", p->dir);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	char command[PATH];
	home_close(p->h);
	snprintf(command, sizeof command, "rm -rf '%s'", p->base);
	int rc = system(command);
	free(p);
	return rc;
}

static struct home *open_home(struct place *p, enum home_mode mode)
{
	home_close(p->h);
	if (home_open(&p->h, p->dir, mode) < 0)
		fail_msg("%s", home_error(p->h));
	return p->h;
}

static void assert_sentence(const struct home *h, const char *part)
{
	if (!strstr(home_error(h), part))
		fail_msg("\"%s\" does not say \"%s\"", home_error(h), part);
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static int count_identity(void *ctx, const struct identity_info *i)
{
	++*(int *)ctx;
	return 0;
}

static int count_vault(void *ctx, const struct vault_info *v)
{
	++*(int *)ctx;
	return 0;
}

static void directories_are_found(void **state)
{
	struct place *p = *state;
	char dir[PATH_MAX], cwd[PATH_MAX], want[PATH_MAX + 10];
	setenv("OCKAM_HOME", "/x/y//", 1);
	assert_int_equal(home_directory(dir, sizeof dir), 0);
	assert_string_equal(dir, "/x/y");
	assert_int_equal(home_directory(dir, 4), -ENAMETOOLONG);
	setenv("OCKAM_HOME", "sub", 1);
	assert_int_equal(home_directory(dir, sizeof dir), 0);
	assert_non_null(getcwd(cwd, sizeof cwd));
	snprintf(want, sizeof want, "%s/sub", cwd);
	assert_string_equal(dir, want);
	unsetenv("OCKAM_HOME");
	setenv("HOME", p->base, 1);
	assert_int_equal(home_directory(dir, sizeof dir), 0);
	assert_string_equal(dir, in(p, ".ockam"));
	unsetenv("HOME");
	assert_int_equal(home_directory(dir, sizeof dir), -ENOENT);
}

static void socket_paths_are_limited(void **state)
{
	char dir[128] = "/", path[PATH_MAX];
	assert_int_equal(home_node_path(path, sizeof path, "/h", "run", "n1", "control.sock"), 0);
	assert_string_equal(path, "/h/run/n1/control.sock");
	assert_int_equal(home_node_path(path, sizeof path, "/h", "nodes", "n1", NULL), 0);
	assert_string_equal(path, "/h/nodes/n1");
	memset(dir + 1, 'd', 107 - strlen("/run/n1/control.sock") - 1);
	assert_int_equal(home_node_path(path, sizeof path, dir, "run", "n1", "control.sock"), 0);
	assert_int_equal(strlen(path), 107);
	assert_int_equal(home_node_path(path, sizeof path, dir, "run", "n12", "pid"), -ENAMETOOLONG);
	assert_int_equal(home_node_path(path, sizeof path, dir, "nodes", "n12", "stdout.log"), 0);
	assert_int_equal(home_node_path(path, 10, "/h", "nodes", "n1", "stdout.log"), -ENAMETOOLONG);
}

static void a_new_home_is_private(void **state)
{
	struct place *p = *state;
	umask(0);
	struct home *h = open_home(p, HOME_WRITE);
	assert_string_equal(home_dir(h), p->dir);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(mode_of(p->dir), 0700);
	assert_int_equal(mode_of(p->database), 0600);
	char wal[PATH + 64];
	snprintf(wal, sizeof wal, "%s-wal", p->database);
	assert_int_equal(mode_of(wal), 0600);
	chmod(p->database, 0644);
	open_home(p, HOME_WRITE);
	assert_int_equal(mode_of(p->database), 0600);
	umask(022);
}

static void reading_a_missing_home_finds_nothing_and_makes_nothing(void **state)
{
	struct place *p = *state;
	struct node_info node = {0};
	int n = 0;
	struct home *h = open_home(p, HOME_READ);
	assert_int_equal(identity_get(h, NULL, &p->info), -ENOENT);
	assert_sentence(h, "NotFound: there is no identity in ");
	assert_int_equal(identity_get(h, "x", &p->info), -ENOENT);
	assert_sentence(h, "NotFound: there is no identity x in ");
	assert_int_equal(node_get(h, NULL, &node), -ENOENT);
	assert_int_equal(vault_get(h, "v", &p->vault), -ENOENT);
	assert_int_equal(identity_each(h, count_identity, &n), 0);
	assert_int_equal(vault_each(h, count_vault, &n), 0);
	assert_int_equal(n, 0);
	assert_false(identity_is_own(h, &(struct identifier){{0}}));
	assert_int_equal(home_ensure_default(h), -EROFS);
	assert_int_equal(vault_create(h, "v", NULL, &p->vault), -EROFS);
	assert_sentence(h, "read-only");
	assert_false(exists(p->dir));
}

static void reading_leaves_no_file_behind(void **state)
{
	struct place *p = *state;
	char other[PATH + 64];
	assert_int_equal(home_ensure_default(open_home(p, HOME_WRITE)), 0);
	struct home *h = open_home(p, HOME_READ);
	assert_int_equal(identity_get(h, NULL, &p->info), 0);
	assert_int_equal(identity_set_default(h, "default"), -EROFS);
	home_close(h);
	p->h = NULL;
	snprintf(other, sizeof other, "%s-wal", p->database);
	assert_false(exists(other));
	snprintf(other, sizeof other, "%s-shm", p->database);
	assert_false(exists(other));
}

static void identities_live_in_vaults(void **state)
{
	struct place *p = *state;
	struct secret32 secret;
	int n = 0;
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(identity_store(h, "a", NULL, NULL, 0, NULL, &p->info), 0);
	assert_string_equal(p->info.vault, "default");
	assert_true(p->info.is_default);
	struct identifier a = p->info.identity.id;
	assert_int_equal(identity_secret(h, "a", &secret), 0);
	assert_true(identity_key_matches(&p->info.identity, &secret));
	assert_true(identity_is_own(h, &a));

	assert_int_equal(identity_store(h, "a", NULL, NULL, 0, NULL, &p->info), -EEXIST);
	assert_sentence(h, "identity a exists already");
	assert_int_equal(identity_store(h, "b", "nope", NULL, 0, NULL, &p->info), -ENOENT);
	assert_int_equal(identity_store(h, "../b", NULL, NULL, 0, NULL, &p->info), -EINVAL);
	assert_int_equal(identity_store(h, NULL, NULL, NULL, 0, NULL, &p->info), 0);
	assert_int_equal(strlen(p->info.name), 8);
	assert_false(p->info.is_default);
	assert_int_equal(identity_each(h, count_identity, &n), 0);
	assert_int_equal(n, 2);

	assert_int_equal(vault_delete(h, "default"), -EBUSY);
	assert_int_equal(identity_set_default(h, "nope"), -ENOENT);
	assert_int_equal(identity_set_default(h, p->info.name), 0);
	assert_int_equal(identity_delete(h, p->info.name), 0);
	assert_int_equal(identity_get(open_home(p, HOME_WRITE), NULL, &p->info), 0);
	assert_string_equal(p->info.name, "a"); /* the default passes on */
	assert_int_equal(identity_delete(p->h, "a"), 0);
	assert_int_equal(identity_delete(p->h, "a"), -ENOENT);
	assert_false(identity_is_own(p->h, &a));
	assert_int_equal(vault_delete(p->h, "default"), 0);
	assert_int_equal(vault_get(p->h, NULL, &p->vault), -ENOENT);
}

static void histories_are_imported_with_their_secret(void **state)
{
	struct place *p = *state;
	struct secret32 secret, wrong = {{1}};
	uint8_t history[IDENTITY_HISTORY_MAX];
	int n = identity_create(&secret, history, sizeof history, 1700000000);
	struct home *h = open_home(p, HOME_WRITE);
	assert_true(n > 0);
	size_t len = (size_t)n;
	assert_int_equal(identity_store(h, "i", NULL, history, len - 1, &secret, &p->info), -EBADMSG);
	assert_int_equal(identity_store(h, "i", NULL, history, len, &wrong, &p->info), -EKEYREJECTED);
	assert_int_equal(identity_store(h, "i", NULL, history, len, &secret, &p->info), 0);
	assert_memory_equal(p->info.history, history, len);
	assert_true(p->info.is_default);
	assert_int_equal(identity_store(h, "j", NULL, history, len, &secret, &p->info), -EEXIST);
	assert_sentence(h, "by another name");
}

static void rotation_keeps_the_identifier(void **state)
{
	struct place *p = *state;
	struct secret32 before, after;
	struct vault_info v;
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(vault_create(h, "file", in(p, "v.sqlite3"), &v), 0);
	const char *const vaults[] = {NULL, "file"};
	for (unsigned i = 0; i < 2; i++) {
		const char *name = i ? "x" : "y";
		assert_int_equal(identity_store(h, name, vaults[i], NULL, 0, NULL, &p->info), 0);
		struct identifier id = p->info.identity.id;
		assert_int_equal(identity_secret(h, name, &before), 0);
		assert_int_equal(identity_renew(h, name, &p->info), 0);
		assert_int_equal(p->info.identity.changes, 2);
		assert_true(identifier_equal(&p->info.identity.id, &id));
		assert_int_equal(identity_secret(h, name, &after), 0);
		assert_true(identity_key_matches(&p->info.identity, &after));
		assert_memory_not_equal(before.b, after.b, 32);
	}
	for (unsigned i = 2; i < IDENTITY_CHANGES_MAX; i++)
		assert_int_equal(identity_renew(h, "x", &p->info), 0);
	assert_int_equal(identity_renew(h, "x", &p->info), -ENOSPC);
	assert_int_equal(identity_renew(h, "nope", &p->info), -ENOENT);
}

static void vaults_are_files_and_move(void **state)
{
	struct place *p = *state;
	struct secret32 before, after;
	char first[2 * PATH], second[2 * PATH];
	struct home *h = open_home(p, HOME_WRITE);
	strcpy(first, in(p, "first"));
	strcpy(second, in(p, "second"));
	assert_int_equal(vault_create(h, "v", first, &p->vault), 0);
	assert_string_equal(p->vault.path, first);
	assert_true(p->vault.is_default);
	assert_int_equal(mode_of(first), 0600);
	assert_int_equal(vault_create(h, "v", second, &p->vault), -EEXIST);
	assert_int_equal(vault_create(h, "w", first, &p->vault), -EEXIST);
	assert_int_equal(vault_create(h, "w", p->database, &p->vault), -EEXIST);
	assert_int_equal(vault_create(h, "w", "/nowhere/at/all", &p->vault), -EIO);
	assert_int_equal(vault_create(h, "a/b", NULL, &p->vault), -EINVAL);
	assert_false(exists(second));

	assert_int_equal(identity_store(h, "i", "v", NULL, 0, NULL, &p->info), 0);
	assert_int_equal(identity_secret(h, "i", &before), 0);
	const char *const places[] = {second, NULL, first};
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vault_move(h, "v", places[i]), 0);
		assert_int_equal(vault_get(h, "v", &p->vault), 0);
		assert_string_equal(p->vault.path, places[i] ? places[i] : p->database);
		assert_int_equal(identity_secret(h, "i", &after), 0);
		assert_memory_equal(before.b, after.b, 32);
		assert_int_equal(exists(first), i == 2);
		assert_int_equal(exists(second), i == 0);
	}
	assert_int_equal(vault_move(h, "v", first), -EEXIST);
	assert_int_equal(vault_move(h, "nope", second), -ENOENT);
	assert_int_equal(vault_delete(h, "v"), -EBUSY);
	assert_int_equal(identity_delete(h, "i"), 0);
	assert_int_equal(vault_delete(h, "v"), 0);
	assert_false(exists(first));
}

static void a_lost_vault_file_is_named(void **state)
{
	struct place *p = *state;
	struct secret32 secret;
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(vault_create(h, "v", in(p, "v"), &p->vault), 0);
	assert_int_equal(identity_store(h, "i", "v", NULL, 0, NULL, &p->info), 0);
	assert_int_equal(unlink(in(p, "v")), 0);
	assert_int_equal(identity_secret(h, "i", &secret), -EIO);
	assert_sentence(h, in(p, "v"));
	assert_false(identity_is_own(h, &p->info.identity.id));
}

static void nodes_are_stored_replaced_and_removed(void **state)
{
	struct place *p = *state;
	struct node_info a = {0}, b = {0};
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(node_store(h, "n1", "nobody", "{}"), -ENOENT);
	assert_sentence(h, "identity nobody");
	assert_int_equal(node_store(h, "-n", "default", "{}"), -EINVAL);
	assert_int_equal(node_store(h, "n1", "default", "{\"a\":1}"), 0);
	assert_int_equal(node_store(h, "n2", "default", "{}"), 0);
	assert_int_equal(node_get(h, NULL, &a), 0);
	assert_string_equal(a.name, "n1");
	assert_string_equal(a.config, "{\"a\":1}");
	assert_int_equal(identity_delete(h, "default"), -EBUSY);
	assert_sentence(h, "used by 2 nodes");

	assert_int_equal(node_object_put(h, "n1", "relay", "r", "{}"), 0);
	assert_int_equal(node_store(h, "n1", "default", "{}"), 0);
	assert_int_equal(node_object_del(h, "n1", "relay", "r"), -ENOENT);
	assert_int_equal(node_get(h, "n1", &b), 0);
	assert_memory_equal(a.static_key.b, b.static_key.b, 32);
	assert_true(b.is_default);
	assert_string_equal(b.config, "{}");
	node_info_fini(&a);
	node_info_fini(&b);
	assert_int_equal(node_get(h, "n2", &b), 0);
	assert_false(b.is_default);
	node_info_fini(&b);

	assert_int_equal(node_set_config(h, "n2", "{\"b\":2}"), 0);
	assert_int_equal(node_set_config(h, "n3", "{}"), -ENOENT);
	assert_int_equal(node_set_default(h, "n3"), -ENOENT);
	assert_int_equal(node_remove(h, "n3"), -ENOENT);
	assert_int_equal(node_remove(h, "n1"), 0);
	assert_int_equal(node_get(open_home(p, HOME_READ), NULL, &b), 0);
	assert_string_equal(b.name, "n2");
	assert_string_equal(b.config, "{\"b\":2}");
	node_info_fini(&b);
}

static int remove_each(void *ctx, const struct node_info *n)
{
	return node_remove(ctx, n->name);
}

static int stop_at_once(void *ctx, const struct node_info *n)
{
	return 7;
}

static void a_callback_may_write(void **state)
{
	struct place *p = *state;
	struct node_info n = {0};
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	for (char name[] = "a"; *name < 'd'; ++*name)
		assert_int_equal(node_store(h, name, "default", "{}"), 0);
	assert_int_equal(node_each(h, stop_at_once, NULL), 7);
	assert_int_equal(node_each(h, remove_each, h), 0);
	assert_int_equal(node_get(h, NULL, &n), -ENOENT);
}

static int append(void *ctx, const char *name, const char *json)
{
	strcat(ctx, name);
	strcat(ctx, json);
	return 0;
}

static void objects_keep_their_order(void **state)
{
	struct place *p = *state;
	char seen[64] = "";
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(node_store(h, "n", "default", "{}"), 0);
	assert_int_equal(node_object_put(h, "m", "relay", "z", "{}"), -ENOENT);
	assert_int_equal(node_object_put(h, "n", "relay", "z", "1"), 0);
	assert_int_equal(node_object_put(h, "n", "service", "s", "9"), 0);
	assert_int_equal(node_object_put(h, "n", "relay", "a", "2"), 0);
	assert_int_equal(node_object_put(h, "n", "relay", "unix:/a/long/name", "3"), 0);
	assert_int_equal(node_object_put(h, "n", "relay", "z", "4"), 0);
	assert_int_equal(node_object_each(h, "n", "relay", append, seen), 0);
	assert_string_equal(seen, "z4a2unix:/a/long/name3");
	assert_int_equal(node_object_del(h, "n", "relay", "a"), 0);
	assert_int_equal(node_object_del(h, "n", "relay", "a"), -ENOENT);
}

static void relay_names_are_reserved(void **state)
{
	struct place *p = *state;
	struct identifier me = {{1, 2}}, owner;
	uint64_t used;
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(relay_name_put(h, "n", "r", &me, 5), -ENOENT);
	assert_int_equal(node_store(h, "n", "default", "{}"), 0);
	assert_int_equal(relay_name_get(h, "n", "r", &owner, &used), -ENOENT);
	assert_int_equal(relay_name_put(h, "n", "r", &me, 5), 0);
	assert_int_equal(relay_name_put(h, "n", "r", &me, 6), 0);
	assert_int_equal(node_store(h, "n", "default", "{}"), 0);
	assert_int_equal(relay_name_get(open_home(p, HOME_WRITE), "n", "r", &owner, &used), 0);
	assert_true(identifier_equal(&me, &owner) && used == 6);
	assert_int_equal(relay_name_del(p->h, "n", "r"), 0);
	assert_int_equal(relay_name_del(p->h, "n", "r"), -ENOENT);
}

static void spoil(const char *path, off_t from, size_t len)
{
	char junk[4096];
	memset(junk, 'x', sizeof junk);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	for (size_t n = 0; n < len; n += sizeof junk)
		assert_int_equal(pwrite(fd, junk, sizeof junk, from + (off_t)n), sizeof junk);
	close(fd);
}

static void a_damaged_database_is_named(void **state)
{
	struct place *p = *state;
	struct stat st;
	assert_int_equal(home_ensure_default(open_home(p, HOME_WRITE)), 0);
	home_close(p->h);
	assert_int_equal(stat(p->database, &st), 0);
	spoil(p->database, 4096, (size_t)st.st_size - 4096);
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), 0);
	assert_int_equal(identity_get(p->h, NULL, &p->info), -EUCLEAN);
	assert_sentence(p->h, p->database);
	assert_sentence(p->h, "damaged");
	home_close(p->h);
	spoil(p->database, 0, 4096);
	static const enum home_mode modes[] = {HOME_READ, HOME_WRITE};
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(home_open(&p->h, p->dir, modes[i]), -EUCLEAN);
		assert_sentence(p->h, "ockam reset");
		home_close(p->h);
	}
	p->h = NULL;
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void other_versions_are_refused(void **state)
{
	struct place *p = *state;
	open_home(p, HOME_WRITE);
	home_close(p->h);
	p->h = NULL;
	run_sql(p->database, "PRAGMA user_version=99");
	assert_int_equal(home_open(&p->h, p->dir, HOME_READ), -EIO);
	assert_sentence(p->h, "newer ockam");
	home_close(p->h);
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), -EIO);
	home_close(p->h);
	assert_int_equal(unlink(p->database), 0);
	run_sql(p->database, "CREATE TABLE somebody(x)");
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), -EUCLEAN);
	assert_sentence(p->h, "another program");
	home_close(p->h);
	p->h = NULL;
}

static void damaged_rows_are_refused(void **state)
{
	struct place *p = *state;
	struct node_info n = {0};
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(home_ensure_default(h), 0);
	assert_int_equal(node_store(h, "n", "default", "{}"), 0);
	run_sql(p->database, "UPDATE identity SET history = zeroblob(9000);"
			     "UPDATE node SET static_key = zeroblob(31)");
	assert_int_equal(identity_get(h, NULL, &p->info), -EUCLEAN);
	assert_int_equal(node_get(h, NULL, &n), -EUCLEAN);
	run_sql(p->database, "DROP TABLE secret");
	assert_int_equal(identity_store(h, "i", NULL, NULL, 0, NULL, &p->info), -EUCLEAN);
	assert_sentence(h, "no such table");
}

/* Runs fn as an unprivileged user in a child, where root's rights would hide what is tested. */
static void as_nobody(struct place *p, int (*fn)(struct place *p))
{
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(70);
		_exit(fn(p));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int read_without_rights(struct place *p)
{
	struct home *h;
	if (home_open(&h, p->dir, HOME_WRITE) != -EROFS || !strstr(home_error(h), "read-only"))
		return 1;
	home_close(h);
	if (home_open(&h, p->dir, HOME_READ) < 0 || identity_get(h, NULL, &p->info) < 0)
		return 2;
	home_close(h);
	return 0;
}

static int find_no_way_in(struct place *p)
{
	struct home *h;
	if (home_open(&h, p->dir, HOME_READ) != -EROFS || !strstr(home_error(h), "belongs to somebody else"))
		return 1;
	home_close(h);
	if (home_open(&h, p->dir, HOME_WRITE) != -EROFS)
		return 2;
	home_close(h);
	return 0;
}

static void a_read_only_home_can_be_read(void **state)
{
	struct place *p = *state;
	assert_int_equal(home_ensure_default(open_home(p, HOME_WRITE)), 0);
	home_close(p->h);
	p->h = NULL;
	chmod(p->base, 0755);
	chmod(in(p, "a"), 0755);
	chmod(p->dir, 0555);
	chmod(p->database, 0444);
	as_nobody(p, read_without_rights);
	chmod(p->dir, 0);
	as_nobody(p, find_no_way_in);
	chmod(p->dir, 0700);
}

static int write_into_nothing(struct place *p)
{
	struct home *h;
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s/x/y", p->base);
	int rc = home_open(&h, dir, HOME_WRITE);
	home_close(h);
	return rc != -EROFS;
}

static void places_that_cannot_be_made_are_named(void **state)
{
	struct place *p = *state;
	char dir[PATH_MAX];
	chmod(p->base, 0555);
	as_nobody(p, write_into_nothing);
	chmod(p->base, 0700);
	close(open(in(p, "file"), O_CREAT | O_WRONLY, 0600));
	snprintf(dir, sizeof dir, "%s/file/home", p->base);
	assert_int_equal(home_open(&p->h, dir, HOME_WRITE), -EIO);
	assert_sentence(p->h, "Not a directory");
}

enum { CHILDREN = 8 };

/* Starts CHILDREN processes at one instant and expects all to succeed. */
static void in_parallel(struct place *p, int (*fn)(struct place *p, int i))
{
	int gate[2];
	pid_t pid[CHILDREN];
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			char c;
			close(gate[1]);
			_exit(read(gate[0], &c, 1) < 0 ? 70 : fn(p, i));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static int create_all(struct place *p, int i)
{
	struct home *h;
	char name[8];
	snprintf(name, sizeof name, "n%d", i);
	int rc = home_open(&h, p->dir, HOME_WRITE);
	if (rc == 0)
		rc = home_ensure_default(h);
	if (rc == 0)
		rc = node_store(h, name, "default", "{}");
	if (rc < 0)
		fprintf(stderr, "child %d: %s\n", i, home_error(h));
	home_close(h);
	return rc ? 1 : 0;
}

static int count_node(void *ctx, const struct node_info *n)
{
	*(int *)ctx += n->is_default ? 100 : 1;
	return 0;
}

static void parallel_calls_make_one_default(void **state)
{
	struct place *p = *state;
	int identities = 0, vaults = 0, nodes = 0;
	in_parallel(p, create_all);
	struct home *h = open_home(p, HOME_READ);
	assert_int_equal(identity_each(h, count_identity, &identities), 0);
	assert_int_equal(vault_each(h, count_vault, &vaults), 0);
	assert_int_equal(node_each(h, count_node, &nodes), 0);
	assert_int_equal(identities, 1);
	assert_int_equal(vaults, 1);
	assert_int_equal(nodes, 100 + CHILDREN - 1);
}

static int write_until_killed(struct place *p)
{
	struct home *h;
	char name[16];
	if (home_open(&h, p->dir, HOME_WRITE) < 0)
		return 1;
	for (int i = 0;; i++) {
		snprintf(name, sizeof name, "i%d", i);
		if (identity_store(h, name, NULL, NULL, 0, NULL, &p->info) < 0 ||
			(i % 3 == 2 && identity_renew(h, name, &p->info) < 0))
			return 1;
	}
}

static int has_its_secret(void *ctx, const struct identity_info *i)
{
	struct secret32 secret;
	int rc = identity_secret(ctx, i->name, &secret);
	return rc < 0 ? rc : identity_key_matches(&i->identity, &secret) ? 0 : -EKEYREJECTED;
}

static void a_killed_writer_leaves_whole_identities(void **state)
{
	struct place *p = *state;
	open_home(p, HOME_WRITE);
	home_close(p->h);
	p->h = NULL;
	for (useconds_t us = 2000; us < 40000; us += 4000) {
		char command[2 * PATH];
		pid_t pid = fork();
		if (pid == 0)
			_exit(write_until_killed(p));
		usleep(us);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		struct home *h = open_home(p, HOME_WRITE);
		assert_int_equal(identity_each(h, has_its_secret, h), 0);
		home_close(h);
		p->h = NULL;
		snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
		assert_int_equal(system(command), 0);
	}
}

static int collect(void *ctx, const char *node, const char *route)
{
	strcat(ctx, node);
	strcat(ctx, route);
	return 0;
}

static void running_nodes_are_told_by_their_lock(void **state)
{
	struct place *p = *state;
	static const char *const routes[] = {"/ip4/127.0.0.1/tcp/4000", "/ip4/10.0.0.1/tcp/4000"};
	char dst[ROUTE_STRING_MAX], seen[256] = "";
	int pid = -1;
	open_home(p, HOME_WRITE);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_STOPPED);
	assert_int_equal(pid, 0);
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), -ENOENT);
	assert_int_equal(node_listener(p->dir, "..", dst, sizeof dst), -ENOENT);
	assert_int_equal(node_listeners_each(p->dir, collect, seen), 0);
	assert_int_equal(node_publish_listeners(p->dir, "n1", routes, 2), 0);
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), -ESRCH);

	int lock = node_lock(p->dir, "n1");
	assert_true(lock >= 0);
	assert_int_equal(node_lock(p->dir, "n1"), -EEXIST);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_RUNNING);
	assert_int_equal(pid, getpid());
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), 0);
	assert_string_equal(dst, routes[0]);
	assert_int_equal(node_listener(p->dir, "n1", dst, 5), -ENAMETOOLONG);
	assert_int_equal(node_listeners_each(p->dir, collect, seen), 0);
	assert_string_equal(seen, "n1/ip4/127.0.0.1/tcp/4000n1/ip4/10.0.0.1/tcp/4000");
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_RUNNING);

	assert_int_equal(node_publish_listeners(p->dir, "n1", NULL, 0), 0);
	assert_int_equal(node_listener(p->dir, "n1", dst, sizeof dst), -ENODATA);
	close(lock);
	assert_int_equal(node_status(p->dir, "n1", &pid), NODE_STOPPED);
	assert_int_equal(pid, 0);
	lock = node_lock(p->dir, "n1");
	assert_true(lock >= 0);
	close(lock);
}

static int lock_and_die(struct place *p, int i)
{
	int fd = node_lock(p->dir, "shared");
	if (fd < 0)
		return fd == -EEXIST ? 0 : 1;
	/* alone: make a mark that a second holder would find */
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/run/shared/mark", p->dir);
	int mark = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (mark < 0)
		return 2;
	usleep(20000);
	unlink(path);
	close(mark);
	return 0;
}

static void one_process_holds_a_node(void **state)
{
	struct place *p = *state;
	int pid;
	open_home(p, HOME_WRITE);
	in_parallel(p, lock_and_die);
	assert_int_equal(node_status(p->dir, "shared", &pid), NODE_STOPPED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(directories_are_found),
		TEST(socket_paths_are_limited),
		TEST(a_new_home_is_private),
		TEST(reading_a_missing_home_finds_nothing_and_makes_nothing),
		TEST(reading_leaves_no_file_behind),
		TEST(identities_live_in_vaults),
		TEST(histories_are_imported_with_their_secret),
		TEST(rotation_keeps_the_identifier),
		TEST(vaults_are_files_and_move),
		TEST(a_lost_vault_file_is_named),
		TEST(nodes_are_stored_replaced_and_removed),
		TEST(a_callback_may_write),
		TEST(objects_keep_their_order),
		TEST(relay_names_are_reserved),
		TEST(a_damaged_database_is_named),
		TEST(other_versions_are_refused),
		TEST(damaged_rows_are_refused),
		TEST(a_read_only_home_can_be_read),
		TEST(places_that_cannot_be_made_are_named),
		TEST(parallel_calls_make_one_default),
		TEST(a_killed_writer_leaves_whole_identities),
		TEST(running_nodes_are_told_by_their_lock),
		TEST(one_process_holds_a_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
