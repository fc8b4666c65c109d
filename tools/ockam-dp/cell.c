// SPDX-License-Identifier: Apache-2.0
#include "cell.h"

#include "layout.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

unsigned cell_text(const struct admin_msg *row, enum admin_attr a, char dst[CELL_MAX])
{
	if (!(row->has & ADMIN_HAS(a)))
		return (unsigned)snprintf(dst, CELL_MAX, "-");
	if (admin_attrs[a].kind == ADMIN_FLAG)
		return (unsigned)snprintf(dst, CELL_MAX, "%s", row->v[a].n ? "yes" : "no");
	if (admin_attrs[a].kind != ADMIN_TEXT)
		return (unsigned)snprintf(dst, CELL_MAX, "%llu", (unsigned long long)row->v[a].n);
	unsigned n = 0;
	for (const char *s = row->v[a].text; *s && n + 1 < CELL_MAX; s++)
		dst[n++] = (unsigned char)*s < ' ' || *s == 127 ? '?' : *s;
	dst[n] = 0;
	return n;
}

const char *cell_colour(const struct admin_msg *row, enum admin_attr a)
{
	static const char *const good[] = {"up", "established", "used", "session"},
				 *const bad[] = {"down", "broken", "refusing", "no way out"};
	if (a != ADMIN_A_STATE || !(row->has & ADMIN_HAS(a)))
		return "";
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
		if (!strcmp(row->v[a].text, good[i]))
			return CELL_GREEN;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!strcmp(row->v[a].text, bad[i]))
			return CELL_RED;
	return "";
}

/* Text that is not UTF-8 is not lost. */
static json_t *json_text(const char *text)
{
	json_t *v = json_string(text);
	char dst[CELL_MAX];
	unsigned n = 0;
	if (v)
		return v;
	for (; *text && n + 1 < sizeof dst; text++)
		dst[n++] = (unsigned char)*text < 128 ? *text : '?';
	dst[n] = 0;
	return json_string(dst);
}

static json_t *json_value(const struct admin_msg *row, unsigned a)
{
	switch (admin_attrs[a].kind) {
	case ADMIN_FLAG:
		return json_boolean(row->v[a].n);
	case ADMIN_TEXT:
		return json_text(row->v[a].text);
	default:
		return json_integer((json_int_t)row->v[a].n);
	}
}

static char *now_text(char *dst, size_t cap)
{
	struct timespec ts;
	struct tm tm;
	char day[24];
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(dst, cap, "%s.%06uZ", day, (unsigned)(ts.tv_nsec / 1000) % 1000000);
	return dst;
}

static json_t *json_row(const struct dp *d, const char *node, const struct admin_msg *row)
{
	char time[64];
	json_t *o = json_object();
	if (d->o.time)
		json_object_set_new(o, "time", json_string(now_text(time, sizeof time)));
	if (node)
		json_object_set_new(o, "node", json_text(node));
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (row->has & ADMIN_HAS(a))
			json_object_set_new(o, admin_attrs[a].name, json_value(row, a));
	return o;
}

void cell_json(const struct dp *d, const char *node, const struct admin_msg *row, bool more)
{
	json_t *o = json_row(d, node, row);
	char *text = json_dumps(o, d->o.pretty ? JSON_INDENT(2) : JSON_COMPACT);
	printf("%s%s%s", more ? "," : "", d->o.pretty ? "\n" : "", text ? text : "{}");
	free(text);
	json_decref(o);
}

static void event_words(const struct dp *d, const char *node, const struct admin_msg *row)
{
	char text[CELL_MAX], time[64];
	uint8_t columns[LAYOUT_MAX];
	const unsigned n = layout_columns(ADMIN_EVENT, true, true, columns);
	const bool overrun = row->type == ADMIN_OVERRUN;
	if (d->o.time)
		printf("%s ", now_text(time, sizeof time));
	if (d->o.all)
		printf("%s: ", node);
	if (overrun) {
		printf("overrun lost %llu\n", (unsigned long long)row->v[ADMIN_A_LOST].n);
		return;
	}
	printf("%s%s %s%s", d->colour ? CELL_BOLD : "", row->v[ADMIN_A_NAME].text,
		row->v[ADMIN_A_EVENT].text, d->colour ? CELL_PLAIN : "");
	for (unsigned c = 0; c < n; c++) {
		const unsigned a = columns[c];
		if (a == ADMIN_A_NAME || a == ADMIN_A_EVENT || !(row->has & ADMIN_HAS(a)))
			continue;
		cell_text(row, (enum admin_attr)a, text);
		printf(a == ADMIN_A_REASON ? " %s \"%s\"" : " %s %s", admin_attrs[a].name, text);
	}
	printf("\n");
}

void cell_event(const struct dp *d, const char *node, const struct admin_msg *row)
{
	if (!d->o.json) {
		event_words(d, node, row);
		return;
	}
	json_t *o = json_row(d, d->o.all ? node : NULL, row);
	if (row->type == ADMIN_OVERRUN)
		json_object_set_new(o, "event", json_string("overrun"));
	char *text = json_dumps(o, d->o.pretty ? JSON_INDENT(2) : JSON_COMPACT);
	printf("%s\n", text ? text : "{}");
	free(text);
	json_decref(o);
}
