/* SPDX-License-Identifier: Apache-2.0 */
/* Some processes with all their descendants, such as a server that forks for each connection. */
#ifndef OCKAM_BENCH_TREE_H
#define OCKAM_BENCH_TREE_H

#include <stdint.h>
#include <sys/types.h>

/* CPU time of those that live, their ended threads included, in ns. `roots` of 0 and less are
 * ignored. */
uint64_t tree_cpu_ns(const pid_t *roots, unsigned n);
/* Their memory: the sum of proportional shares, in KiB. */
uint64_t tree_memory_kib(const pid_t *roots, unsigned n);
/* Calls fn with each descendant, not with the roots. */
void tree_descendants(const pid_t *roots, unsigned n, void (*fn)(void *ctx, pid_t pid), void *ctx);

#endif
