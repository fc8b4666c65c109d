// SPDX-License-Identifier: Apache-2.0
/* One picture: a row for each contestant with its samples as dots, median and interval, over a
 * common axis. */
#include "catalog.h"
#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 620,
	LABEL = 240,
	VALUE = 70,
	ROW = 26,
	ROW_RATIO = 50,
	TOP = 6,
	AXIS = 24,
	LOG_FROM = 40,
	TICKS_MAX = 24,
	FITS = 36
};

struct axis {
	double low, high;
	bool log;
	double ticks[TICKS_MAX];
	unsigned ticks_n;
};

void html_text(FILE *f, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*text, f);
		}
}

static void tick(struct axis *a, double v)
{
	if (a->ticks_n < TICKS_MAX && v >= a->low * (1 - 1e-9) && v <= a->high * (1 + 1e-9))
		a->ticks[a->ticks_n++] = v;
}

/* 1, 2 or 5 times a power of ten, about a fifth of the range. */
static double nice_step(double range)
{
	double rough = range / 5, ten = pow(10, floor(log10(rough))), r = rough / ten;
	return ten * (r < 1.5 ? 1 : r < 3.5 ? 2 : r < 7.5 ? 5 : 10);
}

static void ticks_log(struct axis *a)
{
	static const double fine[] = {1, 2, 5};
	bool wide = a->high / a->low > 300;
	for (double ten = pow(10, floor(log10(a->low))); ten <= a->high; ten *= 10)
		for (unsigned i = 0; i < (wide ? 1 : 3); i++)
			tick(a, ten * fine[i]);
}

static void ticks_linear(struct axis *a)
{
	double step = nice_step(a->high - a->low);
	for (unsigned i = 0; i * step <= a->high; i++)
		tick(a, i * step);
}

static void axis_take(struct axis *a, double v)
{
	if (!(v > 0) || !isfinite(v))
		return;
	a->low = fmin(a->low, v);
	a->high = fmax(a->high, v);
}

/* From 0 where all is of one order, else logarithmic. Ratios always are, around 1. An interval much
 * wider than the samples does not make the axis wider: it is cut. */
static struct axis axis_of(const struct chart *c)
{
	struct axis a = {.low = INFINITY, .high = 0};
	bool ratios = c->n && c->rows[0]->is_ratio;
	for (unsigned i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->rows[i]->n; k++)
			axis_take(&a, c->rows[i]->samples[k]);
	if (ratios)
		axis_take(&a, 1);
	if (a.high <= 0)
		a.low = a.high = 1;
	a.log = ratios || a.high / a.low > LOG_FROM;
	a.low = a.log ? a.low / 1.15 : 0;
	a.high *= a.log ? 1.15 : 1.05;
	if (a.log)
		ticks_log(&a);
	else
		ticks_linear(&a);
	return a;
}

static double x_of(const struct axis *a, double v)
{
	double share = a->log ? log(fmax(v, a->low) / a->low) / log(a->high / a->low)
			      : (v - a->low) / (a->high - a->low);
	return LABEL + fmin(fmax(share, 0), 1) * (WIDTH - LABEL - VALUE);
}

static int row_height(const struct chart *c)
{
	return c->rows[0]->is_ratio ? ROW_RATIO : ROW;
}

static void grid(FILE *f, const struct axis *a, const struct chart *c)
{
	char text[24];
	int bottom = TOP + (int)c->n * row_height(c);
	double last = -INFINITY;
	if (a->log)
		fprintf(f, "<text class=\"label small\" x=\"%d\" y=\"%d\">logarithmic</text>",
			LABEL - 10, bottom + 16);
	for (unsigned i = 0; i < a->ticks_n; i++) {
		double x = x_of(a, a->ticks[i]);
		bool one = c->rows[0]->is_ratio && fabs(a->ticks[i] - 1) < 1e-9;
		fprintf(f, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>",
			one ? "one" : "grid", x, x, TOP, bottom);
		if (x - last < 34)
			continue;
		last = x;
		snprintf(text, sizeof text, "%.6g", a->ticks[i]);
		fprintf(f, "<text class=\"tick\" x=\"%.1f\" y=\"%d\">%s</text>", x, bottom + 16,
			text);
	}
}

/* A contestant of the project itself. */
static bool is_ours(const struct result *w)
{
	for (unsigned i = 0; i < scenarios_count; i++) {
		if (strcmp(scenarios[i]->name, w->scenario))
			continue;
		for (const char *const *p = scenarios[i]->ours; p && *p; p++)
			if (!strncmp(w->contestant, *p, strlen(*p)))
				return true;
	}
	return false;
}

/* What does not fit is cut; hovering shows it. */
static void line_of_text(FILE *f, const char *class, const char *text, double y)
{
	char cut[FITS * 4 + 8];
	size_t n = strlen(text);
	if (n > FITS)
		n = FITS - 2;
	snprintf(cut, sizeof cut, "%.*s%s", (int)n, text, n < strlen(text) ? "…" : "");
	fprintf(f, "<text class=\"%s\" x=\"%d\" y=\"%.1f\">", class, LABEL - 10, y);
	html_text(f, cut);
	fputs("</text>", f);
}

/* Of a ratio a line for each of the two, and which figures, below. */
static void label(FILE *f, const struct result *w, double y)
{
	const char *figure = w->is_ratio ? strstr(w->metric, ": ") : NULL;
	const char *to = figure ? strstr(w->contestant, " / ") : NULL;
	char of[FITS * 2];
	if (!to) {
		line_of_text(f, "label", w->contestant, y + 4);
		return;
	}
	snprintf(of, sizeof of, "%.*s", (int)(to - w->contestant), w->contestant);
	line_of_text(f, "label", of, y - 10);
	line_of_text(f, "label", to + 1, y + 4);
	line_of_text(f, "label small", figure + 2, y + 17);
}

static void hover(FILE *f, const struct result *w)
{
	char median[24], low[24], high[24];
	struct interval i = result_interval(w);
	fputs("<title>", f);
	html_text(f, w->contestant);
	fputs(", ", f);
	html_text(f, w->metric);
	fprintf(f, ": median %s ", number_text(median, result_median(w)));
	html_text(f, w->unit);
	fprintf(f, ", %zu samples from %s to %s", w->n, number_text(low, result_least(w)),
		number_text(high, result_greatest(w)));
	if (i.confidence > 0)
		fprintf(f, ", %.0f %% interval %s to %s", 100 * i.confidence,
			number_text(low, i.low), number_text(high, i.high));
	fputs("</title>", f);
}

/* Dots that fall together are moved apart a little, the same way each time. */
static void row(FILE *f, const struct axis *a, const struct chart *c, unsigned n)
{
	const struct result *w = c->rows[n];
	char text[24];
	double y = TOP + (n + .5) * row_height(c);
	struct interval i = result_interval(w);
	fprintf(f, "<g class=\"row%s\">", is_ours(w) ? " ours" : "");
	hover(f, w);
	fprintf(f, "<rect class=\"hit\" x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
		TOP + (int)n * row_height(c), WIDTH, row_height(c));
	label(f, w, y);
	for (size_t k = 0; k < w->n; k++)
		fprintf(f, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>",
			x_of(a, w->samples[k]), y + (double)(k * 5 % 7) * 1.2 - 3.6);
	if (i.confidence > 0)
		fprintf(f,
			"<path class=\"bar\" d=\"M%.1f %.1fV%.1fM%.1f %.1fH%.1fM%.1f %.1fV%.1f\"/>",
			x_of(a, i.low), y - 5, y + 5, x_of(a, i.low), y, x_of(a, i.high),
			x_of(a, i.high), y - 5, y + 5);
	double x = x_of(a, result_median(w));
	fprintf(f, "<path class=\"median\" d=\"M%.1f %.1fV%.1f\"/>", x, y - 9, y + 9);
	fprintf(f, "<text class=\"value\" x=\"%d\" y=\"%.1f\">%s</text></g>", WIDTH - 6, y + 4,
		number_text(text, result_median(w)));
}

/* Where the goal of a ratio lies, as its metric says. */
static void goal(FILE *f, const struct axis *a, const struct chart *c, unsigned n)
{
	const char *text = strstr(c->rows[n]->metric, "goal ");
	if (!text || !c->rows[n]->is_ratio)
		return;
	double bound = strtod(text + 8, NULL), x = x_of(a, bound),
	       y = TOP + (n + .5) * row_height(c);
	double tip = text[5] == '>' ? 7 : -7;
	fprintf(f, "<path class=\"goal\" d=\"M%.1f %.1fV%.1fM%.1f %.1fl%.1f 4l%.1f 4\"/>", x,
		y - 11, y + 11, x, y - 4, tip, -tip);
}

void chart_write(FILE *f, const struct chart *c)
{
	struct axis a = axis_of(c);
	int height = TOP + (int)c->n * row_height(c) + AXIS;
	fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\">", WIDTH, height);
	grid(f, &a, c);
	for (unsigned i = 0; i < c->n; i++) {
		row(f, &a, c, i);
		goal(f, &a, c, i);
	}
	fputs("</svg>\n", f);
}
