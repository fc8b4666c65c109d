// SPDX-License-Identifier: Apache-2.0
#include "log_rotate.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/log-rotate-test-XXXXXX";
static char path[64], old[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/log", dir);
	snprintf(old, sizeof old, "%s/log.1", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	unlink(old);
	return rmdir(dir);
}

static off_t size_of(const char *p)
{
	struct stat st;
	return stat(p, &st) < 0 ? -1 : st.st_size;
}

static void keeps_a_small_log(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, "12345", 5), 5);
	assert_int_equal(log_rotate(fd, path, 5), 0);
	assert_int_equal(size_of(path), 5);
	assert_int_equal(size_of(old), -1);
	close(fd);
}

/* The two planes share the open file; a writer that does not append must not leave a hole. */
static void moves_a_large_one_and_begins_again(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, "123456", 6), 6);
	assert_int_equal(log_rotate(fd, path, 5), 1);
	assert_int_equal(size_of(path), 0);
	assert_int_equal(size_of(old), 6);
	assert_int_equal(write(fd, "ab", 2), 2);
	assert_int_equal(size_of(path), 2);
	close(fd);
}

static void leaves_another_file_alone(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, "123456", 6), 6);
	unlink(path);
	assert_int_equal(log_rotate(fd, path, 5), 0);
	int other = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(other, "abcdefgh", 8), 8);
	assert_int_equal(log_rotate(fd, path, 5), 0);
	assert_int_equal(size_of(path), 8);
	close(other);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_a_small_log),
		cmocka_unit_test(moves_a_large_one_and_begins_again),
		cmocka_unit_test(leaves_another_file_alone),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
