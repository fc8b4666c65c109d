// SPDX-License-Identifier: Apache-2.0
#include "kernel_map.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int map_op(enum bpf_cmd cmd, int fd, const void *key, const void *value)
{
	union bpf_attr a;
	memset(&a, 0, sizeof a);
	a.map_fd = (uint32_t)fd;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	return syscall(SYS_bpf, cmd, &a, sizeof a) < 0 ? -errno : 0;
}

void kernel_maps_init(struct kernel_maps *m)
{
	for (unsigned i = 0; i < STEER_MAPS; i++)
		m->fd[i] = -1;
	m->cpus = 0;
}

void kernel_maps_close(struct kernel_maps *m)
{
	for (unsigned i = 0; i < STEER_MAPS; i++) {
		if (m->fd[i] >= 0)
			close(m->fd[i]);
		m->fd[i] = -1;
	}
}

int kernel_row_put(
	const struct kernel_maps *m, const struct relay_key *k, const struct relay_row *r)
{
	return map_op(BPF_MAP_UPDATE_ELEM, m->fd[STEER_ROWS], k, r);
}

int kernel_row_del(const struct kernel_maps *m, const struct relay_key *k)
{
	return map_op(BPF_MAP_DELETE_ELEM, m->fd[STEER_ROWS], k, NULL);
}

/* Values of CPUs lie at multiples of 8, as these do by themselves. */
_Static_assert(sizeof(struct relay_count) % 8 == 0, "no gap between them");

int kernel_slot_add(const struct kernel_maps *m, uint32_t slot)
{
	struct relay_count *zero = calloc(m->cpus, sizeof *zero);
	int rc = zero ? map_op(BPF_MAP_UPDATE_ELEM, m->fd[STEER_COUNTS], &slot, zero) : -ENOMEM;
	free(zero);
	return rc;
}

int kernel_slot_del(const struct kernel_maps *m, uint32_t slot)
{
	return map_op(BPF_MAP_DELETE_ELEM, m->fd[STEER_COUNTS], &slot, NULL);
}

int kernel_slot_get(const struct kernel_maps *m, uint32_t slot, struct relay_count *sum)
{
	struct relay_count *all = calloc(m->cpus, sizeof *all);
	int rc = all ? map_op(BPF_MAP_LOOKUP_ELEM, m->fd[STEER_COUNTS], &slot, all) : -ENOMEM;
	if (rc == 0)
		*sum = (struct relay_count){0};
	for (unsigned i = 0; rc == 0 && i < m->cpus; i++) {
		sum->frames += all[i].frames;
		sum->bytes += all[i].bytes;
		sum->last_ns = all[i].last_ns > sum->last_ns ? all[i].last_ns : sum->last_ns;
	}
	free(all);
	return rc;
}
