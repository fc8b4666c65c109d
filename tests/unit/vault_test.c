// SPDX-License-Identifier: Apache-2.0
#include "home_place.h"

#include <signal.h>

static int count_identity(void *ctx, const struct identity_info *i)
{
	++*(int *)ctx;
	return 0;
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
	assert_int_equal(
		identity_store(h, "i", NULL, history, len - 1, &secret, &p->info), -EBADMSG);
	assert_int_equal(
		identity_store(h, "i", NULL, history, len, &wrong, &p->info), -EKEYREJECTED);
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

static void an_import_that_is_refused_keeps_the_secret(void **state)
{
	struct place *p = *state;
	struct secret32 secret, after;
	uint8_t history[IDENTITY_HISTORY_MAX];
	struct home *h = open_home(p, HOME_WRITE);
	assert_int_equal(vault_create(h, "v", in(p, "file"), &p->vault), 0);
	assert_int_equal(home_ensure_default(h), 0); /* into the file: it is the only vault */
	assert_int_equal(identity_get(h, "default", &p->info), 0);
	assert_string_equal(p->info.vault, "v");
	assert_int_equal(identity_secret(h, "default", &secret), 0);
	size_t len = p->info.history_len;
	memcpy(history, p->info.history, len);
	assert_int_equal(identity_store(h, "j", "v", history, len, &secret, &p->info), -EEXIST);
	h = open_home(p, HOME_WRITE);
	assert_int_equal(identity_secret(h, "default", &after), 0);
	assert_memory_equal(secret.b, after.b, 32);
	/* and once it is deleted it can come back */
	assert_int_equal(identity_delete(h, "default"), 0);
	assert_int_equal(identity_store(h, "j", "v", history, len, &secret, &p->info), 0);
	assert_int_equal(identity_secret(open_home(p, HOME_WRITE), "j", &after), 0);
	assert_memory_equal(secret.b, after.b, 32);
}

static void a_failed_move_leaves_no_copy(void **state)
{
	struct place *p = *state;
	char first[2 * PATH], second[2 * PATH];
	struct home *h = open_home(p, HOME_WRITE);
	strcpy(first, in(p, "first"));
	strcpy(second, in(p, "second"));
	assert_int_equal(vault_create(h, "v", first, &p->vault), 0);
	assert_int_equal(identity_store(h, "i", "v", NULL, 0, NULL, &p->info), 0);
	assert_int_equal(rename(first, in(p, "away")), 0);
	assert_int_equal(vault_move(h, "v", second), -EIO);
	assert_sentence(h, first);
	assert_false(exists(second));
	assert_int_equal(rename(in(p, "away"), first), 0);
	assert_int_equal(vault_move(h, "v", second), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identities_live_in_vaults),
		TEST(histories_are_imported_with_their_secret),
		TEST(rotation_keeps_the_identifier),
		TEST(vaults_are_files_and_move),
		TEST(an_import_that_is_refused_keeps_the_secret),
		TEST(a_failed_move_leaves_no_copy),
		TEST(a_lost_vault_file_is_named),
		TEST(a_killed_writer_leaves_whole_identities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
