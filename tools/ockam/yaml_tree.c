// SPDX-License-Identifier: Apache-2.0
#include "yaml_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	struct yaml_fault *fault;
	unsigned values;
};

static int bad(struct reader *r, size_t line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int bad(struct reader *r, size_t line, const char *fmt, ...)
{
	va_list ap;
	r->fault->line = (unsigned)line + 1;
	va_start(ap, fmt);
	vsnprintf(r->fault->why, sizeof r->fault->why, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static int next_event(struct reader *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->parser, e))
		return 0;
	if (r->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return bad(r, r->parser.problem_mark.line, "this is not YAML: %s",
		r->parser.problem ? r->parser.problem : "unreadable text");
}

static bool is_null(const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

static int take_text(struct reader *r, const yaml_event_t *e, struct yaml_value *v)
{
	size_t len = e->data.scalar.length;
	const char *text = (const char *)e->data.scalar.value;
	if (strlen(text) != len)
		return bad(r, e->start_mark.line, "text with a zero byte");
	v->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	v->kind = is_null(e) ? YAML_NULL : YAML_TEXT;
	if (v->kind == YAML_TEXT)
		v->text = strdup(text);
	return v->kind == YAML_NULL || v->text ? 0 : -ENOMEM;
}

static int take_value(
	struct reader *r, const yaml_event_t *e, unsigned depth, struct yaml_value **out);

/* The key of a map's next member, or *end. */
static int take_key(
	struct reader *r, const struct yaml_value *map, char **key, size_t *line, bool *end)
{
	yaml_event_t e;
	int rc = next_event(r, &e);
	if (rc)
		return rc;
	*end = e.type == YAML_MAPPING_END_EVENT;
	*line = e.start_mark.line;
	if (e.type == YAML_SCALAR_EVENT && e.data.scalar.length &&
		strlen((const char *)e.data.scalar.value) == e.data.scalar.length) {
		const char *text = (const char *)e.data.scalar.value;
		if (yaml_tree_get(map, text))
			rc = bad(r, *line, "key '%.60s' is here twice", text);
		else if (!(*key = strdup(text)))
			rc = -ENOMEM;
	} else if (!*end) {
		rc = bad(r, *line, "a key must be text");
	}
	yaml_event_delete(&e);
	return rc;
}

static int take_members(struct reader *r, struct yaml_value *v, unsigned depth)
{
	struct yaml_value **tail = &v->first;
	for (;;) {
		char *key = NULL;
		size_t line;
		bool end = false;
		yaml_event_t e;
		int rc = v->kind == YAML_MAP ? take_key(r, v, &key, &line, &end) : 0;
		if (rc || end) {
			free(key);
			return rc;
		}
		rc = next_event(r, &e);
		if (rc) {
			free(key);
			return rc;
		}
		end = v->kind == YAML_LIST && e.type == YAML_SEQUENCE_END_EVENT;
		if (!end)
			rc = take_value(r, &e, depth + 1, tail);
		yaml_event_delete(&e);
		if (rc || end) {
			free(key);
			return rc;
		}
		(*tail)->key = key;
		if (key)
			(*tail)->line = (unsigned)line + 1;
		tail = &(*tail)->next;
	}
}

static int check_plain(struct reader *r, const yaml_event_t *e, unsigned depth)
{
	size_t line = e->start_mark.line;
	if (e->type == YAML_ALIAS_EVENT)
		return bad(r, line, "anchors and aliases are not supported");
	if (depth > YAML_TREE_DEPTH_MAX || ++r->values > YAML_TREE_VALUES_MAX)
		return bad(r, line, "too %s", depth > YAML_TREE_DEPTH_MAX ? "deep" : "long");
	bool tagged =
		(e->type == YAML_SCALAR_EVENT && (e->data.scalar.anchor || e->data.scalar.tag)) ||
		(e->type == YAML_SEQUENCE_START_EVENT &&
			(e->data.sequence_start.anchor || e->data.sequence_start.tag)) ||
		(e->type == YAML_MAPPING_START_EVENT &&
			(e->data.mapping_start.anchor || e->data.mapping_start.tag));
	return tagged ? bad(r, line, "anchors and tags are not supported") : 0;
}

/* *out is NULL on failure. */
static int take_value(
	struct reader *r, const yaml_event_t *e, unsigned depth, struct yaml_value **out)
{
	int rc = check_plain(r, e, depth);
	if (rc)
		return rc;
	struct yaml_value *v = calloc(1, sizeof *v);
	if (!v)
		return -ENOMEM;
	v->line = (unsigned)e->start_mark.line + 1;
	if (e->type == YAML_SCALAR_EVENT) {
		rc = take_text(r, e, v);
	} else if (e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT) {
		v->kind = e->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST;
		rc = take_members(r, v, depth);
	} else {
		rc = bad(r, e->start_mark.line, "a value is expected here");
	}
	if (rc) {
		yaml_tree_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

/* Between the document's start and its only value; an empty file is an empty map. */
static int take_document(struct reader *r, struct yaml_value **out)
{
	yaml_event_t e;
	bool seen = false;
	int rc = 0;
	for (bool more = true; more && !rc;) {
		rc = next_event(r, &e);
		if (rc)
			break;
		more = e.type != YAML_STREAM_END_EVENT;
		if (e.type == YAML_DOCUMENT_START_EVENT && seen)
			rc = bad(r, e.start_mark.line, "a second document");
		else if (e.type == YAML_SCALAR_EVENT || e.type == YAML_ALIAS_EVENT ||
			 e.type == YAML_SEQUENCE_START_EVENT ||
			 e.type == YAML_MAPPING_START_EVENT) {
			seen = true;
			rc = take_value(r, &e, 0, out);
		}
		yaml_event_delete(&e);
	}
	if (!rc && !seen) {
		*out = calloc(1, sizeof **out);
		rc = *out ? 0 : -ENOMEM;
		if (!rc)
			(*out)->kind = YAML_MAP, (*out)->line = 1;
	}
	return rc;
}

int yaml_tree_read(const char *text, size_t len, struct yaml_value **out, struct yaml_fault *fault)
{
	struct reader r = {.fault = fault};
	struct yaml_value *v = NULL;
	if (len > YAML_TREE_BYTES_MAX)
		return bad(&r, 0, "longer than %d bytes", YAML_TREE_BYTES_MAX);
	if (!yaml_parser_initialize(&r.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	int rc = take_document(&r, &v);
	yaml_parser_delete(&r.parser);
	if (rc)
		yaml_tree_free(v);
	else
		*out = v;
	return rc;
}

void yaml_tree_free(struct yaml_value *v)
{
	while (v) {
		struct yaml_value *next = v->next;
		yaml_tree_free(v->first);
		free(v->key);
		free(v->text);
		free(v);
		v = next;
	}
}

struct yaml_value *yaml_tree_get(const struct yaml_value *map, const char *key)
{
	for (struct yaml_value *v = map->first; v; v = v->next)
		if (v->key && !strcmp(v->key, key))
			return v;
	return NULL;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
	static const char *const names[] = {"text", "nothing", "a list", "a map"};
	return names[kind];
}
