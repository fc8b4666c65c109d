// SPDX-License-Identifier: Apache-2.0
/*
 * What leaves. When nothing waits on a link, runs of frames go out straight from the receive
 * buffer: they become pieces of the next send and hold the buffer until it is done. What the socket
 * did not take is copied when somebody wants the buffer back. When something waits, frames are
 * copied to a backlog per path at once; backlogs and sessions take turns by deficit round robin.
 */
#include "engine_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CHANNEL_QUEUE = 128 << 10, /* bytes a channel link lets wait inside its session */
	DATAGRAM_QUEUE = 1 << 20,  /* of one path, towards a datagram link; more is dropped */
};

void link_ready(struct engine *e, struct link *l)
{
	if (l->ready || l->blocked || l->taken || l->closing || !link_has_work(l))
		return;
	l->ready = true;
	l->next_ready = NULL;
	*e->ready_tail = l;
	e->ready_tail = &l->next_ready;
}

void link_unready(struct engine *e, struct link *l)
{
	struct link **pp = &e->ready;
	if (!l->ready)
		return;
	while (*pp != l)
		pp = &(*pp)->next_ready;
	*pp = l->next_ready;
	if (e->ready_tail == &l->next_ready)
		e->ready_tail = pp;
	l->ready = false;
}

int tx_push(
	struct link *l, struct queue *q, struct bufpool *pool, const uint8_t *frame, uint32_t len)
{
	int rc = queue_push(q, pool, frame, len);
	if (rc == 0 && l->datagram && datagram_tagged(frame[0] & 15))
		put_be64(q->last->data + q->last->tail - len + 8, l->tag_tx);
	return rc;
}

void tx_ctl(struct engine *e, struct link *l, const uint8_t *frame, uint32_t len)
{
	if (l->closing)
		return;
	size_t max =
		e->ctl_pool.out > CTL_NODE_MAX / e->cfg.workers ? LINK_CTL_LEAST : LINK_CTL_MAX;
	if (l->ctl.bytes + len > max)
		engine_unsent(e, l, DROP_QUEUE, 1);
	else if (tx_push(l, &l->ctl, &e->ctl_pool, frame, len) < 0)
		engine_unsent(e, l, DROP_MEMORY, 1);
	if (l->datagram && ((frame[0] & 15) != WIRE_LINK || frame[1] != LINK_PONG))
		datagram_asked(e, l);
	link_ready(e, l);
}

void tx_link_u32(struct engine *e, struct link *l, uint8_t sub, uint32_t label)
{
	uint8_t f[WIRE_HEADER + 4];
	frame_header_encode(f, WIRE_LINK, sub, sizeof f, 0, 0);
	put_be32(f + WIRE_HEADER, label);
	tx_ctl(e, l, f, sizeof f);
}

/* The body says how many hops away it arose: CBOR [16], here. */
void tx_reset(struct engine *e, struct link *l, uint32_t label, uint8_t sub)
{
	static_assert(WIRE_HOPS_MAX < 24, "one byte of CBOR");
	uint8_t f[WIRE_HEADER + 2];
	frame_header_encode(f, WIRE_RESET, sub, sizeof f, label, 0);
	f[WIRE_HEADER] = 0x81;
	f[WIRE_HEADER + 1] = WIRE_HOPS_MAX;
	tx_ctl(e, l, f, sizeof f);
}

/* Labels are random: their low bits are as good as any. */
static struct backlog **recent_of(struct link *l, uint32_t label)
{
	return &l->recent[label % LINK_RECENT];
}

static struct backlog *backlog_find(
	struct engine *e, struct link *l, uint32_t in_link, uint32_t label)
{
	struct backlog **recent = recent_of(l, label);
	if (*recent && (*recent)->node.label == label && (*recent)->node.link == in_link)
		return *recent;
	struct label_node *n = label_find(&e->backlogs, in_link, label);
	while (n && LABEL_ENTRY(n, struct backlog, node)->flow.out != l)
		n = label_find_next(n);
	if (n)
		*recent = LABEL_ENTRY(n, struct backlog, node);
	return n ? *recent : NULL;
}

static struct allowance *who_sends(struct engine *e, unsigned in_worker, uint32_t in_link)
{
	const struct link *l = in_worker == e->cfg.worker ? engine_link(e, in_link) : NULL;
	return in_worker != e->cfg.worker ? e->mail_from : l ? l->allowance : NULL;
}

/* Bytes have left, or were lost. */
static void backlog_uncount(struct backlog *b, size_t n)
{
	n = n < b->counted ? n : b->counted; /* what control has added does not count */
	b->counted -= n;
	if (n)
		allowance_unqueue(b->from, n);
}

static struct backlog *backlog_new(
	struct engine *e, struct link *l, unsigned in_worker, uint32_t in_link, uint32_t label)
{
	struct backlog *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->node.link = in_link;
	b->node.label = label;
	b->in_worker = in_worker;
	if (e->limits && allowance_counts(e->limits))
		b->from = allowance_ref(who_sends(e, in_worker, in_link));
	label_insert(&e->backlogs, &b->node);
	link_flow_add(l, &b->flow);
	*recent_of(l, label) = b;
	return b;
}

/* More, or (popped) fewer frames of it wait. */
static void backlog_count(struct engine *e, struct backlog *b, unsigned pushed, unsigned popped)
{
	b->frames += pushed - popped;
	e->stats.stage[STAGE_WAITING] += (uint64_t)pushed - popped;
}

/* With what waits, which is dropped. */
static void backlog_free(struct engine *e, struct backlog *b, enum drop_reason why)
{
	drops(e, b->flow.out, why, b->frames);
	backlog_count(e, b, 0, b->frames);
	struct backlog **recent = recent_of(b->flow.out, b->node.label);
	if (*recent == b)
		*recent = NULL;
	link_flow_remove(b->flow.out, &b->flow);
	label_remove(&e->backlogs, &b->node);
	backlog_uncount(b, SIZE_MAX);
	if (b->from)
		allowance_leave(e->cfg.allowances, b->from);
	queue_clear(&b->q);
	free(b);
}

/* More than the sender can have had under way when it was asked to pause is not honest. */
static bool backlog_over(struct engine *e, struct backlog *b)
{
	if (b->q.bytes <= path_limit(b->in_window))
		return false;
	struct link *in = b->in_worker == e->cfg.worker ? engine_link(e, b->node.link) : NULL;
	if (in)
		link_look_at_window(e, in);
	size_t window = b->in_worker != e->cfg.worker ? e->mail_window : in ? in->rx_window : 0;
	if (window > b->in_window)
		b->in_window = window;
	return b->q.bytes > path_limit(b->in_window);
}

int backlog_push_own(
	struct engine *e, struct link *l, struct backlog *b, const uint8_t *frame, uint32_t len)
{
	int rc = tx_push(l, &b->q, &e->pool, frame, len);
	if (rc == 0) {
		backlog_count(e, b, 1, 0);
		e->stats.stage[STAGE_TOLD]++;
	}
	return rc;
}

static struct backlog *backlog_largest(struct engine *e)
{
	struct backlog *best = NULL;
	struct label_iter it = {0};
	for (struct label_node *n; (n = label_each(&e->backlogs, &it));) {
		struct backlog *b = LABEL_ENTRY(n, struct backlog, node);
		if (!best || b->q.bytes > best->q.bytes)
			best = b;
	}
	return best;
}

/* A datagram link loses what waits; the path goes on. */
static void backlog_lose(struct engine *e, struct backlog *b)
{
	if (b->paused)
		row_pause(e, b->in_worker, b->node.link, b->node.label, false, false);
	backlog_free(e, b, DROP_QUEUE);
}

static void backlog_overrun(struct engine *e, struct backlog *b)
{
	if (b->flow.out->datagram) {
		backlog_lose(e, b);
		return;
	}
	row_reset(e, b->in_worker, b->node.link, b->node.label, RESET_OVERRUN);
	backlog_free(e, b, DROP_QUEUE);
}

/* n more shall wait: false when whoever sends has as much waiting as may be. */
static bool backlog_admits(const struct engine *e, struct backlog *b, size_t n)
{
	if (!b->from)
		return true;
	if (!allowance_queue(b->from, e->limits, n))
		return false;
	b->counted += n;
	return true;
}

static void backlog_check(struct engine *e, struct backlog *b)
{
	bool near = b->from && allowance_is_near(b->from, e->limits);
	if ((near || b->q.bytes >= WIRE_PAUSE_BYTES) && !b->paused) {
		b->paused = true;
		row_pause(e, b->in_worker, b->node.link, b->node.label, false, true);
	}
	if (backlog_over(e, b))
		backlog_overrun(e, b);
	else if (e->pool.out > e->cfg.queue_max)
		backlog_overrun(e, backlog_largest(e));
}

/* Copies a run to the backlogs of its paths. Number of frames. */
static unsigned backlog_frames(struct engine *e, struct link *l, unsigned in_worker,
	uint32_t in_link, const uint8_t *p, size_t len)
{
	unsigned frames = 0;
	while (len) {
		uint32_t label = get_be32(p + 4), n = 0;
		unsigned k = 0;
		do { /* frames of one path are copied together */
			n += get_be16(p + n + 2);
			k++;
		} while (n < len && get_be32(p + n + 4) == label &&
			 n + get_be16(p + n + 2) <= BUF_BLOCK);
		struct backlog *b = backlog_find(e, l, in_link, label);
		if (!b)
			b = backlog_new(e, l, in_worker, in_link, label);
		if (b && l->datagram && b->q.bytes + n > DATAGRAM_QUEUE) {
			drops(e, l, DROP_QUEUE, k);
		} else if (b && !backlog_admits(e, b, n)) {
			drops(e, l, DROP_QUEUE, k);
			backlog_overrun(e, b);
		} else if (b && queue_push(&b->q, &e->pool, p, n) == 0) {
			backlog_count(e, b, k, 0);
			backlog_check(e, b);
		} else if (l->datagram) {
			drops(e, l, DROP_MEMORY, k);
		} else { /* a path must not go on with a gap */
			drops(e, l, DROP_MEMORY, k);
			row_reset(e, in_worker, in_link, label, RESET_OVERRUN);
			if (b)
				backlog_free(e, b, DROP_MEMORY);
		}
		frames += k;
		p += n;
		len -= n;
	}
	return frames;
}

static void forwarded(struct engine *e, struct link *l, unsigned frames)
{
	l->frames_tx += frames;
	e->stats.stage[STAGE_FORWARDED] += frames;
}

void tx_run(struct engine *e, struct link *l, unsigned in_worker, uint32_t in_link, struct buf *b,
	uint8_t *p, uint32_t len, unsigned frames)
{
	struct tx_piece *last = l->pieces ? &l->piece[l->pieces - 1] : NULL;
	struct iovec *iov = l->pieces ? &l->iov[l->pieces - 1] : NULL;
	size_t max = l->blocked ? LINK_TAKE_MAX : ENGINE_SEND_MAX;
	if (l->datagram)
		datagram_asked(e, l);
	if (!b || !link_clear(l) || l->tx_bytes + len > max) {
		backlog_frames(e, l, in_worker, in_link, p, len);
	} else if (last && last->b == b && !l->taken &&
		   (uint8_t *)iov->iov_base + iov->iov_len == p) {
		iov->iov_len += len;
		l->tx_bytes += len;
		forwarded(e, l, frames);
	} else if (!link_full(l)) {
		link_piece_add(l, buf_get(b), p, len);
		l->piece[l->pieces - 1].direct = true;
		forwarded(e, l, frames);
	} else {
		backlog_frames(e, l, in_worker, in_link, p, len);
	}
	link_ready(e, l);
}

static void take_ctl(struct engine *e, struct link *l)
{
	struct buf *b;
	uint8_t *p;
	uint32_t len, frames;
	while (!link_full(l) && l->tx_bytes < LINK_TAKE_MAX &&
		(len = queue_pop(&l->ctl, LINK_TAKE_MAX, &b, &p, &frames))) {
		link_piece_add(l, b, p, len);
		l->frames_tx += frames;
		e->stats.stage[STAGE_OWN] += frames;
	}
}

/* One run of a backlog. False: its turn is over. */
static bool take_backlog(struct engine *e, struct link *l, struct flow *f)
{
	struct backlog *bl = LABEL_ENTRY(f, struct backlog, flow);
	struct buf *b;
	uint8_t *p;
	uint32_t frames;
	uint32_t len = queue_pop(&bl->q, f->deficit, &b, &p, &frames);
	if (!len)
		return false;
	link_piece_add(l, b, p, len);
	backlog_count(e, bl, 0, frames);
	forwarded(e, l, frames);
	f->deficit -= len;
	backlog_uncount(bl, len);
	if (bl->paused && bl->q.bytes <= WIRE_RESUME_BYTES) {
		bl->paused = false;
		row_pause(e, bl->in_worker, bl->node.link, bl->node.label, false, false);
	}
	if (queue_empty(&bl->q))
		backlog_free(e, bl, DROP_QUEUE);
	return true;
}

/* How many more frames of at most max bytes a flow may give to this send. */
static size_t frames_room(const struct link *l, const struct flow *f, uint32_t max)
{
	size_t n = f->deficit / max;
	if (n > AEAD_BATCH)
		n = AEAD_BATCH;
	return n < ENGINE_IOV_MAX - l->pieces ? n : ENGINE_IOV_MAX - l->pieces;
}

static void sealed(
	struct engine *e, struct link *l, struct flow *f, struct buf *b, const struct aead_op *op)
{
	e->stats.stage[STAGE_SEALED]++;
	link_piece_add(l, b, op->frame, op->len);
	f->deficit -= op->len;
	l->frames_tx++;
}

/* Records that are copied into frames; n frames at most. -ENOMEM, or how many. */
static int take_frames(struct engine *e, struct link *l, struct flow *f, size_t n)
{
	struct endpoint *ep = LABEL_ENTRY(f, struct endpoint, flow);
	const uint32_t max = session_frame_max(ep->session);
	struct buf *b = buf_new(&e->pool, (uint32_t)n * max);
	if (!b)
		return -ENOMEM;
	struct aead_op ops[AEAD_BATCH];
	for (size_t i = 0; i < n; i++)
		ops[i] = (struct aead_op){.frame = b->data + i * max, .len = max};
	unsigned made = session_output(ep->session, ops, (unsigned)n, e->now_ms);
	for (unsigned i = 0; i < made; i++)
		sealed(e, l, f, buf_get(b), &ops[i]);
	buf_put(b);
	return (int)made;
}

/* Large records of streams, where they lie. */
static unsigned take_bulk(struct engine *e, struct link *l, struct flow *f, size_t n)
{
	struct endpoint *ep = LABEL_ENTRY(f, struct endpoint, flow);
	struct aead_op ops[AEAD_BATCH];
	struct buf *bufs[AEAD_BATCH];
	unsigned made = session_output_bulk(ep->session, ops, bufs, (unsigned)n, e->now_ms);
	for (unsigned i = 0; i < made; i++)
		sealed(e, l, f, bufs[i], &ops[i]);
	return made;
}

/* Seals as many frames of a session as its turn allows. False: its turn is over. */
static bool take_session(struct engine *e, struct link *l, struct flow *f)
{
	struct endpoint *ep = LABEL_ENTRY(f, struct endpoint, flow);
	const uint32_t max = session_frame_max(ep->session);
	size_t room = frames_room(l, f, max);
	if (!room)
		return false;
	int made = 0;
	if (session_wants_frame(ep->session)) {
		size_t n = session_queued(ep->session) / (max - WIRE_CHANNEL_LINK_OVERHEAD) + 1;
		if (session_wants_bulk(ep->session) && room > 1)
			room /= 2; /* neither kind waits for the other */
		made = take_frames(e, l, f, n < room ? n : room);
		room = frames_room(l, f, max);
	}
	if (made >= 0 && room)
		made += (int)take_bulk(e, l, f, room);
	ep->tx_end = l->bytes_tx + l->tx_bytes;
	if (!ep->tx_ping && session_unanswered(ep->session))
		ep->tx_ping = ep->tx_end;
	/* without memory its timer will bring it back */
	bool more = made > 0 && session_wants_output(ep->session);
	if (l->datagram && made > 0)
		datagram_asked(e, l);
	if (!more)
		link_flow_remove(l, f);
	endpoint_sent(e, ep);
	return true;
}

static bool is_shared(const struct flow *f)
{
	return f->is_session && session_is_shared(LABEL_ENTRY(f, struct endpoint, flow)->session);
}

/* A session by itself on a socket may fill a whole send; not before what small records it will
 * have. */
static size_t quantum(const struct link *l, const struct flow *f)
{
	if (f != l->last)
		return LINK_QUANTUM;
	if (is_shared(f))
		return LINK_SHARED_MAX;
	return f->is_session && !l->session ? ENGINE_SEND_MAX : LINK_TAKE_MAX;
}

/* Takes turns until `max` bytes or all pieces are used. */
static void take_flows(struct engine *e, struct link *l, size_t max)
{
	while (l->first && !link_full(l) && l->tx_bytes < max) {
		struct flow *f = l->first;
		if (!f->had_turn) {
			f->had_turn = true;
			f->deficit += quantum(l, f);
		}
		bool more = f->is_session ? take_session(e, l, f) : take_backlog(e, l, f);
		if (!more)
			link_flow_rotate(l);
	}
}

void channel_pump(struct engine *e, struct link *l)
{
	struct endpoint *ep = l->session;
	while (link_has_work(l)) {
		take_ctl(e, l);
		if (session_queued(ep->session) < CHANNEL_QUEUE)
			take_flows(e, l, CHANNEL_QUEUE);
		if (!l->pieces)
			break;
		for (unsigned i = 0; i < l->pieces; i++) {
			const uint8_t *p = l->iov[i].iov_base;
			for (size_t off = 0, n; off < l->iov[i].iov_len; off += n) {
				n = get_be16(p + off + 2);
				if (session_frame(ep->session, p + off, (uint32_t)n) < 0)
					engine_unsent(e, l, DROP_EGRESS, 1);
			}
		}
		l->bytes_tx += l->tx_bytes;
		link_pieces_clear(l);
	}
	l->blocked = link_has_work(l);
	endpoint_update(e, ep);
}

struct link *engine_next_ready(struct engine *e, uint64_t now_ms)
{
	e->now_ms = now_ms;
	for (struct link *l; (l = e->ready);) {
		link_unready(e, l);
		if (!l->session)
			return l;
		channel_pump(e, l);
	}
	return NULL;
}

unsigned engine_tx_take(struct engine *e, struct link *l, const struct iovec **iov, uint64_t now_ms)
{
	e->now_ms = now_ms;
	if (l->taken || l->blocked)
		return 0;
	take_ctl(e, l);
	take_flows(e, l, l->first && is_shared(l->first) ? LINK_SHARED_MAX / 2 : LINK_TAKE_MAX);
	unsigned n = 0;
	for (l->taken_bytes = 0; n < l->pieces && l->piece[n].b; n++)
		l->taken_bytes += l->iov[n].iov_len;
	*iov = l->iov;
	l->taken = n > 0;
	e->stats.sends += l->taken;
	e->stats.runs += n;
	return n;
}

void engine_tx_done(struct engine *e, struct link *l, int64_t sent, uint64_t now_ms)
{
	e->now_ms = now_ms;
	l->taken = false;
	if (sent == -EAGAIN)
		sent = 0;
	if (sent < 0) {
		link_destroy(e, l, (int)sent, true);
		return;
	}
	l->bytes_tx += (uint64_t)sent;
	l->blocked = (size_t)sent < l->taken_bytes;
	link_pieces_sent(l, (size_t)sent);
	link_ready(e, l);
}

/* Gives the rest of one receive buffer memory of our own. */
static int unpin_piece(struct engine *e, struct link *l, unsigned i)
{
	struct buf *b = buf_new(&e->pool, (uint32_t)l->iov[i].iov_len);
	if (!b)
		return -ENOMEM;
	memcpy(b->data, l->iov[i].iov_base, l->iov[i].iov_len);
	buf_put(l->piece[i].b);
	l->piece[i] = (struct tx_piece){.b = b};
	l->iov[i].iov_base = b->data;
	return 0;
}

static void unpin_link(struct engine *e, struct link *l)
{
	for (unsigned i = 0; i < l->pieces; i++)
		if (l->piece[i].direct && unpin_piece(e, l, i) < 0) {
			link_destroy(e, l, -ENOMEM, true);
			return;
		}
}

void engine_unpin(struct engine *e, uint64_t now_ms)
{
	e->now_ms = now_ms;
	struct label_iter it = {0};
	for (struct label_node *n; (n = label_each(&e->links, &it));) {
		struct link *l = LABEL_ENTRY(n, struct link, node);
		if (l->blocked)
			unpin_link(e, l);
	}
}

void engine_tx_room(struct engine *e, struct link *l)
{
	l->blocked = false;
	link_ready(e, l);
}

void tx_link_gone(struct engine *e, struct link *l)
{
	link_unready(e, l);
	link_pieces_clear(l);
	queue_clear(&l->ctl);
	for (struct flow *f = l->first, *next; f; f = next) {
		next = f->next;
		if (!f->is_session)
			backlog_free(e, LABEL_ENTRY(f, struct backlog, flow), DROP_EGRESS);
	}
}
