// SPDX-License-Identifier: Apache-2.0
/*
 * Received frames: walk the headers, look up each label, and gather what goes the same way: runs of
 * consecutive frames of one egress, batches of consecutive frames of one session. Frames that come
 * out of a session (a channel as a link) go to a work list, so that nesting costs no stack.
 */
#include "engine_private.h"

#include <errno.h>

enum { MAIL_SHARE = 4 }; /* a run pins at most so many times its bytes on another worker */

struct rx {
	struct engine *e;
	struct link *l;
	struct buf *b; /* where the frames lie; NULL: borrowed memory, to be copied */
	/* frames of one session */
	struct endpoint *ep;
	struct aead_op ops[AEAD_BATCH];
	unsigned n;
	/* frames of one egress, back to back */
	struct link *out;
	uint32_t out_id;
	int out_worker;
	uint32_t run_label; /* a run for another worker is of one path */
	uint8_t *run;
	uint32_t run_len;
	unsigned run_frames;
	bool keep; /* an incomplete frame is left to the caller */
	/* the last row, good while e->changes stands */
	struct row *row;
	uint64_t changes;
};

static void flush_session(struct rx *rx)
{
	struct endpoint *ep = rx->ep;
	unsigned n = rx->n;
	rx->ep = NULL;
	rx->n = 0;
	if (n)
		endpoint_input(rx->e, ep, rx->ops, n, rx->b);
}

/* Dropped for what it is: whoever sent it has no use of it. */
static void refuse(struct rx *rx, enum drop_reason why)
{
	drop(rx->e, rx->l, why);
	rx->l->useless++;
}

/* For another worker: where it lies if it is much of its buffer, else a copy. NULL: no memory. */
static struct buf *run_for_mail(const struct rx *rx, uint8_t **at)
{
	struct buf *b = rx->b && rx->run_len >= rx->b->cap / MAIL_SHARE ? buf_travel(rx->b) : NULL;
	*at = rx->run;
	if (b || !(b = buf_plain(rx->run_len)))
		return b;
	*at = memcpy(b->data, rx->run, rx->run_len);
	return b;
}

static void post_run(struct rx *rx)
{
	struct engine *e = rx->e;
	uint8_t *at;
	struct row *r = row_find(e, link_id(rx->l), rx->run_label);
	struct buf *frames = r ? run_for_mail(rx, &at) : NULL;
	if (!frames) {
		drops(e, rx->l, r ? DROP_MEMORY : DROP_LABEL, rx->run_frames);
		row_reset(e, e->cfg.worker, link_id(rx->l), rx->run_label, RESET_OVERRUN);
		return;
	}
	if (r->paused_here || r->paused_mail)
		link_look_at_window(e, rx->l);
	struct engine_mail m = {
		.kind = MAIL_FRAMES,
		.link = rx->out_id,
		.label = rx->run_label,
		.from_link = link_id(rx->l),
		.from_worker = e->cfg.worker,
		.frames = frames,
		.at = at,
		.len = rx->run_len,
		.window = rx->l->rx_window,
		.from = e->limits && allowance_counts(e->limits) ? allowance_ref(rx->l->allowance)
								 : NULL,
	};
	e->stats.stage[STAGE_MAIL_OUT] += rx->run_frames;
	e->cfg.ops->post(e->cfg.ctx, (unsigned)rx->out_worker, &m);
	row_mailed(e, r, rx->run_len);
}

static void flush_run(struct rx *rx)
{
	if (!rx->run_len)
		return;
	if (rx->out)
		tx_run(rx->e, rx->out, rx->e->cfg.worker, link_id(rx->l), rx->b, rx->run,
			rx->run_len, rx->run_frames);
	else
		post_run(rx);
	rx->run_len = rx->run_frames = 0;
}

/* A session may take links away: what is to leave by them goes first. */
static void flush(struct rx *rx)
{
	flush_run(rx);
	flush_session(rx);
}

static struct row *rx_row(struct rx *rx, uint32_t label)
{
	struct engine *e = rx->e;
	if (!rx->row || rx->changes != e->changes || rx->row->node.label != label) {
		rx->row = row_find(e, link_id(rx->l), label);
		rx->changes = e->changes;
	}
	return rx->row;
}

static void rx_forward(struct rx *rx, struct row *r, uint8_t *p, const struct frame_header *h)
{
	struct engine *e = rx->e;
	if (r->out_worker == ENGINE_LOCAL && (!r->out || !r->out->up)) {
		refuse(rx, DROP_EGRESS);
		return;
	}
	if (r->out && h->len > r->out->frame_max) {
		refuse(rx, DROP_TOO_BIG);
		if (r->out->datagram)
			return;
		row_reset(e, e->cfg.worker, r->node.link, r->node.label, RESET_OVERRUN);
		return;
	}
	if (!r->used && h->type == WIRE_DATA) {
		r->used = true;
		event_label(e, SEAM_LABEL_USED, r->node.link, r->node.label, 0);
		if (rx->l->datagram && e->cfg.ops->row_used) {
			r->kernel = true;
			e->cfg.ops->row_used(e->cfg.ctx, r->node.link, r->node.label, r->out_id);
		}
	}
	if (rx->run_len && rx->out_id == r->out_id && rx->run + rx->run_len == p &&
		(r->out || rx->run_label == h->label)) {
		rx->run_len += h->len;
		rx->run_frames++;
		return;
	}
	flush_run(rx);
	r = rx_row(rx, h->label); /* an overrun may have reset this very path */
	if (!r) {
		refuse(rx, DROP_LABEL);
		return;
	}
	rx->out = r->out;
	rx->out_id = r->out_id;
	rx->out_worker = r->out_worker;
	rx->run_label = h->label;
	rx->run = p;
	rx->run_len = h->len;
	rx->run_frames = 1;
}

static bool admits(struct rx *rx, enum guard_class c, uint32_t len)
{
	return guard_admits(&rx->l->guard, rx->l->origin, &rx->e->guard, c, len, rx->e->now_ms);
}

/* A frame for control, if the link has not sent too many. */
static void rx_control(struct rx *rx, const uint8_t *p, const struct frame_header *h)
{
	if (!admits(rx, guard_class_of(h->type), h->len)) {
		refuse(rx, DROP_RATE);
		return;
	}
	rx->e->stats.stage[STAGE_CONTROL]++;
	event_frame(rx->e, rx->l, p, h->len);
}

/* It was for this plane itself, and was heeded; or dropped. */
static void rx_used(struct rx *rx, bool heeded, enum drop_reason why)
{
	if (heeded)
		rx->e->stats.stage[STAGE_LINK]++;
	else
		refuse(rx, why);
}

static void rx_local(struct rx *rx, struct row *r, uint8_t *p, const struct frame_header *h)
{
	struct engine *e = rx->e;
	struct endpoint *ep = r->endpoint;
	if (h->type == WIRE_FINISH) {
		if (!ep || e->now_ms - ep->added_ms < WIRE_TOMBSTONE_MS)
			rx_control(rx, p, h);
		else
			refuse(rx, DROP_HALF_OPEN);
		return;
	}
	if (!ep) {
		refuse(rx, DROP_HALF_OPEN);
		return;
	}
	if (rx->ep != ep || rx->n == AEAD_BATCH) {
		flush(rx);
		r = row_find(
			e, link_id(rx->l), h->label); /* that may have ended this very session */
		if (!r || r->endpoint != ep) {
			refuse(rx, DROP_LABEL);
			return;
		}
		rx->ep = ep;
	}
	rx->ops[rx->n++] = (struct aead_op){.frame = p, .len = h->len};
}

static void rx_path(struct rx *rx, uint8_t *p, const struct frame_header *h)
{
	struct engine *e = rx->e;
	struct row *r = rx_row(rx, h->label);
	if (!r) {
		refuse(rx, DROP_LABEL);
		if (h->label && link_reset_allowed(rx->l, e->now_ms))
			tx_reset(e, rx->l, h->label, RESET_UNKNOWN | WIRE_RESET_SENT);
		return;
	}
	r->last_ms = e->now_ms;
	if (rx->l->datagram)
		datagram_heard(e, rx->l);
	if (r->out_id)
		rx_forward(rx, r, p, h);
	else
		rx_local(rx, r, p, h);
}

static void rx_link_frame(struct rx *rx, const uint8_t *p, const struct frame_header *h)
{
	struct engine *e = rx->e;
	struct link *l = rx->l;
	uint32_t body = h->len - (uint32_t)WIRE_HEADER;
	switch (h->sub) {
	case LINK_HELLO:
	case LINK_BYE:
		if (l->session)
			rx_used(rx, true, DROP_TYPE);
		else
			rx_control(rx, p, h);
		return;
	case LINK_PING:
		if (body != 8 || l->session || !admits(rx, GUARD_LINK, h->len)) {
			refuse(rx, DROP_RATE);
		} else {
			rx_used(rx, true, DROP_RATE);
			uint8_t pong[WIRE_HEADER + 8];
			frame_header_encode(pong, WIRE_LINK, LINK_PONG, sizeof pong, 0, 0);
			memcpy(pong + WIRE_HEADER, p + WIRE_HEADER, 8);
			tx_ctl(e, l, pong, sizeof pong);
		}
		return;
	case LINK_PONG: /* anything received says that the link lives */
		rx_used(rx, admits(rx, GUARD_LINK, h->len), DROP_RATE);
		return;
	case LINK_PAUSE:
	case LINK_RESUME:
		rx_used(rx,
			body == 4 &&
				held_set(e, l, get_be32(p + WIRE_HEADER), h->sub == LINK_PAUSE),
			DROP_PAUSE);
		return;
	default: /* TOOBIG: only a UDP link has sizes to find */
		refuse(rx, DROP_TYPE);
	}
}

/*
 * The hot path of a relay: DATA frames at p that lie whole in n bytes and leave by one link, whose
 * rows need nothing but to be followed. They join the run. Bytes taken; 0: rx_frame has to look.
 */
static size_t rx_run(struct rx *rx, uint8_t *p, size_t n)
{
	const uint8_t *end = p + n, *start = p;
	struct link *l = rx->l, *out = rx->run_len ? rx->out : NULL;
	struct row *r = rx->changes == rx->e->changes ? rx->row : NULL;
	unsigned frames = 0;
	if (!l->up || (rx->run_len && (!out || rx->run + rx->run_len != p)))
		return 0;
	while ((size_t)(end - p) >= WIRE_DATA_MIN && p[0] == (WIRE_VERSION << 4 | WIRE_DATA)) {
		uint32_t len = get_be16(p + 2), label = get_be32(p + 4);
		if (len < WIRE_DATA_MIN || len > (size_t)(end - p))
			break;
		if (!r || r->node.label != label)
			r = row_find(rx->e, l->node.link, label);
		if (!r || !r->used || !r->out || (out && r->out != out) || !r->out->up ||
			len > r->out->frame_max)
			break;
		if (!out) {
			rx->run = p;
			rx->out_id = r->out_id;
			rx->out_worker = ENGINE_LOCAL;
			out = rx->out = r->out;
		}
		r->last_ms = rx->e->now_ms;
		p += len;
		frames++;
	}
	if (frames) {
		rx->row = r;
		rx->changes = rx->e->changes;
		if (l->datagram)
			datagram_heard(rx->e, l);
	}
	rx->run_len += (uint32_t)(p - start);
	rx->run_frames += frames;
	l->frames_rx += frames;
	rx->e->stats.stage[STAGE_RX] += frames;
	return (size_t)(p - start);
}

/* One whole frame with a sound header. */
static void rx_frame(struct rx *rx, uint8_t *p, const struct frame_header *h)
{
	struct link *l = rx->l;
	l->frames_rx++;
	l->frames_handled++;
	rx->e->stats.stage[STAGE_RX]++;
	if (l->datagram && datagram_tagged(h->type)) {
		if (h->seq != l->tag_rx) {
			refuse(rx, DROP_TAG);
			return;
		}
		datagram_heard(rx->e, l);
	}
	if (!l->up && h->type != WIRE_LINK && !(l->datagram && h->type == WIRE_COOKIE)) {
		refuse(rx, DROP_LINK_DOWN);
		return;
	}
	switch (h->type) {
	case WIRE_DATA:
	case WIRE_FINISH:
		rx_path(rx, p, h);
		break;
	case WIRE_LINK:
		flush(rx); /* a PAUSE concerns what comes before it too; and session input may need
			      a flush */
		rx_link_frame(rx, p, h);
		break;
	case WIRE_CONTROL:
	case WIRE_INIT:
	case WIRE_RESP:
	case WIRE_RESET:
	case WIRE_COOKIE:
		flush(rx); /* control must not hear of a RESET before the frames in front of it
			      moved on */
		rx_control(rx, p, h);
		break;
	default:
		refuse(rx, DROP_TYPE);
	}
}

static bool header_sound(const struct frame_header *h)
{
	return h->version == WIRE_VERSION && h->len >= WIRE_FRAME_MIN &&
	       (h->type != WIRE_DATA || h->len >= WIRE_DATA_MIN);
}

/* Room for n bytes of the incomplete frame. It grows with what comes: a length costs nothing. */
static int partial_room(struct engine *e, struct link *l, size_t n, size_t frame)
{
	struct buf *b = l->partial;
	if (n <= b->cap)
		return 0;
	size_t cap = 2 * (size_t)b->cap > n ? 2 * (size_t)b->cap : n;
	struct buf *bigger = buf_new(&e->partial_pool, (uint32_t)(cap < frame ? cap : frame));
	if (!bigger)
		return -ENOMEM;
	memcpy(bigger->data, b->data, l->partial_len);
	buf_put(b);
	l->partial = bigger;
	return 0;
}

/*
 * Adds to the incomplete frame. What it takes is at most what the frame still needs, so that the
 * next one begins on its own. Bytes taken; 0: the header is not sound, or no memory (*error).
 */
static size_t partial_add(struct engine *e, struct link *l, const uint8_t *p, size_t n, int *error)
{
	size_t need = l->partial_len < WIRE_HEADER ? WIRE_HEADER : get_be16(l->partial->data + 2);
	size_t take = need - l->partial_len < n ? need - l->partial_len : n;
	*error = partial_room(e, l, l->partial_len + take, need);
	if (*error)
		return 0;
	memcpy(l->partial->data + l->partial_len, p, take);
	l->partial_len += (uint32_t)take;
	if (l->partial_len != WIRE_HEADER)
		return take;
	struct frame_header h = frame_header_decode(l->partial->data);
	*error = -EPROTO;
	return header_sound(&h) ? take : 0;
}

/* Of the origin whose links are in the middle of most frames the oldest; of equals the oldest of all. */
static struct link *partials_victim(const struct engine *e)
{
	if (e->partials_of.most < 2)
		return e->partials;
	return CROWD_ENTRY(crowd_most(&e->partials_of), struct link, partial_item);
}

/* When incomplete frames are too many, or take too much memory in all. */
static bool partials_crowded(const struct engine *e)
{
	return e->partial_pool.out > PARTIAL_NODE_MAX / e->cfg.workers ||
	       e->partials_of.total >= PARTIALS_MAX;
}

/* False: it is this link that has to go. */
static bool partials_bound(struct engine *e, const struct link *l)
{
	while (partials_crowded(e)) {
		struct link *victim = partials_victim(e);
		if (victim == l)
			return false;
		link_destroy(e, victim, -ENOBUFS, true);
	}
	return true;
}

/* Begins with, or goes on with, an incomplete frame. Bytes used, or negative errno. */
static int64_t rx_partial(struct rx *rx, const uint8_t *p, size_t n)
{
	struct engine *e = rx->e;
	struct link *l = rx->l;
	size_t used = 0;
	if (!l->partial) {
		struct buf *first = buf_new(&e->partial_pool, 2048);
		if (!first)
			return -ENOMEM;
		link_partial_begin(e, l, first);
	}
	for (;;) {
		int error = 0;
		size_t took = partial_add(e, l, p + used, n - used, &error);
		if (!took)
			return error;
		used += took;
		bool whole = l->partial_len >= WIRE_HEADER &&
			     l->partial_len == get_be16(l->partial->data + 2);
		if (whole)
			break;
		if (used == n) {
			flush(rx); /* what is gathered may leave by a link that goes now */
			return partials_bound(e, l) ? (int64_t)used : -ENOBUFS;
		}
	}
	struct buf *b = link_partial_take(e, l), *before = rx->b;
	flush(rx);
	rx->b = b;
	struct frame_header h = frame_header_decode(b->data);
	rx_frame(rx, b->data, &h);
	flush(rx);
	rx->b = before;
	buf_put(b);
	return (int64_t)used;
}

/* The n bytes of an incomplete frame are left where they are; `again`: as they were before. */
static void rx_kept(struct rx *rx, size_t n, bool again)
{
	struct engine *e = rx->e;
	struct link *l = rx->l;
	l->kept = n;
	if (again)
		return;
	l->partial_since_ms = e->now_ms;
	timer_nearer(&e->timers, &l->timer, e->now_ms + WIRE_FRAME_TIMEOUT_MS);
}

static int rx_stream(struct rx *rx, uint8_t *p, size_t n)
{
	const uint8_t *start = p;
	const bool again = rx->l->kept > 0;
	rx->l->kept = 0;
	while (n) {
		struct frame_header h;
		size_t used = rx->l->partial ? 0 : rx_run(rx, p, n);
		if (used) {
			p += used;
			n -= used;
			continue;
		}
		if (!rx->l->partial && n >= WIRE_HEADER) {
			h = frame_header_decode(p);
			if (!header_sound(&h))
				return -EPROTO;
		}
		if (rx->l->partial || n < WIRE_HEADER || n < h.len) {
			if (rx->keep && !rx->l->partial) {
				rx_kept(rx, n, again && p == start);
				return 0;
			}
			int64_t rc = rx_partial(rx, p, n);
			if (rc < 0)
				return (int)rc;
			used = (size_t)rc;
		} else {
			rx_frame(rx, p, &h);
			used = h.len;
		}
		p += used;
		n -= used;
	}
	return 0;
}

static size_t rx_bytes(struct rx *rx, uint8_t *p, size_t n, uint64_t now_ms)
{
	struct engine *e = rx->e;
	struct link *l = rx->l;
	e->now_ms = now_ms;
	l->last_rx_ms = now_ms;
	l->pings = 0;
	l->bytes_rx += n - l->kept;
	int rc = rx_stream(rx, p, n);
	size_t kept = l->kept;
	flush(rx);
	if (rc < 0)
		link_destroy(e, l, rc, true);
	rx_work(e);
	return rc < 0 ? 0 : kept;
}

void engine_rx(
	struct engine *e, struct link *l, struct buf *b, uint8_t *p, size_t n, uint64_t now_ms)
{
	struct rx rx = {.e = e, .l = l, .b = b};
	rx_bytes(&rx, p, n, now_ms);
}

size_t engine_rx_keep(
	struct engine *e, struct link *l, struct buf *b, uint8_t *p, size_t n, uint64_t now_ms)
{
	struct rx rx = {.e = e, .l = l, .b = b, .keep = true};
	return rx_bytes(&rx, p, n, now_ms);
}

/* How many bytes, from p on, are datagrams that are whole frames; 0: the first is none. */
static size_t sound_datagrams(const uint8_t *p, size_t n, size_t segment)
{
	size_t ok = 0;
	while (ok < n) {
		size_t len = n - ok < segment ? n - ok : segment;
		if (len < WIRE_HEADER)
			break;
		struct frame_header h = frame_header_decode(p + ok);
		if (!header_sound(&h) || h.len != len)
			break;
		ok += len;
	}
	return ok;
}

/* A datagram link loses what it may not send. */
static bool datagrams_allowed(struct engine *e, const struct link *l, size_t n)
{
	uint64_t at_ns;
	if (!e->limits)
		return true;
	size_t got = allowance_take(l->allowance, e->limits, n, e->now_ms * 1000000, &at_ns);
	if (got < n)
		allowance_give(l->allowance, e->limits, got);
	return got == n;
}

void engine_rx_datagrams(struct engine *e, struct link *l, struct buf *b, uint8_t *p, size_t n,
	size_t segment, uint64_t now_ms)
{
	struct rx rx = {.e = e, .l = l, .b = b};
	e->now_ms = now_ms;
	l->bytes_rx += n;
	if (!datagrams_allowed(e, l, n)) {
		drop(e, l, DROP_RATE);
		return;
	}
	while (n) {
		size_t ok = sound_datagrams(p, n, segment);
		if (ok) {
			rx_stream(&rx, p, ok); /* whole frames: it cannot fail */
		} else {
			e->stats.stage[STAGE_RX]++;
			drop(e, l, DROP_SHORT);
			ok = n < segment ? n : segment;
		}
		p += ok;
		n -= ok;
	}
	flush(&rx);
	rx_work(e);
}

/* One frame that came out of a session. It is borrowed: nothing may keep a reference to it. */
static void rx_channel_frame(struct engine *e, struct link *l, uint8_t *p, size_t n)
{
	struct rx rx = {.e = e, .l = l};
	struct frame_header h = frame_header_decode(p);
	l->bytes_rx += n;
	if (!header_sound(&h)) {
		e->stats.stage[STAGE_RX]++;
		drop(e, l, DROP_SHORT);
		return;
	}
	rx_frame(&rx, p, &h);
	flush(&rx);
}

void rx_work(struct engine *e)
{
	for (struct buf *w; (w = e->work);) {
		e->work = NULL; /* what comes out of these makes the next round */
		while (w->head < w->tail) {
			uint32_t id, len;
			memcpy(&id, w->data + w->head, sizeof id);
			uint8_t *frame = w->data + w->head + sizeof id;
			len = get_be16(frame + 2);
			w->head += (uint32_t)sizeof id + len;
			struct link *l = engine_link(e, id);
			if (l) {
				rx_channel_frame(e, l, frame, len);
				continue;
			}
			e->stats.stage[STAGE_RX]++;
			drop(e, NULL, DROP_EGRESS);
		}
		buf_put(w);
	}
}
