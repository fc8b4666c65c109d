// SPDX-License-Identifier: Apache-2.0
/*
 * A path is one record with two rows in the data plane: (next, Li) → prev, made by INIT, and
 * (prev, Lr) → next, made by RESP. Each row is acknowledged before the message that made it goes on.
 * Whatever goes wrong on a half-open path ends the whole path.
 */
#include "path.h"

#include "channel.h"
#include "hop.h"
#include "log.h"
#include "message.h"
#include "path_key.h"
#include "seam_client.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

enum {
	HALF_OPEN_MAX = 4096, /* paths that no DATA has passed both ways */
	TURN_MS = 10,	      /* how often waiting INITs are looked at */
};

enum path_state {
	AWAIT_LINK,	/* the next link is dialled */
	AWAIT_TURN,	/* the egress has had its share of INITs */
	AWAIT_INIT_ROW, /* LABEL_ADD (next, Li) */
	AWAIT_RESP,
	AWAIT_RESP_ROW, /* LABEL_ADD (prev, Lr) */
	AWAIT_DATA,	/* half-open until DATA has passed both rows */
	ESTABLISHED,
};

struct path {
	enum path_state state;
	struct link *prev, *next_link; /* held */
	uint32_t li, lr;	       /* lr 0: not known yet */
	uint8_t hash[32];	       /* of INIT's end part */
	bool init_row, resp_row;       /* asked for in the data plane */
	bool used_rx, used_tx;	       /* DATA has passed (next, Li), (prev, Lr) */
	bool idle_rx;		       /* while checking: (next, Li) was idle */
	uint8_t hops_left;	       /* as it came */
	uint64_t born_ms, refreshed_ms, check_ms;
	struct link_wait *wait;
	uint8_t *init, *resp; /* frames as they go on, kept while half-open */
	uint16_t init_len, resp_len;
	struct hop_part hop; /* INIT's, until the frame is made */
	unsigned hop_used;
	struct path *next, **link_back;
};

struct paths {
	struct path *first;
	unsigned n, half_open;
	uint64_t due_ms; /* nothing is due before */
	uint64_t inits_dropped;
};

struct paths *paths_new(void)
{
	struct paths *ps = calloc(1, sizeof *ps);
	if (ps)
		ps->due_ms = UINT64_MAX;
	return ps;
}

/* Rows of a link that is gone went with it; the data plane answers -ENOENT, which is fine. */
static void row_del(struct node *n, struct link *l, uint32_t label)
{
	struct seam_msg m = {
		.cmd = SEAM_LABEL_DEL,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL),
		.link = l->id,
		.label = label,
	};
	seam_request(n, &m, NULL, NULL);
}

static int row_add(struct node *n, struct path *p, struct link *l, uint32_t label, struct link *out,
	seam_ack_fn *fn)
{
	struct seam_msg m = {
		.cmd = SEAM_LABEL_ADD,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL) | SEAM_HAS(SEAM_A_OUT_LINK),
		.link = l->id,
		.label = label,
		.out_link = out->id,
	};
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

static void due(struct node *n, uint64_t at_ms)
{
	if (at_ms < n->paths->due_ms)
		n->paths->due_ms = at_ms;
}

static void path_free(struct node *n, struct path *p)
{
	seam_forget(n, p);
	if (p->wait)
		link_wait_cancel(n, p->wait);
	if (p->next_link) {
		path_key_drop(n->keys_in_use, p->next_link->id, p->li, KEY_RX, p);
		path_key_drop(n->keys_in_use, p->next_link->id, p->lr, KEY_TX, p);
		if (p->init_row)
			row_del(n, p->next_link, p->li);
		link_release(n, p->next_link);
	}
	path_key_drop(n->keys_in_use, p->prev->id, p->li, KEY_TX, p);
	path_key_drop(n->keys_in_use, p->prev->id, p->lr, KEY_RX, p);
	if (p->resp_row)
		row_del(n, p->prev, p->lr);
	link_release(n, p->prev);
	*p->link_back = p->next;
	if (p->next)
		p->next->link_back = p->link_back;
	n->paths->n--;
	if (p->state != ESTABLISHED)
		n->paths->half_open--;
	free(p->init);
	free(p->resp);
	free(p);
}

/* Tells the sides (but not `except`) and forgets the path. */
static void path_end(
	struct node *n, struct path *p, const struct link *except, uint8_t code, uint8_t hops_left)
{
	if (p->prev != except)
		path_send_reset(n, p->prev, p->li, false, code, hops_left);
	if (p->next_link && p->next_link != except && p->state >= AWAIT_INIT_ROW) {
		if (p->lr)
			path_send_reset(n, p->next_link, p->lr, false, code, hops_left);
		else
			path_send_reset(n, p->next_link, p->li, true, code, hops_left);
	}
	path_free(n, p);
}

void paths_free(struct node *n)
{
	if (!n->paths)
		return;
	while (n->paths->first)
		path_free(n, n->paths->first);
	free(n->paths);
	n->paths = NULL;
}

/* A full table gives up the oldest half-open path of the link that has the most. */
static void evict_one(struct node *n)
{
	struct path *victim = NULL;
	unsigned most = 0;
	for (struct link *l = links_first(n); l; l = l->next) {
		unsigned count = 0;
		struct path *oldest = NULL;
		for (struct path *p = n->paths->first; p; p = p->next) {
			if (p->prev != l || p->state == ESTABLISHED)
				continue;
			count++;
			oldest = p; /* the list is newest first */
		}
		if (count > most) {
			most = count;
			victim = oldest;
		}
	}
	if (victim)
		path_end(n, victim, NULL, RESET_OVERRUN, victim->hops_left);
}

static struct path *path_new(struct node *n, struct link *prev, uint32_t li)
{
	if (n->paths->half_open >= HALF_OPEN_MAX)
		evict_one(n);
	struct path *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	if (path_key_claim(n->keys_in_use, prev->id, li, KEY_TX, KEY_TRANSIT, p) < 0) {
		free(p);
		return NULL;
	}
	p->prev = prev;
	link_hold(prev);
	p->li = li;
	p->born_ms = p->refreshed_ms = n->now_ms;
	p->next = n->paths->first;
	p->link_back = &n->paths->first;
	if (p->next)
		p->next->link_back = &p->next;
	n->paths->first = p;
	n->paths->n++;
	n->paths->half_open++;
	due(n, n->now_ms + WIRE_HALF_OPEN_MS);
	return p;
}

/* Takes a frame's bytes into the heap with a rewritten hop part. */
static int make_frame(uint8_t **dst, uint16_t *dst_len, enum wire_type type, uint32_t label,
	const struct hop_part *h, unsigned from, const uint8_t *end, size_t end_len, uint16_t max)
{
	uint8_t buf[WIRE_FRAME_MAX];
	struct wr w = wr_init(buf, max);
	wr_room(&w, WIRE_HEADER);
	hop_part_encode(&w, h, from);
	wr_bytes(&w, end, end_len);
	if (w.bad)
		return -EMSGSIZE;
	frame_header_encode(buf, type, 0, (uint16_t)wr_len(&w), label, 0);
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
	p->next_link->inits_last = p->prev->id;
	if (row_add(n, p, p->next_link, p->li, p->prev, init_row_done) < 0) {
		p->init_row = false;
		path_end(n, p, p->next_link, RESET_OVERRUN, p->hops_left);
	}
}

/* The next link is up: the narrowest frame so far decides whether the path can be. */
static void init_to_link(struct node *n, struct path *p, struct link *l)
{
	p->next_link = l;
	if (l == p->prev) {
		path_end(n, p, NULL, RESET_LOOP, p->hops_left);
		return;
	}
	uint16_t max = p->hop.path_max;
	if (p->prev->frame_max < max)
		max = p->prev->frame_max;
	if (l->frame_max < max)
		max = l->frame_max;
	p->hop.path_max = max;
	if (p->prev->lossy || l->lossy)
		p->hop.flags |= PATH_LOSSY;
	uint8_t *whole = p->init; /* the end part, until now */
	int rc = max < WIRE_PATH_MIN ? -EMSGSIZE
				     : make_frame(&p->init, &p->init_len, WIRE_INIT, p->li, &p->hop,
					       p->hop_used, whole, p->init_len, WIRE_INIT_MAX);
	if (rc < 0) {
		path_end(n, p, NULL, RESET_OVERRUN, p->hops_left);
		return;
	}
	free(whole);
	if (path_key_claim(n->keys_in_use, l->id, p->li, KEY_RX, KEY_TRANSIT, p) < 0) {
		path_end(n, p, NULL, RESET_COLLISION, p->hops_left);
		return;
	}
	if (!l->inits_out.rate)
		bucket_init(&l->inits_out, 2 * WIRE_INIT_RATE, 2 * WIRE_INIT_BURST, n->now_ms);
	p->state = AWAIT_TURN;
	if (bucket_take(&l->inits_out, n->now_ms))
		init_forward(n, p);
	else
		due(n, n->now_ms + TURN_MS);
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
static void init_again(struct node *n, struct link *l, struct path *p, const uint8_t hash[static 32])
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
		seam_frame(n, p->next_link->id, p->init, p->init_len);
}

static void init_leave(struct node *n, struct link *l, uint32_t li, const struct hop_part *part,
	const struct hop *hop, struct rd end, const uint8_t hash[static 32])
{
	if (part->hops_left < 2 + hop->cost) {
		path_send_reset(n, l, li, false, RESET_LOOP, part->hops_left);
		return;
	}
	struct path *p = path_new(n, l, li);
	uint8_t *copy = malloc(rd_left(&end));
	if (!p || !copy) {
		free(copy);
		if (p)
			path_free(n, p);
		return;
	}
	memcpy(copy, end.p, rd_left(&end));
	p->init = copy;
	p->init_len = (uint16_t)rd_left(&end);
	memcpy(p->hash, hash, 32);
	p->hops_left = part->hops_left;
	p->hop = *part;
	p->hop.hops_left = (uint8_t)(part->hops_left - 1 - hop->cost);
	p->hop_used = hop->used;
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
	if (!l->inits.rate)
		bucket_init(&l->inits, WIRE_INIT_RATE, WIRE_INIT_BURST, n->now_ms);
	if (!bucket_take(&l->inits, n->now_ms)) {
		n->paths->inits_dropped++;
		return;
	}
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
	log_debug("path: INIT %08x from %s: decision %d code %d", h.label, l->peer, hop.kind, hop.code);
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
		path_end(n, p, NULL, error == -EEXIST ? RESET_COLLISION : RESET_LINK_LOST, p->hops_left);
		return;
	}
	p->state = AWAIT_DATA;
	p->refreshed_ms = n->now_ms;
	seam_frame(n, p->prev->id, p->resp, p->resp_len);
}

static void resp_first(struct node *n, struct path *p, uint32_t lr, struct hop_part *part, struct rd end)
{
	if (p->prev->frame_max < part->path_max)
		part->path_max = p->prev->frame_max;
	part->hops_left = part->hops_left ? (uint8_t)(part->hops_left - 1) : 0;
	int rc = make_frame(&p->resp, &p->resp_len, WIRE_RESP, p->li, part, 0, end.p, rd_left(&end),
		p->hop.path_max);
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
	if (row_add(n, p, p->prev, lr, p->next_link, resp_row_done) < 0) {
		p->resp_row = false;
		path_end(n, p, NULL, RESET_OVERRUN, p->hops_left);
	}
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
	if (l != p->next_link || h.label != p->li || h.sub ||
		hop_part_decode(frame + WIRE_HEADER, len - WIRE_HEADER, false, &part, &end) < 0 ||
		part.onward.n || rd_left(&end) < 4)
		return;
	uint32_t lr = get_be32(end.p);
	if (!lr)
		return;
	if (p->state == AWAIT_RESP)
		resp_first(n, p, lr, &part, end);
	else if (p->state == AWAIT_DATA && lr == p->lr)
		seam_frame(n, p->prev->id, p->resp, p->resp_len);
}

void paths_on_reset(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	uint8_t code = h.sub & (WIRE_RESET_SENT - 1);
	enum key_dir dir = h.sub & WIRE_RESET_SENT ? KEY_TX : KEY_RX;
	uint8_t hops_left = 0xff;
	if (len == WIRE_HEADER + 2 && frame[WIRE_HEADER] == 0x81 && frame[WIRE_HEADER + 1] <= WIRE_HOPS_MAX)
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
	p->state = ESTABLISHED;
	n->paths->half_open--;
	p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS;
	free(p->init);
	free(p->resp);
	p->init = p->resp = NULL;
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

void paths_on_link_gone(struct node *n, struct link *l)
{
	struct path *next;
	for (struct path *p = n->paths->first; p; p = next) {
		next = p->next;
		if (p->prev == l || p->next_link == l)
			path_end(n, p, l, RESET_LINK_LOST, p->hops_left);
	}
	channels_on_link_gone(n, l);
}

unsigned paths_count(const struct node *n)
{
	return n->paths->n;
}

/* The second row's idle time: when both have rested long enough the path ends. */
static void idle_second(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct path *p = ctx;
	if (error || !answer)
		path_end(n, p, NULL, RESET_LINK_LOST, p->hops_left);
	else if (p->idle_rx && answer->idle_ms >= WIRE_PATH_IDLE_MS)
		path_end(n, p, NULL, RESET_IDLE, p->hops_left);
	else if (!p->idle_rx)
		; /* the first row's answer has set the next check */
	else
		p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS - answer->idle_ms;
}

static void idle_first(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct path *p = ctx;
	p->idle_rx = !error && answer && answer->idle_ms >= WIRE_PATH_IDLE_MS;
	if (!error && answer && !p->idle_rx)
		p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS - answer->idle_ms;
}

static void check_idle(struct node *n, struct path *p)
{
	p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS;
	struct seam_msg m = {
		.cmd = SEAM_LABEL_GET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL),
		.link = p->next_link->id,
		.label = p->li,
	};
	if (seam_request(n, &m, idle_first, p) < 0)
		return;
	m.link = p->prev->id;
	m.label = p->lr;
	seam_request(n, &m, idle_second, p);
}

static uint64_t half_open_end(const struct path *p)
{
	uint64_t a = p->refreshed_ms + WIRE_HALF_OPEN_MS, b = p->born_ms + WIRE_HALF_OPEN_TOTAL_MS;
	return a < b ? a : b;
}

/* INITs that wait for their egress go out in turn over the links they came by. */
static void turn(struct node *n, struct link *l)
{
	for (;;) {
		struct path *first = NULL, *best = NULL;
		for (struct path *p = n->paths->first; p; p = p->next) {
			if (p->state != AWAIT_TURN || p->next_link != l)
				continue;
			if (!first || p->prev->id <= first->prev->id)
				first = p;
			if (p->prev->id > l->inits_last && (!best || p->prev->id <= best->prev->id))
				best = p;
		}
		if (!first || !bucket_take(&l->inits_out, n->now_ms))
			return;
		init_forward(n, best ? best : first);
	}
}

static uint64_t path_due(const struct node *n, const struct path *p)
{
	if (p->state == AWAIT_TURN)
		return n->now_ms + TURN_MS;
	return p->state == ESTABLISHED ? p->check_ms : half_open_end(p);
}

void paths_tick(struct node *n)
{
	if (n->now_ms < n->paths->due_ms)
		return;
	struct path *next;
	for (struct path *p = n->paths->first; p; p = next) {
		next = p->next;
		if (p->state == ESTABLISHED) {
			if (n->now_ms >= p->check_ms)
				check_idle(n, p);
		} else if (n->now_ms >= half_open_end(p)) {
			path_end(n, p, NULL, RESET_IDLE, p->hops_left);
		}
	}
	for (struct link *l = links_first(n); l; l = l->next)
		if (l->inits_out.rate)
			turn(n, l);
	n->paths->due_ms = UINT64_MAX;
	for (struct path *p = n->paths->first; p; p = p->next)
		due(n, path_due(n, p));
}

uint64_t paths_deadline(const struct node *n)
{
	return n->paths->due_ms;
}
