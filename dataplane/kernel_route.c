// SPDX-License-Identifier: Apache-2.0
#include "kernel_route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BUF = 8192, ANSWER_MS = 2000 };

static int netlink(uint32_t groups)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	int rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

int kernel_route_init(struct kernel_route *r)
{
	const struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
	*r = (struct kernel_route){.ask = netlink(0), .news = -1};
	if (r->ask < 0)
		return r->ask;
	setsockopt(r->ask, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	r->news = netlink(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE |
			  RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE);
	if (r->news >= 0)
		return 0;
	close(r->ask);
	r->ask = -1;
	return r->news;
}

void kernel_route_close(struct kernel_route *r)
{
	if (r->ask >= 0)
		close(r->ask);
	if (r->news >= 0)
		close(r->news);
	r->ask = r->news = -1;
}

static int on_attribute(const struct nlattr *a, void *device)
{
	if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
		*(int *)device = (int)mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int device_of(const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	int device = -EHOSTUNREACH;
	if (rtm->rtm_type == RTN_UNICAST || rtm->rtm_type == RTN_LOCAL)
		mnl_attr_parse(nlh, sizeof *rtm, on_attribute, &device);
	return device;
}

static int answer(struct kernel_route *r, char *buf)
{
	for (;;) {
		ssize_t n = recv(r->ask, buf, BUF, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		int left = (int)n;
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(void *)buf;
		if (!mnl_nlmsg_ok(nlh, left) || nlh->nlmsg_seq != r->seq)
			continue; /* of a question that was given up */
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
			return e->error ? e->error : -EPROTO;
		}
		return nlh->nlmsg_type == RTM_NEWROUTE ? device_of(nlh) : -EPROTO;
	}
}

int kernel_route_device(struct kernel_route *r, const struct udp_address *at)
{
	_Alignas(struct nlmsghdr) char buf[BUF];
	const size_t size = at->family == 4 ? 4 : 16;
	if (r->ask < 0)
		return -ENOTCONN;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = ++r->seq;
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof *rtm);
	rtm->rtm_family = at->family == 4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = rtm->rtm_src_len = (uint8_t)(8 * size);
	mnl_attr_put(nlh, RTA_DST, size, at->remote);
	mnl_attr_put(nlh, RTA_SRC, size, at->local);
	if (at->scope)
		mnl_attr_put_u32(nlh, RTA_OIF, at->scope);
	if (send(r->ask, nlh, nlh->nlmsg_len, 0) < 0)
		return -errno;
	return answer(r, buf);
}

bool kernel_route_drain(struct kernel_route *r)
{
	char buf[BUF];
	bool any = false;
	/* also when some were lost (ENOBUFS): what counts is that there were any */
	while (recv(r->news, buf, sizeof buf, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		any = true;
	return any;
}
