// SPDX-License-Identifier: Apache-2.0
#include "adopt.h"

#include "end.h"
#include "inlet.h"
#include "log.h"
#include "message_private.h"
#include "note.h"
#include "path.h"
#include "path_key.h"
#include "relay.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

/* One answer of the dump; its note behind it. */
struct entry {
	struct entry *next;
	struct seam_msg m;
	bool done;
	uint8_t note[];
};

struct adoption {
	struct entry *links, *labels, *sessions, *listeners, *portals;
};

/* What adopt_apply works with. */
struct adopter {
	struct node *n;
	const struct adoption *a;
	adopt_keys_fn *keys;
	void *ctx;
	unsigned links, channels, paths, deleted; /* for the log */
};

struct adoption *adoption_new(void)
{
	return calloc(1, sizeof(struct adoption));
}

static void entries_free(struct entry *e)
{
	while (e) {
		struct entry *next = e->next;
		if (e->m.fd >= 0)
			close(e->m.fd);
		free(e);
		e = next;
	}
}

void adoption_free(struct adoption *a)
{
	if (!a)
		return;
	entries_free(a->links);
	entries_free(a->labels);
	entries_free(a->sessions);
	entries_free(a->listeners);
	entries_free(a->portals);
	free(a);
}

static struct entry **list_of(struct adoption *a, uint16_t cmd)
{
	switch (cmd) {
	case SEAM_DUMP_LINK:
		return &a->links;
	case SEAM_DUMP_LABEL:
		return &a->labels;
	case SEAM_DUMP_SESSION:
		return &a->sessions;
	case SEAM_DUMP_LISTENER:
		return &a->listeners;
	case SEAM_DUMP_PORTAL:
		return &a->portals;
	default:
		return NULL;
	}
}

int adoption_take(struct adoption *a, const struct seam_msg *m)
{
	struct entry **list = list_of(a, m->cmd);
	struct entry *e = list ? malloc(sizeof *e + m->note_len) : NULL;
	if (!e) {
		if (m->fd >= 0)
			close(m->fd);
		return list ? -ENOMEM : 0;
	}
	*e = (struct entry){.next = *list, .m = *m};
	if (m->note_len)
		memcpy(e->note, m->note, m->note_len);
	e->m.note = e->note;
	*list = e;
	return 0;
}

int adoption_listener(struct adoption *a, uint32_t *id)
{
	for (struct entry *e = a->listeners; e; e = e->next)
		if (e->m.fd >= 0) {
			int fd = e->m.fd;
			*id = e->m.listener;
			e->m.fd = -1;
			return fd;
		}
	return -1;
}

int adoption_portal(struct adoption *a, uint32_t *portal)
{
	int fd = -1;
	for (struct entry *e = a->portals; e; e = e->next) {
		if (e->m.fd < 0 || (fd >= 0 && e->m.portal != *portal))
			continue;
		if (fd < 0) {
			fd = e->m.fd;
			*portal = e->m.portal;
		} else {
			close(e->m.fd); /* the same socket, at another session */
		}
		e->m.fd = -1;
	}
	return fd;
}

void adopt_numbers(struct node *n, const struct adopt_highest *top)
{
	n->channels->next_serial = top->serial;
	n->channels->next_session = top->session;
	links_number_above(n, top->link);
	/* the peers may still have the beginning of a message under the number it was cut off at */
	n->messages->next_message = randombytes_random();
}

static void delete(struct adopter *x, uint16_t cmd, const struct seam_msg *like)
{
	struct seam_msg m = {
		.cmd = cmd,
		.fd = -1,
		.link = like->link,
		.label = like->label,
		.session = like->session,
	};
	m.has = cmd == SEAM_SESSION_DEL ? SEAM_HAS(SEAM_A_SESSION) : SEAM_HAS(SEAM_A_LINK);
	if (cmd == SEAM_LABEL_DEL)
		m.has |= SEAM_HAS(SEAM_A_LABEL);
	x->deleted++;
	seam_request(x->n, &m, NULL, NULL);
}

/* Connections that had said hello. */
static void take_link(struct adopter *x, struct entry *e)
{
	struct link like = {.id = e->m.link};
	if (e->m.has & SEAM_HAS(SEAM_A_SESSION))
		return; /* a channel's, see take_session */
	e->done = true;
	if (e->m.up && note_link_decode(e->note, e->m.note_len, &like) == 0 &&
		links_adopt(x->n, e->m.link, e->m.frame_max, &like))
		x->links++;
	else
		delete(x, SEAM_LINK_DEL, &e->m);
}

static struct entry *channel_link_of(const struct adoption *a, uint32_t session)
{
	struct entry *e = a->links;
	while (e && (!(e->m.has & SEAM_HAS(SEAM_A_SESSION)) || e->m.session != session))
		e = e->next;
	return e;
}

static int take_keys(struct adopter *x, struct channel *ch)
{
	if (!ch->identity[0])
		return 0;
	ch->keys = x->keys ? x->keys(x->ctx, ch->identity) : NULL;
	return ch->keys ? 0 : -ENOENT;
}

/* The channel of a note, in the table. */
static struct channel *channel_adopt(struct adopter *x, const struct channel *like)
{
	struct channel *ch = channel_new(x->n, like->role);
	if (!ch)
		return NULL;
	struct channel *next = ch->next;
	*ch = *like;
	ch->next = next;
	ch->unclaimed = ch->hidden;
	if (take_keys(x, ch) < 0) {
		log_warn("channel %s: identity %s is gone, the channel is dropped", ch->address,
			ch->identity);
		channel_remove(x->n, ch, false);
		return NULL;
	}
	return ch;
}

/* The end under it, as the session in the data plane has it. */
static struct channel_end *end_adopt(struct adopter *x, struct channel *ch, const struct seam_msg *m)
{
	struct node *n = x->n;
	bool initiator = ch->role == SEAM_INITIATOR;
	struct channel_end *e = end_new(n, ch->role);
	if (!e)
		return NULL;
	e->state = m->up ? END_UP : END_AWAIT_UP;
	e->ch = ch;
	e->link = links_by_id(n, m->link);
	link_hold(e->link);
	e->li = initiator ? m->label : m->label_tx;
	e->lr = initiator ? m->label_tx : m->label;
	e->session = m->session;
	e->installed = e->row = true;
	e->suite = ch->suite;
	e->path_max = ch->path_max;
	e->path_flags = ch->path_flags;
	e->hops_left = ch->init_hops_left;
	e->keys = ch->keys ? ch->keys : &n->keys;
	memcpy(e->listener, ch->listener, sizeof e->listener);
	e->trust = ch->trust;
	if (path_key_claim(n->keys_in_use, e->link->id, m->label, KEY_RX, KEY_END, e) == 0 &&
		path_key_claim(n->keys_in_use, e->link->id, m->label_tx, KEY_TX, KEY_END, e) == 0)
		return e;
	end_free(n, e); /* with its session */
	return NULL;
}

static void take_names(struct node *n, struct channel *ch, const struct note_names *names)
{
	for (unsigned i = 0; i < names->n; i++)
		relay_name_adopt(n, ch, &names->name[i]);
}

static void take_open_session(struct adopter *x, struct entry *e, const struct channel *like,
	const struct note_names *names)
{
	struct node *n = x->n;
	struct channel *ch = channel_adopt(x, like);
	struct channel_end *end = ch ? end_adopt(x, ch, &e->m) : NULL;
	if (!end) {
		if (ch)
			channel_remove(n, ch, false);
		else
			delete(x, SEAM_SESSION_DEL, &e->m);
		return;
	}
	ch->state = e->m.up ? CHANNEL_UP : CHANNEL_OPENING;
	channel_stand_on(n, ch, end);
	if (e->m.has & SEAM_HAS(SEAM_A_FRAME_MAX))
		ch->frame_max = e->m.frame_max;
	if (ch->role == SEAM_RESPONDER && !ch->trust.any)
		link_known(n, ch->link);
	struct entry *l = channel_link_of(x->a, e->m.session);
	if (l) {
		l->done = true;
		ch->as_link = links_adopt_channel(
			n, l->m.link, ch, l->m.frame_max, ch->link->nesting + 1);
	}
	for (const struct entry *p = x->a->portals; p; p = p->next)
		if (p->m.session == e->m.session)
			ch->adopted_portal = p->m.portal;
	take_names(n, ch, names);
	x->channels++;
}

/* Without its session: an initiator's comes back by itself, in the state of one whose path broke. */
static void take_broken(struct adopter *x, const struct channel *like)
{
	struct channel *ch = channel_by_address(x->n, like->address) ? NULL : channel_adopt(x, like);
	if (!ch)
		return;
	ch->state = CHANNEL_BROKEN;
	initiator_start(x->n, ch);
	x->channels++;
}

/* True when it is settled; false: its link may still turn up. */
static bool take_session(struct adopter *x, struct entry *e, bool last)
{
	struct channel like = {.address = ""};
	struct note_names names;
	bool up_before = false;
	const struct seam_msg *m = &e->m;
	if (m->has & SEAM_HAS(SEAM_A_CLOSE))
		return true; /* it says CLOSE, and ends by itself */
	if (note_channel_decode(e->note, m->note_len, &like, &up_before, &names) < 0) {
		delete(x, SEAM_SESSION_DEL, m);
		return true;
	}
	bool initiator = like.role == SEAM_INITIATOR;
	bool broken = m->has & SEAM_HAS(SEAM_A_ERROR) || !(m->has & SEAM_HAS(SEAM_A_LINK));
	bool half = initiator && !m->up; /* its FINISH is lost, and cannot be sent again */
	struct link *l = broken ? NULL : links_by_id(x->n, m->link);
	if (!broken && !half && !l && !last)
		return false;
	if (!broken && !half && l && !channel_by_address(x->n, like.address)) {
		take_open_session(x, e, &like, &names);
		return true;
	}
	delete(x, SEAM_SESSION_DEL, m);
	if (initiator && (!half || up_before || like.persistent) && last)
		take_broken(x, &like);
	return true;
}

/* A session may stand on the channel link of another: until nothing moves any more. */
static void take_sessions(struct adopter *x)
{
	bool moved = true;
	while (moved) {
		moved = false;
		for (struct entry *e = x->a->sessions; e; e = e->next) {
			const struct seam_msg *m = &e->m;
			bool whole = m->up && m->has & SEAM_HAS(SEAM_A_LINK) &&
				     !(m->has & SEAM_HAS(SEAM_A_ERROR));
			if (e->done || !(whole || m->has & SEAM_HAS(SEAM_A_CLOSE)))
				continue;
			e->done = take_session(x, e, false);
			moved |= e->done;
		}
	}
	/* only now the rest: the one that is up counts, of two with one address */
	for (struct entry *e = x->a->sessions; e; e = e->next)
		if (!e->done)
			e->done = take_session(x, e, true);
}

static struct entry *row_of(const struct adoption *a, uint32_t link, uint32_t label)
{
	struct entry *e = a->labels;
	while (e && (e->m.link != link || e->m.label != label))
		e = e->next;
	return e;
}

/* The row that RESP made names the other one. Half of a path is none. */
static void take_path(struct adopter *x, struct entry *e)
{
	struct entry *init = e->m.label_tx ? row_of(x->a, e->m.out_link, e->m.label_tx) : NULL;
	struct link *prev = links_by_id(x->n, e->m.link), *next = links_by_id(x->n, e->m.out_link);
	if (!init || init->done || init->m.out_link != e->m.link || !prev || !next)
		return;
	e->done = init->done = true;
	if (paths_adopt(x->n, prev, next, e->m.label_tx, e->m.label) == 0)
		x->paths++;
}

static void take_paths(struct adopter *x)
{
	for (struct entry *e = x->a->labels; e; e = e->next)
		if (!e->done)
			take_path(x, e);
	for (struct entry *e = x->a->labels; e; e = e->next)
		if (!e->done)
			delete(x, SEAM_LABEL_DEL, &e->m);
}

/* What is numbered here, and not by the data plane. */
static void number_above(struct node *n, const struct adoption *a)
{
	uint32_t portal = 0, lane = 0;
	for (const struct entry *e = a->portals; e; e = e->next)
		if (e->m.portal > portal)
			portal = e->m.portal;
	for (const struct channel *ch = channels_first(n); ch; ch = ch->next)
		if (ch->lane > lane)
			lane = ch->lane;
	inlets_number_above(n, portal, lane);
}

void adopt_apply(struct node *n, const struct adoption *a, adopt_keys_fn *keys, void *ctx)
{
	struct adopter x = {.n = n, .a = a, .keys = keys, .ctx = ctx};
	for (struct entry *e = a->links; e; e = e->next)
		take_link(&x, e);
	take_sessions(&x);
	for (struct entry *e = a->links; e; e = e->next)
		if (!e->done)
			delete(&x, SEAM_LINK_DEL, &e->m);
	take_paths(&x);
	number_above(n, a);
	log_info("adopted %u connections, %u channels and %u paths; %u half-made things deleted",
		x.links, x.channels, x.paths, x.deleted);
}

static struct channel *first_unclaimed(struct node *n)
{
	struct channel *ch = channels_first(n);
	while (ch && (!ch->unclaimed || ch->role != SEAM_INITIATOR))
		ch = ch->next;
	return ch;
}

void adopt_done(struct node *n)
{
	struct channel *ch;
	while ((ch = first_unclaimed(n)))
		channel_close(n, ch);
}

static bool same_trust(const struct trust *a, const struct trust *b)
{
	return a->any == b->any && a->n == b->n && !memcmp(a->ids, b->ids, a->n * sizeof a->ids[0]);
}

static bool same_route(const struct route *a, const struct route *b)
{
	char x[ROUTE_STRING_MAX], y[ROUTE_STRING_MAX];
	return route_format(a, x, sizeof x) >= 0 && route_format(b, y, sizeof y) >= 0 &&
	       !strcmp(x, y);
}

struct channel *adopt_claim_portal(struct node *n, uint32_t portal)
{
	for (struct channel *ch = channels_first(n); ch; ch = ch->next)
		if (ch->unclaimed && ch->role == SEAM_INITIATOR && ch->adopted_portal == portal) {
			ch->unclaimed = false;
			return ch;
		}
	return NULL;
}

struct channel *adopt_claim(struct node *n, const struct route *to, const struct trust *trust, bool lane)
{
	for (struct channel *ch = channels_first(n); ch; ch = ch->next)
		if (ch->unclaimed && ch->role == SEAM_INITIATOR && ch->persistent &&
			!ch->adopted_portal && !ch->lane == !lane && same_route(&ch->route, to) && same_trust(&ch->trust, trust)) {
			ch->unclaimed = false;
			return ch;
		}
	return NULL;
}

void adopt_note_changed(struct node *n, struct channel *ch)
{
	struct note_names names;
	uint8_t note[SEAM_NOTE_MAX];
	if (!ch->session)
		return;
	names.n = relay_names_of(n, ch, names.name, NOTE_NAMES_MAX);
	int len = note_channel_encode(ch, true, &names, note, sizeof note);
	struct seam_msg m = {
		.cmd = SEAM_SESSION_SET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_NOTE),
		.session = ch->session,
		.note = note,
		.note_len = len < 0 ? 0 : (uint32_t)len,
	};
	if (len > 0)
		seam_request(n, &m, NULL, NULL);
}
