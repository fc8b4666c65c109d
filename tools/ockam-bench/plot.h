/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report as one HTML file with SVG in it and nothing from elsewhere: for each figure every
 * sample, the median and its interval, contestants side by side; all ratios of a scenario with
 * their goals. Readable in light and dark, and on a narrow screen.
 */
#ifndef OCKAM_BENCH_PLOT_H
#define OCKAM_BENCH_PLOT_H

#include "result.h"

#include <jansson.h>
#include <stdio.h>

/* 0, or negative errno. */
int plot_write(FILE *f, json_t *machine, const struct results *r);

/* For plot.c: one picture of rows that share a unit. */
enum { CHART_ROWS = 64 };

struct chart {
	const struct result *rows[CHART_ROWS]; /* all ratios or none */
	unsigned n;			       /* not 0 */
};
void chart_write(FILE *f, const struct chart *c);
/* Text with what HTML takes for its own written out. */
void html_text(FILE *f, const char *text);

#endif
