// SPDX-License-Identifier: Apache-2.0
#include "admin_client.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LIMITS_EVERY_MS = 1000,
	EVENTS = 8,
	/* which descriptor an event is of: a client's number, or */
	TAG_LISTEN = ADMIN_CLIENTS,
	TAG_BELL,
};

static void on_done(void *ctx, struct admin_work *w)
{
	struct admin_srv *s = ctx;
	const uint64_t one = 1;
	pthread_mutex_lock(&s->lock);
	s->back[s->backs++] = w; /* each client has one, the limits too */
	pthread_mutex_unlock(&s->lock);
	if (write(s->bell, &one, sizeof one) < 0)
		abort(); /* an eventfd of our own takes 2^64 - 2 of these */
}

int admin_post(struct admin_srv *s, unsigned worker, struct admin_work *w)
{
	struct letter *l = letter_new(LETTER_ADMIN, 0);
	if (!l)
		return -ENOMEM;
	l->work = w;
	mailbox_post(worker_mailbox(s->workers[worker]), l);
	return 0;
}

/* --- who comes --- */

static bool same_user(int fd)
{
	struct ucred u;
	socklen_t len = sizeof u;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && u.uid == geteuid();
}

static void turn_away(int fd, int error, const char *why)
{
	_Alignas(8) uint8_t buf[ADMIN_ROW_MAX];
	struct admin_fault f = {.error = error};
	snprintf(f.why, sizeof f.why, "%s", why);
	const struct admin_msg ack = admin_ack(0, &f);
	int n = admin_encode(&ack, buf, 0, sizeof buf);
	if (n > 0)
		(void)!send(fd, buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void accept_one(struct admin_srv *s)
{
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	unsigned i = 0;
	while (i < ADMIN_CLIENTS && s->client[i].state != CLIENT_NONE)
		i++;
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
	if (!same_user(fd)) {
		turn_away(fd, -EPERM, "this node is another user's");
	} else if (i == ADMIN_CLIENTS) {
		turn_away(fd, -EBUSY, "too many clients already look at this node");
	} else if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		close(fd);
	} else {
		s->client[i].fd = fd;
		s->client[i].state = CLIENT_REST;
	}
}

/* --- events --- */

static void tell_all(struct admin_srv *s)
{
	static_assert(
		sizeof s->news / sizeof *s->news * WATCH_ROW_MAX + ADMIN_ROW_MAX < ADMIN_PACKET,
		"a batch fits a packet");
	const unsigned max = sizeof s->news / sizeof *s->news;
	unsigned n;
	do {
		uint64_t lost;
		n = admin_watch_take(&s->watch, s->news, max, &lost);
		for (unsigned i = 0; i < ADMIN_CLIENTS; i++) {
			struct client *c = &s->client[i];
			if (!c->watching)
				continue;
			c->lost += lost;
			admin_client_tell(c, s->news, n);
		}
	} while (n == max);
}

/* --- the thread --- */

static void bell_rang(struct admin_srv *s)
{
	struct admin_work *back[ADMIN_CLIENTS + 1];
	uint64_t count;
	(void)!read(s->bell, &count, sizeof count);
	pthread_mutex_lock(&s->lock);
	unsigned n = s->backs;
	memcpy(back, s->back, n * sizeof *back);
	s->backs = 0;
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < n; i++) {
		if (back[i]->owner)
			admin_client_back(back[i]->owner);
		else
			admin_limits_back(&s->limits, &s->watch);
	}
	tell_all(s);
}

static void *admin_main(void *arg)
{
	struct admin_srv *s = arg;
	struct epoll_event ev[EVENTS];
	while (!atomic_load(&s->stopping)) {
		int n = epoll_wait(s->epoll, ev, EVENTS, s->watchers ? LIMITS_EVERY_MS : -1);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.u32 == TAG_LISTEN)
				accept_one(s);
			else if (ev[i].data.u32 == TAG_BELL)
				bell_rang(s);
			else
				admin_client_ready(&s->client[ev[i].data.u32], ev[i].events);
		}
		unsigned worker;
		if (s->watchers &&
			admin_limits_due(&s->limits, LIMITS_EVERY_MS, s->count, &worker) &&
			admin_post(s, worker, &s->limits.work) < 0)
			admin_limits_forget(&s->limits);
	}
	return NULL;
}

static int watch(struct admin_srv *s, int fd, uint32_t tag)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = tag};
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

struct admin_srv *admin_srv_new(int listen_fd)
{
	struct admin_srv *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->listen_fd = listen_fd;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&s->lock, NULL);
	admin_watch_init(&s->watch, s->bell);
	admin_limits_init(&s->limits);
	atomic_init(&s->stopping, false);
	s->admin = (struct worker_admin){
		.done = on_done, .news = {admin_watch_news, &s->watch}, .ctx = s};
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++) {
		s->client[i].s = s;
		s->client[i].fd = -1;
		s->client[i].work.owner = &s->client[i];
	}
	fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
	if (s->epoll >= 0 && s->bell >= 0 && watch(s, listen_fd, TAG_LISTEN) == 0 &&
		watch(s, s->bell, TAG_BELL) == 0)
		return s;
	admin_srv_free(s);
	return NULL;
}

const struct worker_admin *admin_srv_admin(struct admin_srv *s)
{
	return &s->admin;
}

struct admin_watch *admin_srv_watch(struct admin_srv *s)
{
	return &s->watch;
}

int admin_srv_start(struct admin_srv *s, struct worker **workers, unsigned count)
{
	s->workers = workers;
	s->count = count;
	return -pthread_create(&s->thread, NULL, admin_main, s);
}

void admin_srv_stop(struct admin_srv *s)
{
	const uint64_t one = 1;
	atomic_store(&s->stopping, true);
	if (write(s->bell, &one, sizeof one) < 0)
		abort(); /* an eventfd of our own takes 2^64 - 2 of these */
	pthread_join(s->thread, NULL);
	admin_watch_set(&s->watch, false);
}

void admin_srv_free(struct admin_srv *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++)
		if (s->client[i].fd >= 0)
			close(s->client[i].fd);
	close(s->listen_fd);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->bell >= 0)
		close(s->bell);
	admin_watch_fini(&s->watch);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
