// SPDX-License-Identifier: Apache-2.0
/*
 * The table of links. A link that is closed leaves the table at once; its memory stays until the
 * last holder lets go, so that a holder may be told while it is in the middle of something.
 */
#include "link_udp.h"

#include "channel.h"
#include "hex.h"
#include "log.h"
#include "message.h"
#include "path.h"
#include "seam_client.h"
#include "transit.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACCEPT_HELLO_MS = 10000 };

/* NULL: it has shares of its own. */
static void take_shares_of(struct link *l, struct origin *o)
{
	l->origin = o;
	l->source.of = o ? &o->source : NULL;
	crowd_join(&l->half_open, o ? &o->half_open : NULL);
	crowd_join(&l->paths, o ? &o->paths : NULL);
	crowd_join(&l->half_ends, o ? &o->half_ends : NULL);
	crowd_join(&l->tombs, o ? &o->tombs : NULL);
	crowd_join(&l->handles, o ? &o->handles : NULL);
}

struct links *links_new(void)
{
	struct links *ls = calloc(1, sizeof *ls);
	if (!ls)
		return NULL;
	ls->next_id = 2;
	ls->due_ms = UINT64_MAX;
	bucket_init(&ls->proved, PROVED_RATE, PROVED_BURST, 0);
	origins_init(&ls->origins);
	if (crowd_init(&ls->accepted, ACCEPTED_MAX, ACCEPTED_MAX) == 0 &&
		crowd_init(&ls->mute, MUTE_MAX, MUTE_MAX) == 0 &&
		crowd_init(&ls->silent, MUTE_MAX + 1, MUTE_MAX + 1) == 0)
		return ls;
	crowd_fini(&ls->accepted);
	crowd_fini(&ls->mute);
	free(ls);
	return NULL;
}

static struct link **slot(struct links *ls, uint32_t id)
{
	return &ls->slots[id / 2 % LINK_SLOTS]; /* each side numbers by twos */
}

struct link *link_new(struct node *n, uint32_t id, enum link_kind kind)
{
	struct link *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	if (!id) {
		id = n->links->next_id;
		n->links->next_id += 2;
	}
	uint8_t random[16];
	randombytes_buf(random, sizeof random);
	hex_encode(l->address, random, sizeof random);
	l->id = id;
	l->kind = kind;
	bucket_init(&l->source.inits, WIRE_INIT_RATE, WIRE_INIT_BURST, n->now_ms);
	l->next = n->links->first;
	l->back = &n->links->first;
	if (l->next)
		l->next->back = &l->next;
	n->links->first = l;
	l->next_slot = *slot(n->links, id);
	*slot(n->links, id) = l;
	return l;
}

/* Out of the table. */
static void table_drop(struct links *ls, struct link *l)
{
	struct link **pp = slot(ls, l->id);
	crowd_leave(&ls->accepted, &l->accepted);
	crowd_leave(&ls->mute, &l->mute);
	crowd_leave(&ls->silent, &l->silent);
	while (*pp != l)
		pp = &(*pp)->next_slot;
	*pp = l->next_slot;
	*l->back = l->next;
	if (l->next)
		l->next->back = l->back;
}

static void list_drop(struct link **pp, const struct link *l)
{
	while (*pp && *pp != l)
		pp = &(*pp)->next;
	if (*pp)
		*pp = l->next;
}

static void link_free(struct node *n, struct link *l)
{
	seam_forget(n, l);
	while (l->waits) {
		struct link_wait *w = l->waits;
		l->waits = w->next;
		free(w);
	}
	link_dial_stop(n, l);
	if (l->origin)
		origin_put(&n->links->origins, l->origin);
	free(l);
}

void links_free(struct node *n)
{
	if (!n->links)
		return;
	struct link **lists[] = {&n->links->first, &n->links->gone};
	for (unsigned i = 0; i < 2; i++)
		while (*lists[i]) {
			struct link *l = *lists[i];
			*lists[i] = l->next;
			link_free(n, l);
		}
	crowd_fini(&n->links->accepted);
	crowd_fini(&n->links->mute);
	crowd_fini(&n->links->silent);
	secret_wipe(&n->links->cookies, sizeof n->links->cookies);
	free(n->links);
	n->links = NULL;
}

void link_proved(struct node *n, struct link *l, const struct identifier *id)
{
	struct seam_msg m = {.cmd = SEAM_LINK_SET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX) |
		       SEAM_HAS(SEAM_A_TENANT),
		.link = l->id,
		.up = 1,
		.frame_max = l->frame_max};
	if (l->tenant || l->state != LINK_UP || l->kind == LINK_CHANNEL)
		return;
	l->tenant = get_be64(id->b) | 1;
	m.tenant = l->tenant;
	seam_request(n, &m, NULL, NULL);
}

void link_hold(struct link *l)
{
	l->users++;
	if (l->state == LINK_UP)
		l->deadline_ms = 0;
}

void links_due(struct node *n, uint64_t at_ms)
{
	if (at_ms < n->links->due_ms)
		n->links->due_ms = at_ms;
}

static void linger(struct node *n, struct link *l)
{
	if (!l->dialled || l->explicit_ || l->kind == LINK_CHANNEL || l->state != LINK_UP ||
		l->users)
		return;
	l->deadline_ms = n->now_ms + WIRE_LINK_LINGER_MS;
	links_due(n, l->deadline_ms);
}

void link_release(struct node *n, struct link *l)
{
	if (--l->users)
		return;
	if (l->gone) {
		list_drop(&n->links->gone, l);
		link_free(n, l);
	} else {
		linger(n, l);
	}
}

static void wait_failed(struct node *n, struct link_wait *w, uint8_t code, const struct reason *why)
{
	w->fn(n, w->ctx, NULL, code, why);
	free(w);
}

void link_fail(struct node *n, struct link *l, uint8_t code, const struct reason *why)
{
	if (l->gone)
		return;
	log_debug("link %u to %s: %s", l->id, l->peer, why->text);
	l->gone = true;
	l->users++; /* ours, until everyone is told */
	table_drop(n->links, l);
	l->next = n->links->gone;
	n->links->gone = l;
	seam_forget(n, l);
	bool socket = !l->dial && !l->lost;
	link_dial_stop(n, l);
	if (socket) {
		struct seam_msg m = {.cmd = SEAM_LINK_DEL,
			.fd = -1,
			.has = SEAM_HAS(SEAM_A_LINK),
			.link = l->id};
		seam_request(n, &m, NULL, NULL);
	}
	while (l->waits) {
		struct link_wait *w = l->waits;
		l->waits = w->next;
		wait_failed(n, w, code, why);
	}
	if (l->state == LINK_UP) {
		paths_on_link_gone(n, l);
		messages_on_link_gone(n, l);
	}
	link_release(n, l);
}

void link_close(struct node *n, struct link *l)
{
	struct reason why =
		reason_make(EXIT_UNREACHABLE, "the connection to %s was closed", l->peer);
	link_fail(n, l, RESET_LINK_LOST, &why);
}

void link_fire(struct node *n, struct link *l)
{
	l->users++;
	while (l->waits) {
		struct link_wait *w = l->waits;
		l->waits = w->next;
		link_hold(l);
		w->fn(n, w->ctx, l, 0, NULL);
		free(w);
	}
	link_release(n, l);
}

void link_merge(struct node *n, struct link *from, struct link *to)
{
	struct link_wait **tail = &to->waits;
	while (*tail)
		tail = &(*tail)->next;
	*tail = from->waits;
	for (struct link_wait *w = from->waits; w; w = w->next)
		w->link = to;
	from->waits = NULL;
	if (from->explicit_) {
		to->explicit_ = true;
		to->deadline_ms = 0;
	}
	table_drop(n->links, from);
	link_free(n, from);
	if (to->state == LINK_UP)
		link_fire(n, to);
}

/* A dialled link that nobody waits for any more ends, unless it is up or was asked for by itself.
 */
static void unneeded(struct node *n, struct link *l)
{
	if (l->waits || l->state == LINK_UP)
		return;
	if (l->explicit_ && l->state == LINK_AWAIT_HELLO && l->kind != LINK_UDP)
		return;
	link_close(n, l);
}

struct link *link_find_resolved(
	struct node *n, const struct link_target *t, const struct link *except)
{
	for (struct link *l = n->links->first; l; l = l->next)
		if (l != except && l->dialled && !l->lost && !(l->dial && l->dial->by_name) &&
			link_target_equal(&l->target, t))
			return l;
	return NULL;
}

/* Under the name it was dialled by. A dial under way has asked the policy of its own asker only. */
static struct link *find_by_name(struct node *n, const struct link_target *t, bool for_other)
{
	for (struct link *l = n->links->first; l; l = l->next) {
		if (!l->dialled || l->lost || l->kind != t->kind || l->target.lane != t->lane ||
			l->target.port != t->port || strcmp(l->target.host, t->host))
			continue;
		if (l->dial ? l->dial->for_other == for_other
			    : !for_other || transit_admits(n, &l->target))
			return l;
	}
	return NULL;
}

static struct link_wait *wait_on(struct node *n, struct link *l, uint64_t deadline_ms,
	bool explicit_, link_ready_fn *fn, void *ctx)
{
	if (l->state == LINK_UP) {
		link_hold(l);
		fn(n, ctx, l, 0, NULL);
		return NULL;
	}
	struct link_wait *w = calloc(1, sizeof *w);
	if (!w) {
		struct reason why = reason_make(EXIT_INTERNAL, "out of memory");
		unneeded(n, l);
		fn(n, ctx, NULL, RESET_NO_ROUTE, &why);
		return NULL;
	}
	*w = (struct link_wait){.link = l,
		.fn = fn,
		.ctx = ctx,
		.deadline_ms = deadline_ms,
		.explicit_ = explicit_};
	struct link_wait **tail = &l->waits;
	while (*tail)
		tail = &(*tail)->next;
	*tail = w;
	links_due(n, deadline_ms);
	return w;
}

struct link_wait *links_acquire(struct node *n, const struct link_target *t, bool for_other,
	uint64_t deadline_ms, link_ready_fn *fn, void *ctx)
{
	if (for_other && t->resolved && !transit_admits(n, t)) {
		struct reason why = link_transit_reason(t);
		fn(n, ctx, NULL, RESET_TRANSIT, &why);
		return NULL;
	}
	struct link *l =
		t->resolved ? link_find_resolved(n, t, NULL) : find_by_name(n, t, for_other);
	if (!l)
		l = link_dial_start(n, t, for_other);
	if (!l) {
		struct reason why = reason_make(EXIT_INTERNAL, "out of memory");
		fn(n, ctx, NULL, RESET_NO_ROUTE, &why);
		return NULL;
	}
	return wait_on(n, l, deadline_ms, false, fn, ctx);
}

/* An earlier connection there that was kept only to be shown. */
static void drop_lost(struct node *n, const struct link_target *t)
{
	for (struct link *l = n->links->first; l; l = l->next)
		if (l->lost && l->kind == t->kind &&
			(t->resolved ? link_target_equal(&l->target, t)
				     : l->target.port == t->port &&
						!strcmp(l->target.host, t->host))) {
			link_close(n, l);
			return;
		}
}

struct link_wait *links_connect(struct node *n, const struct link_target *t, uint64_t deadline_ms,
	link_ready_fn *fn, void *ctx)
{
	drop_lost(n, t);
	struct link *l = t->resolved ? link_find_resolved(n, t, NULL) : find_by_name(n, t, false);
	if (!l)
		l = link_dial_start(n, t, false);
	if (!l) {
		struct reason why = reason_make(EXIT_INTERNAL, "out of memory");
		fn(n, ctx, NULL, RESET_NO_ROUTE, &why);
		return NULL;
	}
	l->explicit_ = true;
	l->deadline_ms = 0;
	return wait_on(n, l, deadline_ms, true, fn, ctx);
}

void link_wait_near(struct link_wait *w, const struct link *ingress)
{
	if (!w->link->near)
		w->link->near = ingress->id;
}

void link_wait_cancel(struct node *n, struct link_wait *w)
{
	struct link *l = w->link;
	struct link_wait **pp = &l->waits;
	while (*pp && *pp != w)
		pp = &(*pp)->next;
	if (*pp)
		*pp = w->next;
	free(w);
	unneeded(n, l);
}

/* In the table, up, but not in the data plane. id 0: a new one. */
static struct link *channel_link_new(struct node *n, uint32_t id, struct channel *ch,
	uint16_t frame_max, bool lossy, unsigned nesting, bool initiator)
{
	struct link *l = link_new(n, id, LINK_CHANNEL);
	if (!l)
		return NULL;
	l->state = LINK_UP;
	l->dialled = initiator;
	l->lossy = lossy;
	l->channel = ch;
	l->nesting = nesting;
	l->frame_max = frame_max;
	snprintf(l->peer, sizeof l->peer, "channel %s", ch->address);
	return l;
}

struct link *links_adopt_channel(
	struct node *n, uint32_t id, struct channel *ch, uint16_t frame_max, unsigned nesting)
{
	return channel_link_new(n, id, ch, frame_max, ch->path_flags & PATH_LOSSY, nesting,
		ch->role == SEAM_INITIATOR);
}

struct link *links_adopt(struct node *n, uint32_t id, uint16_t frame_max, const struct link *like)
{
	struct link *l = link_new(n, id, like->kind);
	if (!l)
		return NULL;
	l->state = LINK_UP;
	l->hello_seen = true;
	l->dialled = like->dialled;
	l->frame_max = frame_max;
	memcpy(l->address, like->address, sizeof l->address);
	memcpy(l->peer, like->peer, sizeof l->peer);
	l->target = like->target;
	l->udp = like->udp;
	l->lossy = l->kind == LINK_UDP;
	linger(n, l);
	if (!l->dialled) {
		struct origin *o = origin_get(&n->links->origins, &l->target.addr, n->now_ms);
		if (o && o->key)
			take_shares_of(l, o);
		l->origin = o;
		crowd_enter(&n->links->accepted, o ? &o->accepted : &l->alone, &l->accepted);
	}
	return l;
}

void links_number_above(struct node *n, uint32_t highest)
{
	if (n->links->next_id <= highest)
		n->links->next_id = highest + 2 - highest % 2;
}

struct link *links_add_channel(struct node *n, struct channel *ch, uint32_t session,
	uint16_t path_max, bool lossy, unsigned nesting, bool initiator)
{
	if (nesting > WIRE_NESTING_MAX || path_max <= WIRE_CHANNEL_LINK_OVERHEAD)
		return NULL;
	struct link *l = channel_link_new(n, 0, ch,
		(uint16_t)(path_max - WIRE_CHANNEL_LINK_OVERHEAD), lossy, nesting, initiator);
	if (!l)
		return NULL;
	struct seam_msg add = {.cmd = SEAM_LINK_ADD,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_PEER),
		.link = l->id,
		.peer = l->peer,
		.session = session};
	struct seam_msg set = {.cmd = SEAM_LINK_SET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX),
		.link = l->id,
		.up = 1,
		.frame_max = l->frame_max};
	if (seam_request(n, &add, NULL, NULL) < 0 || seam_request(n, &set, NULL, NULL) < 0) {
		table_drop(n->links, l);
		link_free(n, l);
		return NULL;
	}
	return l;
}

uint16_t link_plain_max(const struct link *l)
{
	return l->lossy && l->frame_max > WIRE_PATH_MIN ? WIRE_PATH_MIN : l->frame_max;
}

struct link *links_by_id(struct node *n, uint32_t id)
{
	struct link *l = *slot(n->links, id);
	while (l && l->id != id)
		l = l->next_slot;
	return l;
}

struct link *links_by_address(struct node *n, const char *address)
{
	struct link *l = n->links->first;
	while (l && strcmp(l->address, address))
		l = l->next;
	return l;
}

struct link *links_first(struct node *n)
{
	return n->links->first;
}

/* Of an origin's links the oldest that nothing uses, or else the oldest that is of no peer we know.
 */
static struct link *idlest(const struct crowd_member *m, bool used_too)
{
	struct crowd_item *i = m->oldest;
	struct link *used = NULL;
	for (unsigned looked = 0; i && looked < IDLE_LOOK; i = i->newer, looked++) {
		struct link *l = CROWD_ENTRY(i, struct link, accepted);
		if (!l->users)
			return l;
		if (!used && l->origin)
			used = l;
	}
	return used_too ? used : NULL;
}

/* Makes room for one more that others dialled, from there: false when there is none. */
static bool room_for_accepted(struct node *n, const struct origin *from)
{
	struct links *ls = n->links;
	struct crowd_item *i = crowd_victim(&ls->mute, &from->mute);
	if (i)
		link_close(n, CROWD_ENTRY(i, struct link, mute));
	i = crowd_victim(&ls->accepted, &from->accepted);
	if (!i)
		return true;
	struct link *l = idlest(i->of, i->of != &from->accepted && i->of->n > CROWDED);
	if (l)
		link_close(n, l);
	return l;
}

struct link *link_accept(struct node *n, uint32_t id, const struct link_target *t)
{
	struct links *ls = n->links;
	struct origin *o = origin_get(&ls->origins, &t->addr, n->now_ms);
	if (!o)
		return NULL;
	struct link *l = room_for_accepted(n, o) ? link_new(n, id, t->kind) : NULL;
	if (!l) {
		origin_put(&ls->origins, o);
		return NULL;
	}
	l->target = *t;
	l->state = LINK_AWAIT_HELLO;
	l->deadline_ms = n->now_ms + ACCEPT_HELLO_MS;
	links_due(n, l->deadline_ms);
	l->origin = o;
	if (o->key) /* those of this machine share only their number */
		take_shares_of(l, o);
	crowd_enter(&ls->accepted, &o->accepted, &l->accepted);
	crowd_enter(&ls->mute, &o->mute, &l->mute);
	crowd_enter(&ls->silent, &ls->all_silent, &l->silent);
	return l;
}

void links_on_new(struct node *n, uint32_t link, uint32_t listener, const char *peer)
{
	struct link_target t;
	if (link_target_parse(&t, peer) < 0)
		t = (struct link_target){.kind = strncmp(peer, "unix", 4) ? LINK_TCP : LINK_UNIX};
	struct link *l = links_by_id(n, link) ? NULL : link_accept(n, link, &t);
	if (!l) {
		struct seam_msg m = {
			.cmd = SEAM_LINK_DEL, .fd = -1, .has = SEAM_HAS(SEAM_A_LINK), .link = link};
		seam_request(n, &m, NULL, NULL);
		return;
	}
	snprintf(l->peer, sizeof l->peer, "%s", peer);
	log_debug("link %u accepted from %s on listener %u", link, peer, listener);
}

void link_known(struct node *n, struct link *l)
{
	struct links *ls = n->links;
	struct origin *o = l->origin;
	if (!o || l->gone)
		return;
	take_shares_of(l, NULL);
	if (l->accepted.of) {
		crowd_leave(&ls->accepted, &l->accepted);
		crowd_enter(&ls->accepted, &l->alone, &l->accepted);
	}
	origin_put(&ls->origins, o);
	link_tell(n, l, NULL);
}

void links_on_lost(struct node *n, uint32_t link, int error)
{
	struct link *l = links_by_id(n, link);
	if (!l)
		return;
	l->lost = true;
	struct reason why = reason_make(EXIT_UNREACHABLE, "the connection to %s was lost%s%s",
		l->peer, error ? ": " : "", error ? strerror(-error) : "");
	if (l->state != LINK_UP && (error == 0 || error == -EPROTO || error == -EBADMSG))
		why = link_mute_reason(l);
	if (l->kind == LINK_UDP && l->state != LINK_UP)
		why = reason_make(EXIT_UNREACHABLE, "connect to %s over UDP failed: %s", l->peer,
			strerror(-error));
	if (!l->explicit_ || l->state == LINK_UP || l->kind == LINK_UDP) {
		link_fail(n, l, RESET_LINK_LOST, &why);
		return;
	}
	/* asked for by itself: it stays, to be shown as what it is */
	struct link_wait *w = l->waits;
	l->waits = NULL;
	l->users++;
	while (w) {
		struct link_wait *next = w->next;
		if (w->explicit_) {
			l->users++;
			w->fn(n, w->ctx, l, 0, NULL);
			free(w);
		} else {
			wait_failed(n, w, RESET_NO_ROUTE, &why);
		}
		w = next;
	}
	link_release(n, l);
}

static struct link *first_attached(struct node *n)
{
	struct link *l = n->links->first;
	while (l && (l->dial || l->lost))
		l = l->next;
	return l;
}

void links_on_dataplane_lost(struct node *n)
{
	struct link *l;
	while ((l = first_attached(n))) /* each is lost, or out of the table, after this */
		links_on_lost(n, l->id, -ECONNRESET);
}

static void wait_expired(struct node *n, struct link *l, struct link_wait *w)
{
	struct link_wait **pp = &l->waits;
	while (*pp != w)
		pp = &(*pp)->next;
	*pp = w->next;
	l->users++;
	if (w->explicit_ && l->state == LINK_AWAIT_HELLO && l->kind != LINK_UDP) {
		l->users++;
		w->fn(n, w->ctx, l, 0, NULL);
		free(w);
	} else {
		char to[160];
		link_target_format(&l->target, to, sizeof to);
		struct reason why =
			l->state == LINK_AWAIT_HELLO ? link_mute_reason(l)
			: l->target.resolved
				? reason_make(
					  EXIT_UNREACHABLE, "connect to %s failed: timed out", to)
				: reason_make(EXIT_UNREACHABLE, "cannot resolve %s: timed out",
					  l->target.host);
		wait_failed(n, w, RESET_NO_ROUTE, &why);
	}
	unneeded(n, l);
	link_release(n, l);
}

/* One thing that is due, or false. Whatever it calls may change the table, so the search begins
 * anew. */
static bool tick_one(struct node *n)
{
	for (struct link *l = n->links->first; l; l = l->next) {
		for (struct link_wait *w = l->waits; w; w = w->next)
			if (n->now_ms >= w->deadline_ms) {
				wait_expired(n, l, w);
				return true;
			}
		if (l->udp.resend_ms && n->now_ms >= l->udp.resend_ms && !l->lost)
			link_udp_resend(n, l);
		if (l->deadline_ms && n->now_ms >= l->deadline_ms) {
			l->deadline_ms = 0;
			link_close(n, l);
			return true;
		}
	}
	return false;
}

static void due_again(struct node *n)
{
	for (const struct link *l = n->links->first; l; l = l->next) {
		if (l->deadline_ms)
			links_due(n, l->deadline_ms);
		if (l->udp.resend_ms && !l->lost)
			links_due(n, l->udp.resend_ms);
		for (const struct link_wait *w = l->waits; w; w = w->next)
			links_due(n, w->deadline_ms);
	}
}

void links_tick(struct node *n)
{
	const struct crowd_member *silent = &n->links->all_silent;
	if (n->now_ms < n->links->due_ms)
		return;
	while (silent->oldest) { /* the many: each at the cost of one */
		struct link *l = CROWD_ENTRY(silent->oldest, struct link, silent);
		if (n->now_ms < l->deadline_ms)
			break;
		link_close(n, l);
	}
	while (tick_one(n))
		;
	n->links->due_ms = UINT64_MAX;
	due_again(n);
}

uint64_t links_deadline(const struct node *n)
{
	return n->links->due_ms;
}
