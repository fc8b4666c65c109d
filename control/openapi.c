// SPDX-License-Identifier: Apache-2.0
/*
 * GET /openapi.json: the table of routes, with what goes in and comes out, as an OpenAPI 3.1
 * document. Its schemas say what api_check refuses, and no more: what a route or an address looks
 * like is found out by the request.
 */
#include "api.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

static json_t *reference(const struct api_shape *s)
{
	char text[64];
	snprintf(text, sizeof text, "#/components/schemas/%s", s->name);
	return json_pack("{s:s}", "$ref", text);
}

static json_t *list_of(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *words_json(const char *words, bool nullable)
{
	json_t *list = json_array();
	for (const char *s = words; s;) {
		const char *bar = strchr(s, '|');
		json_array_append_new(list, json_stringn(s, bar ? (size_t)(bar - s) : strlen(s)));
		s = bar ? bar + 1 : NULL;
	}
	if (nullable)
		json_array_append_new(list, json_null());
	return list;
}

static json_t *typed(const char *type, bool nullable)
{
	return nullable ? json_pack("{s:[s, s]}", "type", type, "null")
			: json_pack("{s:s}", "type", type);
}

static json_t *member_schema(const struct api_member *m)
{
	json_t *o;
	switch (m->kind) {
	case API_TEXTS:
		return list_of(typed("string", false));
	case API_FLAG:
		return typed("boolean", m->nullable);
	case API_ONE:
		return reference(m->of);
	case API_MANY:
		return list_of(reference(m->of));
	case API_NUMBER:
		o = typed("integer", m->nullable);
		json_object_set_new(o, "minimum", json_integer(0));
		return o;
	case API_TEXT:
		break;
	}
	o = typed("string", m->nullable);
	if (m->words)
		json_object_set_new(o, "enum", words_json(m->words, m->nullable));
	return o;
}

static json_t *shape_schema(const struct api_shape *s)
{
	json_t *members = json_object(), *required = json_array();
	for (const struct api_member *m = s->members; m->name; m++) {
		json_object_set_new(members, m->name, member_schema(m));
		json_array_append_new(required, json_string(m->name));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", members,
		"required", required, "additionalProperties", 0);
}

static json_t *field_schema(const struct api_field *f, bool nullable)
{
	json_t *o = NULL;
	switch (f->type) {
	case API_STRING:
		o = typed("string", nullable);
		break;
	case API_BOOL:
		o = typed("boolean", nullable);
		break;
	case API_MS:
	case API_COUNT:
		o = typed("integer", nullable);
		json_object_set_new(o, "minimum", json_integer(0));
		json_object_set_new(
			o, "maximum", json_integer(f->type == API_MS ? API_MS_MAX : API_COUNT_MAX));
		break;
	case API_COUNTER:
		o = typed("integer", nullable);
		json_object_set_new(o, "minimum", json_integer(0));
		break;
	case API_STRINGS:
		o = typed("array", nullable);
		json_object_set_new(o, "items", typed("string", false));
		break;
	}
	json_object_set_new(o, "description", json_string(f->line));
	if (f->example)
		json_object_set_new(o, "examples", json_pack("[s]", f->example));
	return o;
}

/* Of the body; null is as good as absent. */
static json_t *body_json(const struct api_entry *e)
{
	if (e->input == API_BYTES)
		return json_pack(
			"{s:b, s:{s:{}}}", "required", 0, "content", "application/octet-stream");
	json_t *fields = json_object(), *required = json_array();
	for (const struct api_field *f = e->fields; f->name; f++) {
		json_object_set_new(fields, f->name, field_schema(f, !f->required));
		if (f->required)
			json_array_append_new(required, json_string(f->name));
	}
	return json_pack("{s:b, s:{s:{s:{s:s, s:o, s:o, s:b}}}}", "required", 1, "content",
		"application/json", "schema", "type", "object", "properties", fields, "required",
		required, "additionalProperties", 0);
}

static void add_parameters(const struct api_entry *e, json_t *list)
{
	if (strchr(e->pattern, '*'))
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b, s:{s:s, s:i, s:i}}", "name", "name", "in",
				      "path", "required", 1, "schema", "type", "string",
				      "minLength", 1, "maxLength", API_SEGMENT_MAX));
	for (const struct api_field *f = e->input == API_BYTES ? e->fields : NULL; f && f->name;
		f++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b, s:o}", "name", f->name, "in", "query",
				      "required", f->required, "schema", field_schema(f, false)));
}

static json_t *answer_json(const struct api_entry *e)
{
	json_t *schema = e->output == API_OBJECT ? reference(e->answer)
			 : e->output == API_LIST ? list_of(reference(e->answer))
						 : NULL;
	switch (e->output) {
	case API_NOTHING:
		return json_pack("{s:s}", "description", "done");
	case API_DOCUMENT:
		schema = typed("object", false);
		/* fall through */
	case API_OBJECT:
	case API_LIST:
		return json_pack("{s:s, s:{s:{s:o}}}", "description", "done", "content",
			"application/json", "schema", schema);
	case API_OPAQUE:
		return json_pack("{s:s, s:{s:{}}}", "description", "the reply", "content",
			"application/octet-stream");
	case API_LINES:
		return json_pack("{s:s, s:{s:{s:o}, s:{s:o}}}", "description", "lines of text",
			"content", API_OPENMETRICS_TYPE, "schema", typed("string", false),
			API_PROMETHEUS_TYPE, "schema", typed("string", false));
	}
	return NULL;
}

/* Which failures there can be follows from what a request is. */
static bool can_fail(const struct api_entry *e, unsigned status)
{
	bool changes = !strcmp(e->method, "POST"), named = strchr(e->pattern, '*');
	bool open = e->output == API_NOTHING;
	switch (status) {
	case MHD_HTTP_FORBIDDEN:
		return true;
	case MHD_HTTP_BAD_REQUEST:
	case MHD_HTTP_CONFLICT:
	case MHD_HTTP_UNPROCESSABLE_CONTENT:
		return changes || !strcmp(e->method, "DELETE");
	case MHD_HTTP_NOT_FOUND:
		return changes || named;
	default:
		return !open;
	}
}

static json_t *responses_json(const struct api_entry *e)
{
	static const struct {
		unsigned status;
		const char *line;
	} failures[] = {
		{MHD_HTTP_BAD_REQUEST, "the request makes no sense (exit 2)"},
		{MHD_HTTP_UNAUTHORIZED, "by TCP: without the token (exit 77)"},
		{MHD_HTTP_FORBIDDEN,
			"refused by policy, or by TCP: another host or origin (exit 77)"},
		{MHD_HTTP_NOT_FOUND, "something that was named is not there (exit 66)"},
		{MHD_HTTP_CONFLICT, "it exists already, or is in use (exit 73, 75)"},
		{MHD_HTTP_UNPROCESSABLE_CONTENT, "malformed data (exit 65)"},
		{MHD_HTTP_INTERNAL_SERVER_ERROR, "a failure of this machine (exit 70, 74, 78)"},
		{MHD_HTTP_BAD_GATEWAY,
			"a peer is not reached, or does not answer in time (exit 69)"},
	};
	char status[8];
	json_t *all = json_pack("{s:o}", "200", answer_json(e));
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		if (!can_fail(e, failures[i].status))
			continue;
		snprintf(status, sizeof status, "%u", failures[i].status);
		json_object_set_new(all, status,
			json_pack("{s:s, s:{s:{s:o}}}", "description", failures[i].line, "content",
				"application/json", "schema", reference(&shape_error)));
	}
	return all;
}

static json_t *operation_json(const struct api_entry *e)
{
	char id[96];
	size_t n = (size_t)snprintf(id, sizeof id, "%s%s", e->method, e->pattern);
	for (size_t i = 0; i < n; i++)
		id[i] = id[i] == '*' ? 'X' : strchr("/-.", id[i]) ? '_' : id[i];
	json_t *o = json_pack("{s:s, s:s, s:o}", "operationId", id, "summary", e->line, "responses",
		responses_json(e));
	json_t *parameters = json_array();
	add_parameters(e, parameters);
	if (json_array_size(parameters))
		json_object_set(o, "parameters", parameters);
	json_decref(parameters);
	if (e->input != API_NO_INPUT)
		json_object_set_new(o, "requestBody", body_json(e));
	if (e->output == API_NOTHING)
		json_object_set_new(o, "security", json_array());
	return o;
}

static json_t *paths_json(void)
{
	json_t *paths = json_object();
	for (size_t i = 0; i < api_entries_n; i++) {
		const struct api_entry *e = &api_entries[i];
		char path[96], method[8];
		int keep = (int)strcspn(e->pattern, "*");
		snprintf(path, sizeof path, "%.*s%s", keep, e->pattern,
			e->pattern[keep] ? "{name}" : "");
		snprintf(method, sizeof method, "%s", e->method);
		for (char *s = method; *s; s++)
			*s |= 0x20;
		json_t *item = json_object_get(paths, path);
		if (!item) {
			item = json_object();
			json_object_set_new(paths, path, item);
		}
		json_object_set_new(item, method, operation_json(e));
	}
	return paths;
}

json_t *api_openapi_json(const char *server)
{
	json_t *shapes = json_object();
	for (size_t i = 0; i < api_shapes_n; i++)
		json_object_set_new(shapes, api_shapes[i]->name, shape_schema(api_shapes[i]));
	json_t *info = json_pack("{s:s, s:s, s:s}", "title", "control API of an ockam node",
		"version", OCKAM_VERSION, "description",
		"The same on the node's control.sock, which needs no token. See docs/api.md.");
	json_t *token = json_pack("{s:{s:s, s:s}}", "token", "type", "http", "scheme", "bearer");
	return json_pack("{s:s, s:o, s:[{s:s}], s:[{s:[]}], s:o, s:{s:o, s:o}}", "openapi", "3.1.0",
		"info", info, "servers", "url", server, "security", "token", "paths", paths_json(),
		"components", "schemas", shapes, "securitySchemes", token);
}

void api_openapi(struct api_request *rq)
{
	char url[64];
	const char *at = api_http_address(rq->p);
	snprintf(url, sizeof url, "%s%s", at ? "http://" : "/", at ? at : "");
	api_reply(rq, api_openapi_json(url));
}
