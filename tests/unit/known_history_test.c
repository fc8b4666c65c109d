// SPDX-License-Identifier: Apache-2.0
/* What a home remembers of the histories of others. */
#include "home_place.h"
#include "known_history.h"

#include <sqlite3.h>
#include <string.h>

enum { NOW = 1700000000 };

struct grown {
	struct identity id;
	uint8_t history[IDENTITY_HISTORY_MAX];
	size_t len;
	struct secret32 secret;
};

static struct grown made(void)
{
	struct grown g;
	int n = identity_create(&g.secret, g.history, sizeof g.history, NOW);
	assert_true(n > 0);
	g.len = (size_t)n;
	assert_int_equal(identity_verify(g.history, g.len, 0, &g.id), 0);
	return g;
}

static struct grown rotated(const struct grown *old)
{
	struct grown g;
	int n = identity_rotate(old->history, old->len, &old->secret, false, NOW + 1, &g.secret,
		g.history, sizeof g.history);
	assert_true(n > 0);
	g.len = (size_t)n;
	assert_int_equal(identity_verify(g.history, g.len, 0, &g.id), 0);
	return g;
}

static int check(struct place *p, const struct grown *g)
{
	return known_history_check(p->h, &g->id, g->history, g->len);
}

static void the_longest_counts(void **state)
{
	struct place *p = *state;
	struct grown one = made(), two = rotated(&one), three = rotated(&two), fork = rotated(&one);
	struct grown other = made();
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), 0);
	assert_int_equal(check(p, &one), 0);
	assert_int_equal(check(p, &two), 0);
	assert_int_equal(check(p, &two), 0);
	assert_int_equal(check(p, &one), -ESTALE);
	assert_int_equal(check(p, &fork), -EKEYREJECTED);
	assert_int_equal(check(p, &three), 0);
	assert_int_equal(check(p, &two), -ESTALE);
	assert_int_equal(check(p, &other), 0);
	/* for good */
	home_close(p->h);
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), 0);
	assert_int_equal(check(p, &one), -ESTALE);
	assert_int_equal(check(p, &three), 0);
}

static void one_change_is_not_kept(void **state)
{
	struct place *p = *state;
	struct grown one = made();
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), 0);
	assert_int_equal(check(p, &one), 0);
	assert_int_equal(sqlite3_open(p->database, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT count(*) FROM known_history", -1, &st, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(st, 0), 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* A stranger with many identities pushes none out that is known. */
static void a_full_table_keeps_what_it_has(void **state)
{
	struct place *p = *state;
	struct grown one = made(), two = rotated(&one), three = rotated(&two);
	struct grown late = made(), later = rotated(&late);
	sqlite3 *db;
	char sql[256];
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), 0);
	assert_int_equal(check(p, &two), 0);
	snprintf(sql, sizeof sql,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		" INSERT INTO known_history SELECT randomblob(32), x'80' FROM n",
		KNOWN_HISTORIES_MAX - 1);
	assert_int_equal(sqlite3_open(p->database, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(check(p, &one), -ESTALE);
	assert_int_equal(check(p, &later), 0);
	assert_int_equal(check(p, &late), 0);  /* there was no room for the longer one */
	assert_int_equal(check(p, &three), 0); /* this one has its place */
	assert_int_equal(check(p, &two), -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_longest_counts, make_place, remove_place),
		cmocka_unit_test_setup_teardown(one_change_is_not_kept, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			a_full_table_keeps_what_it_has, make_place, remove_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
