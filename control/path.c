// SPDX-License-Identifier: Apache-2.0
/*
 * A path is one record with two rows in the data plane: (next, Li) → prev, made by INIT, and
 * (prev, Lr) → next, made by RESP. Each row is acknowledged before the message that made it goes
 * on. Whatever goes wrong on a half-open path ends the whole path.
 */
#include "path_private.h"

#include "channel.h"
#include "hop.h"
#include "log.h"
#include "message.h"
#include "path_key.h"
#include "pieces.h"
#include "seam_client.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

/* `other`: the label of the path's other row, for whoever adopts the data plane; 0: none yet. */
static int row_add(struct node *n, struct path *p, struct link *l, uint32_t label, struct link *out,
	uint32_t other, seam_ack_fn *fn)
{
	struct seam_msg m = {
		.cmd = SEAM_LABEL_ADD,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL) | SEAM_HAS(SEAM_A_OUT_LINK),
		.link = l->id,
		.label = label,
		.out_link = out->id,
		.label_tx = other,
	};
	if (other)
		m.has |= SEAM_HAS(SEAM_A_LABEL_TX);
	return seam_request(n, &m, fn, p);
}

void path_send_reset(
	struct node *n, struct link *l, uint32_t label, bool sent, uint8_t code, uint8_t hops_left)
{
	uint8_t f[WIRE_HEADER + 2] = {[WIRE_HEADER] = 0x81, [WIRE_HEADER + 1] = hops_left};
	if (hops_left > 23) /* one-byte CBOR integers end there; nobody counts that far */
		f[WIRE_HEADER + 1] = 0;
	uint8_t sub = (uint8_t)(code | (sent ? WIRE_RESET_SENT : 0));
	frame_header_encode(f, WIRE_RESET, sub, sizeof f, label, 0);
	seam_frame(n, l->id, f, sizeof f);
}

/* Takes a frame's bytes into the heap with a rewritten hop part. */
static int make_frame(uint8_t **dst, uint16_t *dst_len, enum wire_type type, uint8_t sub,
	uint32_t label, const struct hop_part *h, unsigned from, const uint8_t *end, size_t end_len,
	uint16_t max)
{
	uint8_t buf[WIRE_FRAME_MAX];
	struct wr w = wr_init(buf, max);
	wr_room(&w, WIRE_HEADER);
	hop_part_encode(&w, h, from);
	wr_bytes(&w, end, end_len);
	if (w.bad)
		return -EMSGSIZE;
	frame_header_encode(buf, type, sub, (uint16_t)wr_len(&w), label, 0);
	*dst = malloc(wr_len(&w));
	if (!*dst)
		return -ENOMEM;
	memcpy(*dst, buf, wr_len(&w));
	*dst_len = (uint16_t)wr_len(&w);
	return 0;
}

static void init_row_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct path *p = ctx;
	if (error) {
		p->init_row = false;
		path_end(n, p, p->next_link, error == -EEXIST ? RESET_COLLISION : RESET_LINK_LOST,
			p->hops_left);
		return;
	}
	p->state = AWAIT_RESP;
	seam_frame(n, p->next_link->id, p->init, p->init_len);
}

static void init_forward(struct node *n, struct path *p)
{
	p->state = AWAIT_INIT_ROW;
	p->init_row = true;
	if (row_add(n, p, p->next_link, p->li, p->prev, 0, init_row_done) < 0) {
		p->init_row = false;
		path_end(n, p, p->next_link, RESET_OVERRUN, p->hops_left);
	}
}

/* Goes on by its next link, or waits for its turn there. */
static void init_turn(struct node *n, struct path *p)
{
	struct turns *ts = &p->next_link->turns;
	if (!ts->bucket.rate) /* what the next node takes from this link, with time to spare */
		turns_init(ts, WIRE_INIT_RATE, WIRE_INIT_BURST / 2, n->now_ms);
	if (p->turn.back)
		return;
	p->turn.again = p->state != AWAIT_TURN;
	if (!turns_enter(ts, &p->turn, &p->prev->source, &p->prev->half_open, n->now_ms))
		paths_turn_due(n, turns_deadline(ts, n->now_ms));
	else
		path_take_turn(n, p);
}

void path_take_turn(struct node *n, struct path *p)
{
	if (p->state == AWAIT_TURN)
		init_forward(n, p);
	else
		seam_frame(n, p->next_link->id, p->init, p->init_len);
}

/* The next link is up: the narrowest frame so far decides whether the path can be. */
static void init_to_link(struct node *n, struct path *p, struct link *l)
{
	path_leads_to(p, l);
	if (l == p->prev) {
		path_end(n, p, NULL, RESET_LOOP, p->hops_left);
		return;
	}
	struct hop_part *hop = &p->onward->hop;
	if (p->prev->frame_max < hop->path_max)
		hop->path_max = p->prev->frame_max;
	if (l->frame_max < hop->path_max)
		hop->path_max = l->frame_max;
	if (p->prev->lossy || l->lossy)
		hop->flags |= PATH_LOSSY;
	p->path_max = hop->path_max;
	uint8_t *end = p->init; /* the end part, until now */
	int rc = p->path_max < WIRE_PATH_MIN
			 ? -EMSGSIZE
			 : make_frame(&p->init, &p->init_len, WIRE_INIT, 0, p->li, hop,
				   p->onward->used, end, p->init_len, WIRE_INIT_MAX);
	if (rc < 0) {
		path_end(n, p, NULL, RESET_OVERRUN, p->hops_left);
		return;
	}
	free(end);
	free(p->onward);
	p->onward = NULL;
	if (path_key_claim(n->keys_in_use, l->id, p->li, KEY_RX, KEY_TRANSIT, p) < 0) {
		path_end(n, p, NULL, RESET_COLLISION, p->hops_left);
		return;
	}
	p->state = AWAIT_TURN;
	init_turn(n, p);
}

static void init_link_ready(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	struct path *p = ctx;
	p->wait = NULL;
	if (l)
		init_to_link(n, p, l);
	else
		path_end(n, p, NULL, code, p->hops_left);
}

/* The label is in use already: a retransmission, or a collision that ends the half-open path. */
static void init_again(
	struct node *n, struct link *l, struct path *p, const uint8_t hash[static 32])
{
	if (memcmp(p->hash, hash, 32)) {
		if (p->state == ESTABLISHED)
			path_send_reset(n, l, p->li, false, RESET_COLLISION, p->hops_left);
		else
			path_end(n, p, NULL, RESET_COLLISION, p->hops_left);
		return;
	}
	p->refreshed_ms = n->now_ms;
	if (p->state >= AWAIT_RESP && p->state < ESTABLISHED)
		init_turn(n, p);
}

static unsigned paths_by(const struct link *l)
{
	return l->half_open.n + l->paths.n;
}

/* How many came by the link, or by all links of its neighbour's identity. */
static unsigned paths_of(struct node *n, const struct link *l)
{
	unsigned sum = 0;
	if (!l->tenant)
		return paths_by(l);
	for (const struct link *i = links_first(n); i; i = i->next)
		if (i->tenant == l->tenant)
			sum += paths_by(i);
	return sum;
}

static bool is_limited(struct node *n, const struct link *l)
{
	uint64_t max = n->settings.max_paths;
	if (!max || paths_of(n, l) < max)
		return false;
	n->paths->limited++;
	return true;
}

static void init_leave(struct node *n, struct link *l, uint32_t li, const struct hop_part *part,
	const struct hop *hop, struct rd end, const uint8_t hash[static 32])
{
	if (part->hops_left < 2 + hop->cost) {
		path_send_reset(n, l, li, false, RESET_LOOP, part->hops_left);
		return;
	}
	if (is_limited(n, l)) {
		path_send_reset(n, l, li, false, RESET_LIMIT, part->hops_left);
		return;
	}
	struct path *p = path_new(n, l, li);
	uint8_t *copy = malloc(rd_left(&end));
	struct path_onward *onward = malloc(sizeof *onward);
	if (!p || !copy || !onward) {
		free(copy);
		free(onward);
		if (p)
			path_free(n, p);
		return;
	}
	memcpy(copy, end.p, rd_left(&end));
	p->init = copy;
	p->init_len = (uint16_t)rd_left(&end);
	memcpy(p->hash, hash, 32);
	p->hops_left = part->hops_left;
	*onward = (struct path_onward){.hop = *part, .used = hop->used};
	onward->hop.hops_left = (uint8_t)(part->hops_left - 1 - hop->cost);
	p->onward = onward;
	struct link *out = hop->kind == HOP_CHANNEL ? channel_link(n, hop->channel) : hop->link;
	if (hop->kind == HOP_DIAL) {
		/* may call back, and end the path, before it returns */
		struct link_wait *w = links_acquire(n, &hop->target, hop->for_other,
			n->now_ms + WIRE_HALF_OPEN_MS, init_link_ready, p);
		if (w) {
			link_wait_near(w, l);
			p->wait = w;
		}
	} else if (out && out->state == LINK_UP) {
		link_hold(out);
		init_to_link(n, p, out);
	} else {
		path_end(n, p, NULL, RESET_NO_ROUTE, p->hops_left);
	}
}

void paths_on_init(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	struct hop_part part;
	struct init_end init;
	struct rd end;
	uint8_t hash[32];
	if (len > WIRE_INIT_MAX || !h.label || h.sub ||
		hop_part_decode(frame + WIRE_HEADER, len - WIRE_HEADER, false, &part, &end) < 0 ||
		init_end_decode(end.p, rd_left(&end), &init) < 0 || init.label != h.label)
		return;
	if (!bucket_take(&l->source.inits, n->now_ms)) {
		n->paths->inits_dropped++;
		return;
	}
	if (l->source.of) /* no limit: who sends more waits longer */
		bucket_take(&l->source.of->inits, n->now_ms);
	crypto_hash_sha256(hash, end.p, rd_left(&end));

	struct key_owner own = path_key_get(n->keys_in_use, l->id, h.label, KEY_TX);
	if (own.kind == KEY_TRANSIT && ((struct path *)own.owner)->prev == l &&
		((struct path *)own.owner)->li == h.label) {
		init_again(n, l, own.owner, hash);
		return;
	}
	if (own.kind == KEY_TRANSIT) { /* the Lr of a path that goes the other way */
		path_send_reset(n, l, h.label, false, RESET_COLLISION, part.hops_left);
		return;
	}
	if (own.kind == KEY_END) {
		channels_on_init(n, l, frame, len);
		return;
	}
	struct hop hop;
	hop_decide(n, HOP_PLAIN, l, NULL, &part.onward, &hop);
	log_debug("path: INIT %08x from %s: decision %d code %d", h.label, l->peer, hop.kind,
		hop.code);
	if (part.hops_left < 1 + hop.cost)
		path_send_reset(n, l, h.label, false, RESET_LOOP, part.hops_left);
	else if (hop.kind == HOP_LISTENER && !strcmp(hop.service, init.listener))
		channels_on_init(n, l, frame, len);
	else if (hop.kind == HOP_REFUSE)
		path_send_reset(n, l, h.label, false, hop.code, part.hops_left);
	else if (hop.kind == HOP_LINK || hop.kind == HOP_CHANNEL || hop.kind == HOP_DIAL)
		init_leave(n, l, h.label, &part, &hop, end, hash);
	else
		path_send_reset(n, l, h.label, false, RESET_NOT_FOUND, part.hops_left);
}

static void resp_row_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct path *p = ctx;
	if (error) {
		p->resp_row = false;
		path_end(n, p, NULL, error == -EEXIST ? RESET_COLLISION : RESET_LINK_LOST,
			p->hops_left);
		return;
	}
	p->state = AWAIT_DATA;
	p->refreshed_ms = n->now_ms;
	seam_frame(n, p->prev->id, p->resp, p->resp_len);
}

static void resp_rewrite(const struct path *p, struct hop_part *part)
{
	if (p->prev->frame_max < part->path_max)
		part->path_max = p->prev->frame_max;
	part->hops_left = part->hops_left ? (uint8_t)(part->hops_left - 1) : 0;
}

static void resp_first(struct node *n, struct path *p, uint32_t lr, uint8_t sub,
	struct hop_part *part, struct rd end)
{
	resp_rewrite(p, part);
	int rc = make_frame(&p->resp, &p->resp_len, WIRE_RESP, sub, p->li, part, 0, end.p,
		rd_left(&end), p->path_max);
	if (rc < 0) {
		path_end(n, p, NULL, RESET_OVERRUN, p->hops_left);
		return;
	}
	p->lr = lr;
	if (path_key_claim(n->keys_in_use, p->prev->id, lr, KEY_RX, KEY_TRANSIT, p) < 0 ||
		path_key_claim(n->keys_in_use, p->next_link->id, lr, KEY_TX, KEY_TRANSIT, p) < 0) {
		path_end(n, p, NULL, RESET_COLLISION, p->hops_left);
		return;
	}
	p->state = AWAIT_RESP_ROW;
	p->resp_row = true;
	if (row_add(n, p, p->prev, lr, p->next_link, p->li, resp_row_done) < 0) {
		p->resp_row = false;
		path_end(n, p, NULL, RESET_OVERRUN, p->hops_left);
	}
}

/* A piece behind the first: as it is, and not for ever. It may come before the first. */
static void resp_piece(struct node *n, struct path *p, const uint8_t *frame, size_t len)
{
	if (frame[1] & ~(WIRE_PIECE_INDEX | WIRE_PIECE_MORE) ||
		pieces_index(frame[1]) >= WIRE_PIECES_MAX)
		return;
	if (p->state < AWAIT_RESP || p->state >= ESTABLISHED || p->pieces >= WIRE_PIECES_PASSED ||
		len > p->prev->frame_max)
		return;
	p->pieces++;
	seam_frame(n, p->prev->id, frame, len);
}

/* The responder lacks the suite: the initiator hears of it, and begins anew with another label. */
static void resp_refused(struct node *n, struct path *p, struct hop_part *part, struct rd end)
{
	uint8_t *frame;
	uint16_t len;
	if (p->state != AWAIT_RESP)
		return;
	resp_rewrite(p, part);
	if (make_frame(&frame, &len, WIRE_RESP, WIRE_RESP_REFUSED, p->li, part, 0, end.p,
		    rd_left(&end), p->path_max) == 0) {
		seam_frame(n, p->prev->id, frame, len);
		free(frame);
	}
	path_free(n, p);
}

void paths_on_resp(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	struct key_owner own = path_key_get(n->keys_in_use, l->id, h.label, KEY_RX);
	if (own.kind == KEY_END) {
		channels_on_resp(n, l, own.owner, frame, len);
		return;
	}
	if (own.kind == KEY_FREE) {
		path_send_reset(n, l, h.label, true, RESET_UNKNOWN, WIRE_HOPS_MAX);
		return;
	}
	struct path *p = own.owner;
	struct hop_part part;
	struct rd end;
	if (l != p->next_link || h.label != p->li)
		return;
	if (pieces_index(h.sub)) {
		resp_piece(n, p, frame, len);
		return;
	}
	if (hop_part_decode(frame + WIRE_HEADER, len - WIRE_HEADER, false, &part, &end) < 0 ||
		part.onward.n)
		return;
	if (h.sub == WIRE_RESP_REFUSED) {
		resp_refused(n, p, &part, end);
		return;
	}
	if (h.sub & ~WIRE_PIECE_MORE || rd_left(&end) < 4)
		return;
	uint32_t lr = get_be32(end.p);
	if (!lr)
		return;
	if (p->state == AWAIT_RESP)
		resp_first(n, p, lr, h.sub, &part, end);
	else if (p->state == AWAIT_DATA && lr == p->lr)
		seam_frame(n, p->prev->id, p->resp, p->resp_len);
}

void paths_on_reset(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	uint8_t code = h.sub & (WIRE_RESET_SENT - 1);
	enum key_dir dir = h.sub & WIRE_RESET_SENT ? KEY_TX : KEY_RX;
	uint8_t hops_left = 0xff;
	if (len == WIRE_HEADER + 2 && frame[WIRE_HEADER] == 0x81 &&
		frame[WIRE_HEADER + 1] <= WIRE_HOPS_MAX)
		hops_left = frame[WIRE_HEADER + 1];
	struct key_owner own = path_key_get(n->keys_in_use, l->id, h.label, dir);
	if (own.kind == KEY_END)
		channels_on_reset(n, own.owner, code, hops_left);
	else if (own.kind == KEY_TRANSIT)
		path_end(n, own.owner, l, code, hops_left == 0xff ? 0 : hops_left);
}

void paths_on_label_used(struct node *n, uint32_t link, uint32_t label)
{
	struct key_owner own = path_key_get(n->keys_in_use, link, label, KEY_RX);
	if (own.kind != KEY_TRANSIT)
		return;
	struct path *p = own.owner;
	if (p->next_link && link == p->next_link->id && label == p->li)
		p->used_rx = true;
	else
		p->used_tx = true;
	if (!p->used_rx || !p->used_tx || p->state == ESTABLISHED)
		return;
	path_established(n, p);
}

void paths_on_label_lost(struct node *n, uint32_t link, uint32_t label, uint8_t code)
{
	struct key_owner own = path_key_get(n->keys_in_use, link, label, KEY_RX);
	if (own.kind == KEY_END)
		channels_on_reset(n, own.owner, code, WIRE_HOPS_MAX);
	else if (own.kind == KEY_TRANSIT) {
		struct path *p = own.owner;
		path_end(n, p, link == p->prev->id ? p->prev : p->next_link, code, p->hops_left);
	}
}
