// SPDX-License-Identifier: Apache-2.0
#include "fd_pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char b[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
};

int fd_pass_send(int sock, const void *msg, size_t len, const int *fds, unsigned n)
{
	union control control = {0};
	struct iovec iov = {(void *)(size_t)msg, len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n > FD_PASS_MAX)
		return -EINVAL;
	if (n) {
		mh.msg_control = control.b;
		mh.msg_controllen = CMSG_SPACE(n * sizeof *fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, n * sizeof *fds);
	}
	ssize_t rc;
	do
		rc = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static void take(const struct msghdr *mh, int *fds)
{
	for (unsigned i = 0; i < FD_PASS_MAX; i++)
		fds[i] = -1;
	const struct cmsghdr *c = CMSG_FIRSTHDR(mh);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
}

int fd_pass_recv(int sock, void *msg, size_t len, int *fds, _Bool wait)
{
	union control control = {0};
	struct iovec iov = {msg, len};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.b,
		.msg_controllen = sizeof control.b,
	};
	ssize_t rc;
	do
		rc = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	take(&mh, fds);
	if ((size_t)rc == len && !(mh.msg_flags & MSG_TRUNC))
		return 0;
	for (unsigned i = 0; i < FD_PASS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	return rc ? -EBADMSG : -EPIPE;
}
