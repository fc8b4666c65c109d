/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program on the ingress of a device: by a link of tcx (kernels since 6.6), which goes with its
 * last descriptor, else as a filter of clsact, which stays until it is taken away. A node knows its
 * own filters by their `handle`, also those that an earlier process of it has left. Errors:
 * negative errno.
 */
#ifndef OCKAM_ATTACH_H
#define OCKAM_ATTACH_H

#include <stdint.h>

/* A descriptor of the link. -EINVAL: this kernel has no tcx. */
int attach_tcx(int prog_fd, uint32_t ifindex);
int attach_clsact(int prog_fd, uint32_t ifindex, uint32_t handle);
int detach_clsact(uint32_t ifindex, uint32_t handle);
void detach_clsact_all(uint32_t handle); /* from every device */

/* `sock`: any socket. 0; -ENODEV; -EOPNOTSUPP: its packets have no Ethernet header. */
int attach_device_fits(int sock, uint32_t ifindex);

#endif
