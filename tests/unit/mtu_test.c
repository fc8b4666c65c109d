// SPDX-License-Identifier: Apache-2.0
/* The search for what a path carries. */
#include "mtu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct path {
	struct mtu m;
	uint64_t now;
	uint32_t passes; /* bytes */
	unsigned probes, changes;
};

static struct path path_of(uint32_t passes, uint16_t max)
{
	struct path p = {.now = 5000, .passes = passes};
	mtu_init(&p.m, max, false);
	mtu_begin(&p.m, p.now);
	return p;
}

/* Runs for so long; `busy`: large frames are sent all the time. */
static void run(struct path *p, uint64_t ms, bool busy)
{
	for (uint64_t end = p->now + ms; p->now < end; p->now += 10) {
		if (busy)
			mtu_sent(&p->m, p->m.now);
		p->changes += mtu_tick(&p->m, p->now);
		if (!p->m.wanted)
			continue;
		uint16_t size = p->m.trying;
		uint64_t stamp = mtu_probe_sent(&p->m, 20, p->now);
		assert_true(stamp > p->now + (1ull << 40)); /* no clock shows it */
		p->probes++;
		if (size <= p->passes)
			p->changes += mtu_pong(&p->m, stamp, p->now + 5);
	}
}

static void it_finds_what_passes(void **state)
{
	static const struct {
		uint32_t passes;
		uint16_t max, found;
	} cases[] = {{1024, 65507, 1024}, {1199, 65507, 1184}, {1472, 65507, 1472}, {1500, 65507, 1472},
		{65507, 65507, 65507}, {9000, 2000, 2000}, {9000, 1100, 1100}, {9000, 1024, 1024}};
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct path p = path_of(cases[i].passes, cases[i].max);
		assert_int_equal(p.m.now, WIRE_PATH_MIN); /* safe to begin with */
		run(&p, 20000, false);
		assert_int_equal(p.m.now, cases[i].found);
		assert_true(p.probes < 20);
	}
}

static void a_path_that_loses_nothing_is_known(void **state)
{
	struct mtu m;
	(void)state;
	mtu_init(&m, 65535, true);
	assert_int_equal(m.now, 65535);
	mtu_begin(&m, 1);
	assert_false(m.wanted);
	assert_int_equal(mtu_deadline(&m), UINT64_MAX);
}

static void at_rest_it_is_silent(void **state)
{
	struct path p = path_of(1472, 65507);
	(void)state;
	run(&p, 20000, false);
	unsigned probes = p.probes;
	run(&p, 3600000, false); /* nothing is sent: nothing is confirmed */
	assert_int_equal(p.probes, probes);
	p = path_of(1024, 65507);
	run(&p, 20000, false);
	probes = p.probes;
	run(&p, 3600000, false);
	assert_in_range(p.probes, probes + 3, probes + 3 * 7); /* tries again now and then */
}

static void a_path_that_became_narrow_is_noticed(void **state)
{
	struct path p = path_of(1472, 65507);
	(void)state;
	run(&p, 20000, true);
	assert_int_equal(p.m.now, 1472);
	p.passes = 1200;
	run(&p, MTU_CONFIRM_MS + (MTU_LOSSES + 1) * MTU_WAIT_MS, true);
	assert_int_equal(p.m.now, WIRE_PATH_MIN);
	run(&p, MTU_RECOVER_MS + 10000, true);
	assert_int_equal(p.m.now, 1184);
}

static void one_loss_means_nothing(void **state)
{
	struct path p = path_of(1472, 65507);
	(void)state;
	run(&p, 20000, true);
	p.passes = 0;
	while (!p.m.trying)
		run(&p, 10, true);
	run(&p, MTU_WAIT_MS * (MTU_LOSSES - 1) - 100, true);
	p.passes = 1472;
	run(&p, 5000, true);
	assert_int_equal(p.m.now, 1472);
	assert_int_equal(p.m.losses, 0);
}

/* What the peer makes up raises nothing. */
static void only_the_pong_of_a_probe_counts(void **state)
{
	struct path p = path_of(65507, 65507);
	(void)state;
	uint64_t stamp = mtu_probe_sent(&p.m, 20, p.now);
	assert_false(mtu_pong(&p.m, 12345, p.now));
	assert_false(mtu_pong(&p.m, stamp & ~(1ull << 63), p.now));
	assert_false(mtu_pong(&p.m, (stamp & ~0xffffull) | 65507, p.now));
	assert_false(mtu_pong(&p.m, stamp + (1ull << 16), p.now)); /* not sent yet */
	assert_int_equal(p.m.now, WIRE_PATH_MIN);
	assert_true(mtu_pong(&p.m, stamp, p.now));
	assert_int_equal(p.m.now, 1184);
	assert_false(mtu_pong(&p.m, stamp, p.now)); /* once */
	assert_int_equal(p.m.now, 1184);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_what_passes),
		cmocka_unit_test(a_path_that_loses_nothing_is_known),
		cmocka_unit_test(at_rest_it_is_silent),
		cmocka_unit_test(a_path_that_became_narrow_is_noticed),
		cmocka_unit_test(one_loss_means_nothing),
		cmocka_unit_test(only_the_pong_of_a_probe_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
