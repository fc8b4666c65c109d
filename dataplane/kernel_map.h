/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of the relay program, by their descriptors alone, which takes no right. Negative errno.
 */
#ifndef OCKAM_KERNEL_MAP_H
#define OCKAM_KERNEL_MAP_H

#include "bpf_shared.h"
#include "steer.h"

struct kernel_maps {
	int fd[STEER_MAPS]; /* -1: none */
	unsigned cpus;	    /* that the kernel may ever have */
};

void kernel_maps_init(struct kernel_maps *m);
void kernel_maps_close(struct kernel_maps *m);
int kernel_row_put(
	const struct kernel_maps *m, const struct relay_key *k, const struct relay_row *r);
int kernel_row_del(const struct kernel_maps *m, const struct relay_key *k);
/* Counts from 0. */
int kernel_slot_add(const struct kernel_maps *m, uint32_t slot);
int kernel_slot_del(const struct kernel_maps *m, uint32_t slot);
int kernel_slot_get(const struct kernel_maps *m, uint32_t slot, struct relay_count *sum);

#endif
