/* SPDX-License-Identifier: Apache-2.0 */
/* The table of scenarios, for a person or as JSON. */
#ifndef OCKAM_BENCH_LIST_H
#define OCKAM_BENCH_LIST_H

#include "bench.h"

const struct scenario *scenario_find(const char *name);
/* To standard output: those named, or all. -EINVAL after saying which name is none. */
int list_print(char **names, int n, bool json);

#endif
