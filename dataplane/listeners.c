// SPDX-License-Identifier: Apache-2.0
#include "listeners.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ACCEPT_BATCH = 64, TELL_US = 10000000 };

static uint64_t clock_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Connections that say nothing take a quarter of the descriptors at most. */
static unsigned pending_max(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur / 4 >= PENDING_MAX)
		return PENDING_MAX;
	return files.rlim_cur < 4 ? 1 : (unsigned)files.rlim_cur / 4;
}

static int watch(struct listeners *ls, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(ls->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int listeners_init(struct listeners *ls, int epoll, uint64_t seed)
{
	*ls = (struct listeners){.epoll = epoll, .spare = fcntl(epoll, F_DUPFD_CLOEXEC, 0)};
	ls->pending = pending_new(pending_max(), seed);
	if (ls->pending && watch(ls, pending_epoll(ls->pending)) == 0)
		return 0;
	int rc = -errno;
	listeners_fini(ls);
	return rc;
}

void listener_remove(struct listeners *ls, struct listener *l)
{
	struct listener **pp = &ls->first;
	while (*pp != l)
		pp = &(*pp)->next;
	*pp = l->next;
	/* control may hold a duplicate: the epoll set follows the open file, not the descriptor */
	if (l->worker < 0)
		epoll_ctl(ls->epoll, EPOLL_CTL_DEL, l->fd, NULL);
	pending_listener_gone(ls->pending, l->id);
	close(l->fd);
	free(l);
}

void listeners_fini(struct listeners *ls)
{
	while (ls->first)
		listener_remove(ls, ls->first);
	if (ls->pending)
		pending_free(ls->pending);
	if (ls->spare >= 0)
		close(ls->spare);
}

struct listener *listener_get(const struct listeners *ls, uint32_t id)
{
	struct listener *l = ls->first;
	while (l && l->id != id)
		l = l->next;
	return l;
}

bool listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

static void keep(struct listeners *ls, struct listener *l, uint32_t id, int fd, int worker)
{
	*l = (struct listener){.next = ls->first, .id = id, .fd = fd, .worker = worker};
	ls->first = l;
	if (id > ls->top)
		ls->top = id;
}

int listener_add(struct listeners *ls, uint32_t id, int fd)
{
	if (listener_get(ls, id))
		return -EEXIST;
	if (fd < 0 || !listening(fd))
		return -EBADF;
	struct listener *l = malloc(sizeof *l);
	if (!l)
		return -ENOMEM;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	int rc = watch(ls, fd);
	if (rc < 0)
		free(l);
	else
		keep(ls, l, id, fd, -1);
	return rc;
}

int listener_add_datagrams(struct listeners *ls, uint32_t id, int fd, unsigned worker)
{
	if (listener_get(ls, id))
		return -EEXIST;
	struct listener *l = malloc(sizeof *l);
	int copy = l ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (copy < 0) {
		int rc = l ? -EMFILE : -ENOMEM;
		free(l);
		return rc;
	}
	keep(ls, l, id, copy, (int)worker);
	return 0;
}

/* Without a descriptor left the caller would wait in the backlog for ever, and we would spin. */
static void refuse_one(struct listeners *ls, int listen_fd)
{
	close(ls->spare);
	int fd = accept(listen_fd, NULL, NULL);
	if (fd >= 0)
		close(fd);
	ls->spare = fcntl(ls->epoll, F_DUPFD_CLOEXEC, 0);
}

static void accept_some(struct listeners *ls, const struct listener *l, bool serving)
{
	uint64_t now_us = clock_us();
	for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage sa = {0};
		socklen_t len = sizeof sa;
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);
		if (fd >= 0 && !serving) {
			close(fd); /* nobody would say hello to it */
		} else if (fd >= 0) {
			pending_add(ls->pending, l->id, fd, &sa, now_us);
		} else if (errno == EMFILE || errno == ENFILE) {
			if (pending_shed(ls->pending))
				continue;
			log_warn("no descriptor left: a connection is refused");
			refuse_one(ls, l->fd);
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

bool listeners_ready(struct listeners *ls, int fd, bool serving)
{
	if (fd == pending_epoll(ls->pending)) {
		pending_read(ls->pending);
		return true;
	}
	for (const struct listener *l = ls->first; l; l = l->next)
		if (l->worker < 0 && l->fd == fd) {
			accept_some(ls, l, serving);
			return true;
		}
	return false;
}

bool listeners_next(struct listeners *ls, struct pending_link *out)
{
	return pending_next(ls->pending, out, clock_us());
}

/* Those that only went away again are nobody's concern. */
static void tell(struct listeners *ls, uint64_t now_us)
{
	const struct pending_stats *s = pending_stats(ls->pending);
	uint64_t refused = s->silent + s->alien + s->crowded;
	if (refused == ls->told || now_us < ls->tell_us)
		return;
	log_info("%llu connections were closed that did not say HELLO: %llu in 10 s, %llu spoke of "
		 "something "
		 "else, %llu made room for others, all since the start",
		(unsigned long long)(refused - ls->told), (unsigned long long)s->silent,
		(unsigned long long)s->alien, (unsigned long long)s->crowded);
	ls->told = refused;
	ls->tell_us = now_us + TELL_US;
}

void listeners_counters(struct listeners *ls, struct seam_msg *answer)
{
	const struct pending_stats *s = pending_stats(ls->pending);
	snprintf(ls->counters, sizeof ls->counters,
		"pending %u connections\nrefused %llu silent\nrefused %llu other protocol\n"
		"refused %llu too many\n",
		pending_count(ls->pending), (unsigned long long)s->silent,
		(unsigned long long)s->alien, (unsigned long long)s->crowded);
	memset(answer, 0, sizeof *answer);
	answer->cmd = SEAM_STATS_GET;
	answer->fd = -1;
	answer->has = SEAM_HAS(SEAM_A_WORKER) | SEAM_HAS(SEAM_A_COUNTERS);
	answer->counters = ls->counters;
}

int listeners_tick(struct listeners *ls)
{
	uint64_t now_us = clock_us();
	int ms = pending_tick(ls->pending, now_us);
	tell(ls, now_us);
	return ms;
}
