// SPDX-License-Identifier: Apache-2.0
/*
 * Portals: what is between streams and the sockets of applications, without the sockets. An inlet's
 * connections become streams of one session; what the peer opens is asked of control, which answers
 * with a socket.
 */
#include "engine_private.h"

#include <errno.h>
#include <stdlib.h>

enum { UNTOLD_MAX = 2 * WIRE_STREAMS_MAX };

struct portal {
	struct portal *next;
	struct endpoint *ep;
	void *io;
	uint32_t id;
	char service[WIRE_NAME_MAX + 1];
};

static struct portal **portal_find(struct endpoint *ep, uint32_t id)
{
	struct portal **pp = &ep->portals;
	while (*pp && (*pp)->id != id)
		pp = &(*pp)->next;
	return pp;
}

static void portal_end(struct engine *e, struct portal **pp)
{
	struct portal *p = *pp;
	*pp = p->next;
	e->portal_changes++;
	e->cfg.ops->portal_close(e->cfg.ctx, p->io);
	free(p);
}

void portals_end(struct engine *e, struct endpoint *ep)
{
	while (ep->portals)
		portal_end(e, &ep->portals);
}

int portal_add(struct engine *e, struct seam_msg *m)
{
	struct endpoint *ep = endpoint_find(e, m->session);
	size_t len = strlen(m->service);
	if (!ep)
		return -ENOENT;
	if (!ep->link || ep->broken || session_streams(ep->session)->over)
		return -EPIPE;
	if (session_streams(ep->session)->lossy || !e->cfg.ops->portal_open)
		return -EOPNOTSUPP;
	if (*portal_find(ep, m->portal))
		return -EEXIST;
	if (!m->portal || !len || len > WIRE_NAME_MAX)
		return -EINVAL;
	if (m->fd < 0)
		return -EBADF;
	struct portal *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->id = m->portal;
	p->ep = ep;
	memcpy(p->service, m->service, len + 1);
	p->io = e->cfg.ops->portal_open(e->cfg.ctx, p, m->fd);
	m->fd = -1;
	if (!p->io) {
		free(p);
		return -ENOMEM;
	}
	p->next = ep->portals;
	ep->portals = p;
	e->portal_changes++;
	return 0;
}

int portal_del(struct engine *e, const struct seam_msg *m)
{
	struct endpoint *ep = endpoint_find(e, m->session);
	struct portal **pp = ep ? portal_find(ep, m->portal) : NULL;
	if (!pp || !*pp)
		return -ENOENT;
	portal_end(e, pp);
	return 0;
}

int portal_stream_answer(struct engine *e, struct seam_msg *m)
{
	struct endpoint *ep = endpoint_find(e, m->session);
	struct stream *s = ep ? stream_find(session_streams(ep->session), m->stream) : NULL;
	if (!s)
		return -ENOENT;
	if (s->state != STREAM_ASKED)
		return -EALREADY;
	int rc = 0;
	if (m->cmd == SEAM_STREAM_REFUSE) {
		stream_refuse(s, m->code ? m->code : (uint8_t)REFUSE_OTHER);
	} else if (m->fd < 0 || !e->cfg.ops->app_open) { /* no descriptor was left for it */
		stream_refuse(s, REFUSE_BUSY);
		rc = -EBADF;
	} else {
		s->app = e->cfg.ops->app_open(e->cfg.ctx, s, m->fd);
		m->fd = -1;
		rc = s->app ? stream_accept(s) : stream_refuse(s, REFUSE_BUSY);
	}
	s->answered = true;
	endpoint_update(e, ep);
	return rc;
}

void engine_stream_dialled(struct engine *e, struct stream *s, bool connected, uint64_t now_ms)
{
	e->now_ms = now_ms;
	if (s->state != STREAM_ASKED)
		return;
	if (connected) {
		s->answered = true;
		stream_accept(s);
	} else {
		s->app = NULL;
		s->dial_failed = true;
		stream_news(s);
	}
	engine_stream_told(e, s, now_ms);
}

int engine_portal_accept(
	struct engine *e, struct portal *p, void *app, struct stream **out, uint64_t now_ms)
{
	e->now_ms = now_ms;
	struct stream *s;
	int rc = stream_open(session_streams(p->ep->session), p->service, &s);
	if (rc < 0)
		return rc;
	s->app = app;
	s->portal = p->id;
	stream_news(s);
	endpoint_update(e, p->ep);
	*out = s;
	return 0;
}

uint32_t portal_number(const struct portal *p)
{
	return p->id;
}

const struct portal *portal_next(const struct portal *p)
{
	return p->next;
}

const char *portal_service(const struct portal *p)
{
	return p->service;
}

void engine_stream_told(struct engine *e, struct stream *s, uint64_t now_ms)
{
	e->now_ms = now_ms;
	struct endpoint *ep = s->all ? endpoint_find(e, s->session) : NULL;
	if (ep)
		endpoint_update(e, ep);
}

/* Streams that come and go, while control is behind, are not remembered without end. */
static void tell(struct engine *e, const struct seam_msg *m)
{
	struct endpoint *ep = endpoint_find(e, m->session);
	if (e->cfg.ops->event(e->cfg.ctx, m) && ep)
		ep->untold++;
}

static bool tells(struct engine *e, const struct stream *s)
{
	const struct endpoint *ep = endpoint_find(e, s->session);
	return ep && ep->untold < UNTOLD_MAX;
}

static void tell_asked(struct engine *e, struct stream *s)
{
	struct seam_msg m = event_of(SEAM_STREAM_ASKED,
		SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_STREAM) | SEAM_HAS(SEAM_A_SERVICE));
	m.session = s->session;
	m.stream = s->node.link;
	m.service = s->name;
	s->asked_told = true;
	tell(e, &m);
}

void portals_dump(struct engine *e, struct endpoint *ep, uint32_t seq)
{
	struct label_iter it = {0};
	for (const struct portal *p = ep->portals; p && e->cfg.ops->portal_socket; p = p->next) {
		struct seam_msg m = event_of(
			SEAM_DUMP_PORTAL, SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_PORTAL));
		m.seq = seq;
		m.session = ep->node.link;
		m.portal = p->id;
		m.fd = e->cfg.ops->portal_socket(p->io);
		e->cfg.ops->event(e->cfg.ctx, &m);
	}
	for (struct label_node *n; (n = label_each(&session_streams(ep->session)->table, &it));) {
		struct stream *s = LABEL_ENTRY(n, struct stream, node);
		if (s->state == STREAM_ASKED && s->asked_told)
			tell_asked(e, s);
	}
}

static void tell_closed(struct engine *e, const struct stream *s)
{
	struct seam_msg m = event_of(SEAM_STREAM_CLOSED,
		SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_STREAM) | SEAM_HAS(SEAM_A_ERROR) |
			SEAM_HAS(SEAM_A_CODE) | SEAM_HAS(SEAM_A_PORTAL));
	m.session = s->session;
	m.stream = s->node.link;
	m.portal = s->portal;
	m.error = s->reset ? -ECONNRESET : 0;
	m.code = s->code;
	tell(e, &m);
}

/* The peer has opened s: connected here, when control has left a socket for that, else by control.
 */
static void ask(struct engine *e, struct stream *s)
{
	const struct engine_ops *ops = e->cfg.ops;
	/* in a channel that this node opened it offers nothing */
	if (!s->dial_failed && !s->all->initiator && ops->app_dial)
		s->app = ops->app_dial(e->cfg.ctx, s);
	if (s->app)
		return;
	if (tells(e, s))
		tell_asked(e, s);
	else
		stream_refuse(s, REFUSE_BUSY);
}

/* What control waits for, and what went wrong at the other end. */
static bool is_told(const struct stream *s)
{
	return s->portal ? s->code != 0 : s->asked_told && !s->answered;
}

struct stream *engine_next_stream(struct engine *e, uint64_t now_ms)
{
	e->now_ms = now_ms;
	for (struct stream *s; (s = stream_next_news(&e->hub));) {
		bool ended = s->state == STREAM_ENDED;
		if (s->state == STREAM_ASKED && !s->asked_told && !s->app)
			ask(e, s);
		if (ended && !s->closed_told && is_told(s))
			tell_closed(e, s);
		s->closed_told |= ended;
		if (s->state == STREAM_LEAVING) /* maybe for a stream of another session */
			engine_stream_told(e, s, now_ms);
		if (s->app)
			return s;
		if (ended)
			stream_free(s);
	}
	return NULL;
}

bool engine_waits(const struct engine *e)
{
	return !TAILQ_EMPTY(&e->hub.later);
}

static void hurried(void *ctx, struct streams *st)
{
	struct engine *e = ctx;
	struct endpoint *ep = endpoint_find(e, st->session);
	if (ep)
		endpoint_update(e, ep);
}

void engine_hurry(struct engine *e, uint64_t now_ms)
{
	e->now_ms = now_ms;
	stream_hub_hurry(&e->hub, hurried, e);
}

void engine_streams_end(struct engine *e, uint64_t now_ms)
{
	struct label_iter it = {0};
	e->now_ms = now_ms;
	for (struct label_node *n; (n = label_each(&e->endpoints, &it));) {
		struct endpoint *ep = LABEL_ENTRY(n, struct endpoint, node);
		portals_end(e, ep);
		session_path_gone(ep->session);
	}
}
