/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics as text, in one of two forms: OpenMetrics 1.0, and what Prometheus had before (0.0.4),
 * which knows no `info` and calls a counter by its whole name. Samples of a family follow its
 * begin. Pure but for the stream that is given.
 *
 * Sources: https://prometheus.io/docs/specs/om/open_metrics_spec/ and
 * https://prometheus.io/docs/instrumenting/exposition_formats/.
 */
#ifndef OCKAM_METRICS_TEXT_H
#define OCKAM_METRICS_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_INFO };

struct metrics_text {
	FILE *f;
	bool open_metrics;
	const char *name; /* of the family */
	enum metric_type type;
};

/* name without _total or _info. */
void metric_begin(
	struct metrics_text *t, const char *name, enum metric_type type, const char *help);
/* Labels: NAME, VALUE, ..., NULL. */
void metric_sample(struct metrics_text *t, double value, ...) __attribute__((sentinel));
void metrics_end(struct metrics_text *t);

#endif
