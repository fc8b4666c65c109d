// SPDX-License-Identifier: Apache-2.0
/* What a link may take of a node: to the byte, alone and together with others of its identity. */
#include "allowance.h"

#include "spin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { S = 1000000000, RATE = 1000003, BURST = 100000 };

struct desk {
	struct limits l;
	struct allowances *a;
};

static int setup(void **state)
{
	static struct desk d;
	limits_init(&d.l);
	d.a = allowances_new(&d.l);
	*state = &d;
	return d.a ? 0 : -1;
}

static int teardown(void **state)
{
	struct desk *d = *state;
	allowances_free(d->a);
	return 0;
}

static void rate(struct desk *d)
{
	atomic_store(&d->l.rate, RATE);
	atomic_store(&d->l.burst, BURST);
}

static void without_a_limit_all_is_taken(void **state)
{
	struct desk *d = *state;
	struct allowance *w = allowance_join(d->a, 0);
	uint64_t at;
	assert_int_equal(atomic_load(&d->l.busy_poll_us) * 1000, SPIN_NS);
	assert_int_equal(allowance_take(w, &d->l, SIZE_MAX / 2, 5, &at), SIZE_MAX / 2);
	assert_true(allowance_queue(w, &d->l, SIZE_MAX / 4));
	rate(d);
	assert_int_equal(allowance_take(NULL, &d->l, 1 << 30, 5, &at), 1 << 30);
	allowance_unqueue(w, SIZE_MAX / 4);
	allowance_leave(d->a, w);
}

/* In any time t no more than rate * t + burst, and when asked all the time no less. */
static void a_rate_holds_to_the_byte(void **state)
{
	struct desk *d = *state;
	struct allowance *w = allowance_join(d->a, 0);
	const uint64_t begin = 12345 * (uint64_t)S;
	uint64_t now = begin, sum = 0, at;
	rate(d);
	assert_int_equal(allowance_take(w, &d->l, BURST + 1, now, &at), BURST);
	sum = BURST;
	srand(7);
	while (now < begin + 20 * (uint64_t)S) {
		size_t want = 1 + (size_t)(rand() % 70000),
		       got = allowance_take(w, &d->l, want, now, &at);
		sum += got;
		assert_true(
			sum <= BURST + (now - begin) / S * RATE + (now - begin) % S * RATE / S + 1);
		if (got && rand() % 3 == 0) { /* not all of it was there */
			size_t back = (size_t)rand() % got;
			allowance_give(w, &d->l, back);
			sum -= back;
		}
		assert_true(got || (at > now && at <= now + (uint64_t)BURST * S / RATE));
		now = got ? now + 1000 : at;
	}
	assert_true(sum >= 20ull * RATE - 70000);
	assert_true(atomic_load(&w->limited) > 0);
	allowance_leave(d->a, w);
}

static void what_is_saved_up_has_an_end(void **state)
{
	struct desk *d = *state;
	struct allowance *w = allowance_join(d->a, 0);
	uint64_t at;
	rate(d);
	for (uint64_t now = S; now < 5000 * (uint64_t)S; now += 1000 * (uint64_t)S)
		assert_int_equal(allowance_take(w, &d->l, 10 * BURST, now, &at), BURST);
	atomic_store(&d->l.burst, 0); /* a frame must always come through */
	assert_int_equal(
		allowance_take(w, &d->l, 10 * BURST, 9000 * (uint64_t)S, &at), LIMITS_BURST_LEAST);
	allowance_leave(d->a, w);
}

static void an_identity_has_one_for_all_its_links(void **state)
{
	struct desk *d = *state;
	uint64_t at;
	struct allowance *a = allowance_join(d->a, 77), *b = allowance_join(d->a, 77),
			 *other = allowance_join(d->a, 78), *alone = allowance_join(d->a, 0),
			 *too = allowance_join(d->a, 0);
	rate(d);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(alone, too);
	assert_int_equal(allowance_take(a, &d->l, BURST, S, &at), BURST);
	assert_int_equal(allowance_take(b, &d->l, 1, S, &at), 0);
	assert_int_equal(allowance_take(other, &d->l, BURST, S, &at), BURST);
	assert_int_equal(allowance_take(alone, &d->l, BURST, S, &at), BURST);
	assert_int_equal(allowance_take(too, &d->l, BURST, S, &at), BURST);
	allowance_leave(d->a, a);
	assert_int_equal(
		allowance_take(b, &d->l, 1, S, &at), 0); /* who comes back has nothing new */
	assert_ptr_equal(allowance_join(d->a, 77), b);
	allowance_leave(d->a, b);
	allowance_leave(d->a, b);
	allowance_leave(d->a, other);
	allowance_leave(d->a, alone);
	allowance_leave(d->a, too);
}

static void what_waits_is_counted(void **state)
{
	struct desk *d = *state;
	struct allowance *w = allowance_join(d->a, 0);
	assert_false(allowance_counts(&d->l));
	atomic_store(&d->l.queue, 1000);
	assert_true(allowance_counts(&d->l));
	assert_true(allowance_queue(w, &d->l, 500));
	assert_false(allowance_is_near(w, &d->l));
	assert_true(allowance_queue(w, &d->l, 500));
	assert_true(allowance_is_near(w, &d->l));
	assert_false(allowance_queue(w, &d->l, 1));
	allowance_unqueue(w, 10);
	assert_false(allowance_queue(w, &d->l, 11));
	assert_true(allowance_queue(w, &d->l, 10));
	struct allowance *again = allowance_ref(w);
	allowance_leave(d->a, w);
	allowance_unqueue(again, 1000);
	assert_int_equal(atomic_load(&again->limited), 2);
	allowance_leave(d->a, again);
}

#define A(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		A(without_a_limit_all_is_taken),
		A(a_rate_holds_to_the_byte),
		A(what_is_saved_up_has_an_end),
		A(an_identity_has_one_for_all_its_links),
		A(what_waits_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
