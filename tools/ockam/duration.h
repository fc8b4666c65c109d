/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as users write them: 500ms, 10s, 2m, 1h, 1d; a bare number is seconds. */
#ifndef OCKAM_DURATION_H
#define OCKAM_DURATION_H

#include <stdint.h>

enum { DURATION_DAYS_MAX = 365 };

/* 0 and milliseconds, or -EINVAL (no number, unknown unit, more than DURATION_DAYS_MAX). */
int duration_parse(const char *text, int64_t *ms);

#endif
