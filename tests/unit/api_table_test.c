// SPDX-License-Identifier: Apache-2.0
#include "api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct api_entry *entry;
static char segment[API_SEGMENT_MAX + 1];

static enum api_match match(const char *method, const char *path)
{
	entry = NULL;
	return api_match(api_entries, api_entries_n, method, path, &entry, segment);
}

static void finds_method_and_path(void **state)
{
	assert_int_equal(match("GET", "/v1/node"), API_FOUND);
	assert_ptr_equal(entry->fn, api_node_show);
	assert_int_equal(match("POST", "/v1/relays"), API_FOUND);
	assert_ptr_equal(entry->fn, api_relay_create);
	assert_int_equal(match("DELETE", "/v1/relays/blue"), API_FOUND);
	assert_ptr_equal(entry->fn, api_relay_delete);
	assert_string_equal(segment, "blue");
}

static void tells_path_from_method(void **state)
{
	char allow[64];
	assert_int_equal(match("GET", "/v1/nothing"), API_NO_PATH);
	assert_int_equal(match("GET", "/v1/node/"), API_NO_PATH);
	assert_int_equal(match("GET", "/v1/relays/a/b"), API_NO_PATH);
	assert_int_equal(match("GET", "/v1/relays/"), API_NO_PATH);
	assert_int_equal(match("DELETE", "/v1/node"), API_NO_METHOD);
	assert_int_equal(match("GET", "/v1/messages"), API_NO_METHOD);
	api_methods(api_entries, api_entries_n, "/v1/relays/x", allow, sizeof allow);
	assert_string_equal(allow, "GET, DELETE");
}

static void decodes_the_segment(void **state)
{
	assert_int_equal(match("GET", "/v1/tcp-listeners/unix:%2ftmp%2Fa"), API_FOUND);
	assert_string_equal(segment, "unix:/tmp/a");
	assert_int_equal(match("GET", "/v1/relays/a%00b"), API_NO_PATH);
	assert_int_equal(match("GET", "/v1/relays/a%4"), API_NO_PATH);
	assert_int_equal(match("GET", "/v1/relays/a%zz"), API_NO_PATH);
}

static void refuses_a_long_segment(void **state)
{
	char path[600] = "/v1/relays/";
	size_t n = strlen(path);
	memset(path + n, 'a', API_SEGMENT_MAX);
	assert_int_equal(match("GET", path), API_FOUND);
	path[n + API_SEGMENT_MAX] = 'a';
	assert_int_equal(match("GET", path), API_NO_PATH);
}

static int check(const char *method, const char *path, const char *body, char err[160])
{
	assert_int_equal(match(method, path), API_FOUND);
	json_t *o = json_loads(body, JSON_DECODE_ANY, NULL);
	int rc = api_check(entry->fields, o, err, 160);
	json_decref(o);
	return rc;
}

static void checks_fields(void **state)
{
	static const char path[] = "/v1/secure-channels";
	char err[160];
	assert_int_equal(check("POST", path,
				 "{\"to\":\"/service/api\",\"authorized\":[\"any\"],"
				 "\"identity\":null,\"timeout_ms\":1}",
				 err),
		0);
	assert_true(check("POST", path, "{}", err) < 0);
	assert_string_equal(err, "\"to\" is missing");
	assert_true(check("POST", path, "{\"to\":null}", err) < 0);
	assert_true(check("POST", path, "{\"to\":1}", err) < 0);
	assert_string_equal(err, "\"to\" must be a string");
	assert_true(check("POST", path, "{\"to\":\"x\",\"authorized\":\"any\"}", err) < 0);
	assert_true(check("POST", path, "{\"to\":\"x\",\"authorized\":[1]}", err) < 0);
	assert_true(check("POST", path, "{\"to\":\"x\",\"timeout_ms\":-1}", err) < 0);
	assert_true(check("POST", path, "{\"to\":\"x\",\"tiemout_ms\":1}", err) < 0);
	assert_string_equal(err, "unknown field \"tiemout_ms\"");
	assert_true(check("POST", path, "[]", err) < 0);
	assert_true(check("POST", "/v1/relays", "{\"at\":\"x\",\"wait\":1}", err) < 0);
}

static void reads_queries(void **state)
{
	char err[160];
	json_t *o = json_object();
	assert_int_equal(match("POST", "/v1/messages"), API_FOUND);
	const struct api_field *f = entry->fields;
	assert_int_equal(api_query_add(f, o, "to", "/service/echo", err, sizeof err), 0);
	assert_int_equal(api_query_add(f, o, "authorized", "I1", err, sizeof err), 0);
	assert_int_equal(api_query_add(f, o, "authorized", "I2", err, sizeof err), 0);
	assert_int_equal(api_query_add(f, o, "timeout_ms", "1500", err, sizeof err), 0);
	assert_int_equal(api_check(f, o, err, sizeof err), 0);
	assert_int_equal(json_array_size(json_object_get(o, "authorized")), 2);
	assert_int_equal(json_integer_value(json_object_get(o, "timeout_ms")), 1500);
	assert_true(api_query_add(f, o, "timeout_ms", "1s", err, sizeof err) < 0);
	assert_true(api_query_add(f, o, "timeout_ms", "99999999999999999999", err, sizeof err) < 0);
	assert_true(api_query_add(f, o, "to", "\xff", err, sizeof err) < 0);
	assert_int_equal(api_query_add(f, o, "color", "red", err, sizeof err), 0);
	assert_true(api_check(f, o, err, sizeof err) < 0);
	json_decref(o);
}

/* Every route is in the document, and says what it does, takes and answers. */
static void the_document_has_the_table(void **state)
{
	size_t operations = 0;
	json_t *doc = api_openapi_json("/"), *item, *paths = json_object_get(doc, "paths");
	const char *path;
	assert_non_null(doc);
	for (size_t i = 0; i < api_entries_n; i++) {
		const struct api_entry *e = &api_entries[i];
		char named[96], method[8] = {0};
		snprintf(named, sizeof named, "%s", e->pattern);
		if (strchr(named, '*'))
			strcpy(strchr(named, '*'), "{name}");
		for (size_t k = 0; e->method[k]; k++)
			method[k] = (char)(e->method[k] | 0x20);
		json_t *o = json_object_get(json_object_get(paths, named), method);
		assert_string_equal(json_string_value(json_object_get(o, "summary")), e->line);
		assert_non_null(json_object_get(json_object_get(o, "responses"), "200"));
		assert_int_equal(e->input == API_NO_INPUT, !json_object_get(o, "requestBody"));
		assert_int_equal(e->input == API_NO_INPUT, !e->fields);
		assert_int_equal(e->output == API_OBJECT || e->output == API_LIST, !!e->answer);
		for (const struct api_field *f = e->fields; f && f->name; f++) {
			assert_non_null(f->line);
			assert_int_equal(f->type == API_STRING, !!f->example);
		}
	}
	json_object_foreach(paths, path, item) operations += json_object_size(item);
	assert_int_equal(operations, api_entries_n);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_method_and_path),
		cmocka_unit_test(tells_path_from_method),
		cmocka_unit_test(decodes_the_segment),
		cmocka_unit_test(refuses_a_long_segment),
		cmocka_unit_test(checks_fields),
		cmocka_unit_test(reads_queries),
		cmocka_unit_test(the_document_has_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
