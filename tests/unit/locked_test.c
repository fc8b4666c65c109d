// SPDX-License-Identifier: Apache-2.0
/* Memory for keys: zeroed, locked, empty in a child, and one sentence when it cannot be locked. */
#include "attempt.h"

#include "confine.h"
#include "locked.h"
#include "log.h"

#include <sys/mman.h>
#include <sys/resource.h>

enum { OBJECTS = 64, SIZE = 4000 };
#ifdef UNDER_SANITIZER
enum { LOCKS = 0 }; /* its mlock does nothing */
#else
enum { LOCKS = 1 };
#endif

static long locked_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && kb < 0 && fgets(line, sizeof line, f))
		sscanf(line, "VmLck: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

static void it_is_zeroed_and_locked(void **state)
{
	static const unsigned char zero[SIZE];
	long before = locked_kb();
	unsigned char *p = locked_new(SIZE);
	assert_non_null(p);
	assert_memory_equal(p, zero, SIZE);
	memset(p, 0xaa, SIZE);
	assert_true(!LOCKS || locked_kb() > before);
	locked_free(p);
	locked_free(NULL);
	assert_int_equal(locked_kb(), before);
}

static int look_for(void *ctx)
{
	const unsigned char *p = ctx;
	for (unsigned i = 0; i < SIZE; i++)
		if (p[i])
			return EEXIST;
	return TAKEN;
}

static void a_child_does_not_see_it(void **state)
{
	static unsigned char plain[SIZE];
	unsigned char *p = locked_new(SIZE);
	assert_non_null(p);
	memset(p, 0xaa, SIZE);
	memset(plain, 0xaa, SIZE);
	assert_int_equal(attempt_as(geteuid(), NULL, look_for, plain), EEXIST);
	assert_int_equal(attempt_as(geteuid(), NULL, look_for, p), TAKEN);
	assert_int_equal(p[SIZE - 1], 0xaa);
	locked_free(p);
}

/* As somebody without a privilege, where the limit counts. */
static int exceed_the_limit(void *ctx)
{
	struct rlimit little = {16 << 10, 16 << 10};
	unsigned char *p[OBJECTS];
	log_init(STDERR_FILENO, LOG_WARN, false, "test");
	setrlimit(RLIMIT_MEMLOCK, &little);
	for (unsigned i = 0; i < OBJECTS; i++) {
		p[i] = locked_new(SIZE);
		if (!p[i])
			return ENOMEM;
		memset(p[i], (int)i, SIZE);
	}
	locked_in_place(ctx, 1 << 16);
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (p[i][SIZE - 1] != i)
			return EIO;
		locked_free(p[i]);
	}
	return TAKEN;
}

static void past_the_limit_it_is_only_not_locked(void **state)
{
	static char area[1 << 16];
	char said[2048];
	uid_t uid = geteuid() == 0 ? NOBODY : geteuid();
	int status = attempt_status(uid, NULL, exceed_the_limit, area, said, sizeof said);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), TAKEN);
	const char *first = strstr(said, "cannot be locked");
	assert_true(!LOCKS || first);
	assert_true(!first || !strstr(first + 1, "cannot be locked"));
}

static int touched(void *ctx)
{
	unsigned char resident[256] = {0};
	size_t len = 256 * 4096;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned n = 0;
	*(volatile char *)p = 1;
	locked_in_place(p, len);
	if (mincore(p, len, resident) < 0)
		return errno;
	for (unsigned i = 0; i < 256; i++)
		n += resident[i] & 1;
	return n > 16 ? EFBIG : TAKEN;
}

static void what_is_locked_in_place_stays_lazy(void **state)
{
	assert_int_equal(attempt_as(geteuid(), NULL, touched, NULL), TAKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_zeroed_and_locked),
		cmocka_unit_test(a_child_does_not_see_it),
		cmocka_unit_test(past_the_limit_it_is_only_not_locked),
		cmocka_unit_test(what_is_locked_in_place_stays_lazy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
