// SPDX-License-Identifier: Apache-2.0
#include "admin_srv.h"

#include "admin_limits.h"
#include "admin_work.h"
#include "log.h"
#include "registry.h"

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

/*
 * A client reads a request, works (its work is with a worker), writes what does not fit the socket
 * yet, or is at rest. While it works or writes nothing is read from it.
 */
enum client_state { CLIENT_NONE, CLIENT_REST, CLIENT_WORKS, CLIENT_WRITES, CLIENT_GONE };

struct client {
	struct admin_srv *s;
	int fd;
	enum client_state state;
	unsigned worker;	/* whose turn it is */
	bool watching, done;	/* done: DONE or the ACK is in what is written */
	enum admin_object only; /* watching; ADMIN_OBJECTS_END: all */
	uint64_t lost;
	uint64_t changes[REGISTRY_WORKERS];
	struct admin_work work;
	_Alignas(8) uint8_t raw[ADMIN_REQUEST_MAX];
};

struct admin_srv {
	int listen_fd, epoll, bell;
	struct worker **workers;
	unsigned count;
	pthread_t thread;
	atomic_bool stopping;
	struct worker_admin admin;
	pthread_mutex_t lock;
	struct admin_work *back[ADMIN_CLIENTS + 1]; /* that workers have done */
	unsigned backs;
	struct admin_watch watch;
	struct admin_limits limits;
	unsigned watchers;
	struct client client[ADMIN_CLIENTS];
	struct watch_slot news[64];
	_Alignas(8) uint8_t packet[ADMIN_PACKET];
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

static int post(struct admin_srv *s, unsigned worker, struct admin_work *w)
{
	struct letter *l = letter_new(LETTER_ADMIN, 0);
	if (!l)
		return -ENOMEM;
	l->work = w;
	mailbox_post(worker_mailbox(s->workers[worker]), l);
	return 0;
}

static void watch_fd(struct client *c, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u32 = (uint32_t)(c - c->s->client)};
	epoll_ctl(c->s->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static void watcher_count(struct admin_srv *s, int more)
{
	s->watchers += (unsigned)more;
	if (s->watchers == (more > 0 ? 1u : 0u))
		admin_watch_set(&s->watch, more > 0);
	admin_limits_forget(&s->limits);
}

/* A worker may still have its work: then the place is free when that comes back. */
static void client_close(struct client *c)
{
	if (c->watching)
		watcher_count(c->s, -1);
	c->watching = false;
	close(c->fd);
	c->fd = -1;
	c->state = c->state == CLIENT_WORKS ? CLIENT_GONE : CLIENT_NONE;
}

static void rest(struct client *c)
{
	c->state = CLIENT_REST;
	watch_fd(c, EPOLLIN);
}

/* Appends to what the client gets; there is room: a part leaves ADMIN_ROW_MAX free. */
static void append(struct client *c, const struct admin_msg *m)
{
	struct admin_work *w = &c->work;
	int n = admin_encode(m, w->out, w->len, sizeof w->out);
	w->len = n < 0 ? w->len : (size_t)n;
}

static void go_on(struct client *c);

/* What is in work.out leaves, now or when there is room. */
static void client_write(struct client *c)
{
	struct admin_work *w = &c->work;
	ssize_t n = w->len ? send(c->fd, w->out, w->len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
		c->state = CLIENT_WRITES;
		watch_fd(c, EPOLLOUT);
		return;
	}
	if (n < 0) {
		client_close(c);
		return;
	}
	w->len = 0;
	if (c->done)
		rest(c);
	else
		go_on(c);
}

static void answer(struct client *c, int error, const char *why)
{
	struct admin_fault f = {.error = error};
	if (why)
		snprintf(f.why, sizeof f.why, "%s", why);
	const struct admin_msg ack = admin_ack(c->work.request.seq, error ? &f : NULL);
	append(c, &ack);
	c->done = true;
	client_write(c);
}

static void ask(struct client *c)
{
	if (post(c->s, c->worker, &c->work) < 0) {
		c->work.len = 0;
		c->state = CLIENT_REST;
		answer(c, -ENOMEM, "the data plane has no memory left");
		return;
	}
	c->state = CLIENT_WORKS;
	watch_fd(c, 0);
}

/* The next part of a dump, or its end. */
static void go_on(struct client *c)
{
	struct admin_work *w = &c->work;
	if (w->through) {
		w->at = (struct admin_cursor){0};
		c->worker++;
	}
	w->kind = ADMIN_WORK_PART;
	if (c->worker < c->s->count) {
		w->changes = c->changes[c->worker];
		ask(c);
		return;
	}
	const struct admin_msg done = {.type = ADMIN_DONE,
		.seq = w->request.seq,
		.multi = true,
		.interrupted = w->interrupted};
	append(c, &done);
	c->done = true;
	client_write(c);
}

/* Every worker is asked how often its table has changed before the first row is made. */
static void begun(struct client *c)
{
	c->changes[c->worker++] = c->work.changes;
	if (c->worker < c->s->count) {
		ask(c);
		return;
	}
	c->worker = 0;
	c->work.through = false;
	c->work.at = (struct admin_cursor){0};
	go_on(c);
}

static void came_back(struct client *c)
{
	struct admin_work *w = &c->work;
	if (c->state == CLIENT_GONE) {
		c->state = CLIENT_NONE;
		return;
	}
	c->state = CLIENT_REST;
	if (w->kind == ADMIN_WORK_BEGIN) {
		begun(c);
	} else if (w->kind == ADMIN_WORK_PART) {
		client_write(c);
	} else if (w->error == -ENOENT && ++c->worker < c->s->count) {
		ask(c);
	} else {
		const char *why = w->error == -ENOENT ? "there is none" : w->why;
		answer(c, w->error, why);
	}
}

static const char *watch_begin(struct client *c, const struct admin_msg *m)
{
	enum admin_object only = ADMIN_OBJECTS_END;
	if (m->has & ADMIN_H(NAME)) {
		for (only = 0; only < ADMIN_OBJECTS_END; only++)
			if (!strcmp(admin_objects[only].name, m->v[ADMIN_A_NAME].text))
				break;
		if (only == ADMIN_OBJECTS_END)
			return "nothing of that name can be watched";
	}
	c->only = only;
	c->lost = 0;
	if (!c->watching)
		watcher_count(c->s, 1);
	c->watching = true;
	return NULL;
}

static void request(struct client *c, size_t len)
{
	struct admin_work *w = &c->work;
	struct admin_fault fault;
	int rc = admin_decode_request(&w->request, c->raw, len, &fault);
	w->len = 0;
	w->why = NULL;
	w->error = 0;
	w->interrupted = false;
	c->worker = 0;
	c->done = false;
	if (rc < 0 && !fault.error) {
		client_close(c); /* no netlink at all */
	} else if (rc < 0) {
		const struct admin_msg ack = admin_ack(w->request.seq, &fault);
		append(c, &ack);
		c->done = true;
		client_write(c);
	} else if (admin_object_of(w->request.type) == ADMIN_EVENT) {
		const char *why = watch_begin(c, &w->request);
		answer(c, why ? -EINVAL : 0, why);
	} else {
		w->kind = admin_verb_of(w->request.type) != ADMIN_GET ? ADMIN_WORK_CHANGE
			  : w->request.dump			      ? ADMIN_WORK_BEGIN
								      : ADMIN_WORK_ONE;
		ask(c);
	}
}

/* One packet for one who watches; what does not leave is lost. */
static void tell(struct client *c, const struct watch_slot *news, unsigned n)
{
	struct admin_srv *s = c->s;
	struct admin_msg overrun = {.type = ADMIN_OVERRUN};
	size_t len = 0;
	unsigned k = 0;
	admin_set(&overrun, ADMIN_A_LOST, c->lost);
	if (c->lost)
		len = (size_t)admin_encode(&overrun, s->packet, 0, sizeof s->packet);
	for (unsigned i = 0; i < n; i++) {
		if (c->only != ADMIN_OBJECTS_END && news[i].object != c->only)
			continue;
		memcpy(s->packet + len, news[i].row, news[i].len);
		len += news[i].len;
		k++;
	}
	if (!len)
		return;
	if (send(c->fd, s->packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		c->lost = 0;
		return;
	}
	c->lost += k;
	if (c->state == CLIENT_REST)
		watch_fd(c, EPOLLIN | EPOLLOUT); /* told when there is room */
}

static void client_ready(struct client *c, uint32_t events)
{
	if (c->state == CLIENT_NONE || c->state == CLIENT_GONE)
		return;
	if (events & (EPOLLHUP | EPOLLERR)) {
		client_close(c);
	} else if (c->state == CLIENT_WRITES && events & EPOLLOUT) {
		client_write(c);
	} else if (c->state == CLIENT_REST && events & EPOLLIN) {
		ssize_t n = recv(c->fd, c->raw, sizeof c->raw, MSG_DONTWAIT | MSG_TRUNC);
		if (n > 0 && (size_t)n <= sizeof c->raw)
			request(c, (size_t)n);
		else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			client_close(c);
	} else if (c->state == CLIENT_REST && events & EPOLLOUT) {
		watch_fd(c, EPOLLIN);
		tell(c, NULL, 0);
	}
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
			tell(c, s->news, n);
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
			came_back(back[i]->owner);
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
				client_ready(&s->client[ev[i].data.u32], ev[i].events);
		}
		unsigned worker;
		if (s->watchers &&
			admin_limits_due(&s->limits, LIMITS_EVERY_MS, s->count, &worker) &&
			post(s, worker, &s->limits.work) < 0)
			admin_limits_forget(&s->limits);
	}
	return NULL;
}

static int watch(struct admin_srv *s, int fd, uint32_t tag)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = tag};
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void on_news(void *ctx, enum admin_object object, struct admin_msg *row)
{
	struct admin_srv *s = ctx;
	admin_watch_news(&s->watch, object, row);
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
	s->admin = (struct worker_admin){.done = on_done, .news = on_news, .ctx = s};
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
