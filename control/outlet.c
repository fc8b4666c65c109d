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

/* A stream from its OPEN to its end. */
struct flow {
	LIST_ENTRY(flow) by_stream;
	TAILQ_ENTRY(flow) dialling; /* while dial */
	uint32_t session, stream;
	struct outlet *outlet; /* NULL: deleted meanwhile */
	struct dial *dial;
};

struct dial {
	uint32_t id;
	uint64_t deadline_ms;
	bool busy;
	unsigned n, i;
	struct link_target addrs[ADDRESSES_MAX];
};

struct outlets {
	struct outlet *first;
	unsigned n, dials;
	uint32_t last_dial;
	LIST_HEAD(, flow) flows[BUCKETS];
	TAILQ_HEAD(, flow) dialling;
};

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

static void dial_stop(struct node *n, struct flow *f)
{
	if (!f->dial)
		return;
	if (f->dial->busy)
		n->io->cancel(n->io_ctx, f->dial->id);
	TAILQ_REMOVE(&n->outlets->dialling, f, dialling);
	n->outlets->dials--;
	free(f->dial);
	f->dial = NULL;
}

static void flow_free(struct node *n, struct flow *f)
{
	dial_stop(n, f);
	LIST_REMOVE(f, by_stream);
	if (f->outlet)
		f->outlet->open--;
	free(f);
}

void outlets_on_dataplane_lost(struct node *n)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&n->outlets->flows[i]))
			flow_free(n, LIST_FIRST(&n->outlets->flows[i]));
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
	struct dial *d = f->dial;
	if (d->i == d->n) {
		fail(n, f, refuse_code(error), strerror(-error));
		return;
	}
	d->busy = true;
	n->io->connect(n->io_ctx, d->id, &d->addrs[d->i++]);
}

static struct flow *flow_new(struct node *n, struct outlet *o, uint32_t session, uint32_t stream)
{
	struct flow *f = calloc(1, sizeof *f);
	struct dial *d = f ? calloc(1, sizeof *d) : NULL;
	if (!d) {
		free(f);
		return NULL;
	}
	struct outlets *all = n->outlets;
	f->session = session;
	f->stream = stream;
	f->outlet = o;
	f->dial = d;
	all->last_dial = (all->last_dial + 1) & ~NODE_DIAL_OUTLET;
	d->id = all->last_dial | NODE_DIAL_OUTLET;
	d->deadline_ms = n->now_ms + OUTLET_DIAL_MS;
	LIST_INSERT_HEAD(&all->flows[bucket(session, stream)], f, by_stream);
	TAILQ_INSERT_TAIL(&all->dialling, f, dialling);
	all->dials++;
	o->open++;
	return f;
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
	struct dial *d = f->dial;
	d->busy = true;
	if (o->to.resolved) {
		d->addrs[0] = o->to;
		d->n = d->i = 1;
		n->io->connect(n->io_ctx, d->id, &d->addrs[0]);
	} else {
		n->io->resolve(n->io_ctx, d->id, o->to.host, o->to.port);
	}
}

/* The oldest is the likeliest: results come in about the order of questions. */
static struct flow *by_dial(struct node *n, uint32_t id)
{
	struct flow *f;
	TAILQ_FOREACH(f, &n->outlets->dialling, dialling)
		if (f->dial->id == id)
			return f;
	return NULL;
}

void outlets_on_resolved(struct node *n, uint32_t id, const struct sockaddr_storage *addrs,
	unsigned count, int error)
{
	struct flow *f = by_dial(n, id);
	if (!f)
		return;
	struct dial *d = f->dial;
	d->busy = false;
	for (unsigned i = 0; !error && f->outlet && i < count && d->n < ADDRESSES_MAX; i++) {
		d->addrs[d->n] = f->outlet->to;
		if (link_target_set_addr(&d->addrs[d->n], &addrs[i]) == 0)
			d->n++;
	}
	if (d->n)
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
	f->dial->busy = false;
	if (error) {
		dial_next(n, f, error);
		return;
	}
	dial_stop(n, f);
	if (f->outlet)
		f->outlet->connections++;
	struct seam_msg m = {
		.cmd = SEAM_STREAM_ACCEPT,
		.fd = fd,
		.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_STREAM),
		.session = f->session,
		.stream = f->stream,
	};
	/* that the stream has gone meanwhile is told by STREAM_CLOSED */
	seam_request(n, &m, NULL, NULL);
}

void outlets_on_closed(struct node *n, const struct seam_msg *m)
{
	struct flow *f;
	LIST_FOREACH(f, &n->outlets->flows[bucket(m->session, m->stream)], by_stream)
		if (f->session == m->session && f->stream == m->stream)
			break;
	if (!f)
		return;
	if (f->outlet && !f->dial) {
		f->outlet->bytes_in += m->bytes_rx;
		f->outlet->bytes_out += m->bytes_tx;
	}
	flow_free(n, f);
}

void outlets_tick(struct node *n)
{
	struct flow *f;
	while ((f = TAILQ_FIRST(&n->outlets->dialling)) && n->now_ms >= f->dial->deadline_ms)
		fail(n, f, REFUSE_TIMEOUT, strerror(ETIMEDOUT));
}

/* All dials have the same time, so the first is due first. */
uint64_t outlets_deadline(const struct node *n)
{
	const struct flow *f = TAILQ_FIRST(&n->outlets->dialling);
	return f ? f->dial->deadline_ms : UINT64_MAX;
}
