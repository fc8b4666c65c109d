// SPDX-License-Identifier: Apache-2.0
/*
 * From a target to a connected socket: resolve the name, ask the transit policy about each address,
 * connect to one after the other. An address that another link already leads to is not dialled
 * again.
 */
#include "link_udp.h"

#include "log.h"
#include "seam_client.h"
#include "transit.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* For somebody else's error, which says already that it is the policy that refuses. */
struct reason link_transit_reason(const struct link_target *t)
{
	char to[160];
	link_target_format(t, to, sizeof to);
	return reason_make(EXIT_REFUSED, "%s", to);
}

/* Resolver errors are errno or the resolver's own, which start at 1000s. */
static const char *resolve_cause(int error)
{
	return error > -1000 && error < 0 ? strerror(-error) : "no such host";
}

static void dial_failed(struct node *n, struct link *l, int error)
{
	char to[160];
	link_target_format(&l->target, to, sizeof to);
	struct reason why =
		reason_make(EXIT_UNREACHABLE, "connect to %s failed: %s", to, strerror(-error));
	link_fail(n, l, RESET_NO_ROUTE, &why);
}

static void dial_next(struct node *n, struct link *l, int error)
{
	struct link_dial *d = l->dial;
	if (d->i == d->n) {
		dial_failed(n, l, error);
		return;
	}
	const struct link_target *t = &d->addrs[d->i++];
	struct link *other = link_find_resolved(n, t, l);
	if (other) {
		link_merge(n, l, other);
		return;
	}
	l->target = *t;
	link_target_format(t, l->peer, sizeof l->peer);
	d->busy = true;
	n->io->connect(n->io_ctx, l->id, &l->target);
}

struct link *link_dial_start(struct node *n, const struct link_target *t, bool for_other)
{
	struct link_dial *d = calloc(1, sizeof *d);
	struct link *l = d ? link_new(n, 0, t->kind) : NULL;
	if (!l) {
		free(d);
		return NULL;
	}
	d->for_other = for_other;
	d->by_name = !t->resolved;
	l->state = LINK_DIALLING;
	l->dialled = true;
	l->target = *t;
	l->dial = d;
	link_target_format(t, l->peer, sizeof l->peer);
	d->busy = true;
	if (t->resolved) {
		d->addrs[0] = *t;
		d->n = d->i = 1;
		n->io->connect(n->io_ctx, l->id, &l->target);
	} else {
		n->io->resolve(n->io_ctx, l->id, l->target.host, l->target.port);
	}
	return l;
}

void link_dial_stop(struct node *n, struct link *l)
{
	if (l->dial && l->dial->busy)
		n->io->cancel(n->io_ctx, l->id);
	free(l->dial);
	l->dial = NULL;
}

void links_on_resolved(struct node *n, uint32_t id, const struct sockaddr_storage *addrs,
	unsigned count, int error)
{
	struct link *l = links_by_id(n, id);
	if (!l || !l->dial)
		return;
	struct link_dial *d = l->dial;
	d->busy = false;
	bool refused = false;
	for (unsigned i = 0; !error && i < count && d->n < LINK_ADDRS_MAX; i++) {
		struct link_target t = l->target;
		if (link_target_set_addr(&t, &addrs[i]) < 0)
			continue;
		if (d->for_other && !transit_admits(n, &t))
			refused = true;
		else
			d->addrs[d->n++] = t;
	}
	if (d->n) {
		dial_next(n, l, 0);
	} else if (refused) {
		struct reason why = link_transit_reason(&l->target);
		link_fail(n, l, RESET_TRANSIT, &why);
	} else {
		struct reason why = reason_make(EXIT_UNREACHABLE, "cannot resolve %s: %s",
			l->target.host, resolve_cause(error));
		link_fail(n, l, RESET_NO_ROUTE, &why);
	}
}

static void link_added(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct link *l = ctx;
	if (!error)
		return;
	l->lost = true;
	struct reason why = reason_make(EXIT_INTERNAL,
		"the data plane did not take the connection to %s: %s", l->peer, strerror(-error));
	link_fail(n, l, RESET_NO_ROUTE, &why);
}

void links_on_connected(struct node *n, uint32_t id, int fd, int error)
{
	struct link *l = links_by_id(n, id);
	if (!l || !l->dial) {
		if (fd >= 0)
			close(fd);
		return;
	}
	l->dial->busy = false;
	if (error) {
		dial_next(n, l, error);
		return;
	}
	struct link *other = link_find_resolved(n, &l->target, l);
	if (other) { /* came up meanwhile under its address */
		close(fd);
		link_merge(n, l, other);
		return;
	}
	link_dial_stop(n, l);
	l->state = LINK_AWAIT_HELLO;
	if (l->kind == LINK_UDP) {
		l->lossy = true;
		int rc = link_udp_dialled(n, l, fd, link_added);
		if (rc < 0)
			link_added(n, l, rc, NULL);
		return;
	}
	struct seam_msg m = {.cmd = SEAM_LINK_ADD,
		.fd = fd,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_PEER),
		.link = l->id,
		.peer = l->peer};
	if (l->near && links_by_id(n, l->near)) {
		m.has |= SEAM_HAS(SEAM_A_OUT_LINK);
		m.out_link = l->near;
	}
	int rc = seam_request(n, &m, link_added, l);
	if (rc < 0)
		link_added(n, l, rc, NULL);
	else
		link_hello_send(n, l);
}
