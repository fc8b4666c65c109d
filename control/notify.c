// SPDX-License-Identifier: Apache-2.0
#include "notify.h"

#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SEND_S = 2 }; /* how long a busy manager is waited for */

static struct {
	struct sockaddr_un to;
	socklen_t to_len;
	int fd; /* -1: nobody listens */
	uv_timer_t watchdog;
	bool watched;
} part = {.fd = -1};

/* A path, or with @ an abstract name; what else a manager may offer cannot be spoken to. */
static bool set_address(const char *text)
{
	size_t n = text ? strlen(text) : 0;
	if (n < 2 || n >= sizeof part.to.sun_path || (text[0] != '/' && text[0] != '@'))
		return false;
	part.to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(part.to.sun_path, text, n);
	if (text[0] == '@')
		part.to.sun_path[0] = 0;
	part.to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (text[0] == '/'));
	return true;
}

/* Twice as often as asked for; 0 when this process is not the one that is asked. */
static uint64_t ping_interval_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	unsigned long long us = strtoull(usec, &end, 10);
	return *end || us / 2000 > UINT32_MAX ? 0 : us / 2000;
}

static void on_watchdog(uv_timer_t *t)
{
	notify_send("WATCHDOG=1");
}

void notify_open(struct program *p, bool wanted)
{
	struct timeval patience = {.tv_sec = SEND_S};
	uint64_t ms = ping_interval_ms();
	wanted = wanted && set_address(getenv("NOTIFY_SOCKET"));
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (!wanted)
		return;
	part.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (part.fd < 0)
		return;
	setsockopt(part.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (!ms)
		return;
	uv_timer_init(&p->uv, &part.watchdog);
	uv_timer_start(&part.watchdog, on_watchdog, ms, ms);
	part.watched = true;
}

/* By address each time: the manager may have made its socket again. */
void notify_send(const char *lines)
{
	if (part.fd >= 0 && sendto(part.fd, lines, strlen(lines), MSG_NOSIGNAL,
				    (struct sockaddr *)&part.to, part.to_len) < 0)
		log_warn("the service manager cannot be told %.20s: %s", lines, strerror(errno));
}

void notify_close(void)
{
	if (part.watched)
		uv_close((uv_handle_t *)&part.watchdog, NULL);
	part.watched = false;
	if (part.fd >= 0)
		close(part.fd);
	part.fd = -1;
}
