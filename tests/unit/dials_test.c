// SPDX-License-Identifier: Apache-2.0
/* Sockets that are aimed at the targets of outlets: who gets which, and how many are kept. */
#include "dials.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int socket_new(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void each_service_has_its_own(void **state)
{
	(void)state;
	struct dials *d = dials_new();
	bool ask;
	int a = socket_new(), b = socket_new();
	assert_int_equal(dials_take(d, "a", &ask), -1);
	assert_false(ask); /* control is asked for the connection itself */
	assert_int_equal(dials_add(d, "a", a), 0);
	assert_int_equal(dials_add(d, "b", b), 0);
	assert_int_equal(dials_take(d, "b", &ask), b);
	assert_int_equal(dials_take(d, "b", &ask), -1);
	assert_int_equal(dials_take(d, "a", &ask), a);
	close(a);
	close(b);
	dials_free(d);
}

static void more_is_asked_for_once(void **state)
{
	(void)state;
	struct dials *d = dials_new();
	bool ask;
	for (unsigned i = 0; i < DIALS_LOW + 2; i++)
		assert_int_equal(dials_add(d, "a", socket_new()), 0);
	for (unsigned i = 0; i < 4; i++) {
		close(dials_take(d, "a", &ask));
		assert_int_equal(ask, i == 1);
	}
	assert_int_equal(dials_add(d, "a", socket_new()), 0);
	close(dials_take(d, "a", &ask));
	assert_true(ask);
	dials_free(d);
}

static void what_is_too_much_is_closed(void **state)
{
	(void)state;
	struct dials *d = dials_new();
	char name[8], much[100];
	int fd = -1, n = 0;
	for (unsigned s = 0; s < 20; s++) {
		snprintf(name, sizeof name, "s%u", s);
		for (unsigned i = 0; i <= DIALS_EACH; i++) {
			fd = socket_new();
			int rc = dials_add(d, name, fd);
			assert_int_equal(rc, i == DIALS_EACH || n == DIALS_MAX ? -ENOBUFS : 0);
			assert_int_equal(is_open(fd), rc == 0);
			n += rc == 0;
		}
	}
	assert_int_equal(n, DIALS_MAX);
	dials_drop(d, "s0");
	memset(much, 'x', sizeof much);
	much[sizeof much - 1] = 0;
	assert_int_equal(dials_add(d, much, socket_new()), -EINVAL);
	assert_int_equal(dials_add(d, "", socket_new()), -EINVAL);
	dials_free(d);
}

static void what_is_not_used_is_closed(void **state)
{
	(void)state;
	struct dials *d = dials_new();
	bool ask;
	int a = socket_new(), b = socket_new(), c = socket_new();
	dials_add(d, "a", a);
	dials_add(d, "b", b);
	dials_add(d, "c", c);
	dials_drop(d, "b");
	dials_drop(d, "none");
	assert_true(is_open(a) && !is_open(b) && is_open(c));
	assert_int_equal(dials_take(d, "b", &ask), -1);
	dials_drop(d, NULL);
	assert_true(!is_open(a) && !is_open(c));
	dials_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_service_has_its_own),
		cmocka_unit_test(more_is_asked_for_once),
		cmocka_unit_test(what_is_too_much_is_closed),
		cmocka_unit_test(what_is_not_used_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
