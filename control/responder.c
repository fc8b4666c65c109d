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

enum { HALF_OPEN_MAX = 1024 };

/* A full table gives up the oldest half-open end of the link that has the most. */
static void evict_one(struct node *n)
{
	struct channel_end *victim = NULL;
	unsigned most = 0;
	for (struct link *l = links_first(n); l; l = l->next) {
		unsigned count = 0;
		struct channel_end *oldest = NULL;
		for (struct channel_end *e = n->channels->ends; e; e = e->next)
			if (e->link == l && (e->state == END_AWAIT_ROW || e->state == END_AWAIT_FINISH)) {
				count++;
				oldest = e; /* newest first */
			}
		if (count > most) {
			most = count;
			victim = oldest;
		}
	}
	if (victim)
		end_free(n, victim);
}

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

/* RESP around the end part in `end`. */
static int make_resp(struct channel_end *e, const uint8_t *end, size_t len)
{
	uint8_t *buf = malloc(e->path_max);
	if (!buf)
		return -ENOMEM;
	struct hop_part h = {
		.hops_left = WIRE_HOPS_MAX,
		.path_max = e->path_max,
		.flags = e->path_flags,
	};
	struct wr w = wr_init(buf, e->path_max);
	wr_room(&w, WIRE_HEADER);
	hop_part_encode(&w, &h, 0);
	wr_bytes(&w, end, len);
	if (w.bad) {
		free(buf);
		return -EMSGSIZE;
	}
	frame_header_encode(buf, WIRE_RESP, 0, (uint16_t)wr_len(&w), e->li, 0);
	end_set_frame(e, buf, wr_len(&w));
	return 0;
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
	int rc = path_key_claim(n->keys_in_use, e->link->id, e->li, KEY_TX, KEY_END, e);
	if (rc < 0)
		return rc;
	int len = handshake_respond(&e->hs, e->keys, init, e->lr, n->unix_s, end, sizeof end);
	if (len < 0)
		return len;
	rc = make_resp(e, end, (size_t)len);
	if (rc < 0)
		return rc;
	return end_claim_rx(n, e, e->lr, row_done);
}

static void first_init(struct node *n, struct link *l, const struct hop_part *part,
	const struct init_end *init, const uint8_t hash[static 32])
{
	struct listener *ls = listener_get(n, init->listener);
	if (!ls) {
		path_send_reset(n, l, init->label, false, RESET_NOT_FOUND, part->hops_left);
		return;
	}
	if (n->channels->half_open >= HALF_OPEN_MAX)
		evict_one(n);
	struct channel_end *e = end_new(n, SEAM_RESPONDER);
	if (!e)
		return;
	n->channels->half_open++;
	e->state = END_AWAIT_ROW;
	e->link = l;
	link_hold(l);
	e->li = init->label;
	e->lr = end_random_label();
	memcpy(e->hash, hash, sizeof e->hash);
	memcpy(e->listener, init->listener, sizeof e->listener);
	e->trust = ls->trust;
	e->hops_left = part->hops_left;
	e->path_max = part->path_max;
	if (l->frame_max < e->path_max)
		e->path_max = l->frame_max;
	if (init->frame_max < e->path_max)
		e->path_max = init->frame_max;
	e->path_flags = part->flags | (l->lossy ? PATH_LOSSY : 0);
	e->expire_ms = n->now_ms + WIRE_HALF_OPEN_MS;
	int rc = e->path_max < WIRE_PATH_MIN ? -EMSGSIZE : use_keys(n, e, ls);
	if (rc == 0)
		rc = respond(n, e, init);
	if (rc == 0)
		return;
	log_info("channel: INIT from %s refused: %s", l->peer, strerror(-rc));
	if (rc == -EOPNOTSUPP)
		path_send_reset(n, l, e->li, false, RESET_REFUSED, part->hops_left);
	else if (rc == -EEXIST)
		path_send_reset(n, l, e->li, false, RESET_COLLISION, part->hops_left);
	else if (rc == -EMSGSIZE)
		path_send_reset(n, l, e->li, false, RESET_OVERRUN, part->hops_left);
	end_free(n, e);
}

/* The label is in use: the same INIT again, or a collision. */
static void init_again(
	struct node *n, struct channel_end *e, uint32_t label, const uint8_t hash[static 32])
{
	bool half_open = e->state == END_AWAIT_ROW || e->state == END_AWAIT_FINISH;
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
		first_init(n, l, &part, &init, hash);
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
	int rc = end_install(n, e, false, session_done);
	ch->state = CHANNEL_OPENING;
	memcpy(ch->listener, e->listener, sizeof ch->listener);
	ch->trust = e->trust;
	e->ch = ch;
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
	e->state = END_REFUSED;
	e->expire_ms = n->now_ms + WIRE_TOMBSTONE_MS;
}

static void finish(struct node *n, struct channel_end *e, const uint8_t *body, size_t len)
{
	struct handshake_result *r = locked_new(sizeof *r);
	if (!r)
		return;
	int rc = handshake_finish(&e->hs, e->keys, body, len, n->unix_s, r);
	if (rc < 0) {
		log_info("channel: FINISH from %s refused: %s", e->link->peer, strerror(-rc));
		handshake_result_wipe(r);
		locked_free(r);
		if (rc == -EBADMSG)
			return; /* not of the peer whose ephemeral we have: no trace */
		path_send_reset(n, e->link, e->li, false, RESET_REFUSED, WIRE_HOPS_MAX);
		end_free(n, e);
		return;
	}
	n->channels->half_open--;
	e->state = END_AWAIT_SESSION;
	e->result = r;
	e->expire_ms = UINT64_MAX;
	if (trust_admits(n, &e->trust, &r->peer.id)) {
		if (accept_peer(n, e) < 0)
			end_free(n, e);
		return;
	}
	char id[IDENTIFIER_TEXT];
	log_warn("channel: %s is not authorized for listener %s", identifier_format(&r->peer.id, id),
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
	if (e->role != SEAM_RESPONDER || e->link != l || e->lr != h.label || h.sub)
		return;
	if (e->state == END_AWAIT_FINISH) {
		finish(n, e, frame + WIRE_HEADER, len - WIRE_HEADER);
		return;
	}
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
