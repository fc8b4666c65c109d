// SPDX-License-Identifier: Apache-2.0
/*
 * The responder's half: INIT makes a half-open end with its RESP sealed once; FINISH consumes it. Until
 * the peer is verified and admitted nothing but the half-open end exists. What follows FINISH is a
 * session, or one that only says CLOSE(not authorized); a duplicate FINISH never installs again.
 */
#include "end.h"
#include "listener.h"
#include "locked.h"
#include "log.h"
#include "path.h"
#include "path_key.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

static void row_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct channel_end *e = ctx;
	if (error) {
		e->row = false;
		path_send_reset(n, e->link, e->li, false, RESET_COLLISION, e->hops_left);
		end_free(n, e);
		return;
	}
	e->state = END_AWAIT_FINISH;
	end_send_frame(n, e);
}

enum { HOP_PART_BARE = 16 }; /* what one without a route takes at most */

static size_t bare_hop_part(const struct channel_end *e, uint8_t dst[static HOP_PART_BARE])
{
	const struct hop_part h = {
		.hops_left = WIRE_HOPS_MAX, .path_max = e->path_max, .flags = e->path_flags};
	struct wr w = wr_init(dst, HOP_PART_BARE);
	hop_part_encode(&w, &h, 0);
	assert(!w.bad);
	return wr_len(&w);
}

/* RESP around the end part in `end`. */
static int make_resp(struct channel_end *e, const uint8_t *end, size_t len)
{
	uint8_t head[HOP_PART_BARE];
	size_t n = bare_hop_part(e, head), all;
	bool too_many;
	uint8_t *frames = pieces_make(
		WIRE_RESP, e->li, head, n, end, len, end_frame_max(e), &all, &too_many);
	if (!frames)
		return too_many ? -EMSGSIZE : -ENOMEM;
	end_set_frame(e, frames, all);
	return 0;
}

/* In clear: an initiator takes from it only what it allows itself. */
static void refuse_suite(struct node *n, const struct channel_end *e)
{
	uint8_t f[WIRE_HEADER + HOP_PART_BARE + 1 + sizeof e->keys->suites];
	struct wr w = wr_init(f, sizeof f);
	wr_room(&w, WIRE_HEADER);
	uint8_t head[HOP_PART_BARE];
	wr_bytes(&w, head, bare_hop_part(e, head));
	wr_u8(&w, (uint8_t)e->keys->suites_n);
	wr_bytes(&w, e->keys->suites, e->keys->suites_n);
	frame_header_encode(f, WIRE_RESP, WIRE_RESP_REFUSED, (uint16_t)wr_len(&w), e->li, 0);
	seam_frame(n, e->link->id, f, wr_len(&w));
}

static int use_keys(struct node *n, struct channel_end *e, const struct listener *ls)
{
	e->keys = &n->keys;
	if (!ls->keys)
		return 0;
	/* the listener may be deleted while the handshake runs */
	e->own_keys = locked_new(sizeof *e->own_keys);
	if (!e->own_keys)
		return -ENOMEM;
	*e->own_keys = *ls->keys;
	e->keys = e->own_keys;
	return 0;
}

static int respond(struct node *n, struct channel_end *e, const struct init_end *init)
{
	uint8_t end[2 * WIRE_HANDSHAKE_PAYLOAD_MAX];
	int len = handshake_respond(e->hs, e->keys, init, e->lr, n->unix_s, end, sizeof end);
	if (len < 0)
		return len;
	int rc = make_resp(e, end, (size_t)len);
	if (rc < 0)
		return rc;
	return end_claim_rx(n, e, e->lr, row_done);
}

/* Refuses the INIT that made it, unless that would tell nothing, and forgets it. */
static void refuse_init(struct node *n, struct channel_end *e, int rc)
{
	uint8_t code = rc == -EOPNOTSUPP ? RESET_REFUSED
		       : rc == -EEXIST	 ? RESET_COLLISION
		       : rc == -EMSGSIZE ? RESET_OVERRUN
		       : rc == -ENOENT	 ? RESET_NOT_FOUND
					 : 0;
	log_info("channel: INIT from %s refused: %s", e->link->peer, strerror(-rc));
	if (code)
		path_send_reset(n, e->link, e->li, false, code, e->hops_left);
	end_free(n, e);
}

/* Its turn has come: RESP is made, from INIT's end part in e->frame. */
static void answer(struct node *n, struct channel_end *e)
{
	struct init_end init;
	struct listener *ls = listener_get(n, e->listener);
	int rc = ls ? init_end_decode(e->frame, e->frame_len, &init) : -ENOENT;
	if (rc == 0) {
		e->trust = ls->trust;
		rc = use_keys(n, e, ls);
	}
	if (rc == 0)
		rc = end_begin(n, e);
	e->state = END_AWAIT_ROW;
	if (rc == 0)
		rc = respond(n, e, &init);
	if (rc == -EOPNOTSUPP && init.pattern == PATTERN_XX && e->keys->suites_n) {
		log_info("channel: INIT from %s has a cipher suite that this node lacks", e->link->peer);
		refuse_suite(n, e);
		end_free(n, e);
	} else if (rc < 0) {
		refuse_init(n, e, rc);
	}
}

/* A few at a time: whatever else there is to do goes on between them. */
void responder_tick(struct node *n)
{
	struct channels *cs = n->channels;
	if (n->now_ms < cs->turn_due_ms)
		return;
	for (unsigned i = 0; i < RESPOND_AT_ONCE; i++) {
		struct turn *t = turns_next(&cs->turns, n->now_ms);
		if (!t) {
			cs->turn_due_ms = turns_deadline(&cs->turns, n->now_ms);
			return;
		}
		answer(n, TURN_ENTRY(t, struct channel_end, turn));
	}
	cs->turn_due_ms = n->now_ms;
}

/* A half-open end for an INIT, whose end part is kept. NULL: no memory. May end another one. */
static struct channel_end *half_open_new(struct node *n, struct link *l, struct rd end)
{
	struct crowd *crowd = &n->channels->half_open;
	struct crowd_item *victim = crowd_victim(crowd, &l->half_ends);
	if (victim)
		end_free(n, CROWD_ENTRY(victim, struct channel_end, place));
	struct channel_end *e = end_new(n, SEAM_RESPONDER);
	uint8_t *copy = malloc(rd_left(&end));
	if (!e || !copy) {
		free(copy);
		if (e)
			end_free(n, e);
		return NULL;
	}
	memcpy(copy, end.p, rd_left(&end));
	end_set_frame(e, copy, rd_left(&end));
	e->state = END_AWAIT_TURN;
	e->link = l;
	link_hold(l);
	crowd_enter(crowd, &l->half_ends, &e->place);
	return e;
}

static void first_init(struct node *n, struct link *l, const struct hop_part *part,
	const struct init_end *init, struct rd end, const uint8_t hash[static 32])
{
	struct channels *cs = n->channels;
	if (!listener_get(n, init->listener) || cs->peers >= PEERS_MAX) {
		path_send_reset(n, l, init->label, false,
			cs->peers >= PEERS_MAX ? RESET_OVERRUN : RESET_NOT_FOUND, part->hops_left);
		return;
	}
	struct channel_end *e = half_open_new(n, l, end);
	if (!e)
		return;
	e->li = init->label;
	e->lr = end_random_label();
	memcpy(e->hash, hash, sizeof e->hash);
	memcpy(e->listener, init->listener, sizeof e->listener);
	e->hops_left = part->hops_left;
	e->path_max = part->path_max;
	if (l->frame_max < e->path_max)
		e->path_max = l->frame_max;
	if (init->frame_max < e->path_max)
		e->path_max = init->frame_max;
	e->path_flags = part->flags | (l->lossy ? PATH_LOSSY : 0);
	e->expire_ms = n->now_ms + WIRE_HALF_OPEN_MS;
	channels_due(n, e->expire_ms);
	int rc = e->path_max < WIRE_PATH_MIN
			 ? -EMSGSIZE
			 : path_key_claim(n->keys_in_use, l->id, e->li, KEY_TX, KEY_END, e);
	if (rc < 0)
		refuse_init(n, e, rc);
	else if (turns_enter(&cs->turns, &e->turn, &l->source, &l->half_ends, n->now_ms))
		answer(n, e);
	else
		cs->turn_due_ms = turns_deadline(&cs->turns, n->now_ms);
}

/* The label is in use: the same INIT again, or a collision. */
static void init_again(
	struct node *n, struct channel_end *e, uint32_t label, const uint8_t hash[static 32])
{
	bool half_open = e->state == END_AWAIT_TURN || e->state == END_AWAIT_ROW ||
			 e->state == END_AWAIT_FINISH;
	if (e->role == SEAM_RESPONDER && e->li == label && !memcmp(e->hash, hash, 32)) {
		if (e->state != END_AWAIT_FINISH)
			return;
		uint64_t last = e->born_ms + WIRE_HALF_OPEN_TOTAL_MS;
		e->expire_ms = n->now_ms + WIRE_HALF_OPEN_MS;
		if (e->expire_ms > last)
			e->expire_ms = last;
		end_send_frame(n, e);
		return;
	}
	path_send_reset(n, e->link, label, false, RESET_COLLISION, WIRE_HOPS_MAX);
	if (e->role == SEAM_RESPONDER && e->li == label && half_open)
		end_free(n, e);
}

void channels_on_init(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct hop_part part;
	struct init_end init;
	struct rd end;
	uint8_t hash[32];
	if (hop_part_decode(frame + WIRE_HEADER, len - WIRE_HEADER, false, &part, &end) < 0 ||
		init_end_decode(end.p, rd_left(&end), &init) < 0)
		return;
	crypto_hash_sha256(hash, end.p, rd_left(&end));
	struct key_owner own = path_key_get(n->keys_in_use, l->id, init.label, KEY_TX);
	if (own.kind == KEY_END)
		init_again(n, own.owner, init.label, hash);
	else
		first_init(n, l, &part, &init, end, hash);
}

static void result_drop(struct channel_end *e)
{
	handshake_result_wipe(e->result);
	locked_free(e->result);
	e->result = NULL;
}

static void session_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct channel_end *e = ctx;
	result_drop(e);
	if (error) {
		log_warn("channel: session not installed: %s", strerror(-error));
		e->installed = false;
		path_send_reset(n, e->link, e->li, false, RESET_REFUSED, WIRE_HOPS_MAX);
		channel_remove(n, e->ch, false);
		return;
	}
	e->state = END_AWAIT_UP;
}

/* The channel is there before the data plane has answered: its link must be, too. */
static int accept_peer(struct node *n, struct channel_end *e)
{
	struct channel *ch = channel_new(n, SEAM_RESPONDER);
	if (!ch)
		return -ENOMEM;
	ch->state = CHANNEL_OPENING;
	memcpy(ch->listener, e->listener, sizeof ch->listener);
	ch->trust = e->trust;
	e->ch = ch;
	int rc = end_install(n, e, false, session_done);
	channel_stand_on(n, ch, e);
	if (rc < 0)
		channel_remove(n, ch, false);
	else
		channel_link_open(n, ch);
	return 0;
}

static void refusal_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct channel_end *e = ctx;
	result_drop(e);
	if (error) {
		e->installed = false;
		end_free(n, e);
		return;
	}
	struct crowd_item *victim = crowd_victim(&n->channels->tombs, &e->link->tombs);
	if (victim)
		end_free(n, CROWD_ENTRY(victim, struct channel_end, place));
	e->state = END_REFUSED;
	e->expire_ms = n->now_ms + WIRE_TOMBSTONE_MS;
	channels_due(n, e->expire_ms);
	crowd_enter(&n->channels->tombs, &e->link->tombs, &e->place);
}

static void finish(struct node *n, struct channel_end *e, const uint8_t *body, size_t len)
{
	struct handshake_result *r = locked_new(sizeof *r);
	if (!r)
		return;
	int rc = handshake_finish(e->hs, e->keys, body, len, n->unix_s, r);
	if (rc < 0) {
		log_info("channel: FINISH from %s refused: %s", e->link->peer, strerror(-rc));
		handshake_result_wipe(r);
		locked_free(r);
		if (rc == -EBADMSG && ++e->bad_finishes < BAD_FINISHES_MAX)
			return; /* not of the peer whose ephemeral we have: no trace */
		path_send_reset(n, e->link, e->li, false, RESET_REFUSED, WIRE_HOPS_MAX);
		end_free(n, e);
		return;
	}
	crowd_leave(&n->channels->half_open, &e->place);
	e->state = END_AWAIT_SESSION;
	end_proved(n, e, r);
	e->expire_ms = UINT64_MAX;
	bool admitted = trust_admits(n, &e->trust, &r->peer.id);
	if (admitted && trust_history(n, r)) {
		if (!e->trust.any) /* anybody can have an identity */
			link_known(n, e->link);
		if (accept_peer(n, e) < 0)
			end_free(n, e);
		return;
	}
	char id[IDENTIFIER_TEXT];
	log_warn("channel: %s %s %s", identifier_format(&r->peer.id, id),
		admitted ? "shows a change history that is not the one it showed before, to listener"
			 : "is not authorized for listener",
		e->listener);
	if (end_install(n, e, true, refusal_done) < 0)
		end_free(n, e);
}

void channels_on_finish(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	struct key_owner own = path_key_get(n->keys_in_use, l->id, h.label, KEY_RX);
	if (own.kind != KEY_END)
		return;
	struct channel_end *e = own.owner;
	if (e->role != SEAM_RESPONDER || e->link != l || e->lr != h.label)
		return;
	if (e->state == END_AWAIT_FINISH) {
		uint8_t *whole;
		size_t whole_len;
		if (pieces_take(&e->pieces, h.sub, frame + WIRE_HEADER, len - WIRE_HEADER, &whole,
			    &whole_len) == 1) {
			finish(n, e, whole, whole_len);
			free(whole);
		}
		return;
	}
	if (pieces_index(h.sub)) /* the first says it all */
		return;
	if (e->state != END_AWAIT_UP && e->state != END_UP && e->state != END_REFUSED)
		return;
	/* a duplicate: the confirmation, or the refusal, once more */
	struct seam_msg m = {
		.cmd = SEAM_SESSION_PING,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_SESSION),
		.session = e->session,
	};
	seam_request(n, &m, NULL, NULL);
}
