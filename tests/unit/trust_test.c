// SPDX-License-Identifier: Apache-2.0
#include "fake_node.h"
#include "trust.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct identifier numbered(unsigned i, char text[static IDENTIFIER_TEXT])
{
	struct identifier id;
	memset(&id, (int)i + 1, sizeof id);
	identifier_format(&id, text);
	return id;
}

static void what_is_added_is_admitted(void **state)
{
	struct fake f;
	struct trust t = {0};
	char text[IDENTIFIER_TEXT];
	fake_init(&f);
	struct identifier one = numbered(1, text), two = numbered(2, text);
	assert_false(trust_admits(f.n, &t, &two));
	assert_int_equal(trust_add(&t, text), 0);
	assert_true(trust_admits(f.n, &t, &two));
	assert_false(trust_admits(f.n, &t, &one));
	assert_true(trust_admits(f.n, &t, &f.n->keys.identity.id));
	assert_int_equal(trust_add(&t, "any"), 0);
	assert_true(trust_admits(f.n, &t, &one));
	fake_fini(&f);
}

static void what_is_no_identifier_is_refused(void **state)
{
	struct trust t = {0};
	char text[IDENTIFIER_TEXT];
	numbered(1, text);
	static const char *const bad[] = {"", "Any", "any ", "I", "I12"};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(trust_add(&t, bad[i]), -EINVAL);
	text[10] = 'x';
	assert_int_equal(trust_add(&t, text), -EINVAL);
	assert_int_equal(t.n, 0);
	assert_false(t.any);
}

static void there_is_room_for_so_many(void **state)
{
	struct trust t = {0};
	char text[IDENTIFIER_TEXT];
	for (unsigned i = 0; i < TRUST_MAX; i++) {
		numbered(i, text);
		assert_int_equal(trust_add(&t, text), 0);
	}
	numbered(TRUST_MAX, text);
	assert_int_equal(trust_add(&t, text), -E2BIG);
	assert_int_equal(t.n, TRUST_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_admitted),
		cmocka_unit_test(what_is_no_identifier_is_refused),
		cmocka_unit_test(there_is_room_for_so_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
