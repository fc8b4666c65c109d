// SPDX-License-Identifier: Apache-2.0
/*
 * The real ockam-dataplane and those who watch what happens in it, also such as do not read. Each
 * case runs a fresh one. Arguments: the program, --workers N, --mask FEATURES.
 */
#include "admin_ctl.h"

enum { MANY = 20000 };

struct told {
	unsigned installed, removed, others;
	uint64_t lost;
};

static int watch(const char *only)
{
	int fd = client();
	struct admin_msg m = {
		.type = admin_type(ADMIN_EVENT, ADMIN_GET), .seq = 3, .want_ack = true};
	if (only)
		admin_set_text(&m, ADMIN_A_NAME, only);
	assert_int_equal(answer(fd, &m, NULL), 0);
	return fd;
}

/* Reads one packet of events. */
static void hear(int fd, struct told *t)
{
	static _Alignas(8) uint8_t buf[ADMIN_PACKET];
	struct admin_msg m;
	size_t len = packet(fd, buf);
	for (size_t off = 0; off < len;) {
		int n = admin_decode_answer(&m, buf + off, len - off);
		assert_true(n > 0);
		off += (size_t)n;
		assert_int_equal(m.seq, 0);
		if (m.type == ADMIN_OVERRUN)
			t->lost += m.v[ADMIN_A_LOST].n;
		else if (!strcmp(m.v[ADMIN_A_EVENT].text, "installed"))
			t->installed++;
		else if (!strcmp(m.v[ADMIN_A_EVENT].text, "removed"))
			t->removed++;
		else
			t->others++;
	}
}

static void what_happens_is_told(void **state)
{
	struct dp *d = *state;
	struct told all = {0}, labels = {0};
	int everything = watch(NULL), only = watch("label");
	uint32_t la, lb;
	int a = neighbour(d, &la), b = neighbour(d, &lb);
	rows_add(d, la, lb, 7, 1);
	assert_int_equal(command(d, row_msg(SEAM_LABEL_DEL, la, 7, 0), -1, NULL), 0);
	while (labels.removed < 1)
		hear(only, &labels);
	assert_int_equal(labels.installed, 1);
	assert_int_equal(labels.others, 0);
	while (all.removed < 1)
		hear(everything, &all);
	assert_int_equal(all.installed, 1);
	assert_int_equal(all.others, 4); /* two links: added, up */
	assert_true(!all.lost && !labels.lost);
	struct admin_msg m = {.type = admin_type(ADMIN_EVENT, ADMIN_GET), .seq = 3};
	admin_set_text(&m, ADMIN_A_NAME, "weather");
	int fd = client();
	assert_int_equal(answer(fd, &m, NULL), -EINVAL);
	close(fd);
	close(only);
	close(everything);
	close(a);
	close(b);
}

/* Whoever does not read learns how many events it missed, and nobody else waits. */
static void a_slow_reader_is_told_what_it_lost(void **state)
{
	struct dp *d = *state;
	struct told slow = {0}, quick = {0};
	uint32_t la, lb;
	int a = neighbour(d, &la), b = neighbour(d, &lb), lazy = watch("label"),
	    fd = watch("label");
	for (unsigned i = 0; i < MANY; i += 50) {
		rows_add(d, la, lb, 1 + i, 50);
		while (quick.installed + quick.lost < i + 50) /* it keeps up */
			hear(fd, &quick);
	}
	assert_int_equal(quick.lost, 0);
	assert_int_equal(quick.installed, MANY);
	while (slow.installed + slow.lost < MANY)
		hear(lazy, &slow);
	assert_true(slow.lost > 0 && slow.installed > 0);
	assert_int_equal(slow.installed + slow.lost, MANY);
	/* and goes on */
	rows_add(d, la, lb, MANY + 1, 1);
	unsigned before = slow.installed;
	while (slow.installed == before)
		hear(lazy, &slow);
	assert_int_equal(slow.installed, before + 1);
	close(lazy);
	close(fd);
	close(a);
	close(b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		A(what_happens_is_told),
		A(a_slow_reader_is_told_what_it_lost),
	};
	arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
