// SPDX-License-Identifier: Apache-2.0
#include "crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

static void one_member_gives_up_its_own_oldest(void **state)
{
	struct crowd c;
	struct crowd_member m = {0}, other = {0};
	struct crowd_item i[4] = {0};
	assert_int_equal(crowd_init(&c, 100, 3), 0);
	for (unsigned k = 0; k < 3; k++) {
		assert_null(crowd_victim(&c, &m));
		crowd_enter(&c, &m, &i[k]);
	}
	assert_ptr_equal(crowd_victim(&c, &m), &i[0]);
	assert_null(crowd_victim(&c, &other));
	crowd_leave(&c, &i[1]);
	crowd_leave(&c, &i[1]); /* nothing happens */
	assert_null(crowd_victim(&c, &m));
	crowd_enter(&c, &m, &i[3]);
	crowd_leave(&c, &i[0]);
	crowd_enter(&c, &m, &i[0]);
	assert_ptr_equal(crowd_victim(&c, &m), &i[2]);
	crowd_fini(&c);
}

static void a_full_crowd_gives_up_the_oldest_of_who_has_most(void **state)
{
	enum { MEMBERS = 40, EACH = 20, ALL = 200 };
	static struct crowd_member m[MEMBERS];
	static struct crowd_item item[ALL];
	struct crowd c;
	uint32_t x = 1;
	assert_int_equal(crowd_init(&c, ALL, EACH), 0);
	for (unsigned round = 0; round < 20000; round++) {
		x = x * 1664525 + 1013904223;
		struct crowd_item *i = &item[(x >> 8) % ALL];
		if (i->of) {
			crowd_leave(&c, i);
			continue;
		}
		/* most come from a few */
		struct crowd_member *to = &m[(x >> 20) % 4 ? (x >> 16) % 5 : (x >> 16) % MEMBERS];
		struct crowd_item *victim = crowd_victim(&c, to);
		unsigned most = 0;
		for (unsigned k = 0; k < MEMBERS; k++)
			most = m[k].n > most ? m[k].n : most;
		assert_int_equal(c.most, most);
		if (to->n == EACH) {
			assert_ptr_equal(victim, to->oldest);
		} else if (c.total == ALL) {
			assert_int_equal(victim->of->n, most);
			assert_ptr_equal(victim, victim->of->oldest);
		} else {
			assert_null(victim);
		}
		if (victim)
			crowd_leave(&c, victim);
		crowd_enter(&c, to, i);
	}
	unsigned total = 0;
	for (unsigned k = 0; k < MEMBERS; k++)
		total += m[k].n;
	assert_int_equal(c.total, total);
	crowd_fini(&c);
}

static void a_group_counts_as_one(void **state)
{
	enum { MAX = 60, MANY = 50 };
	struct crowd c;
	struct crowd_group g = {0};
	static struct crowd_member one[MANY];
	static struct crowd_item item[MANY], mine[MAX];
	struct crowd_member alone = {0};
	assert_int_equal(crowd_init(&c, MAX, MAX), 0);
	for (unsigned i = 0; i < MANY; i++) {
		crowd_join(&one[i], &g);
		crowd_enter(&c, &one[i], &item[i]);
	}
	for (unsigned i = MANY; i < MAX; i++)
		crowd_enter(&c, &alone, &mine[i]);
	/* none of its members has more than one, the other has ten */
	assert_int_equal(c.most, MANY);
	assert_ptr_equal(crowd_victim(&c, &alone), &item[0]);
	crowd_leave(&c, &item[0]);
	assert_null(crowd_victim(&c, &alone));
	/* who joins takes along what it has, and may be alone again */
	crowd_join(&alone, &g);
	assert_int_equal(g.n, MAX - 1);
	assert_int_equal(c.most, MAX - 1);
	crowd_join(&alone, &g);
	crowd_join(&alone, NULL);
	assert_int_equal(g.n, MANY - 1);
	assert_int_equal(crowd_group(&alone)->n, MAX - MANY);
	for (unsigned i = 1; i < MANY; i++)
		crowd_leave(&c, &item[i]);
	assert_int_equal(g.n, 0);
	assert_null(g.first);
	assert_int_equal(c.total, MAX - MANY);
	assert_int_equal(c.most, MAX - MANY);
	crowd_fini(&c);
}

/* Behind one address: a link that floods gives up its own, and not what another has. */
static void in_a_group_who_floods_goes_first(void **state)
{
	enum { MAX = 60, FEW = 20 };
	struct crowd c;
	struct crowd_group g = {0};
	static struct crowd_member few[FEW], flood;
	static struct crowd_item item[FEW], many[MAX];
	assert_int_equal(crowd_init(&c, MAX, MAX), 0);
	for (unsigned i = 0; i < FEW; i++) {
		crowd_join(&few[i], &g);
		crowd_enter(&c, &few[i], &item[i]);
	}
	crowd_join(&flood, &g);
	for (unsigned i = 0; i < 1000; i++) {
		struct crowd_item *victim = crowd_victim(&c, &flood);
		if (victim) {
			assert_ptr_equal(victim->of, &flood);
			crowd_leave(&c, victim);
		}
		crowd_enter(&c, &flood, victim ? victim : &many[i]);
	}
	crowd_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_member_gives_up_its_own_oldest),
		cmocka_unit_test(a_full_crowd_gives_up_the_oldest_of_who_has_most),
		cmocka_unit_test(a_group_counts_as_one),
		cmocka_unit_test(in_a_group_who_floods_goes_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
