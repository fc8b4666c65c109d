// SPDX-License-Identifier: Apache-2.0
/*
 * The table of channels, and what both roles do with an end: claim its labels, install its session,
 * close it. The roles' own parts are in initiator.c and responder.c.
 */
#include "channel.h"

#include "end.h"
#include "hex.h"
#include "inlet.h"
#include "locked.h"
#include "log.h"
#include "message.h"
#include "note.h"
#include "path.h"
#include "path_key.h"
#include "relay.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

enum {
	RETRY_SPREAD_MS = 100,
	DUE_STEP_MS = 10, /* how exact the times of ends and channels are */
};

struct channels *channels_new(void)
{
	struct channels *cs = calloc(1, sizeof *cs);
	if (!cs)
		return NULL;
	turns_init(&cs->turns, RESPOND_RATE, RESPOND_BURST, 0);
	cs->turn_due_ms = cs->due_ms = UINT64_MAX;
	if (crowd_init(&cs->half_open, HALF_ENDS_MAX, HALF_ENDS_PER_LINK) == 0) {
		if (crowd_init(&cs->tombs, TOMBS_MAX, TOMBS_PER_LINK) == 0)
			return cs;
		crowd_fini(&cs->half_open);
	}
	free(cs);
	return NULL;
}

void channels_free(struct node *n)
{
	struct channels *cs = n->channels;
	if (!cs)
		return;
	while (cs->first)
		channel_remove(n, cs->first, false);
	while (cs->ends)
		end_free(n, cs->ends);
	while (cs->spares)
		locked_free(cs->spare[--cs->spares]);
	crowd_fini(&cs->half_open);
	crowd_fini(&cs->tombs);
	free(cs);
	n->channels = NULL;
}

struct channel_end *end_new(struct node *n, uint8_t role)
{
	struct channels *cs = n->channels;
	struct channel_end *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->role = role;
	e->born_ms = n->now_ms;
	e->resend_ms = e->expire_ms = UINT64_MAX;
	e->next = cs->ends;
	e->link_back = &cs->ends;
	if (e->next)
		e->next->link_back = &e->next;
	cs->ends = e;
	return e;
}

static void handshake_drop(struct node *n, struct channel_end *e)
{
	struct channels *cs = n->channels;
	if (e->hs)
		handshake_wipe(e->hs);
	if (e->hs && cs->spares < SPARE_HANDSHAKES)
		cs->spare[cs->spares++] = e->hs;
	else
		locked_free(e->hs);
	e->hs = NULL;
}

static void result_drop(struct channel_end *e)
{
	if (!e->result)
		return;
	handshake_result_wipe(e->result);
	locked_free(e->result);
	e->result = NULL;
}

static void session_drop(struct node *n, struct channel_end *e)
{
	struct seam_msg m = {
		.cmd = SEAM_SESSION_DEL,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION),
		.session = e->session,
	};
	seam_request(n, &m, NULL, NULL);
}

static void row_drop(struct node *n, struct channel_end *e, uint32_t label)
{
	struct seam_msg m = {
		.cmd = SEAM_LABEL_DEL,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL),
		.link = e->link->id,
		.label = label,
	};
	seam_request(n, &m, NULL, NULL);
}

void end_free(struct node *n, struct channel_end *e)
{
	seam_forget(n, e);
	if (e->wait)
		link_wait_cancel(n, e->wait);
	uint32_t rx = e->role == SEAM_INITIATOR ? e->li : e->lr;
	uint32_t tx = e->role == SEAM_INITIATOR ? e->lr : e->li;
	if (e->installed)
		session_drop(n, e);
	else if (e->row && e->link)
		row_drop(n, e, rx);
	if (e->link) {
		path_key_drop(n->keys_in_use, e->link->id, rx, KEY_RX, e);
		path_key_drop(n->keys_in_use, e->link->id, tx, KEY_TX, e);
		link_release(n, e->link);
	}
	crowd_leave(
		e->state == END_REFUSED ? &n->channels->tombs : &n->channels->half_open, &e->place);
	turns_leave(&n->channels->turns, &e->turn);
	if (e->ch && e->ch->end == e)
		e->ch->end = NULL;
	if (e->ch && e->ch->attempt == e)
		e->ch->attempt = NULL;
	*e->link_back = e->next;
	if (e->next)
		e->next->link_back = e->link_back;
	result_drop(e);
	handshake_drop(n, e);
	locked_free(e->own_keys);
	pieces_clear(&e->pieces);
	free(e->frame);
	free(e);
}

uint32_t end_random_label(void)
{
	uint32_t label;
	do
		label = randombytes_random();
	while (!label);
	return label;
}

int end_claim_rx(struct node *n, struct channel_end *e, uint32_t label, seam_ack_fn *fn)
{
	int rc = path_key_claim(n->keys_in_use, e->link->id, label, KEY_RX, KEY_END, e);
	if (rc < 0)
		return rc;
	struct seam_msg m = {
		.cmd = SEAM_LABEL_ADD,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL),
		.link = e->link->id,
		.label = label,
	};
	rc = seam_request(n, &m, fn, e);
	e->row = rc == 0;
	return rc;
}

int end_claim_tx(struct node *n, struct channel_end *e, uint32_t label)
{
	return path_key_claim(n->keys_in_use, e->link->id, label, KEY_TX, KEY_END, e);
}

void end_set_frame(struct channel_end *e, uint8_t *frame, size_t len)
{
	free(e->frame);
	e->frame = frame;
	e->frame_len = len;
	e->sent = 0;
}

void end_send_frame(struct node *n, struct channel_end *e)
{
	for (size_t at = 0, len; at < e->frame_len; at += len) {
		len = get_be16(e->frame + at + 2);
		seam_frame(n, e->link->id, e->frame + at, len);
	}
	e->sent++;
}

uint16_t end_frame_max(const struct channel_end *e)
{
	bool unsure = e->path_flags & PATH_LOSSY && e->path_max > WIRE_PATH_MIN;
	return unsure ? WIRE_PATH_MIN : e->path_max;
}

int end_begin(struct node *n, struct channel_end *e)
{
	struct channels *cs = n->channels;
	e->hs = cs->spares ? cs->spare[--cs->spares] : locked_new(sizeof *e->hs);
	return e->hs ? 0 : -ENOMEM;
}

void end_proved(struct node *n, struct channel_end *e, struct handshake_result *r)
{
	e->suite = e->hs->suite;
	handshake_drop(n, e);
	e->result = r;
	e->serial = ++n->channels->next_serial;
}

/* What a channel is when it stands on e. */
static void end_describe(struct channel *ch, const struct channel_end *e)
{
	ch->suite = e->suite;
	ch->path_flags = e->path_flags;
	ch->path_max = e->path_max;
	ch->frame_max = end_frame_max(e);
	ch->init_hops_left = e->hops_left;
	if (!e->result)
		return;
	ch->peer = e->result->peer;
	memcpy(ch->peer_static, e->result->peer_static, sizeof ch->peer_static);
	memcpy(ch->hash, e->result->hash, sizeof ch->hash);
}

/* For whoever adopts the data plane: the channel as it will be. A refused peer has none. */
static int end_note(const struct channel_end *e, uint8_t dst[static SEAM_NOTE_MAX])
{
	static const struct note_names none;
	if (!e->ch)
		return 0;
	struct channel view = *e->ch;
	end_describe(&view, e);
	int len = note_channel_encode(
		&view, e->ch->state != CHANNEL_OPENING, &none, dst, SEAM_NOTE_MAX);
	return len < 0 ? 0 : len;
}

int end_install(struct node *n, struct channel_end *e, bool refuse, seam_ack_fn *fn)
{
	bool initiator = e->role == SEAM_INITIATOR;
	uint8_t note[SEAM_NOTE_MAX];
	char peer[IDENTIFIER_TEXT];
	e->session = ++n->channels->next_session;
	struct seam_msg m = {
		.cmd = SEAM_SESSION_ADD,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_SERIAL) | SEAM_HAS(SEAM_A_ROLE) |
		       SEAM_HAS(SEAM_A_SUITE) | SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL) |
		       SEAM_HAS(SEAM_A_LABEL_TX) | SEAM_HAS(SEAM_A_FRAME_MAX) |
		       SEAM_HAS(SEAM_A_PATH_FLAGS) | SEAM_HAS(SEAM_A_CHAIN_RX) |
		       SEAM_HAS(SEAM_A_CHAIN_TX) | SEAM_HAS(SEAM_A_EXPORTER) |
		       SEAM_HAS(SEAM_A_PEER),
		.session = e->session,
		.peer = identifier_format(&e->result->peer.id, peer),
		.serial = e->serial,
		.role = e->role,
		.suite = e->suite,
		.link = e->link->id,
		.label = initiator ? e->li : e->lr,
		.label_tx = initiator ? e->lr : e->li,
		.frame_max = e->path_max,
		.path_flags = e->path_flags,
		.chain_rx = e->result->chain_rx,
		.chain_tx = e->result->chain_tx,
		.exporter = e->result->exporter,
		.note = note,
		.note_len = (uint32_t)end_note(e, note),
	};
	if (m.note_len)
		m.has |= SEAM_HAS(SEAM_A_NOTE);
	if (refuse) {
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
		m.close = CLOSE_NOT_AUTHORIZED;
	}
	int rc = seam_request(n, &m, fn, e);
	secret_wipe(&m, sizeof m);
	e->installed = rc == 0;
	if (rc == 0)
		e->state = END_AWAIT_SESSION;
	return rc;
}

void end_close(struct node *n, struct channel_end *e, uint8_t code)
{
	if (!e->installed || e->state == END_AWAIT_SESSION) {
		end_free(n, e);
		return;
	}
	struct seam_msg m = {
		.cmd = SEAM_SESSION_DEL,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_CLOSE),
		.session = e->session,
		.close = code,
	};
	e->ch = NULL;
	e->state = END_CLOSING;
	e->resend_ms = UINT64_MAX;
	e->expire_ms = n->now_ms + 2 * WIRE_CLOSE_WAIT_MS;
	channels_due(n, e->expire_ms);
	if (seam_request(n, &m, NULL, NULL) < 0)
		end_free(n, e);
}

struct channel *channel_new(struct node *n, uint8_t role)
{
	struct channel *ch = calloc(1, sizeof *ch);
	if (!ch)
		return NULL;
	uint8_t id[16];
	randombytes_buf(id, sizeof id);
	hex_encode(ch->address, id, sizeof id);
	ch->role = role;
	n->channels->peers += role == SEAM_RESPONDER;
	ch->opened_ms = n->now_ms;
	struct channel **pp = &n->channels->first;
	while (*pp)
		pp = &(*pp)->next;
	*pp = ch;
	return ch;
}

void channel_session_gone(struct node *n, struct channel *ch)
{
	if (ch->as_link)
		link_close(n, ch->as_link);
	ch->session = 0;
	ch->link = NULL;
	messages_on_channel_gone(n, ch);
	inlets_on_channel_gone(n, ch);
}

void channel_remove(struct node *n, struct channel *ch, bool orderly)
{
	struct channel **pp = &n->channels->first;
	while (*pp && *pp != ch)
		pp = &(*pp)->next;
	if (!*pp)
		return; /* being removed already, further up */
	*pp = ch->next;
	n->channels->peers -= ch->role == SEAM_RESPONDER;
	ch->state = CHANNEL_CLOSING;
	channel_session_gone(n, ch);
	relays_on_channel_gone(n, ch);
	if (ch->attempt) {
		if (ch->attempt->link && ch->attempt->state >= END_AWAIT_RESP)
			path_send_reset(n, ch->attempt->link, ch->attempt->li, true, RESET_DONE,
				WIRE_HOPS_MAX);
		end_free(n, ch->attempt);
	}
	if (ch->end && orderly) {
		end_close(n, ch->end, CLOSE_DONE);
		ch->end = NULL;
	} else if (ch->end) {
		end_free(n, ch->end);
	}
	locked_free(ch->keys);
	free(ch);
}

void channel_stand_on(struct node *n, struct channel *ch, struct channel_end *e)
{
	struct channel_end *old = ch->end;
	if (ch->session)
		channel_session_gone(n, ch);
	ch->end = e;
	if (ch->attempt == e)
		ch->attempt = NULL;
	if (old)
		end_free(n, old);
	ch->session = e->session;
	ch->link = e->link;
	end_describe(ch, e);
}

void channel_close(struct node *n, struct channel *ch)
{
	ch->open_fn = NULL;
	channel_remove(n, ch, true);
}

void channel_open_cancel(struct node *n, struct channel *ch)
{
	ch->open_fn = NULL;
	if (ch->state == CHANNEL_OPENING)
		channel_remove(n, ch, true);
}

struct channel *channel_by_address(struct node *n, const char *hex)
{
	struct channel *ch = n->channels->first;
	while (ch && strcmp(ch->address, hex))
		ch = ch->next;
	return ch;
}

struct channel *channel_by_session(struct node *n, uint32_t session)
{
	struct channel *ch = session ? n->channels->first : NULL;
	while (ch && ch->session != session)
		ch = ch->next;
	return ch;
}

struct channel *channels_first(struct node *n)
{
	return n->channels->first;
}

void channel_link_open(struct node *n, struct channel *ch)
{
	if (ch->as_link || ch->link->nesting >= WIRE_NESTING_MAX ||
		ch->path_max < WIRE_PATH_MIN + WIRE_CHANNEL_LINK_OVERHEAD)
		return;
	ch->as_link = links_add_channel(n, ch, ch->session, ch->path_max,
		ch->path_flags & PATH_LOSSY, ch->link->nesting + 1, ch->role == SEAM_INITIATOR);
}

struct link *channel_link(struct node *n, struct channel *ch)
{
	return ch->state == CHANNEL_UP ? ch->as_link : NULL;
}

int channel_send(struct node *n, struct channel *ch, uint32_t message, bool more,
	const uint8_t *body, size_t len)
{
	if (!ch->session || ch->state != CHANNEL_UP)
		return -ENOTCONN;
	if (len > SEAM_BODY_MAX)
		return -EMSGSIZE;
	struct seam_msg m = {
		.cmd = SEAM_MSG,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_MESSAGE) | SEAM_HAS(SEAM_A_MORE) |
		       SEAM_HAS(SEAM_A_FRAME),
		.session = ch->session,
		.message = message,
		.more = more,
		.frame = body,
		.frame_len = (uint32_t)len,
	};
	return n->io->seam_send(n->io_ctx, &m);
}

static struct channel_end *end_by_session(struct node *n, uint32_t session)
{
	struct channel_end *e = n->channels->ends;
	while (e && (!e->installed || e->session != session))
		e = e->next;
	return e;
}

void channels_on_resp(struct node *n, struct link *l, void *end, const uint8_t *frame, size_t len)
{
	struct channel_end *e = end;
	if (e->role == SEAM_INITIATOR && e->link == l && get_be32(frame + 4) == e->li)
		initiator_on_resp(n, e, frame, len);
}

void channels_on_session_up(struct node *n, uint32_t session)
{
	struct channel_end *e = end_by_session(n, session);
	if (!e || e->state != END_AWAIT_UP)
		return;
	e->state = END_UP;
	if (e->role == SEAM_INITIATOR) {
		initiator_on_up(n, e);
		return;
	}
	e->ch->state = CHANNEL_UP;
	if (e->ch->init_hops_left == WIRE_HOPS_MAX) /* it is the direct neighbour */
		link_proved(n, e->link, &e->ch->peer.id);
	log_info("channel %s: up, from %s", e->ch->address, e->link->peer);
}

void channels_on_session_mtu(struct node *n, uint32_t session, uint16_t frame_max)
{
	struct channel *ch = channel_by_session(n, session);
	if (ch)
		ch->frame_max = frame_max;
}

/* The responder cannot succeed a session: it tells the path and drops what it has. */
static void responder_drop(struct node *n, struct channel_end *e, uint8_t code)
{
	if (code)
		path_send_reset(n, e->link, e->li, false, code, WIRE_HOPS_MAX);
	struct channel *ch = e->ch;
	if (ch)
		channel_remove(n, ch, false);
	else
		end_free(n, e);
}

void channels_on_session_broken(struct node *n, uint32_t session, int error)
{
	struct channel_end *e = end_by_session(n, session);
	if (!e)
		return;
	log_info("channel %s: path broken: %s", e->ch ? e->ch->address : "-", strerror(-error));
	if (e->state == END_CLOSING || e->role == SEAM_RESPONDER) {
		responder_drop(n, e, RESET_LINK_LOST);
		return;
	}
	struct reason why =
		reason_make(EXIT_UNREACHABLE, "the path is broken: %s", strerror(-error));
	initiator_on_broken(n, e, &why);
}

void channels_on_session_closed(struct node *n, uint32_t session, uint8_t code)
{
	struct channel_end *e = end_by_session(n, session);
	if (!e)
		return;
	/* the path's rows at the hops go with this; the session is gone in the data plane */
	path_send_reset(n, e->link, e->role == SEAM_INITIATOR ? e->lr : e->li, false, RESET_DONE,
		WIRE_HOPS_MAX);
	e->installed = false;
	e->row = false;
	if (e->state == END_CLOSING || e->state == END_REFUSED || !e->ch)
		end_free(n, e);
	else if (e->role == SEAM_RESPONDER)
		channel_remove(n, e->ch, false);
	else
		initiator_on_closed(n, e, code);
}

void channels_on_reset(struct node *n, void *end, uint8_t code, uint8_t hops_left)
{
	struct channel_end *e = end;
	if (e->state == END_CLOSING) {
		if (code == RESET_DONE)
			end_free(n, e);
		return;
	}
	if (e->role == SEAM_INITIATOR) {
		initiator_on_reset(n, e, code, hops_left);
		return;
	}
	if (e->state == END_AWAIT_TURN || e->state == END_AWAIT_ROW ||
		e->state == END_AWAIT_FINISH) {
		end_free(n, e);
		return;
	}
	/* A hint only: the session's own liveness decides. Ask it now; a PING on a path that is
	 * gone brings the next RESET, so not each time. */
	if (n->now_ms < e->hint_ms)
		return;
	e->hint_ms = n->now_ms + 1000;
	struct seam_msg m = {
		.cmd = SEAM_SESSION_PING,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION),
		.session = e->session,
	};
	seam_request(n, &m, NULL, NULL);
}

void channels_on_link_gone(struct node *n, struct link *l)
{
	struct channel_end *e = n->channels->ends;
	if (l->kind == LINK_CHANNEL && l->channel->as_link == l)
		l->channel->as_link = NULL; /* the data plane was first to see the session go */
	if (l->users < 2)		    /* each end holds its link, as does the caller */
		return;
	while (e) {
		if (e->link != l) {
			e = e->next;
			continue;
		}
		if (e->role == SEAM_RESPONDER || e->state == END_CLOSING || !e->ch) {
			responder_drop(n, e, 0);
		} else {
			struct reason why =
				reason_make(EXIT_UNREACHABLE, "the link to %s was lost", l->peer);
			initiator_on_broken(n, e, &why);
		}
		/* anything may be gone now: begin again; each turn takes one end off this link */
		e = n->channels->ends;
	}
}

static void end_tick(struct node *n, struct channel_end *e)
{
	static const uint16_t backoff_ms[] = {250, 500, 1000, 2000, 4000};
	if (n->now_ms >= e->expire_ms) {
		if (e->state == END_REFUSED || e->state == END_CLOSING ||
			e->state == END_AWAIT_FINISH || e->state == END_AWAIT_ROW ||
			e->state == END_AWAIT_TURN)
			end_free(n, e);
		else
			e->expire_ms = UINT64_MAX;
		return;
	}
	if (n->now_ms < e->resend_ms)
		return;
	end_send_frame(n, e);
	unsigned last = sizeof backoff_ms / sizeof *backoff_ms - 1;
	unsigned wait = backoff_ms[e->sent < last ? e->sent : last];
	e->resend_ms = n->now_ms + wait * 3 / 4 + randombytes_uniform(wait / 2);
}

void channels_retry(struct node *n)
{
	for (struct channel *ch = n->channels->first; ch; ch = ch->next)
		if (ch->role == SEAM_INITIATOR && !ch->attempt && ch->retry_ms) {
			ch->failures = 0;
			ch->retry_ms = n->now_ms + randombytes_uniform(RETRY_SPREAD_MS);
			channels_due(n, ch->retry_ms);
		}
}

void channels_due(struct node *n, uint64_t at_ms)
{
	if (at_ms < n->channels->due_ms)
		n->channels->due_ms = at_ms;
}

static void due_again(struct node *n)
{
	uint64_t soonest = n->now_ms + DUE_STEP_MS, due = UINT64_MAX;
	for (const struct channel_end *e = n->channels->ends; e; e = e->next) {
		uint64_t at = e->resend_ms < e->expire_ms ? e->resend_ms : e->expire_ms;
		if (at < due)
			due = at;
	}
	for (const struct channel *ch = n->channels->first; ch; ch = ch->next) {
		uint64_t at = ch->attempt    ? ch->give_up_ms
			      : ch->retry_ms ? ch->retry_ms
					     : UINT64_MAX;
		if (at < due)
			due = at;
	}
	channels_due(n, due < soonest ? soonest : due);
}

void channels_tick(struct node *n)
{
	struct channels *cs = n->channels;
	responder_tick(n);
	if (n->now_ms < cs->due_ms)
		return;
	cs->due_ms = UINT64_MAX;
	for (struct channel_end *e = cs->ends, *next; e; e = next) {
		next = e->next;
		end_tick(n, e);
	}
	for (struct channel *ch = cs->first, *after; ch; ch = after) {
		after = ch->next;
		if (ch->role == SEAM_INITIATOR)
			initiator_tick(n, ch);
	}
	due_again(n);
}

uint64_t channels_deadline(const struct node *n)
{
	const struct channels *cs = n->channels;
	return cs->turn_due_ms < cs->due_ms ? cs->turn_due_ms : cs->due_ms;
}
