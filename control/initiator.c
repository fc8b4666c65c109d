// SPDX-License-Identifier: Apache-2.0
/*
 * The initiator's half: an attempt takes a link, sends INIT, checks RESP, installs the session, repeats
 * FINISH until the responder has confirmed. A channel that was up once gets fresh attempts with
 * back-off and keeps its address; the session before is used until the new one is confirmed.
 */
#include "end.h"
#include "hop.h"
#include "inlet.h"
#include "locked.h"
#include "log.h"
#include "message.h"
#include "path.h"
#include "relay.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

enum {
	RESTARTS_MAX = 3, /* with a new label and a new ephemeral, within one time-out */
	ATTEMPT_MS = 30000,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 15000,
};

static void attempt_start(struct node *n, struct channel *ch);

/*
 * Plans the next attempt: exponential, with half of it random, so that many do not come at once. A path
 * that broke is tried again soon in any case.
 */
static void back_off(struct node *n, struct channel *ch)
{
	if (ch->retry_wait_ms && (ch->failures || ch->state != CHANNEL_BROKEN)) {
		ch->failures++;
		ch->retry_ms = n->now_ms + ch->retry_wait_ms;
		return;
	}
	unsigned shift = ch->failures < 8 ? ch->failures : 8;
	uint32_t wait = BACKOFF_FIRST_MS << shift;
	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	ch->failures++;
	ch->retry_ms = n->now_ms + wait / 2 + randombytes_uniform(wait);
	channels_due(n, ch->retry_ms);
}

/* The attempt is over without success: the first one of a plain channel ends it, others are repeated. */
static void attempt_failed(struct node *n, struct channel *ch, struct reason why)
{
	channel_open_fn *fn = ch->open_fn;
	void *ctx = ch->open_ctx;
	if (ch->attempt)
		end_free(n, ch->attempt);
	ch->open_fn = NULL;
	ch->last_error = why;
	log_info("channel %s: attempt failed: %s", ch->address, why.text);
	if (ch->state == CHANNEL_OPENING && !ch->persistent)
		channel_remove(n, ch, false);
	else
		back_off(n, ch);
	if (fn)
		fn(n, ctx, NULL, &why);
}

static void attempt_reset(struct node *n, struct channel_end *e, uint8_t code)
{
	if (e->link && e->state >= END_AWAIT_RESP)
		path_send_reset(n, e->link, e->li, true, code, WIRE_HOPS_MAX);
}

static void row_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct channel_end *e = ctx;
	if (!error)
		return;
	e->row = false;
	initiator_on_reset(n, e, RESET_COLLISION, WIRE_HOPS_MAX);
}

/* The one that is preferred, or the one that a refusal has selected. */
static uint8_t suite_of(const struct channel_end *e)
{
	return e->ch->use_suite ? e->ch->use_suite : e->keys->suites[0];
}

/* INIT with everything in it; onward: the route behind the first link. */
static int make_init(struct node *n, struct channel_end *e, unsigned used)
{
	uint8_t end[WIRE_INIT_MAX], *buf = malloc(WIRE_INIT_MAX);
	if (!buf)
		return -ENOMEM;
	struct hop_part h = {
		.hops_left = WIRE_HOPS_MAX,
		.path_max = e->link->frame_max,
		.flags = e->link->lossy ? PATH_LOSSY : 0,
		.onward = e->ch->route,
	};
	int len = end_begin(n, e);
	if (len == 0)
		len = handshake_start(e->hs, e->keys, suite_of(e), e->li,
			e->link->frame_max, e->ch->listener, end, sizeof end);
	struct wr w = wr_init(buf, WIRE_INIT_MAX);
	wr_room(&w, WIRE_HEADER);
	hop_part_encode(&w, &h, used);
	if (len > 0)
		wr_bytes(&w, end, (size_t)len);
	if (len < 0 || w.bad) {
		free(buf);
		return len < 0 ? len : -E2BIG;
	}
	frame_header_encode(buf, WIRE_INIT, 0, (uint16_t)wr_len(&w), e->li, 0);
	end_set_frame(e, buf, wr_len(&w));
	return 0;
}

/* The first link is there. `used` elements of the route led to it. */
static void send_init(struct node *n, struct channel_end *e, struct link *l, unsigned used)
{
	struct channel *ch = e->ch;
	e->link = l;
	if (l->frame_max < WIRE_PATH_MIN) {
		attempt_failed(n, ch,
			reason_make(EXIT_UNREACHABLE, "%s takes frames of %u bytes, %d are needed",
				l->peer, l->frame_max, WIRE_PATH_MIN));
		return;
	}
	e->li = end_random_label();
	int rc = make_init(n, e, used);
	if (rc == 0)
		rc = end_claim_rx(n, e, e->li, row_done);
	if (rc < 0) {
		attempt_failed(n, ch,
			rc == -E2BIG ? reason_make(EXIT_USAGE,
					       "the route does not fit into a handshake of %d bytes; "
					       "use fewer or shorter names",
					       WIRE_INIT_MAX)
				     : reason_make(EXIT_INTERNAL, "the handshake could not start: %s",
					       strerror(-rc)));
		return;
	}
	e->state = END_AWAIT_RESP;
	end_send_frame(n, e);
	e->resend_ms = n->now_ms + 1000;
	channels_due(n, e->resend_ms);
}

static void link_ready(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	struct channel_end *e = ctx;
	e->wait = NULL;
	if (l)
		send_init(n, e, l, e->hops_left); /* parked there until the link came */
	else
		attempt_failed(n, e->ch, *why);
}

static void attempt_leave(struct node *n, struct channel *ch, const struct hop *hop)
{
	struct channel_end *e = ch->attempt;
	struct link *out = hop->kind == HOP_CHANNEL ? channel_link(n, hop->channel) : hop->link;
	if (hop->kind == HOP_DIAL) {
		e->hops_left = (uint8_t)hop->used;
		/* may call back, and free the end, before it returns */
		struct link_wait *w =
			links_acquire(n, &hop->target, false, ch->give_up_ms, link_ready, e);
		if (w)
			e->wait = w;
		return;
	}
	if (!out || out->state != LINK_UP) {
		attempt_failed(n, ch,
			hop->kind == HOP_CHANNEL
				? reason_make(EXIT_UNREACHABLE,
					  "the channel /service/%s is not up, or nested too deep",
					  hop->channel->address)
				: reason_make(EXIT_UNREACHABLE, "the connection is not up"));
		return;
	}
	link_hold(out);
	send_init(n, e, out, hop->used);
}

static void attempt_start(struct node *n, struct channel *ch)
{
	struct channel_end *e = end_new(n, SEAM_INITIATOR);
	if (!e) {
		back_off(n, ch);
		return;
	}
	e->ch = ch;
	e->keys = ch->keys ? ch->keys : &n->keys;
	ch->attempt = e;

	struct hop hop;
	hop_decide(n, HOP_OWN, NULL, NULL, &ch->route, &hop);
	hop.target.lane = ch->lane;
	switch (hop.kind) {
	case HOP_DIAL:
	case HOP_LINK:
	case HOP_CHANNEL:
		attempt_leave(n, ch, &hop);
		break;
	case HOP_REFUSE:
		attempt_failed(n, ch, hop.why.exit ? hop.why : reason_from_reset(hop.code, 0xff, NULL));
		break;
	default:
		attempt_failed(n, ch,
			reason_make(EXIT_USAGE,
				"the route leads to this node itself; a secure channel needs another node"));
	}
}

void initiator_start(struct node *n, struct channel *ch)
{
	/* from the tick, so that nothing is called back before channel_open returns */
	ch->retry_ms = n->now_ms ? n->now_ms : 1;
	channels_due(n, n->now_ms);
}

struct channel *channel_open(
	struct node *n, const struct channel_options *o, channel_open_fn *fn, void *ctx)
{
	struct channel *ch = channel_new(n, SEAM_INITIATOR);
	if (!ch)
		return NULL;
	ch->route = *o->to;
	ch->trust = *o->trust;
	ch->keys = (struct handshake_keys *)(uintptr_t)o->keys;
	if (o->identity)
		memcpy(ch->identity, o->identity, strnlen(o->identity, sizeof ch->identity - 1));
	ch->hidden = o->hidden;
	ch->persistent = o->persistent;
	ch->lane = o->lane;
	ch->retry_wait_ms = o->retry_wait_ms;
	ch->timeout_ms = o->timeout_ms ? o->timeout_ms : ATTEMPT_MS;
	ch->open_fn = fn;
	ch->open_ctx = ctx;
	const struct route_element *last = o->to->n ? &o->to->e[o->to->n - 1] : NULL;
	if (last && (last->code == ROUTE_SERVICE || last->code == ROUTE_WORKER) && !last->is_handle)
		memcpy(ch->listener, last->text, strnlen(last->text, sizeof ch->listener - 1));
	initiator_start(n, ch);
	return ch;
}

static struct reason failure(int rc)
{
	switch (rc) {
	case -ELOOP:
		return reason_make(EXIT_USAGE, "the other end is this node itself; a secure channel needs another node");
	case -EKEYEXPIRED:
		return reason_make(EXIT_REFUSED, "the peer's identity or attestation has expired, or a clock is wrong");
	case -EKEYREJECTED:
		return reason_make(EXIT_REFUSED, "the peer's attestation is not of the key it uses");
	case -EPROTO:
		return reason_make(EXIT_REFUSED, "the answer was tampered with: labels or suites do not match");
	default:
		return reason_make(EXIT_UNREACHABLE, "the peer's answer is not valid: %s", strerror(-rc));
	}
}

static void session_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct channel_end *e = ctx;
	if (error) {
		attempt_reset(n, e, RESET_REFUSED);
		e->installed = false;
		attempt_failed(n, e->ch,
			reason_make(EXIT_INTERNAL, "the data plane did not take the session: %s",
				strerror(-error)));
		return;
	}
	/* its copy of the keys is the only one now; who the peer is stays until the channel stands on it */
	secret_wipe(&e->result->chain_tx, sizeof e->result->chain_tx);
	secret_wipe(&e->result->chain_rx, sizeof e->result->chain_rx);
	secret_wipe(&e->result->exporter, sizeof e->result->exporter);
	e->state = END_AWAIT_UP;
	end_send_frame(n, e);
	e->resend_ms = n->now_ms + 250;
	channels_due(n, e->resend_ms);
}

/* FINISH into frames; the session is installed before they leave. */
static void accept_resp(struct node *n, struct channel_end *e, const uint8_t *body, size_t len)
{
	struct channel *ch = e->ch;
	size_t all;
	bool too_many;
	uint8_t *frames = pieces_make(
		WIRE_FINISH, e->lr, NULL, 0, body, len, end_frame_max(e), &all, &too_many);
	if (!frames) {
		attempt_reset(n, e, RESET_OVERRUN);
		attempt_failed(n, ch,
			too_many ? reason_make(EXIT_UNREACHABLE, "the identity does not fit into the frames of the path")
				 : reason_make(EXIT_INTERNAL, "out of memory"));
		return;
	}
	end_set_frame(e, frames, all);
	e->resend_ms = UINT64_MAX;
	int rc = end_claim_tx(n, e, e->lr);
	if (rc < 0) {
		initiator_on_reset(n, e, RESET_COLLISION, WIRE_HOPS_MAX);
		return;
	}
	rc = end_install(n, e, false, session_done);
	if (rc < 0)
		attempt_failed(n, ch, reason_make(EXIT_INTERNAL, "the data plane is not reachable: %s", strerror(-rc)));
}

/* The responder's list, in clear: it may only choose among what this node's configuration allows. Once. */
static void on_refused(struct node *n, struct channel_end *e, struct rd offer)
{
	struct channel *ch = e->ch;
	size_t count = rd_u8(&offer);
	const uint8_t *theirs = rd_bytes(&offer, count);
	if (!rd_done(&offer) || !count || ch->use_suite)
		return;
	for (unsigned i = 0; i < e->keys->suites_n && !ch->use_suite; i++)
		if (e->keys->suites[i] != e->hs->suite && memchr(theirs, e->keys->suites[i], count))
			ch->use_suite = e->keys->suites[i];
	if (!ch->use_suite) {
		attempt_failed(n, ch, reason_make(EXIT_REFUSED, "the other end has none of the cipher suites of this node"));
		return;
	}
	log_info("channel %s: the other end lacks the cipher suite, another is tried", ch->address);
	end_free(n, e);
	attempt_start(n, ch);
}

/* RESP's hop part, which is in its first piece alone. */
static bool take_hop_part(struct channel_end *e, const struct hop_part *part)
{
	e->path_max = part->path_max < e->link->frame_max ? part->path_max : e->link->frame_max;
	e->path_flags = part->flags | (e->link->lossy ? PATH_LOSSY : 0);
	return !part->onward.n;
}

static void on_resp_whole(struct node *n, struct channel_end *e, const uint8_t *end, size_t len);

void initiator_on_resp(struct node *n, struct channel_end *e, const uint8_t *frame, size_t len)
{
	struct hop_part part;
	struct rd end = rd_init(frame + WIRE_HEADER, len - WIRE_HEADER);
	uint8_t sub = frame[1], *whole;
	size_t whole_len;
	if (e->state != END_AWAIT_RESP)
		return;
	if (!pieces_index(sub) &&
		(hop_part_decode(frame + WIRE_HEADER, len - WIRE_HEADER, false, &part, &end) < 0 ||
			!take_hop_part(e, &part)))
		return;
	if (sub == WIRE_RESP_REFUSED)
		on_refused(n, e, end);
	else if (pieces_take(&e->pieces, sub, end.p, rd_left(&end), &whole, &whole_len) == 1) {
		on_resp_whole(n, e, whole, whole_len);
		free(whole);
	}
}

/* `end`: Lr and Noise message 2. */
static void on_resp_whole(struct node *n, struct channel_end *e, const uint8_t *end, size_t len)
{
	if (len < 4 || !get_be32(end))
		return;
	struct handshake_result *r = locked_new(sizeof *r);
	uint8_t body[2 * WIRE_HANDSHAKE_PAYLOAD_MAX];
	if (!r)
		return;
	int got = handshake_resp(e->hs, e->keys, end, len, n->unix_s, body, sizeof body, r);
	if (got == -EBADMSG) { /* forged or broken under way: the real one may still come */
		handshake_result_wipe(r);
		locked_free(r);
		return;
	}
	end_proved(n, e, r);
	e->lr = get_be32(end);
	struct channel *ch = e->ch;
	if (got >= 0 && !trust_admits(n, &ch->trust, &r->peer.id)) {
		char id[IDENTIFIER_TEXT];
		attempt_reset(n, e, RESET_REFUSED);
		attempt_failed(n, ch,
			reason_make(EXIT_REFUSED,
				"not authorized: the other end is %s; to accept it give --authorized %s",
				identifier_format(&r->peer.id, id), id));
	} else if (got >= 0 && !trust_history(n, r)) {
		char id[IDENTIFIER_TEXT];
		attempt_reset(n, e, RESET_REFUSED);
		attempt_failed(n, ch,
			reason_make(EXIT_REFUSED,
				"not authorized: %s shows a change history that is not the one it "
				"showed before; it may use a retired key",
				identifier_format(&r->peer.id, id)));
	} else if (got < 0) {
		attempt_reset(n, e, RESET_REFUSED);
		attempt_failed(n, ch, failure(got));
	} else {
		accept_resp(n, e, body, (size_t)got);
	}
}

void initiator_on_up(struct node *n, struct channel_end *e)
{
	struct channel *ch = e->ch;
	uint32_t session = e->session;
	e->resend_ms = UINT64_MAX;
	if (ch->attempt != e)
		return;
	channel_stand_on(n, ch, e);
	locked_free(e->result); /* its keys are wiped since SESSION_ADD */
	e->result = NULL;
	ch->state = CHANNEL_UP;
	channel_link_open(n, ch);
	ch->failures = 0;
	ch->last_error = (struct reason){0};
	log_info("channel %s: up, over %s", ch->address, e->link->peer);
	channel_open_fn *fn = ch->open_fn;
	ch->open_fn = NULL;
	if (fn)
		fn(n, ch->open_ctx, ch, NULL);
	else
		relays_on_channel_up(n, ch);
	if (channel_by_session(n, session) == ch)
		inlets_on_channel_up(n, ch);
	if (channel_by_session(n, session) == ch)
		messages_on_channel_up(n, ch);
}

void initiator_on_reset(struct node *n, struct channel_end *e, uint8_t code, uint8_t hops_left)
{
	struct channel *ch = e->ch;
	if (!ch)
		return;
	if (ch->attempt != e) {
		/* a hint on the session in use: it stays while a successor is made */
		if (!ch->attempt && !ch->retry_ms)
			back_off(n, ch);
		return;
	}
	bool again = code == RESET_COLLISION || code == RESET_IDLE || code == RESET_UNKNOWN;
	if (again && ch->restarts++ < RESTARTS_MAX) {
		end_free(n, e);
		attempt_start(n, ch);
		return;
	}
	attempt_failed(n, ch, reason_from_reset(code, hops_left, NULL));
}

void initiator_on_broken(struct node *n, struct channel_end *e, const struct reason *why)
{
	struct channel *ch = e->ch;
	if (ch->attempt == e) {
		attempt_failed(n, ch, *why);
		return;
	}
	ch->state = CHANNEL_BROKEN;
	end_free(n, e);
	channel_session_gone(n, ch);
	relays_on_channel_gone(n, ch);
	if (!ch->attempt && !ch->retry_ms)
		back_off(n, ch);
}

void initiator_on_closed(struct node *n, struct channel_end *e, uint8_t code)
{
	struct channel *ch = e->ch;
	if (ch->attempt == e && code == CLOSE_NOT_AUTHORIZED) {
		char id[IDENTIFIER_TEXT];
		attempt_failed(n, ch,
			reason_make(EXIT_REFUSED,
				"not authorized: the listener %s does not accept this node; it has to be "
				"created with --authorized %s",
				ch->listener, identifier_format(&e->keys->identity.id, id)));
	} else if (ch->attempt == e) {
		attempt_failed(n, ch, reason_make(EXIT_UNREACHABLE, "the other end closed the channel"));
	} else if (ch->persistent) {
		struct reason why = reason_make(EXIT_UNREACHABLE, "the other end closed the channel");
		initiator_on_broken(n, e, &why);
	} else {
		channel_remove(n, ch, false);
	}
}

void initiator_tick(struct node *n, struct channel *ch)
{
	if (ch->attempt && n->now_ms >= ch->give_up_ms) {
		attempt_reset(n, ch->attempt, RESET_DONE);
		char route[ROUTE_STRING_MAX];
		if (route_format(&ch->route, route, sizeof route) < 0)
			route[0] = 0;
		attempt_failed(n, ch,
			reason_make(EXIT_UNREACHABLE, "timed out: no answer along %.200s", route));
	} else if (!ch->attempt && ch->retry_ms && n->now_ms >= ch->retry_ms && !n->detached) {
		ch->retry_ms = 0;
		ch->restarts = 0;
		ch->use_suite = 0;
		ch->give_up_ms = n->now_ms + (ch->open_fn ? ch->timeout_ms : ATTEMPT_MS);
		channels_due(n, ch->give_up_ms);
		attempt_start(n, ch);
	}
}
