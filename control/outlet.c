// SPDX-License-Identifier: Apache-2.0
#include "outlet.h"

#include "channel.h"
#include "listener.h"
#include "log.h"
#include "seam_client.h"
#include "service.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

enum { BUCKETS = 4096, ADDRESSES_MAX = 16 };

/* A stream from its OPEN to its answer. */
struct flow {
	LIST_ENTRY(flow) by_stream;
	TAILQ_ENTRY(flow) dialling;
	uint32_t session, stream;
	struct outlet *outlet; /* NULL: deleted meanwhile */
	uint32_t id;
	uint64_t deadline_ms;
	bool busy;
	unsigned n, i;
	struct link_target addrs[ADDRESSES_MAX];
};

struct outlets {
	struct outlet *first;
	unsigned n, dials;
	unsigned aimed; /* outlets whose aim_ms is set */
	uint32_t last_dial;
	LIST_HEAD(, flow) flows[BUCKETS];
	TAILQ_HEAD(, flow) dialling;
};

static void aim_end(struct node *n, struct outlet *o);

struct outlets *outlets_new(void)
{
	struct outlets *o = calloc(1, sizeof *o);
	if (o)
		TAILQ_INIT(&o->dialling);
	return o;
}

static unsigned bucket(uint32_t session, uint32_t stream)
{
	return (session * 0x9e3779b1u + stream * 0x85ebca6bu) >> 20;
}
static_assert(BUCKETS == 1 << 12, "as many as the hash has values");

static void flow_free(struct node *n, struct flow *f)
{
	if (f->busy)
		n->io->cancel(n->io_ctx, f->id);
	TAILQ_REMOVE(&n->outlets->dialling, f, dialling);
	LIST_REMOVE(f, by_stream);
	n->outlets->dials--;
	if (f->outlet)
		f->outlet->dialling--;
	free(f);
}

void outlets_on_dataplane_lost(struct node *n)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&n->outlets->flows[i]))
			flow_free(n, LIST_FIRST(&n->outlets->flows[i]));
	for (struct outlet *o = n->outlets->first; o; o = o->next)
		o->aim_ms = 0;
	n->outlets->aimed = 0;
}

void outlets_free(struct node *n)
{
	if (!n->outlets)
		return;
	outlets_on_dataplane_lost(n);
	while (n->outlets->first) {
		struct outlet *o = n->outlets->first;
		n->outlets->first = o->next;
		free(o);
	}
	free(n->outlets);
	n->outlets = NULL;
}

int outlet_add(struct node *n, const char *name, const struct link_target *to, struct outlet **out)
{
	if (!route_name_valid(name))
		return -EINVAL;
	if (outlet_get(n, name) || service_get(n, name) || listener_get(n, name))
		return -EEXIST;
	if (n->outlets->n >= OUTLETS_MAX)
		return -EMFILE;
	struct outlet *o = calloc(1, sizeof *o);
	if (!o)
		return -ENOMEM;
	memcpy(o->name, name, strlen(name) + 1);
	o->to = *to;
	struct outlet **pp = &n->outlets->first;
	while (*pp)
		pp = &(*pp)->next;
	*pp = o;
	n->outlets->n++;
	*out = o;
	return 0;
}

int outlet_del(struct node *n, const char *name)
{
	struct outlet **pp = &n->outlets->first, *o;
	while (*pp && strcmp((*pp)->name, name))
		pp = &(*pp)->next;
	if (!(o = *pp))
		return -ENOENT;
	struct flow *f;
	for (unsigned i = 0; i < BUCKETS; i++)
		LIST_FOREACH(f, &n->outlets->flows[i], by_stream)
	if (f->outlet == o)
		f->outlet = NULL;
	aim_end(n, o);
	*pp = o->next;
	n->outlets->n--;
	free(o);
	return 0;
}

struct outlet *outlets_first(struct node *n)
{
	return n->outlets->first;
}

struct outlet *outlet_get(struct node *n, const char *name)
{
	struct outlet *o = n->outlets->first;
	while (o && strcmp(o->name, name))
		o = o->next;
	return o;
}

/* --- what the data plane is answered --- */

static void refuse(struct node *n, uint32_t session, uint32_t stream, uint8_t code)
{
	struct seam_msg m = {
		.cmd = SEAM_STREAM_REFUSE,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_STREAM) | SEAM_HAS(SEAM_A_CODE),
		.session = session,
		.stream = stream,
		.code = code,
	};
	seam_request(n, &m, NULL, NULL);
}

static uint8_t refuse_code(int error)
{
	switch (error) {
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ENOENT: /* a Unix socket that is not there */
		return REFUSE_CONNECTION;
	case -ETIMEDOUT:
		return REFUSE_TIMEOUT;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EAGAIN:
		return REFUSE_BUSY;
	default:
		return REFUSE_UNREACHABLE;
	}
}

/* The flow ends without a connection. */
static void fail(struct node *n, struct flow *f, uint8_t code, const char *cause)
{
	char to[160];
	if (f->outlet) {
		link_target_format(&f->outlet->to, to, sizeof to);
		f->outlet->failures++;
		f->outlet->last_error =
			reason_make(EXIT_UNREACHABLE, "connect to %s failed: %s", to, cause);
		log_info("outlet %s: %s", f->outlet->name, f->outlet->last_error.text);
	}
	refuse(n, f->session, f->stream, code);
	flow_free(n, f);
}

static void dial_next(struct node *n, struct flow *f, int error)
{
	if (f->i == f->n) {
		fail(n, f, refuse_code(error), strerror(-error));
		return;
	}
	f->busy = true;
	n->io->connect(n->io_ctx, f->id, &f->addrs[f->i++]);
}

static struct flow *flow_new(struct node *n, struct outlet *o, uint32_t session, uint32_t stream)
{
	struct flow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	struct outlets *all = n->outlets;
	f->session = session;
	f->stream = stream;
	f->outlet = o;
	all->last_dial = (all->last_dial + 1) & ~NODE_DIAL_OUTLET;
	f->id = all->last_dial | NODE_DIAL_OUTLET;
	f->deadline_ms = n->now_ms + OUTLET_DIAL_MS;
	LIST_INSERT_HEAD(&all->flows[bucket(session, stream)], f, by_stream);
	TAILQ_INSERT_TAIL(&all->dialling, f, dialling);
	all->dials++;
	o->dialling++;
	return f;
}

/* --- sockets that the data plane connects by itself --- */

static void aim(struct node *n, struct outlet *o)
{
	struct seam_msg m = {
		.cmd = SEAM_DIAL_ADD,
		.has = SEAM_HAS(SEAM_A_SERVICE),
		.service = o->name,
	};
	for (unsigned i = 0; i < OUTLET_AIMED; i++) {
		m.fd = n->io->aim(n->io_ctx, &o->to);
		if (m.fd < 0 || n->io->seam_send(n->io_ctx, &m) < 0)
			return;
		n->outlets->aimed += !o->aim_ms;
		o->aim_ms = n->now_ms + OUTLET_AIM_MS;
	}
}

static void aim_end(struct node *n, struct outlet *o)
{
	struct seam_msg m = {
		.cmd = SEAM_DIAL_DEL,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SERVICE),
		.service = o->name,
	};
	if (!o->aim_ms)
		return;
	o->aim_ms = 0;
	n->outlets->aimed--;
	seam_request(n, &m, NULL, NULL);
}

/* A name is resolved for each connection, and a Unix socket has no such connect. */
static bool may_aim(const struct node *n, const struct outlet *o)
{
	return n->io->aim && o->to.kind == LINK_TCP && o->to.resolved;
}

static void look_how_often(struct node *n, struct outlet *o)
{
	bool often = o->asked_ms && n->now_ms < o->asked_ms + OUTLET_OFTEN_MS;
	o->asked_ms = n->now_ms;
	if (often && may_aim(n, o) && !o->aim_ms)
		aim(n, o);
}

void outlets_on_wanted(struct node *n, const char *service)
{
	struct outlet *o = outlet_get(n, service);
	if (o && may_aim(n, o))
		aim(n, o);
}

void outlets_on_asked(struct node *n, uint32_t session, uint32_t stream, const char *service)
{
	struct channel *ch = channel_by_session(n, session);
	struct outlet *o = outlet_get(n, service);
	/* in a channel that this node opened it offers nothing */
	if (!ch || ch->role == SEAM_INITIATOR || !o) {
		refuse(n, session, stream, REFUSE_NOT_FOUND);
		return;
	}
	struct flow *f =
		n->outlets->dials < OUTLET_DIALS_MAX ? flow_new(n, o, session, stream) : NULL;
	if (!f) {
		o->failures++;
		refuse(n, session, stream, REFUSE_BUSY);
		return;
	}
	f->busy = true;
	if (o->to.resolved) {
		f->addrs[0] = o->to;
		f->n = f->i = 1;
		n->io->connect(n->io_ctx, f->id, &f->addrs[0]);
	} else {
		n->io->resolve(n->io_ctx, f->id, o->to.host, o->to.port);
	}
	look_how_often(n, o);
}

/* The oldest is the likeliest: results come in about the order of questions. */
static struct flow *by_dial(struct node *n, uint32_t id)
{
	struct flow *f;
	TAILQ_FOREACH(f, &n->outlets->dialling, dialling)
	if (f->id == id)
		return f;
	return NULL;
}

void outlets_on_resolved(struct node *n, uint32_t id, const struct sockaddr_storage *addrs,
	unsigned count, int error)
{
	struct flow *f = by_dial(n, id);
	if (!f)
		return;
	f->busy = false;
	for (unsigned i = 0; !error && f->outlet && i < count && f->n < ADDRESSES_MAX; i++) {
		f->addrs[f->n] = f->outlet->to;
		if (link_target_set_addr(&f->addrs[f->n], &addrs[i]) == 0)
			f->n++;
	}
	if (f->n)
		dial_next(n, f, 0);
	else
		fail(n, f, REFUSE_NAME, "its name is not resolved");
}

void outlets_on_connected(struct node *n, uint32_t id, int fd, int error)
{
	struct flow *f = by_dial(n, id);
	if (!f) {
		if (fd >= 0)
			close(fd);
		return;
	}
	f->busy = false;
	if (error) {
		dial_next(n, f, error);
		return;
	}
	struct seam_msg m = {
		.cmd = SEAM_STREAM_ACCEPT,
		.fd = fd,
		.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_STREAM),
		.session = f->session,
		.stream = f->stream,
	};
	/* the stream may have gone meanwhile: then the socket goes */
	seam_request(n, &m, NULL, NULL);
	flow_free(n, f);
}

void outlets_on_closed(struct node *n, uint32_t session, uint32_t stream)
{
	struct flow *f;
	LIST_FOREACH(f, &n->outlets->flows[bucket(session, stream)], by_stream)
	if (f->session == session && f->stream == stream)
		break;
	if (f)
		flow_free(n, f);
}

void outlets_tick(struct node *n)
{
	struct flow *f;
	while ((f = TAILQ_FIRST(&n->outlets->dialling)) && n->now_ms >= f->deadline_ms)
		fail(n, f, REFUSE_TIMEOUT, strerror(ETIMEDOUT));
	for (struct outlet *o = n->outlets->aimed ? n->outlets->first : NULL; o; o = o->next)
		if (n->now_ms >= o->aim_ms)
			aim_end(n, o);
}

/* All dials have the same time, so the first is due first. */
uint64_t outlets_deadline(const struct node *n)
{
	const struct flow *f = TAILQ_FIRST(&n->outlets->dialling);
	uint64_t due = f ? f->deadline_ms : UINT64_MAX;
	for (const struct outlet *o = n->outlets->aimed ? n->outlets->first : NULL; o; o = o->next)
		if (o->aim_ms && o->aim_ms < due)
			due = o->aim_ms;
	return due;
}
