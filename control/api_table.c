// SPDX-License-Identifier: Apache-2.0
#include "api_table.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int api_percent_decode(char *dst, size_t cap, const char *src)
{
	size_t n = 0;
	for (; *src; src++) {
		char c = *src;
		if (c == '%') {
			int hi = hex_digit(src[1]);
			int lo = hi < 0 ? -1 : hex_digit(src[2]);
			if (lo < 0 || (hi | lo) == 0)
				return -EINVAL;
			c = (char)(hi << 4 | lo);
			src += 2;
		}
		if (n + 1 >= cap)
			return -EINVAL;
		dst[n++] = c;
	}
	dst[n] = 0;
	return (int)n;
}

/* True when path fits the pattern; *rest is what stands for `*`, or NULL. */
static bool path_fits(const char *pattern, const char *path, const char **rest)
{
	*rest = NULL;
	const char *star = strchr(pattern, '*');
	if (!star)
		return !strcmp(pattern, path);
	size_t n = (size_t)(star - pattern);
	if (strncmp(pattern, path, n) || !path[n] || strchr(path + n, '/'))
		return false;
	*rest = path + n;
	return true;
}

enum api_match api_match(const struct api_entry *table, size_t n, const char *method,
	const char *path, const struct api_entry **out, char *segment)
{
	enum api_match found = API_NO_PATH;
	for (size_t i = 0; i < n; i++) {
		const char *rest;
		if (!path_fits(table[i].pattern, path, &rest))
			continue;
		found = API_NO_METHOD;
		if (strcmp(table[i].method, method))
			continue;
		segment[0] = 0;
		if (rest && api_percent_decode(segment, API_SEGMENT_MAX + 1, rest) <= 0)
			return API_NO_PATH;
		*out = &table[i];
		return API_FOUND;
	}
	return found;
}

void api_methods(const struct api_entry *table, size_t n, const char *path, char *dst, size_t cap)
{
	size_t len = 0;
	dst[0] = 0;
	for (size_t i = 0; i < n && len < cap; i++) {
		const char *rest;
		if (path_fits(table[i].pattern, path, &rest))
			len += (size_t)snprintf(
				dst + len, cap - len, "%s%s", len ? ", " : "", table[i].method);
	}
}

static const struct api_field *field_find(const struct api_field *fields, const char *name)
{
	for (; fields && fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

static const char *const type_names[] = {
	[API_STRING] = "a string",
	[API_STRINGS] = "a list of strings",
	[API_BOOL] = "true or false",
	[API_MS] = "a number of milliseconds, at most a day",
	[API_COUNT] = "a number from 0 to 1000",
	[API_COUNTER] = "a number that is not negative",
};

static bool value_fits(enum api_type type, const json_t *v)
{
	size_t i;
	json_t *item;
	switch (type) {
	case API_STRING:
		return json_is_string(v);
	case API_BOOL:
		return json_is_boolean(v);
	case API_MS:
		return json_is_integer(v) && json_integer_value(v) >= 0 &&
		       json_integer_value(v) <= API_MS_MAX;
	case API_COUNTER:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case API_COUNT:
		return json_is_integer(v) && json_integer_value(v) >= 0 &&
		       json_integer_value(v) <= API_COUNT_MAX;
	case API_STRINGS:
		if (!json_is_array(v))
			return false;
		json_array_foreach((json_t *)v, i, item) if (!json_is_string(item)) return false;
		return true;
	}
	return false;
}

int api_check(const struct api_field *fields, json_t *object, char *err, size_t err_len)
{
	void *tmp;
	const char *name;
	json_t *v;
	if (!json_is_object(object)) {
		snprintf(err, err_len, "the body must be a JSON object");
		return -EINVAL;
	}
	json_object_foreach_safe(object, tmp, name, v)
	{
		const struct api_field *f = field_find(fields, name);
		if (!f) {
			snprintf(err, err_len, "unknown field \"%.64s\"", name);
			return -EINVAL;
		}
		if (json_is_null(v)) {
			json_object_del(object, name);
		} else if (!value_fits(f->type, v)) {
			snprintf(err, err_len, "\"%s\" must be %s", name, type_names[f->type]);
			return -EINVAL;
		}
	}
	for (const struct api_field *f = fields; f && f->name; f++) {
		if (f->required && !json_object_get(object, f->name)) {
			snprintf(err, err_len, "\"%s\" is missing", f->name);
			return -EINVAL;
		}
	}
	return 0;
}

static json_t *query_ms(const char *value)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || v > API_MS_MAX)
		return NULL;
	return json_integer((json_int_t)v);
}

static json_t *query_strings(json_t *object, const char *name, const char *value)
{
	json_t *list = json_object_get(object, name);
	list = list ? json_incref(list) : json_array();
	if (json_array_append_new(list, json_string(value)) == 0)
		return list;
	json_decref(list);
	return NULL;
}

int api_query_add(const struct api_field *fields, json_t *object, const char *name,
	const char *value, char *err, size_t err_len)
{
	const struct api_field *f = field_find(fields, name);
	json_t *v;
	if (!f || f->type == API_STRING)
		v = json_string(value);
	else if (f->type == API_STRINGS)
		v = query_strings(object, name, value);
	else if (f->type == API_BOOL)
		v = json_boolean(!strcmp(value, "true") || !strcmp(value, "1"));
	else
		v = query_ms(value);
	if (json_object_set_new(object, name, v) == 0)
		return 0;
	snprintf(
		err, err_len, "\"%.64s\" must be %s", name, f ? type_names[f->type] : "UTF-8 text");
	return -EINVAL;
}
