// SPDX-License-Identifier: Apache-2.0
#include "metrics_text.h"

#include <stdarg.h>

static const char *suffix(enum metric_type type)
{
	return type == METRIC_COUNTER ? "_total" : type == METRIC_INFO ? "_info" : "";
}

static const char *type_word(const struct metrics_text *t)
{
	if (t->type == METRIC_COUNTER)
		return "counter";
	return t->type == METRIC_INFO && t->open_metrics ? "info" : "gauge";
}

void metric_begin(struct metrics_text *t, const char *name, enum metric_type type, const char *help)
{
	t->name = name;
	t->type = type;
	const char *of_family = t->open_metrics ? "" : suffix(type);
	fprintf(t->f, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, of_family, help, name, of_family,
		type_word(t));
}

/* What is not ASCII that prints could come from the other plane only, and is not believed. */
static void label_value(FILE *f, const char *v)
{
	for (; *v; v++) {
		if (*v == '\\' || *v == '"')
			fputc('\\', f);
		fputc(*v < ' ' || *v > '~' ? '?' : *v, f);
	}
}

void metric_sample(struct metrics_text *t, double value, ...)
{
	va_list ap;
	const char *name;
	char open = '{';
	fprintf(t->f, "%s%s", t->name, suffix(t->type));
	va_start(ap, value);
	while ((name = va_arg(ap, const char *))) {
		fprintf(t->f, "%c%s=\"", open, name);
		label_value(t->f, va_arg(ap, const char *));
		fputc('"', t->f);
		open = ',';
	}
	va_end(ap);
	fprintf(t->f, "%s %.17g\n", open == ',' ? "}" : "", value);
}

void metrics_end(struct metrics_text *t)
{
	if (t->open_metrics)
		fputs("# EOF\n", t->f);
}
