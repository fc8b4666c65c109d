// SPDX-License-Identifier: Apache-2.0
#include "inlet.h"

#include "adopt.h"
#include "locked.h"
#include "log.h"
#include "seam_client.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

enum { ATTEMPT_MS = 10000, RETRY_MS = 1000 };

struct inlets {
	struct inlet *first;
	uint32_t last_portal, last_lane;
	unsigned n;
};

struct inlets *inlets_new(void)
{
	return calloc(1, sizeof(struct inlets));
}

void inlets_number_above(struct node *n, uint32_t portal, uint32_t lane)
{
	if (portal > n->inlets->last_portal)
		n->inlets->last_portal = portal;
	if (lane > n->inlets->last_lane)
		n->inlets->last_lane = lane;
}

uint32_t inlets_lane(struct node *n)
{
	return ++n->inlets->last_lane;
}

struct inlet *inlets_first(struct node *n)
{
	return n->inlets->first;
}

struct inlet *inlet_get(struct node *n, const char *name)
{
	struct inlet *in = n->inlets->first;
	while (in && strcmp(in->alias, name) && strcmp(in->bind, name))
		in = in->next;
	return in;
}

const struct identifier *inlet_peer(const struct inlet *in)
{
	for (unsigned i = 0; i < in->n; i++)
		if (in->s[i].ch && in->s[i].ch->state == CHANNEL_UP)
			return &in->s[i].ch->peer.id;
	return NULL;
}

const struct reason *inlet_error(const struct inlet *in)
{
	for (unsigned i = 0; i < in->n; i++)
		if (in->s[i].ch && in->s[i].ch->last_error.exit)
			return &in->s[i].ch->last_error;
	return &in->last_error;
}

const char *inlet_state(const struct inlet *in)
{
	if (in->ready)
		return "up";
	return inlet_error(in)->exit == EXIT_REFUSED ? "refused" : "connecting";
}

static void notify(struct node *n, struct inlet *in)
{
	void (*fn)(struct node *, void *, struct inlet *) = in->fn;
	in->fn = NULL;
	in->notify_ms = UINT64_MAX;
	if (fn)
		fn(n, in->ctx, in);
}

void inlet_forget_fn(struct node *n, const void *ctx)
{
	for (struct inlet *in = n->inlets->first; in; in = in->next)
		if (in->fn && in->ctx == ctx)
			in->fn = NULL;
}

static void gate(struct node *n, struct inlet *in, bool refuse)
{
	if (in->refusing == refuse)
		return;
	in->refusing = refuse;
	if (n->io->inlet_gate)
		n->io->inlet_gate(n->io_ctx, in->portal, in->fd, refuse);
}

/* After `ready` has changed. */
static void settle(struct node *n, struct inlet *in)
{
	in->refuse_ms = UINT64_MAX;
	if (in->ready)
		gate(n, in, false);
	else if (!in->refusing)
		in->refuse_ms = n->now_ms + INLET_GRACE_MS;
}

/* The data plane does not serve us with this session any more. */
static void unserve(struct node *n, struct inlet_session *s)
{
	seam_forget(n, s);
	s->served = 0;
	if (!s->ready)
		return;
	s->ready = false;
	s->in->ready--;
	settle(n, s->in);
}

static void on_portal(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct inlet_session *s = ctx;
	struct inlet *in = s->in;
	if (error == -EEXIST)
		error = 0; /* it has the socket since before */
	if (error) {
		s->served = 0;
		if (error == -ECANCELED || error == -EPIPE || error == -ENOENT)
			return; /* that session has just gone: the next one is served */
		in->last_error = reason_make(EXIT_INTERNAL,
			error == -EOPNOTSUPP
				? "the path to the outlet loses frames: it carries no connections"
				: "the data plane does not take the inlet: %s",
			strerror(-error));
		s->retry_ms = n->now_ms + RETRY_MS;
		in->notify_ms = in->fn ? n->now_ms : UINT64_MAX;
		return;
	}
	s->ready = true;
	in->last_error = (struct reason){0};
	if (in->ready++ == 0) {
		log_info("inlet %s: up", in->alias);
		settle(n, in);
	}
	if (in->fn)
		in->notify_ms = n->now_ms;
}

static void serve(struct node *n, struct inlet_session *s)
{
	struct inlet *in = s->in;
	struct seam_msg m = {
		.cmd = SEAM_PORTAL_ADD,
		.fd = fcntl(in->fd, F_DUPFD_CLOEXEC, 0),
		.has = SEAM_HAS(SEAM_A_PORTAL) | SEAM_HAS(SEAM_A_SESSION) |
		       SEAM_HAS(SEAM_A_SERVICE),
		.portal = in->portal,
		.session = s->ch->session,
		.service = in->to.service,
	};
	if (s->served)
		unserve(n, s);
	s->retry_ms = UINT64_MAX;
	int rc = m.fd < 0 ? -errno : seam_request(n, &m, on_portal, s);
	if (rc == 0)
		s->served = m.session;
	else
		s->retry_ms = n->now_ms + RETRY_MS;
}

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct inlet_session *s = ctx;
	if (ch) /* inlets_on_channel_up serves it */
		return;
	s->in->last_error = *why;
	if (s->in->fn)
		s->in->notify_ms = n->now_ms;
}

static struct handshake_keys *keys_copy(const struct handshake_keys *keys)
{
	struct handshake_keys *copy = keys ? locked_new(sizeof *copy) : NULL;
	if (copy)
		*copy = *keys;
	return copy;
}

static void connect_session(struct node *n, struct inlet_session *s)
{
	struct inlet *in = s->in;
	s->retry_ms = UINT64_MAX;
	if (in->to.existing) {
		s->ch = channel_by_address(n, in->to.channel.e[0].text);
		if (s->ch && s->ch->state == CHANNEL_UP)
			serve(n, s);
		if (s->ch)
			return;
		in->last_error = reason_make(EXIT_NOT_FOUND, "the channel /service/%s is gone",
			in->to.channel.e[0].text);
		return;
	}
	struct handshake_keys *keys = keys_copy(in->keys);
	struct channel_options o = {
		.to = &in->to.channel,
		.trust = &in->trust,
		.keys = keys,
		.timeout_ms = ATTEMPT_MS,
		.retry_wait_ms = in->retry_wait_ms,
		.hidden = true,
		.persistent = true,
		.lane = s->lane,
	};
	if (!in->keys || keys)
		s->ch = channel_open(n, &o, opened, s);
	if (s->ch)
		return;
	locked_free(keys);
	s->retry_ms = n->now_ms + RETRY_MS;
}

/* A channel that has served this inlet before control was started again. */
static void claim(struct node *n, struct inlet_session *s)
{
	struct inlet *in = s->in;
	s->ch = in->to.existing ? NULL : adopt_claim_portal(n, in->portal);
	if (!s->ch)
		return;
	s->lane = s->ch->lane;
	s->ch->retry_wait_ms = in->retry_wait_ms;
	if (!s->ch->keys)
		s->ch->keys = keys_copy(in->keys);
}

int inlet_add(struct node *n, const struct inlet_options *o, struct inlet **out)
{
	struct inlets *all = n->inlets;
	int rc = !route_name_valid(o->alias) || o->parallel > INLET_PARALLEL_MAX ? -EINVAL
		 : inlet_get(n, o->alias)					 ? -EEXIST
		 : all->n >= INLETS_MAX						 ? -EMFILE
										 : 0;
	struct inlet *in = rc == 0 ? calloc(1, sizeof *in) : NULL;
	if (!in) {
		close(o->fd);
		locked_free(o->keys);
		return rc ? rc : -ENOMEM;
	}
	snprintf(in->alias, sizeof in->alias, "%s", o->alias);
	snprintf(in->bind, sizeof in->bind, "%s", o->bind);
	in->portal = o->portal ? o->portal : ++all->last_portal;
	in->fd = o->fd;
	in->route = *o->route;
	in->to = *o->to;
	in->trust = *o->trust;
	in->keys = o->keys;
	in->retry_wait_ms = o->retry_wait_ms;
	in->fn = o->fn;
	in->ctx = o->ctx;
	in->notify_ms = o->fn ? n->now_ms + o->wait_ms : UINT64_MAX;
	in->n = in->to.existing ? 1 : o->parallel ? o->parallel : n->workers + 1;
	if (in->n > INLET_PARALLEL_MAX)
		in->n = INLET_PARALLEL_MAX;
	for (unsigned i = 0; i < in->n; i++) {
		in->s[i] = (struct inlet_session){.in = in, .retry_ms = n->now_ms};
		if (o->portal)
			claim(n, &in->s[i]);
		if (!in->s[i].ch)
			in->s[i].lane = in->n > 1 ? inlets_lane(n) : 0;
	}
	settle(n, in);
	struct inlet **pp = &all->first;
	while (*pp)
		pp = &(*pp)->next;
	*pp = in;
	all->n++;
	*out = in;
	return 0;
}

static void inlet_free(struct inlet *in)
{
	close(in->fd);
	locked_free(in->keys);
	free(in);
}

static void leave(struct node *n, struct inlet_session *s)
{
	struct channel *ch = s->ch;
	struct seam_msg m = {
		.cmd = SEAM_PORTAL_DEL,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_PORTAL) | SEAM_HAS(SEAM_A_SESSION),
		.portal = s->in->portal,
		.session = s->served,
	};
	if (s->served)
		seam_request(n, &m, NULL, NULL);
	seam_forget(n, s);
	s->ch = NULL;
	if (ch && !s->in->to.existing)
		channel_close(n, ch);
}

void inlet_del(struct node *n, struct inlet *in)
{
	struct inlet **pp = &n->inlets->first;
	while (*pp != in)
		pp = &(*pp)->next;
	*pp = in->next;
	n->inlets->n--;
	gate(n, in, false);
	for (unsigned i = 0; i < in->n; i++)
		leave(n, &in->s[i]);
	inlet_free(in);
}

/* The channels go with the node. */
void inlets_free(struct node *n)
{
	if (!n->inlets)
		return;
	while (n->inlets->first) {
		struct inlet *in = n->inlets->first;
		n->inlets->first = in->next;
		gate(n, in, false);
		for (unsigned i = 0; i < in->n; i++)
			seam_forget(n, &in->s[i]);
		inlet_free(in);
	}
	free(n->inlets);
	n->inlets = NULL;
}

void inlets_on_channel_up(struct node *n, struct channel *ch)
{
	for (struct inlet *in = n->inlets ? n->inlets->first : NULL; in; in = in->next)
		for (unsigned i = 0; i < in->n; i++)
			if (in->s[i].ch == ch)
				serve(n, &in->s[i]);
}

void inlets_on_channel_gone(struct node *n, struct channel *ch)
{
	for (struct inlet *in = n->inlets ? n->inlets->first : NULL; in; in = in->next)
		for (unsigned i = 0; i < in->n; i++) {
			struct inlet_session *s = &in->s[i];
			if (s->ch != ch)
				continue;
			unserve(n, s);
			if (ch->state != CHANNEL_CLOSING)
				continue;
			s->ch = NULL;
			s->retry_ms = n->now_ms + RETRY_MS;
		}
}

static const char *refusal(uint8_t code)
{
	static const char *const texts[] = {
		[REFUSE_NOT_FOUND] = "NotFound: there is no such outlet",
		[REFUSE_POLICY] = "the outlet does not accept this node",
		[REFUSE_CONNECTION] = "the outlet's target refused the connection",
		[REFUSE_TIMEOUT] = "the outlet's target did not answer in time",
		[REFUSE_UNREACHABLE] = "the outlet's target is not reached",
		[REFUSE_NAME] = "the name of the outlet's target is not resolved",
		[REFUSE_BUSY] = "the outlet takes no more connections now",
	};
	return code < sizeof texts / sizeof *texts && texts[code]
		       ? texts[code]
		       : "the outlet refused the connection";
}

void inlets_on_refused(struct node *n, uint32_t portal, uint8_t code)
{
	struct inlet *in = n->inlets->first;
	while (in && in->portal != portal)
		in = in->next;
	if (!in)
		return;
	in->failures++;
	in->last_error = reason_make(code == REFUSE_NOT_FOUND ? EXIT_NOT_FOUND
				     : code == REFUSE_POLICY  ? EXIT_REFUSED
							      : EXIT_UNREACHABLE,
		"%s (%s)", refusal(code), in->to.service);
	log_info("inlet %s: %s", in->alias, in->last_error.text);
}

static bool tick_one(struct node *n, struct inlet *in)
{
	for (unsigned i = 0; i < in->n; i++) {
		struct inlet_session *s = &in->s[i];
		if (n->now_ms < s->retry_ms)
			continue;
		if (s->ch && s->ch->state == CHANNEL_UP)
			serve(n, s);
		else if (s->ch)
			s->retry_ms = UINT64_MAX;
		else
			connect_session(n, s);
	}
	if (n->now_ms >= in->refuse_ms) {
		in->refuse_ms = UINT64_MAX;
		gate(n, in, true);
	}
	if (n->now_ms < in->notify_ms)
		return false;
	notify(n, in); /* may delete it */
	return true;
}

void inlets_tick(struct node *n)
{
	struct inlet *in = n->inlets->first;
	while (in)
		in = tick_one(n, in) ? n->inlets->first : in->next;
}

uint64_t inlets_deadline(const struct node *n)
{
	uint64_t due = UINT64_MAX;
	for (const struct inlet *in = n->inlets->first; in; in = in->next) {
		if (in->refuse_ms < due)
			due = in->refuse_ms;
		if (in->notify_ms < due)
			due = in->notify_ms;
		for (unsigned i = 0; i < in->n; i++)
			if (in->s[i].retry_ms < due)
				due = in->s[i].retry_ms;
	}
	return due;
}
