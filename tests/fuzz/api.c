// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of the control API as far as the table decides: "METHOD PATH?QUERY\nBODY". The same
 * calls in the same order as in api.c, which has the socket.
 */
#include "api.h"
#include "fuzz.h"

static void check_fields(const struct api_entry *e, json_t *in)
{
	const char *name;
	json_t *v;
	json_object_foreach(in, name, v)
	{
		const struct api_field *f = e->fields;
		while (f && f->name && strcmp(f->name, name))
			f++;
		CHECK(f && f->name && !json_is_null(v));
		CHECK(f->type != API_STRING || json_is_string(v));
		CHECK(f->type != API_STRINGS || json_is_array(v));
		CHECK(f->type != API_BOOL || json_is_boolean(v));
		CHECK(f->type != API_MS || json_integer_value(v) >= 0);
	}
}

/* Text is taken by sentences of a bounded size, whatever its length. */
static void query(const struct api_entry *e, json_t *in, char *text)
{
	char err[160], value[ROUTE_STRING_MAX], *save = NULL;
	for (char *kv = strtok_r(text, "&", &save); kv; kv = strtok_r(NULL, "&", &save)) {
		char *eq = strchr(kv, '=');
		if (eq)
			*eq = 0;
		if (api_percent_decode(value, sizeof value, eq ? eq + 1 : "") >= 0)
			api_query_add(e->fields, in, kv, value, err, sizeof err);
	}
}

static void request(const char *method, const char *path, char *args, const char *body, size_t len)
{
	const struct api_entry *e;
	char segment[API_SEGMENT_MAX + 1], allow[64], err[160] = "";
	enum api_match m = api_match(api_entries, api_entries_n, method, path, &e, segment);
	if (m == API_NO_METHOD) {
		api_methods(api_entries, api_entries_n, path, allow, sizeof allow);
		CHECK(*allow && strnlen(allow, sizeof allow) < sizeof allow);
	}
	if (m != API_FOUND)
		return;
	CHECK(strnlen(segment, sizeof segment) < sizeof segment);
	json_error_t je;
	json_t *in = e->input == API_JSON ? json_loadb(body, len, JSON_REJECT_DUPLICATES, &je)
					  : json_object();
	if (in && e->input == API_BYTES)
		query(e, in, args);
	if (in && api_check(e->fields, in, err, sizeof err) == 0)
		check_fields(e, in);
	else
		CHECK(!in || *err);
	json_decref(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	char *text = fuzz_text(&in, 8000);
	char *line_end = strchr(text, '\n'), *path = strchr(text, ' '), *args;
	if (line_end && path && path < line_end) {
		*line_end = 0;
		*path++ = 0;
		args = strchr(path, '?');
		if (args)
			*args++ = 0;
		request(text, path, args ? args : line_end, line_end + 1, strlen(line_end + 1));
	}
	free(text);
	return 0;
}
