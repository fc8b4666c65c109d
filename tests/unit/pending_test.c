// SPDX-License-Identifier: Apache-2.0
/* The other ends of the connections are ours, their addresses made up. */
#include "pending.h"

#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

enum { MAX = 8, LISTENER = 5, T0 = 1000000 };

static int set_up(void **state)
{
	*state = pending_new(MAX, 1);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	pending_free(*state);
	return 0;
}

static struct sockaddr_storage address(uint32_t ip)
{
	struct sockaddr_storage sa = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&sa;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(ip);
	return sa;
}

/* The other end of a new one. */
static int connected(struct pending *p, uint32_t ip, uint64_t now_us)
{
	int s[2];
	struct sockaddr_storage from = address(ip);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	pending_add(p, LISTENER, s[1], &from, now_us);
	return s[0];
}

static void say(struct pending *p, int fd, uint8_t first, uint8_t sub, uint16_t len, uint32_t label)
{
	uint8_t f[WIRE_HEADER] = {first, sub, (uint8_t)(len >> 8), (uint8_t)len};
	put_be32(f + 4, label);
	assert_int_equal(send(fd, f, sizeof f, MSG_NOSIGNAL), sizeof f);
	pending_read(p);
}

static void say_hello(struct pending *p, int fd)
{
	say(p, fd, WIRE_VERSION << 4 | WIRE_LINK, LINK_HELLO, 20, 0);
}

static bool is_open(int fd)
{
	uint8_t byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	return n < 0 && errno == EAGAIN;
}

/* The next whose turn it is has that address, and is closed. */
static void assert_next(struct pending *p, uint32_t ip, uint64_t now_us)
{
	struct pending_link l;
	struct sockaddr_storage from = address(ip);
	assert_true(pending_next(p, &l, now_us));
	assert_memory_equal(&l.from, &from, sizeof from);
	close(l.fd);
}

static void who_says_hello_is_handed_on_with_it(void **state)
{
	struct pending *p = *state;
	struct pending_link l;
	uint8_t f[WIRE_HEADER];
	int fd = connected(p, 1, T0);
	assert_false(pending_next(p, &l, T0));
	say_hello(p, fd);
	assert_true(pending_next(p, &l, T0));
	assert_int_equal(l.listener, LISTENER);
	assert_int_equal(recv(l.fd, f, sizeof f, 0), sizeof f);
	assert_int_equal(f[0], WIRE_VERSION << 4 | WIRE_LINK);
	assert_int_equal(pending_count(p), 0);
	assert_int_equal(pending_tick(p, T0), -1);
	close(l.fd);
	close(fd);
}

static void a_header_may_come_in_pieces(void **state)
{
	struct pending *p = *state;
	struct pending_link l;
	const uint8_t f[WIRE_HEADER] = {WIRE_VERSION << 4 | WIRE_LINK, LINK_HELLO, 0, 20};
	int fd = connected(p, 1, T0);
	for (unsigned i = 0; i < sizeof f; i++) {
		assert_false(pending_next(p, &l, T0));
		assert_int_equal(send(fd, f + i, 1, 0), 1);
		pending_read(p);
	}
	assert_next(p, 1, T0);
	close(fd);
}

static void who_says_something_else_is_closed(void **state)
{
	struct pending *p = *state;
	static const struct {
		uint8_t first, sub;
		uint16_t len;
		uint32_t label;
	} other[] = {
		{'G', 'E', 0x5420, 0x2f204854},
		{(WIRE_VERSION + 1) << 4 | WIRE_LINK, LINK_HELLO, 20, 0},
		{WIRE_VERSION << 4 | WIRE_INIT, 0, 20, 0},
		{WIRE_VERSION << 4 | WIRE_LINK, LINK_PING, 20, 0},
		{WIRE_VERSION << 4 | WIRE_LINK, LINK_HELLO, WIRE_FRAME_MIN - 1, 0},
		{WIRE_VERSION << 4 | WIRE_LINK, LINK_HELLO, 20, 7},
	};
	enum { N = sizeof other / sizeof *other };
	for (unsigned i = 0; i < N; i++) {
		int fd = connected(p, 1, T0);
		say(p, fd, other[i].first, other[i].sub, other[i].len, other[i].label);
		assert_false(is_open(fd));
		close(fd);
	}
	int fd = connected(p, 1, T0); /* a byte is enough to see it */
	assert_int_equal(send(fd, "G", 1, 0), 1);
	pending_read(p);
	assert_false(is_open(fd));
	close(fd);
	assert_int_equal(pending_stats(p)->alien, N + 1);
	assert_int_equal(pending_count(p), 0);
}

static void who_says_nothing_is_closed_in_the_end(void **state)
{
	struct pending *p = *state;
	int a = connected(p, 1, T0), b = connected(p, 1, T0 + 500000);
	say_hello(p, b); /* and never gets its turn */
	assert_in_range(pending_tick(p, T0), PENDING_MS, PENDING_MS + 1);
	assert_true(is_open(a));
	assert_in_range(pending_tick(p, T0 + PENDING_MS * 1000), 500, 501);
	assert_false(is_open(a));
	assert_true(is_open(b));
	assert_int_equal(pending_tick(p, T0 + PENDING_MS * 1000 + 500000), -1);
	assert_false(is_open(b));
	assert_int_equal(pending_stats(p)->silent, 2);
	close(a);
	close(b);
}

static void who_leaves_is_forgotten(void **state)
{
	struct pending *p = *state;
	struct pending_link l;
	int a = connected(p, 1, T0), b = connected(p, 2, T0), c = connected(p, 3, T0);
	say_hello(p, b);
	say_hello(p, c);
	close(a);
	close(b);
	shutdown(c, SHUT_WR);
	pending_read(p);
	assert_false(pending_next(p, &l, T0));
	assert_int_equal(pending_count(p), 0);
	assert_int_equal(pending_stats(p)->left, 3);
	close(c);
}

/* Of the address that has most the oldest goes; whoever has few keeps them. */
static void many_of_one_address_make_room(void **state)
{
	struct pending *p = *state;
	int honest = connected(p, 1, T0), fd[3 * MAX];
	for (unsigned i = 0; i < 3 * MAX; i++)
		fd[i] = connected(p, 66, T0 + 1 + i);
	int late = connected(p, 2, T0 + 100);
	assert_int_equal(pending_count(p), MAX);
	for (unsigned i = 0; i < 3 * MAX; i++) {
		assert_int_equal(is_open(fd[i]), i >= 3 * MAX - (MAX - 2));
		close(fd[i]);
	}
	assert_int_equal(pending_stats(p)->crowded, 2 * MAX + 2);
	say_hello(p, honest);
	assert_next(p, 1, T0);
	say_hello(p, late);
	assert_next(p, 2, T0);
	close(honest);
	close(late);
}

static void addresses_take_turns(void **state)
{
	struct pending *p = *state;
	int fd[6] = {connected(p, 66, T0), connected(p, 66, T0), connected(p, 66, T0),
		connected(p, 66, T0), connected(p, 1, T0), connected(p, 2, T0)};
	for (unsigned i = 0; i < 6; i++)
		say_hello(p, fd[i]);
	assert_next(p, 66, T0);
	assert_next(p, 1, T0);
	assert_next(p, 2, T0);
	for (unsigned i = 0; i < 3; i++)
		assert_next(p, 66, T0);
	for (unsigned i = 0; i < 6; i++)
		close(fd[i]);
}

static void one_after_the_other(struct pending *p, uint32_t ip, unsigned n, uint64_t now_us)
{
	while (n--) {
		int fd = connected(p, ip, now_us);
		say_hello(p, fd);
		assert_next(p, ip, now_us);
		close(fd);
	}
}

/* Also when it never has two at a time. */
static void an_address_has_a_rate(void **state)
{
	struct pending *p = *state;
	struct pending_link l;
	one_after_the_other(p, 66, PENDING_BURST + PENDING_SHARED_BURST, T0);
	int fd = connected(p, 66, T0);
	say_hello(p, fd);
	assert_false(pending_next(p, &l, T0));
	assert_in_range(pending_tick(p, T0), 1, 100); /* soon again */
	one_after_the_other(p, 1, 10, T0);	      /* the others do not wait */
	assert_false(pending_next(p, &l, T0 + 900));
	assert_next(p, 66, T0 + 1000); /* a share for all */
	close(fd);
	one_after_the_other(p, 66, 10, T0 + 11000);
	/* what it took is paid in the end, and it is forgotten */
	one_after_the_other(p, 66, PENDING_BURST, T0 + 60000000);
}

static void sockets_of_this_machine_have_none(void **state)
{
	struct pending *p = *state;
	struct pending_link l;
	const struct sockaddr_storage here = {.ss_family = AF_UNIX};
	int s[2];
	for (unsigned i = 0; i < 2 * (PENDING_BURST + PENDING_SHARED_BURST); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
		pending_add(p, LISTENER, s[1], &here, T0);
		say_hello(p, s[0]);
		assert_true(pending_next(p, &l, T0));
		close(l.fd);
		close(s[0]);
	}
}

static void some_can_be_closed(void **state)
{
	struct pending *p = *state;
	int a = connected(p, 1, T0), b = connected(p, 66, T0), c = connected(p, 66, T0);
	struct sockaddr_storage from = address(1);
	int s[2];
	assert_true(pending_shed(p)); /* descriptors are short */
	assert_true(is_open(a));
	assert_false(is_open(b));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	pending_add(p, LISTENER + 1, s[1], &from, T0);
	pending_listener_gone(p, LISTENER + 1);
	assert_false(is_open(s[0]));
	assert_true(is_open(c));
	pending_clear(p);
	assert_false(is_open(a));
	assert_false(is_open(c));
	assert_false(pending_shed(p));
	for (int *fd = (int[]){a, b, c, s[0], -1}; *fd >= 0; fd++)
		close(*fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(who_says_hello_is_handed_on_with_it),
		T(a_header_may_come_in_pieces),
		T(who_says_something_else_is_closed),
		T(who_says_nothing_is_closed_in_the_end),
		T(who_leaves_is_forgotten),
		T(many_of_one_address_make_room),
		T(addresses_take_turns),
		T(an_address_has_a_rate),
		T(sockets_of_this_machine_have_none),
		T(some_can_be_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
