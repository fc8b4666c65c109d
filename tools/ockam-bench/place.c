// SPDX-License-Identifier: Apache-2.0
#include "place.h"

#include "bench.h"
#include "proc.h"
#include "socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int run_ip(char *const argv[])
{
	struct proc_result r;
	int rc = proc_run(argv, NULL, 0, &r);
	return rc < 0 ? rc : r.status ? -EIO : 0;
}

static int make(const char *ip)
{
	char *up[] = {(char *)ip, "link", "set", "lo", "up", NULL};
	char *cubic[] = {(char *)ip, "route", "replace", "table", "local", "local", "127.0.0.1",
		"dev", "lo", "congctl", "cubic", NULL};
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	int rc = run_ip(up);
	if (rc < 0)
		return rc;
	if (run_ip(cubic) < 0)
		bench_say("no cubic here: the default congestion control is used");
	return 0;
}

void place_enter(void)
{
	char ip[PATH_MAX];
	if (geteuid() != 0)
		bench_say("not root: measured on the machine's own loopback, with its default "
			  "congestion control");
	else if (proc_find("ip", ip, sizeof ip) < 0)
		bench_say("no program ip (iproute2): measured on the machine's own loopback");
	else if (make(ip) < 0)
		bench_say("no network namespace can be made: measured on the machine's own "
			  "loopback");
}

void place_congestion(char *dst, size_t cap)
{
	uint16_t port;
	int l = socket_listen(&port), c = l < 0 ? l : socket_connect(port);
	socklen_t len = (socklen_t)cap;
	dst[0] = 0;
	if (c < 0 || getsockopt(c, IPPROTO_TCP, TCP_CONGESTION, dst, &len) < 0)
		snprintf(dst, cap, "unknown");
	if (c >= 0)
		close(c);
	if (l >= 0)
		close(l);
}
