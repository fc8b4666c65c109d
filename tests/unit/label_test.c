// SPDX-License-Identifier: Apache-2.0
#include "label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

static void many_keys_are_found(void **state)
{
	enum { N = 10000 };
	struct label_table t;
	struct label_node *n = calloc(N, sizeof *n);
	assert_int_equal(label_table_init(&t, 42), 0);
	for (uint32_t i = 0; i < N; i++) {
		n[i].link = i % 7;
		n[i].label = i / 7 * 1024; /* low bits all alike */
		label_insert(&t, &n[i]);
	}
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(label_find(&t, i % 7, i / 7 * 1024), &n[i]);
	assert_null(label_find(&t, 7, 0));
	assert_null(label_find(&t, 1, 5));
	for (uint32_t i = 0; i < N; i += 2)
		label_remove(&t, &n[i]);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(label_find(&t, i % 7, i / 7 * 1024), i % 2 ? &n[i] : NULL);
	size_t visited = 0;
	struct label_iter it = {0};
	for (struct label_node *p; (p = label_each(&t, &it)); visited++)
		label_remove(&t, p);
	assert_int_equal(visited, N / 2);
	assert_int_equal(t.used, 0);
	label_table_fini(&t);
	free(n);
}

static void equal_keys_are_all_found(void **state)
{
	struct label_table t;
	struct label_node n[3] = {
		{.link = 1, .label = 2}, {.link = 1, .label = 2}, {.link = 1, .label = 2}};
	assert_int_equal(label_table_init(&t, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		label_insert(&t, &n[i]);
	unsigned found = 0;
	for (struct label_node *p = label_find(&t, 1, 2); p; p = label_find_next(p))
		found++;
	assert_int_equal(found, 3);
	label_remove(&t, &n[1]);
	label_remove(&t, &n[1]); /* not there: nothing happens */
	assert_int_equal(t.used, 2);
	label_table_fini(&t);
}

/* Walks in parts, while the table grows: what is there all the time comes once, and only once. */
static void a_walk_outlives_growth(void **state)
{
	enum { FIRST = 500, MORE = 20000 };
	struct label_table t;
	struct label_node *n = calloc(FIRST + MORE, sizeof *n);
	unsigned *seen = calloc(FIRST + MORE, sizeof *seen), more = FIRST, gone = 0;
	assert_int_equal(label_table_init(&t, 7), 0);
	for (unsigned i = 0; i < FIRST + MORE; i++)
		n[i] = (struct label_node){.link = 1 + i % 3, .label = i};
	for (unsigned i = 0; i < FIRST; i++)
		label_insert(&t, &n[i]);
	uint64_t cursor = 0, changes = t.changes;
	unsigned steps = 0;
	do {
		struct label_node *first;
		cursor = label_scan(&t, cursor, &first);
		for (struct label_node *p = first; p; p = p->next)
			seen[p - n]++;
		steps++;
		for (unsigned k = 0; k < 60 && more < FIRST + MORE; k++)
			label_insert(&t, &n[more++]);
		if (steps % 16 == 0) /* every tenth of the first ones goes meanwhile */
			label_remove(&t, &n[10 * gone++ % FIRST]);
	} while (cursor);
	assert_int_equal(more, FIRST + MORE);
	assert_true(t.mask > 8192 && steps > 1000);
	assert_true(t.changes > changes);
	for (unsigned i = 0; i < FIRST; i++)
		assert_true(i % 10 ? seen[i] == 1 : seen[i] <= 1);
	for (unsigned i = FIRST; i < FIRST + MORE; i++)
		assert_true(seen[i] <= 1);
	label_table_fini(&t);
	free(seen);
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_keys_are_found),
		cmocka_unit_test(equal_keys_are_all_found),
		cmocka_unit_test(a_walk_outlives_growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
