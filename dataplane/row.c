// SPDX-License-Identifier: Apache-2.0
#include "engine_private.h"

#include <errno.h>
#include <stdlib.h>

enum { PATH_MAX_LEAST = 4 << 20 };

struct row *row_find(const struct engine *e, uint32_t link, uint32_t label)
{
	struct label_node *n = label_find(&e->rows, link, label);
	return n ? LABEL_ENTRY(n, struct row, node) : NULL;
}

struct row *row_create(struct engine *e, struct link *l, uint32_t label)
{
	struct row *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->node.link = link_id(l);
	r->node.label = label;
	r->in_next = l->rows;
	r->in_back = &l->rows;
	if (r->in_next)
		r->in_next->in_back = &r->in_next;
	l->rows = r;
	r->out_worker = ENGINE_LOCAL;
	r->last_ms = e->now_ms;
	label_insert(&e->rows, &r->node);
	return r;
}

static struct egress *egress_find(const struct engine *e, uint32_t id)
{
	struct label_node *n = label_find(&e->egresses, id, 0);
	return n ? LABEL_ENTRY(n, struct egress, node) : NULL;
}

static struct egress *egress_get(struct engine *e, uint32_t id)
{
	struct egress *g = egress_find(e, id);
	if (g)
		return g;
	g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->node.link = id;
	label_insert(&e->egresses, &g->node);
	return g;
}

static void egress_leave(struct engine *e, struct row *r)
{
	struct egress *g = r->egress;
	if (!g)
		return;
	*r->out_back = r->out_next;
	if (r->out_next)
		r->out_next->out_back = r->out_back;
	r->egress = NULL;
	if (g->rows)
		return;
	label_remove(&e->egresses, &g->node);
	free(g);
}

int row_forward_to(
	struct engine *e, struct row *r, uint32_t out_id, struct link *out, int out_worker)
{
	struct egress *g = egress_get(e, out_id);
	if (!g)
		return -ENOMEM;
	r->egress = g;
	r->out_next = g->rows;
	r->out_back = &g->rows;
	if (r->out_next)
		r->out_next->out_back = &r->out_next;
	g->rows = r;
	r->out_id = out_id;
	r->out = out;
	r->out_worker = out_worker;
	r->rev.row = r;
	r->rev.node.link = out_id;
	r->rev.node.label = r->node.label;
	label_insert(&e->reverse, &r->rev.node);
	return 0;
}

void row_destroy(struct engine *e, struct row *r)
{
	e->changes++;
	if (r->kernel)
		e->cfg.ops->row_gone(e->cfg.ctx, r->node.link, r->node.label);
	label_remove(&e->rows, &r->node);
	*r->in_back = r->in_next;
	if (r->in_next)
		r->in_next->in_back = r->in_back;
	egress_leave(e, r);
	if (r->out_id)
		label_remove(&e->reverse, &r->rev.node);
	if (r->endpoint)
		r->endpoint->row = NULL;
	free(r);
}

void row_reset(struct engine *e, unsigned worker, uint32_t link, uint32_t label, uint8_t code)
{
	if (worker != e->cfg.worker) {
		struct engine_mail m = {
			.kind = MAIL_ROW_LOST, .link = link, .label = label, .code = code};
		e->cfg.ops->post(e->cfg.ctx, worker, &m);
		return;
	}
	struct row *r = row_find(e, link, label);
	if (!r || !r->out_id)
		return;
	row_destroy(e, r);
	struct link *l = engine_link(e, link);
	if (l)
		tx_reset(e, l, label, code | WIRE_RESET_SENT);
	event_label(e, SEAM_LABEL_LOST, link, label, code);
}

static bool paused(const struct row *r)
{
	return r->paused_here || r->paused_next || r->paused_mail;
}

/* Sets one of the reasons; the sender hears when it is the first, or was the last. */
static void row_pause_set(struct engine *e, struct row *r, bool *reason, bool on)
{
	bool before = paused(r);
	*reason = on;
	struct link *l = engine_link(e, r->node.link);
	if (before == paused(r) || !l)
		return;
	tx_link_u32(e, l, on ? LINK_PAUSE : LINK_RESUME, r->node.label);
}

void row_pause(struct engine *e, unsigned worker, uint32_t link, uint32_t label, bool next, bool on)
{
	if (worker != e->cfg.worker) {
		struct engine_mail m = {.kind = MAIL_ROW_PAUSE,
			.link = link,
			.label = label,
			.next = next,
			.on = on};
		e->cfg.ops->post(e->cfg.ctx, worker, &m);
		return;
	}
	struct row *r = row_find(e, link, label);
	if (!r)
		return;
	row_pause_set(e, r, next ? &r->paused_next : &r->paused_here, on);
}

size_t path_limit(size_t window)
{
	size_t limit = (1 << 20) + 2 * window;
	return limit > PATH_MAX_LEAST ? limit : PATH_MAX_LEAST;
}

void row_mailed(struct engine *e, struct row *r, size_t len)
{
	const struct link *l = engine_link(e, r->node.link);
	r->in_mail += len;
	if (r->in_mail >= WIRE_PAUSE_BYTES && !r->paused_mail)
		row_pause_set(e, r, &r->paused_mail, true);
	if (r->in_mail > path_limit(l ? l->rx_window : 0)) /* just looked at, by who mails */
		row_reset(e, e->cfg.worker, r->node.link, r->node.label, RESET_OVERRUN);
}

void row_mail_done(struct engine *e, uint32_t link, uint32_t label, size_t len)
{
	struct row *r = row_find(e, link, label);
	if (!r)
		return;
	r->in_mail -= len < r->in_mail ? len : r->in_mail;
	if (r->in_mail <= WIRE_RESUME_BYTES && r->paused_mail)
		row_pause_set(e, r, &r->paused_mail, false);
}

void egress_pause(struct engine *e, uint32_t link, uint32_t label, bool on)
{
	for (struct label_node *n = label_find(&e->reverse, link, label); n;
		n = label_find_next(n)) {
		struct reverse *rev = LABEL_ENTRY(n, struct reverse, node);
		if (rev->row) {
			row_pause(e, e->cfg.worker, rev->row->node.link, label, true, on);
		} else {
			session_pause(rev->endpoint->session, on, e->now_ms);
			endpoint_update(e, rev->endpoint);
		}
	}
}

/* Those that come in by a link go with it (link_destroy); these stay, without a way out. */
void rows_link_gone(struct engine *e, uint32_t link)
{
	struct egress *g;
	while ((g = egress_find(e, link))) { /* it goes with its last row */
		struct row *r = g->rows;
		r->out = NULL;
		r->out_worker = ENGINE_LOCAL;
		egress_leave(e, r);
	}
}
