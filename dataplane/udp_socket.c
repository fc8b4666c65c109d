// SPDX-License-Identifier: Apache-2.0
#include "udp_socket.h"

#include "udp_sockaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { BUFFER = 4 << 20 }; /* what the kernel allows of it */

union control {
	struct cmsghdr align;
	char b[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)) +
		CMSG_SPACE(sizeof(int))];
};


bool udp_socket_is(int fd)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof type;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_DGRAM)
		return false;
	len = sizeof domain;
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       (domain == AF_INET || domain == AF_INET6);
}

void udp_socket_prepare(int fd, bool *gro)
{
	int one = 1, probe4 = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE, size = BUFFER;
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	*gro = setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one) == 0;
	/* those of the other family fail, which is as well */
	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof probe4);
	setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof probe6);
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

int udp_socket_where(int fd, const struct udp_address *to, struct udp_address *out, uint16_t *local_port)
{
	struct sockaddr_storage here = {0}, there = {0};
	struct udp_address own;
	socklen_t len = sizeof here, there_len = sizeof there;
	if (getsockname(fd, (struct sockaddr *)&here, &len) < 0 ||
		(!to && getpeername(fd, (struct sockaddr *)&there, &there_len) < 0))
		return -errno;
	if (udp_address_from(&own, &here) < 0 || (!to && udp_address_from(out, &there) < 0))
		return -EAFNOSUPPORT;
	if (to)
		*out = *to;
	else
		memcpy(out->local, own.remote, sizeof out->local);
	*local_port = own.port;
	return 0;
}

static void take_control(const struct cmsghdr *c, struct udp_received *out)
{
	const void *data = CMSG_DATA(c);
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, data, sizeof info);
		memcpy(out->from.local, &info.ipi_addr, 4);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, data, sizeof info);
		memcpy(out->from.local, &info.ipi6_addr, 16);
	} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
		int segment;
		memcpy(&segment, data, sizeof segment);
		if (segment > 0)
			out->segment = (size_t)segment;
	}
}

int udp_socket_recv(int fd, void *buf, size_t cap, struct udp_received *out)
{
	struct sockaddr_storage ss = {0};
	union control control;
	struct iovec iov = {buf, cap};
	struct msghdr mh = {
		.msg_name = &ss,
		.msg_namelen = sizeof ss,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.b,
		.msg_controllen = sizeof control.b,
	};
	ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	*out = (struct udp_received){.len = (size_t)n};
	if (udp_address_from(&out->from, &ss) < 0 || mh.msg_flags & MSG_TRUNC)
		out->len = 0; /* nothing that could be ours */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c))
		take_control(c, out);
	if (!out->segment)
		out->segment = out->len;
	return 0;
}

static void put_control(struct msghdr *mh, int level, int type, const void *v, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((char *)mh->msg_control + mh->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), v, n);
	mh->msg_controllen += CMSG_SPACE(n);
}

/* Answers come from where the peer sends to. */
static void put_source(struct msghdr *mh, const struct udp_address *to)
{
	static const uint8_t none[16];
	if (!memcmp(to->local, none, sizeof none))
		return;
	if (to->family == 4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, to->local, 4);
		put_control(mh, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = to->scope};
		memcpy(&info.ipi6_addr, to->local, 16);
		put_control(mh, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

int udp_socket_send(int fd, const struct udp_address *to, const struct datagram_run *run)
{
	struct sockaddr_storage ss;
	union control control = {0};
	struct msghdr mh = {
		.msg_iov = (struct iovec *)(uintptr_t)run->iov,
		.msg_iovlen = run->pieces,
		.msg_control = control.b,
	};
	if (to) {
		mh.msg_name = &ss;
		mh.msg_namelen = udp_address_remote(to, &ss);
		put_source(&mh, to);
	}
	if (run->frames > 1) {
		uint16_t segment = (uint16_t)run->segment;
		put_control(&mh, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
	}
	if (!mh.msg_controllen)
		mh.msg_control = NULL;
	return sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
