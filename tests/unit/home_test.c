// SPDX-License-Identifier: Apache-2.0
#include "home_place.h"

#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>

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
	assert_int_equal(
		home_node_path(path, sizeof path, dir, "run", "n12", "pid"), -ENAMETOOLONG);
	assert_int_equal(home_node_path(path, sizeof path, dir, "nodes", "n12", "stdout.log"), 0);
	assert_int_equal(
		home_node_path(path, 10, "/h", "nodes", "n1", "stdout.log"), -ENAMETOOLONG);
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
	if (home_open(&h, p->dir, HOME_READ) != -EROFS ||
		!strstr(home_error(h), "belongs to somebody else"))
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

/* Mounts a small file system of its own at p->base; false where that is not allowed. */
static bool mount_small(struct place *p)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", p->base, "tmpfs", 0, "size=256k");
}

static int fill_up(struct place *p)
{
	struct home *h;
	char junk[4096] = {0};
	if (!mount_small(p))
		return 77;
	if (home_open(&h, p->dir, HOME_WRITE) < 0 || home_ensure_default(h) < 0)
		return 1;
	int fd = open(in(p, "junk"), O_CREAT | O_WRONLY, 0600);
	while (write(fd, junk, sizeof junk) > 0)
		;
	close(fd);
	int rc = 0;
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = identity_store(h, NULL, NULL, NULL, 0, NULL, &p->info);
	if (rc != -ENOSPC || !strstr(home_error(h), "the disk is full"))
		return 2;
	home_close(h);
	unlink(in(p, "junk"));
	if (home_open(&h, p->dir, HOME_WRITE) < 0 || identity_get(h, NULL, &p->info) < 0)
		return 3;
	if (identity_store(h, NULL, NULL, NULL, 0, NULL, &p->info) < 0)
		return 4;
	home_close(h);
	return 0;
}

static int freeze(struct place *p)
{
	struct home *h;
	if (!mount_small(p))
		return 77;
	if (home_open(&h, p->dir, HOME_WRITE) < 0 || home_ensure_default(h) < 0)
		return 1;
	home_close(h);
	if (mount(NULL, p->base, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return 77;
	return read_without_rights(p);
}

static void a_full_or_frozen_file_system_is_named(void **state)
{
	struct place *p = *state;
	int (*const tries[])(struct place *) = {fill_up, freeze};
	for (unsigned i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();
		if (pid == 0)
			_exit(tries[i](p));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77) {
			print_message("skipped: no right to mount\n");
			skip();
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(directories_are_found),
		TEST(socket_paths_are_limited),
		TEST(a_new_home_is_private),
		TEST(reading_a_missing_home_finds_nothing_and_makes_nothing),
		TEST(reading_leaves_no_file_behind),
		TEST(a_damaged_database_is_named),
		TEST(other_versions_are_refused),
		TEST(damaged_rows_are_refused),
		TEST(a_read_only_home_can_be_read),
		TEST(a_full_or_frozen_file_system_is_named),
		TEST(places_that_cannot_be_made_are_named),
		TEST(parallel_calls_make_one_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
