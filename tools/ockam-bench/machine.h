/* SPDX-License-Identifier: Apache-2.0 */
/* What the figures were taken on. */
#ifndef OCKAM_BENCH_MACHINE_H
#define OCKAM_BENCH_MACHINE_H

#include <jansson.h>

/* {cpu, cpus, kernel, congestion_control, load, build, date, version}; a new reference. `load` is
 * that of the minute before the call. */
json_t *machine_json(void);

#endif
