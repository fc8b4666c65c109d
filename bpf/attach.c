// SPDX-License-Identifier: Apache-2.0
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

enum {
	TCX_INGRESS = 46,  /* BPF_TCX_INGRESS, in headers since 6.6 */
	PRIORITY = 0xa000, /* of filters: behind those of others */
};

int attach_tcx(int prog_fd, uint32_t ifindex)
{
	return bpf_link_create(prog_fd, (int)ifindex, (enum bpf_attach_type)TCX_INGRESS, NULL);
}

int attach_clsact(int prog_fd, uint32_t ifindex, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = PRIORITY, .prog_fd = prog_fd,
		.flags = BPF_TC_F_REPLACE);
	int rc = bpf_tc_hook_create(&hook);
	return rc && rc != -EEXIST ? rc : bpf_tc_attach(&hook, &opts);
}

int detach_clsact(uint32_t ifindex, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = PRIORITY);
	return bpf_tc_detach(&hook, &opts);
}

void detach_clsact_all(uint32_t handle)
{
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; i && i->if_index; i++)
		detach_clsact(i->if_index, handle);
	if_freenameindex(all);
}

int attach_device_fits(int sock, uint32_t ifindex)
{
	struct ifreq r = {.ifr_ifindex = (int)ifindex};
	if (ioctl(sock, SIOCGIFNAME, &r) < 0 || ioctl(sock, SIOCGIFHWADDR, &r) < 0)
		return -ENODEV;
	return r.ifr_hwaddr.sa_family == ARPHRD_ETHER || r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK
		       ? 0
		       : -EOPNOTSUPP;
}
