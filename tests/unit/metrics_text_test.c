// SPDX-License-Identifier: Apache-2.0
#include "metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_all(struct metrics_text *t, const char *hostile)
{
	metric_begin(t, "a_node", METRIC_INFO, "Which.");
	metric_sample(t, 1, "name", "n1", NULL);
	metric_begin(t, "a_bytes", METRIC_COUNTER, "How many.");
	metric_sample(t, 9007199254740993.0, NULL);
	metric_sample(t, 0.25, "kind", hostile, "name", "", NULL);
	metric_begin(t, "a_queue", METRIC_GAUGE, "Now.");
	metrics_end(t);
}

static void assert_written(bool open_metrics, const char *hostile, const char *want)
{
	char *text = NULL;
	size_t len;
	struct metrics_text t = {.f = open_memstream(&text, &len), .open_metrics = open_metrics};
	assert_non_null(t.f);
	write_all(&t, hostile);
	assert_int_equal(fclose(t.f), 0);
	assert_string_equal(text, want);
	free(text);
}

static void a_family_is_named_without_its_suffix(void **state)
{
	assert_written(true, "x",
		"# HELP a_node Which.\n# TYPE a_node info\na_node_info{name=\"n1\"} 1\n"
		"# HELP a_bytes How many.\n# TYPE a_bytes counter\na_bytes_total 9007199254740992\n"
		"a_bytes_total{kind=\"x\",name=\"\"} 0.25\n"
		"# HELP a_queue Now.\n# TYPE a_queue gauge\n# EOF\n");
}

static void prometheus_has_whole_names(void **state)
{
	assert_written(false, "x",
		"# HELP a_node_info Which.\n# TYPE a_node_info gauge\na_node_info{name=\"n1\"} 1\n"
		"# HELP a_bytes_total How many.\n# TYPE a_bytes_total counter\n"
		"a_bytes_total 9007199254740992\na_bytes_total{kind=\"x\",name=\"\"} 0.25\n"
		"# HELP a_queue Now.\n# TYPE a_queue gauge\n");
}

/* Whatever a label holds, it stays a label. */
static void labels_are_quoted(void **state)
{
	assert_written(true, "a\"} 7\nb\\\x7f\xc3\xa4",
		"# HELP a_node Which.\n# TYPE a_node info\na_node_info{name=\"n1\"} 1\n"
		"# HELP a_bytes How many.\n# TYPE a_bytes counter\na_bytes_total 9007199254740992\n"
		"a_bytes_total{kind=\"a\\\"} 7?b\\\\???\",name=\"\"} 0.25\n"
		"# HELP a_queue Now.\n# TYPE a_queue gauge\n# EOF\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_is_named_without_its_suffix),
		cmocka_unit_test(prometheus_has_whole_names),
		cmocka_unit_test(labels_are_quoted),
	};
	return cmocka_run_group_tests_name("metrics_text", tests, NULL, NULL);
}
