/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that do nothing but want the CPU, beside what is measured. */
#ifndef OCKAM_BENCH_HOG_H
#define OCKAM_BENCH_HOG_H

#include <sys/types.h>

enum { HOGS_MAX = 64 };

struct hogs {
	pid_t pids[HOGS_MAX];
	unsigned n;
};

/* 0, or negative errno with none started. */
int hogs_start(struct hogs *h, unsigned n);
void hogs_stop(struct hogs *h);

#endif
