// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h, stdarg.h and stdlib.h */
#include <cmocka.h>

static unsigned lines_of(FILE *f, const char *text)
{
	char line[4096];
	unsigned n = 0;
	rewind(f);
	while (fgets(line, sizeof line, f))
		n += strstr(line, text) != NULL;
	return n;
}

static void one_place(unsigned i)
{
	log_warn("a stranger did thing %u", i);
}

static void a_place_is_limited_and_others_are_not(void **state)
{
	FILE *f = tmpfile();
	assert_non_null(f);
	log_init(fileno(f), LOG_WARN, false, "log_test");
	for (unsigned i = 0; i < 10000; i++)
		one_place(i);
	log_warn("another thing");
	unsigned n = lines_of(f, "stranger");
	assert_true(n >= LOG_SITE_BURST && n < LOG_SITE_BURST + 20);
	assert_int_equal(lines_of(f, "another thing"), 1);
	/* the next line that is allowed says what is missing */
	for (unsigned i = 0; i < 100 && !lines_of(f, "more like this"); i++) {
		usleep(20000);
		one_place(i);
	}
	assert_int_equal(lines_of(f, "more like this were left out"), 1);
	fclose(f);
}

static void debugging_is_not_limited(void **state)
{
	FILE *f = tmpfile();
	assert_non_null(f);
	log_init(fileno(f), LOG_DEBUG, false, "log_test");
	for (unsigned i = 0; i < 1000; i++)
		log_debug("detail %u", i);
	assert_int_equal(lines_of(f, "detail"), 1000);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_limited_and_others_are_not),
		cmocka_unit_test(debugging_is_not_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
