// SPDX-License-Identifier: Apache-2.0
#include "admin_client.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

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
	if (admin_post(c->s, c->worker, &c->work) < 0) {
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

void admin_client_back(struct client *c)
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

void admin_client_tell(struct client *c, const struct watch_slot *news, unsigned n)
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

void admin_client_ready(struct client *c, uint32_t events)
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
		admin_client_tell(c, NULL, 0);
	}
}
