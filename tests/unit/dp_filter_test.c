// SPDX-License-Identifier: Apache-2.0
#include "dp.h"
#include "filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

static struct filter f;
static char err[256];

static int parse(enum admin_object o, const char *text)
{
	static char line[1024];
	char *words[128];
	int n = 0;
	strncpy(line, text, sizeof line - 1);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	return filter_parse(&f, o, words, n, err, sizeof err);
}

static struct admin_msg session(uint32_t id, const char *state, uint64_t rx, uint64_t tx)
{
	struct admin_msg m = {.type = admin_type(ADMIN_SESSION, ADMIN_ROW)};
	admin_set(&m, ADMIN_A_SESSION, id);
	admin_set(&m, ADMIN_A_LINK, 2 * id);
	admin_set_text(&m, ADMIN_A_STATE, state);
	admin_set_text(&m, ADMIN_A_PEER, "I1234567890abcdef");
	admin_set(&m, ADMIN_A_BYTES_RX, rx);
	admin_set(&m, ADMIN_A_BYTES_TX, tx);
	admin_set(&m, ADMIN_A_AGE_MS, 61000);
	admin_set(&m, ADMIN_A_PAUSED, id == 3);
	return m;
}

static void filters_take_what_they_say(void **state)
{
	static const struct {
		const char *text;
		unsigned takes; /* bit n: session n */
	} t[] = {
		{"", 0xe},
		{"2", 4},
		{"session 2", 4},
		{"session eq 2", 4},
		{"sess ne 2", 0xa},
		{"session gt 1", 0xc},
		{"session ge 2 le 3", 0}, /* `le` is no name */
		{"session ge 2 and session le 3", 0xc},
		{"session >= 2 session <= 3", 0xc},
		{"link 4", 4},
		{"state established", 6},
		{"state != established", 8},
		{"state est*", 6},
		{"state 'x'", 0},
		{"bytes gt 1M", 0xc},
		{"bytes ge 2000000", 0xc},
		{"bytes_rx eq 1Mi", 8},
		{"bytes lt 1k", 2},
		{"age gt 1m", 0xe},
		{"age_ms lt 61s", 0},
		{"age_ms le 61s", 0xe},
		{"peer I1234", 0xe},
		{"peer I12", 0}, /* too short to mean an identifier that begins so */
		{"peer I1235", 0},
		{"paused", 8},
		{"paused no", 6},
		{"not paused", 6},
		{"session 1 or session 3", 0xa},
		{"not ( session 1 or session 3 )", 4},
		{"paused or session 1 state established", 0xa},
		{"role initiator", 0}, /* these rows have none */
		{"role ne initiator", 0xe},
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		unsigned takes = 0;
		int rc = parse(ADMIN_SESSION, t[i].text);
		if (strstr(t[i].text, "2 le 3")) {
			assert_int_equal(rc, DP_USAGE);
			continue;
		}
		assert_int_equal(rc, 0);
		const struct admin_msg rows[] = {session(1, "established", 10, 20),
			session(2, "established", 1000000, 1000000),
			session(3, "broken", 1 << 20, 1 << 20)};
		for (unsigned k = 0; k < 3; k++)
			takes |= (unsigned)filter_takes(&f, &rows[k]) << (k + 1);
		if (takes != t[i].takes)
			fail_msg("\"%s\" takes %x, not %x", t[i].text, takes, t[i].takes);
	}
}

static void what_is_no_filter_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{"colour red", "the session has no value \"colour\""},
		{"session two", "session needs a number, got \"two\""},
		{"session gt", "session is compared with nothing"},
		{"session 1 or", "the filter ends where something was expected"},
		{"( session 1", "a parenthesis is not closed"},
		{"session 1 )", "\")\" is one parenthesis too many"},
		{"state gt x", "state is a text: it is equal (eq) or not (ne)"},
		{"bytes 10s", "bytes needs a number, got \"10s\""},
		{"paused eq maybe", "paused is true or false, not \"maybe\""},
		{"session 99999999999999999999",
			"session needs a number, got \"99999999999999999999\""},
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		assert_int_equal(parse(ADMIN_SESSION, t[i].text), DP_USAGE);
		assert_string_equal(err, t[i].says);
	}
	char deep[256] = "";
	for (unsigned i = 0; i < 20; i++)
		strcat(deep, "( ");
	assert_int_equal(parse(ADMIN_SESSION, deep), DP_USAGE);
	assert_string_equal(err, "the filter is nested too deeply");
	char many[1024] = "1";
	for (unsigned i = 0; i < 40; i++)
		strcat(many, " or 1");
	assert_int_equal(parse(ADMIN_SESSION, many), DP_USAGE);
	assert_string_equal(err, "the filter has too many parts");
}

static void the_data_plane_is_asked_for_what_it_can_tell(void **state)
{
	struct admin_msg m = {0};
	assert_int_equal(parse(ADMIN_LABEL, "link 3 and state used"), 0);
	filter_keys(&f, ADMIN_LABEL, &m);
	assert_true(m.has == ADMIN_H(LINK) && m.v[ADMIN_A_LINK].n == 3);
	m = (struct admin_msg){0};
	assert_int_equal(parse(ADMIN_LABEL, "link 3 or label 4"), 0);
	filter_keys(&f, ADMIN_LABEL, &m);
	assert_true(!m.has);
	assert_int_equal(parse(ADMIN_LABEL, "not link 3"), 0);
	filter_keys(&f, ADMIN_LABEL, &m);
	assert_true(!m.has);
	assert_int_equal(parse(ADMIN_LABEL, "egress 3"), 0);
	filter_keys(&f, ADMIN_LABEL, &m);
	assert_true(!m.has);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_take_what_they_say),
		cmocka_unit_test(what_is_no_filter_is_refused),
		cmocka_unit_test(the_data_plane_is_asked_for_what_it_can_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
