// SPDX-License-Identifier: Apache-2.0
/*
 * A conduit is a piece of what leaves, like a receive buffer that frames go on from: it stands
 * behind the pieces before it, and when something waits on the link (link_clear) its bytes are read
 * and wait with the others.
 */
#include "through.h"

#include "engine_private.h"

#include <errno.h>

enum { ALONE_MS = 1000, ALONE_ROWS = 8 };

size_t engine_rx_need(const struct link *l)
{
	if (!l->partial)
		return 0;
	if (l->partial_len < WIRE_HEADER)
		return WIRE_HEADER - l->partial_len;
	return get_be16(l->partial->data + 2) - l->partial_len;
}

bool engine_rx_forwards(const struct engine *e, const struct link *l)
{
	const struct row *r = l->rows;
	for (unsigned i = 0; r && i < ALONE_ROWS; i++, r = r->in_next)
		if (r->out_id && r->used && r->last_ms + ALONE_MS > e->now_ms)
			return true;
	return false;
}

enum through_may engine_rx_way(
	struct engine *e, struct link *l, const uint8_t *head, struct through_way *way)
{
	const struct frame_header h = frame_header_decode(head);
	if (!l->up || l->closing || l->partial || l->kept || l->datagram || l->session ||
		h.version != WIRE_VERSION || h.type != WIRE_DATA || h.len < THROUGH_FRAME_MIN)
		return THROUGH_NO;
	const struct row *r = row_find(e, link_id(l), h.label);
	if (!r || !r->used || !r->out_id)
		return THROUGH_NO;
	*way = (struct through_way){r->out_id, r->out_worker};
	if (r->out_worker != ENGINE_LOCAL)
		return r->paused_here ? THROUGH_BUSY : THROUGH_YES;
	const struct link *out = r->out;
	if (!out || !out->up || out->datagram || out->session || h.len > out->frame_max)
		return THROUGH_NO;
	bool busy =
		!link_clear(out) || link_full(out) || out->tx_bytes + h.len > THROUGH_WAITING_MAX;
	return busy ? THROUGH_BUSY : THROUGH_YES;
}

void engine_rx_passes(struct engine *e, struct link *l, bool begun, uint64_t now_ms)
{
	bool before = l->passes;
	e->now_ms = now_ms;
	l->passes = begun;
	if (!begun || before)
		return;
	l->partial_since_ms = now_ms;
	timer_nearer(&e->timers, &l->timer, now_ms + WIRE_FRAME_TIMEOUT_MS);
}

bool engine_rx_alone(const struct engine *e, const struct link *l)
{
	unsigned seen = 0, used = 0;
	for (const struct row *r = l->rows; r; r = r->in_next) {
		if (++seen > ALONE_ROWS)
			return false;
		used += r->last_ms + ALONE_MS > e->now_ms;
	}
	return used <= 1;
}

/* The pieces of c become memory. False: there is none, and the link has gone. */
static bool release_pieces(struct engine *e, struct link *l, struct conduit *c)
{
	for (unsigned i = 0; i < l->pieces; i++) {
		if (l->piece[i].c != c)
			continue;
		struct buf *b = buf_new(&e->pool, (uint32_t)l->iov[i].iov_len);
		if (!b || !c->read(c, b->data, l->iov[i].iov_len)) {
			buf_put(b);
			link_destroy(e, l, -ENOMEM, true);
			return false;
		}
		c->put(c, 0);
		l->piece[i] = (struct tx_piece){.b = b};
		l->iov[i].iov_base = b->data;
	}
	return true;
}

/* What stands in front of it in the conduit has to come out first. */
static void through_drop(struct engine *e, struct link *l, const struct through *t)
{
	if (l)
		release_pieces(e, l, t->c);
	t->c->put(t->c, t->len);
}

/* Where something waits already, or for what is no stream: by memory. */
static void through_memory(struct engine *e, struct link *l, unsigned in_worker, uint32_t in_link,
	const struct through *t)
{
	if (!release_pieces(e, l, t->c)) {
		drops(e, NULL, DROP_MEMORY, t->frames);
		t->c->put(t->c, t->len);
		return;
	}
	struct buf *b = buf_new(&e->pool, (uint32_t)t->len);
	bool ok = b && t->c->read(t->c, b->data, t->len);
	t->c->put(t->c, b ? 0 : t->len);
	if (ok) {
		tx_run(e, l, in_worker, in_link, b, b->data, (uint32_t)t->len, t->frames);
	} else {
		drops(e, l, DROP_MEMORY, t->frames);
		row_reset(e, in_worker, in_link, t->label, RESET_OVERRUN);
	}
	buf_put(b);
}

static void tx_through(struct engine *e, struct link *l, unsigned in_worker, uint32_t in_link,
	const struct through *t)
{
	if (t->biggest > l->frame_max) {
		drops(e, l, DROP_TOO_BIG, t->frames);
		through_drop(e, l, t);
		row_reset(e, in_worker, in_link, t->label, RESET_OVERRUN);
		return;
	}
	if (l->datagram || !link_clear(l) || link_full(l)) {
		through_memory(e, l, in_worker, in_link, t);
		return;
	}
	link_conduit_add(l, t->c, t->len);
	l->frames_tx += t->frames;
	e->stats.stage[STAGE_FORWARDED] += t->frames;
	e->stats.stage[STAGE_PASSED] += t->frames;
	link_ready(e, l);
}

void engine_rx_through(struct engine *e, struct link *l, const struct through *t, uint64_t now_ms)
{
	e->now_ms = now_ms;
	l->last_rx_ms = now_ms;
	l->pings = 0;
	l->bytes_rx += t->len;
	l->bytes_through += t->len;
	l->frames_rx += t->frames;
	e->stats.stage[STAGE_RX] += t->frames;
	struct row *r = row_find(e, link_id(l), t->label);
	if (r)
		r->last_ms = r->through_ms = now_ms;
	link_look_at_window(e, l); /* for what may have to wait in a queue */
	struct engine_mail m = {
		.kind = MAIL_THROUGH,
		.link = t->way.link,
		.label = t->label,
		.from_link = link_id(l),
		.from_worker = e->cfg.worker,
		.conduit = t->c,
		.len = (uint32_t)t->len,
		.through_frames = t->frames,
		.biggest = t->biggest,
		.window = l->rx_window,
	};
	if (t->way.worker == ENGINE_LOCAL) {
		mail_through(e, &m);
		return;
	}
	e->stats.stage[STAGE_MAIL_OUT] += t->frames;
	e->cfg.ops->post(e->cfg.ctx, (unsigned)t->way.worker, &m);
}

void mail_through(struct engine *e, const struct engine_mail *m)
{
	struct link *l = engine_link(e, m->link);
	e->mail_window = m->window;
	e->mail_from = NULL; /* without limits nothing is counted */
	if (m->from_worker != e->cfg.worker)
		e->stats.stage[STAGE_MAIL_IN] += m->through_frames;
	const struct through t = {.c = m->conduit,
		.label = m->label,
		.len = m->len,
		.frames = m->through_frames,
		.biggest = m->biggest};
	if (l && l->up) {
		tx_through(e, l, m->from_worker, m->from_link, &t);
		return;
	}
	drops(e, l, DROP_EGRESS, t.frames);
	through_drop(e, l, &t);
}

void mail_release(struct engine *e, const struct engine_mail *m)
{
	struct link *l = engine_link(e, m->link);
	if (l)
		release_pieces(e, l, m->conduit);
	m->conduit->put(m->conduit, 0);
}

void engine_through_release(
	struct engine *e, const struct through_way *way, struct conduit *c, uint64_t now_ms)
{
	struct engine_mail m = {.kind = MAIL_RELEASE, .link = way->link, .conduit = c};
	e->now_ms = now_ms;
	if (way->worker == ENGINE_LOCAL)
		mail_release(e, &m);
	else
		e->cfg.ops->post(e->cfg.ctx, (unsigned)way->worker, &m);
}

struct conduit *engine_tx_conduit(struct engine *e, struct link *l, size_t *len)
{
	if (l->taken || l->blocked || !l->pieces || !l->piece[0].c)
		return NULL;
	*len = l->iov[0].iov_len;
	l->taken = true;
	l->taken_bytes = *len;
	e->stats.sends++;
	e->stats.runs++;
	return l->piece[0].c;
}

uint64_t link_bytes_through(const struct link *l)
{
	return l->bytes_through;
}
