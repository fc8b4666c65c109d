// SPDX-License-Identifier: Apache-2.0
#include "fake_node.h"
#include "home_place.h"
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

/* A history that is shorter than one that was seen, or parts from it, is not taken. */
static void a_history_goes_on(void **state)
{
	struct place *p = *state;
	static struct handshake_result first, next, fork;
	struct secret32 secret, other;
	struct identity id;
	struct fake f;
	fake_init(&f);
	int n = identity_create(&secret, first.peer_history, sizeof first.peer_history, 1700000000);
	assert_true(n > 0);
	first.peer_history_len = (size_t)n;
	struct handshake_result *later[] = {&next, &fork};
	for (unsigned i = 0; i < 2; i++) {
		n = identity_rotate(first.peer_history, first.peer_history_len, &secret, false,
			1700000001, &other, later[i]->peer_history, sizeof later[i]->peer_history);
		assert_true(n > 0);
		later[i]->peer_history_len = (size_t)n;
	}
	struct handshake_result *all[] = {&first, &next, &fork};
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(identity_verify(all[i]->peer_history, all[i]->peer_history_len, 0, &id), 0);
		all[i]->peer = id;
	}
	assert_true(trust_history(f.n, &next)); /* without a home nothing is remembered */
	assert_true(trust_history(f.n, &first));
	assert_int_equal(home_open(&p->h, p->dir, HOME_WRITE), 0);
	f.n->home = p->h;
	assert_true(trust_history(f.n, &first));
	assert_true(trust_history(f.n, &next));
	assert_true(trust_history(f.n, &next));
	assert_false(trust_history(f.n, &first));
	assert_false(trust_history(f.n, &fork));
	f.n->home = NULL;
	fake_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_admitted),
		cmocka_unit_test(what_is_no_identifier_is_refused),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test_setup_teardown(a_history_goes_on, make_place, remove_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
