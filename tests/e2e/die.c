// SPDX-License-Identifier: Apache-2.0
/* LD_PRELOAD: kills ockam-control with SIGKILL before its DIE_AT-th message on the seam. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void count(void)
{
	static int n;
	const char *at = getenv("DIE_AT");
	if (at && !strcmp(program_invocation_short_name, "ockam-control") && ++n == atoi(at))
		kill(getpid(), SIGKILL);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t (*real)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
	count();
	return real(fd, m, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
	count();
	return real(fd, m, flags);
}
