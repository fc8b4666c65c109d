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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_member_gives_up_its_own_oldest),
		cmocka_unit_test(a_full_crowd_gives_up_the_oldest_of_who_has_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
