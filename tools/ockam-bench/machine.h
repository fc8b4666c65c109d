/* SPDX-License-Identifier: Apache-2.0 */
/* What the figures were taken on, and beside. */
#ifndef OCKAM_BENCH_MACHINE_H
#define OCKAM_BENCH_MACHINE_H

#include <jansson.h>
#include <stdint.h>

/* {cpu, cpus, kernel, congestion_control, load, busy, build, date, version, revision, peers}; a new
 * reference. `load` is that of the minute before the call, `busy` what others use
 * of the CPUs now, as a share; `peers` is what each program that is
 * installed says of its version. */
json_t *machine_json(void);
/* For how long all CPUs together were not idle, since the start; steps of 10 ms. */
uint64_t machine_busy_ns(void);
/* The commit that this was built from; revision.c is made by the build. */
extern const char bench_revision[];

#endif
