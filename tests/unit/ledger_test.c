// SPDX-License-Identifier: Apache-2.0
/* Which session of a portal takes a connection, and what connections add up to. */
#include "ledger.h"

#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

enum { PORTAL = 3, WORKERS = 2, SEATS = 3, MANY = 12 };

struct room {
	struct ledger *l;
	struct seat *s[SEATS]; /* of worker 0, 1, 0 */
	struct guest g[MANY];
	uint64_t rx[MANY];
	unsigned n;
	uint64_t now_ms;
};

static int setup(void **state)
{
	static struct room r;
	static int io;
	r = (struct room){.l = ledger_new(), .now_ms = 1000};
	for (unsigned i = 0; i < SEATS; i++)
		r.s[i] = seat_take(r.l, PORTAL, i % WORKERS, &io);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct room *r = *state;
	for (unsigned i = 0; i < r->n; i++)
		guest_leave(r->l, &r->g[i]);
	for (unsigned i = 0; i < SEATS; i++)
		if (r->s[i])
			seat_leave(r->l, r->s[i]);
	ledger_free(r->l);
	return 0;
}

/* A connection that `worker` has accepted: at which seat it is. */
static unsigned come(struct room *r, unsigned worker)
{
	struct seat *s = seat_choose(r->l, PORTAL, worker, r->now_ms);
	guest_come(&r->g[r->n++], s);
	for (unsigned i = 0; i < SEATS; i++)
		if (s == r->s[i])
			return i;
	return SEATS;
}

/* Guest i moves so much in one piece. */
static void move(struct room *r, unsigned i, size_t n)
{
	r->rx[i] += n;
	guest_moved(r->l, &r->g[i], r->rx[i], 0, n, r->now_ms);
}

static void as_many_each(void **state)
{
	struct room *r = *state;
	unsigned at[SEATS] = {0};
	for (unsigned i = 0; i < 3 * SEATS; i++)
		at[come(r, 0)]++;
	for (unsigned i = 0; i < SEATS; i++)
		assert_int_equal(at[i], 3);
}

static void when_all_are_alike_who_accepted_it_keeps_it(void **state)
{
	struct room *r = *state;
	assert_int_equal(come(r, 1), 1);
	guest_leave(r->l, &r->g[--r->n]);
	assert_int_equal(come(r, 1), 1);
	guest_leave(r->l, &r->g[--r->n]);
	/* and among its own they take turns */
	unsigned first = come(r, 0);
	guest_leave(r->l, &r->g[--r->n]);
	assert_int_equal(first + come(r, 0), 0 + 2);
}

static void the_second_goes_to_another_worker(void **state)
{
	struct room *r = *state;
	assert_int_equal(come(r, 0), 0);
	assert_int_equal(come(r, 0), 1);
}

static void bulk_is_kept_away_from(void **state)
{
	struct room *r = *state;
	unsigned bulk = come(r, 1);
	assert_int_equal(bulk, 1);
	move(r, 0, LEDGER_BULK);
	/* sessions of the other worker, however many they have */
	for (unsigned i = 0; i < 6; i++)
		assert_int_not_equal(come(r, 1), 1);
}

static void of_busy_sessions_the_one_beside_less_bulk(void **state)
{
	struct room *r = *state;
	for (unsigned i = 0; i < SEATS; i++) {
		come(r, 0);
		move(r, i, LEDGER_BULK);
	}
	/* worker 0 has two of them */
	assert_int_equal(come(r, 0), 1);
}

static void bulk_is_forgotten(void **state)
{
	struct room *r = *state;
	unsigned bulk = come(r, 1);
	move(r, 0, LEDGER_BULK);
	come(r, 1);
	come(r, 1);
	r->now_ms += LEDGER_MEMORY_MS;
	assert_int_not_equal(come(r, 1), bulk);
	r->now_ms++; /* now only connections count: the others have more */
	assert_int_equal(come(r, 1), bulk);
}

static void bulk_goes_on_while_it_moves(void **state)
{
	struct room *r = *state;
	come(r, 1);
	for (unsigned i = 0; i < 20; i++) {
		move(r, 0, LEDGER_BULK);
		r->now_ms += LEDGER_WINDOW_MS;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_not_equal(come(r, 1), 1);
}

static void small_pieces_or_few_are_not_bulk(void **state)
{
	struct room *r = *state;
	come(r, 1);
	for (unsigned i = 0; i < 1000; i++) /* quick questions and answers */
		move(r, 0, LEDGER_PIECE);
	for (unsigned i = 0; i < 10; i++) { /* slow pages */
		move(r, 0, LEDGER_BULK - 1);
		r->now_ms += LEDGER_WINDOW_MS;
	}
	unsigned at[SEATS] = {1};
	at[0] = 0;
	at[1] = 1;
	for (unsigned i = 0; i < 2; i++)
		at[come(r, 1)]++;
	for (unsigned i = 0; i < SEATS; i++)
		assert_int_equal(at[i], 1);
}

static void a_full_session_comes_last(void **state)
{
	struct room *r = *state;
	static struct guest g[WIRE_STREAMS_MAX];
	seat_leave(r->l, r->s[1]);
	seat_leave(r->l, r->s[2]);
	for (unsigned i = 0; i < WIRE_STREAMS_MAX; i++)
		guest_come(&g[i], seat_choose(r->l, PORTAL, 0, r->now_ms));
	r->s[1] = r->s[2] = NULL;
	int io;
	struct seat *fresh = seat_take(r->l, PORTAL, 1, &io);
	struct guest bulk;
	guest_come(&bulk, seat_choose(r->l, PORTAL, 0, r->now_ms));
	assert_ptr_equal(bulk.seat, fresh);
	guest_moved(r->l, &bulk, LEDGER_BULK, 0, LEDGER_BULK, r->now_ms);
	struct seat *s = seat_choose(r->l, PORTAL, 0, r->now_ms);
	assert_ptr_equal(s, fresh);
	seat_give_up(r->l, s);
	guest_leave(r->l, &bulk);
	seat_leave(r->l, fresh);
	for (unsigned i = 0; i < WIRE_STREAMS_MAX; i++)
		guest_leave(r->l, &g[i]);
}

static void a_seat_that_was_left_takes_nobody(void **state)
{
	struct room *r = *state;
	struct guest g;
	struct seat *s = seat_choose(r->l, PORTAL, 1, r->now_ms); /* who is on the way */
	assert_ptr_equal(s, r->s[1]);
	assert_non_null(seat_io(s));
	seat_leave(r->l, r->s[1]);
	r->s[1] = NULL;
	assert_null(seat_io(s));
	assert_int_equal(seat_portal(s), PORTAL);
	seat_give_up(r->l, s);
	for (unsigned i = 0; i < 6; i++)
		assert_int_not_equal(come(r, 1), SEATS);
	assert_null(seat_choose(r->l, PORTAL + 1, 0, r->now_ms));
	/* who sits there stays */
	s = seat_choose(r->l, PORTAL, 0, r->now_ms);
	guest_come(&g, s);
	guest_moved(r->l, &g, 5, 7, 0, r->now_ms);
	for (unsigned i = 0; i < SEATS; i++)
		if (r->s[i])
			seat_leave(r->l, r->s[i]);
	r->s[0] = r->s[2] = NULL;
	assert_null(seat_choose(r->l, PORTAL, 0, r->now_ms));
	assert_int_equal(ledger_sum(r->l, PORTAL, NULL).open, 7);
	assert_int_equal(ledger_sum(r->l, PORTAL, NULL).rx, 5);
	guest_leave(r->l, &g);
	assert_int_equal(ledger_sum(r->l, PORTAL, NULL).open, 6);
	assert_int_equal(ledger_sum(r->l, PORTAL, NULL).streams, 7);
	assert_int_equal(ledger_sum(r->l, PORTAL, NULL).tx, 7); /* it counts though it has gone */
}

static void accounts_are_by_number_or_name(void **state)
{
	struct room *r = *state;
	struct guest a, b;
	guest_come_by_name(r->l, &a, "db", 0);
	guest_come_by_name(r->l, &b, "db", 1);
	guest_moved(r->l, &a, 10, 1, 10, r->now_ms);
	guest_moved(r->l, &b, 20, 2, 20, r->now_ms);
	guest_moved(r->l, &b, 30, 2, 10, r->now_ms);
	struct ledger_sum sum = ledger_sum(r->l, 0, "db");
	assert_int_equal(sum.open, 2);
	assert_int_equal(sum.rx, 40);
	assert_int_equal(sum.tx, 3);
	assert_int_equal(ledger_sum(r->l, 0, "d").open, 0);
	assert_int_equal(ledger_sum(r->l, PORTAL, NULL).open, 0);
	guest_leave(r->l, &a);
	sum = ledger_sum(r->l, 0, "db");
	assert_int_equal(sum.open, 1);
	assert_int_equal(sum.rx, 40);
	guest_leave(r->l, &b);
	assert_int_equal(ledger_sum(r->l, 0, "db").open, 0);
	assert_int_equal(ledger_sum(r->l, 0, "db").streams, 2);
}

/* The sums of very many services that nobody uses are forgotten, oldest first. */
static void sums_are_not_kept_without_end(void **state)
{
	struct room *r = *state;
	struct guest used, g;
	char name[16];
	guest_come_by_name(r->l, &used, "used", 0);
	for (unsigned i = 0; i <= LEDGER_ACCOUNTS; i++) {
		snprintf(name, sizeof name, "s%u", i);
		guest_come_by_name(r->l, &g, name, 0);
		guest_leave(r->l, &g);
	}
	assert_int_equal(ledger_sum(r->l, 0, "s0").streams, 0);
	assert_int_equal(ledger_sum(r->l, 0, name).streams, 1);
	assert_int_equal(ledger_sum(r->l, 0, "used").open, 1);
	assert_non_null(seat_choose(r->l, PORTAL, 0, r->now_ms));
	guest_leave(r->l, &used);
}

/* What an outlet's connections move keeps others away from their worker too. */
static void bulk_of_outlets_counts_for_its_worker(void **state)
{
	struct room *r = *state;
	struct guest a;
	guest_come_by_name(r->l, &a, "db", 1);
	guest_moved(r->l, &a, 0, LEDGER_BULK, LEDGER_BULK, r->now_ms);
	for (unsigned i = 0; i < 4; i++)
		assert_int_not_equal(come(r, 1), 1);
	guest_leave(r->l, &a);
	assert_int_equal(come(r, 1), 1);
}

#define L(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		L(as_many_each),
		L(when_all_are_alike_who_accepted_it_keeps_it),
		L(the_second_goes_to_another_worker),
		L(bulk_is_kept_away_from),
		L(of_busy_sessions_the_one_beside_less_bulk),
		L(bulk_is_forgotten),
		L(bulk_goes_on_while_it_moves),
		L(small_pieces_or_few_are_not_bulk),
		L(a_full_session_comes_last),
		L(a_seat_that_was_left_takes_nobody),
		L(accounts_are_by_number_or_name),
		L(sums_are_not_kept_without_end),
		L(bulk_of_outlets_counts_for_its_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
