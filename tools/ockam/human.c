// SPDX-License-Identifier: Apache-2.0
#include "human.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_MAX = 256, COLUMNS_MAX = 8 };

/* Appends text without control characters. */
static void append(char *dst, size_t cap, const char *text)
{
	size_t n = strlen(dst);
	for (; *text && n + 1 < cap; text++)
		dst[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
	dst[n] = 0;
}

/* Scalars, and lists of scalars with commas, in one cell. */
static void cell(char *dst, size_t cap, const json_t *v)
{
	char number[32];
	size_t i;
	json_t *item;
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		append(dst, cap, json_string_value(v));
		break;
	case JSON_INTEGER:
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
		append(dst, cap, number);
		break;
	case JSON_REAL:
		snprintf(number, sizeof number, "%g", json_real_value(v));
		append(dst, cap, number);
		break;
	case JSON_TRUE:
		append(dst, cap, "yes");
		break;
	case JSON_FALSE:
		append(dst, cap, "no");
		break;
	case JSON_ARRAY:
		json_array_foreach(v, i, item)
		{
			if (i)
				append(dst, cap, ",");
			cell(dst, cap, item);
		}
		break;
	case JSON_OBJECT:
	case JSON_NULL:
		append(dst, cap, "-");
		break;
	}
}

static void table_row(FILE *f, const json_t *object, const struct column *columns, const int *width)
{
	for (size_t k = 0; columns[k].key && k < COLUMNS_MAX; k++) {
		char text[CELL_MAX] = "";
		cell(text, sizeof text, json_object_get(object, columns[k].key));
		fprintf(f, "%s%-*s", k ? "  " : "", columns[k + 1].key ? width[k] : 0, text);
	}
	fputc('\n', f);
}

void human_table(
	FILE *f, const json_t *list, const struct column *columns, const char *plural, bool color)
{
	int width[COLUMNS_MAX] = {0};
	size_t i;
	json_t *item;
	if (json_array_size(list) == 0) {
		fprintf(f, "no %s\n", plural);
		return;
	}
	for (size_t k = 0; columns[k].key && k < COLUMNS_MAX; k++) {
		width[k] = (int)strlen(columns[k].title);
		json_array_foreach(list, i, item)
		{
			char text[CELL_MAX] = "";
			cell(text, sizeof text, json_object_get(item, columns[k].key));
			if ((int)strlen(text) > width[k])
				width[k] = (int)strlen(text);
		}
	}
	fputs(color ? "\033[1m" : "", f);
	for (size_t k = 0; columns[k].key && k < COLUMNS_MAX; k++)
		fprintf(f, "%s%-*s", k ? "  " : "", columns[k + 1].key ? width[k] : 0,
			columns[k].title);
	fputs(color ? "\033[0m\n" : "\n", f);
	json_array_foreach(list, i, item) table_row(f, item, columns, width);
}

static void members(FILE *f, const json_t *object, int indent, bool color);

static void member(FILE *f, const char *key, const json_t *v, int indent, bool color)
{
	size_t i;
	json_t *item;
	fprintf(f, "%*s%s%s:%s", indent, "", color ? "\033[1m" : "", key, color ? "\033[0m" : "");
	if (json_is_object(v)) {
		fputc('\n', f);
		members(f, v, indent + 2, color);
	} else if (json_is_object(json_array_get(v, 0))) {
		fputc('\n', f);
		json_array_foreach(v, i, item)
		{
			fprintf(f, "%*s-\n", indent + 2, "");
			members(f, item, indent + 4, color);
		}
	} else {
		char text[4096] = "";
		cell(text, sizeof text, v);
		fprintf(f, " %s\n", *text ? text : "-");
	}
}

static void members(FILE *f, const json_t *object, int indent, bool color)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)object, key, v) member(f, key, v, indent, color);
}

void human_record(FILE *f, const json_t *object, bool color)
{
	members(f, object, 0, color);
}
