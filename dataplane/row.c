// SPDX-License-Identifier: Apache-2.0
#include "engine_private.h"

#include <stdlib.h>

enum { PATH_MAX_LEAST = 4 << 20 };

struct row *row_find(const struct engine *e, uint32_t link, uint32_t label)
{
	struct label_node *n = label_find(&e->rows, link, label);
	return n ? LABEL_ENTRY(n, struct row, node) : NULL;
}

struct row *row_create(struct engine *e, uint32_t link, uint32_t label)
{
	struct row *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->node.link = link;
	r->node.label = label;
	r->out_worker = ENGINE_LOCAL;
	r->last_ms = e->now_ms;
	label_insert(&e->rows, &r->node);
	return r;
}

void row_forward_to(
	struct engine *e, struct row *r, uint32_t out_id, struct link *out, int out_worker)
{
	r->out_id = out_id;
	r->out = out;
	r->out_worker = out_worker;
	r->rev.row = r;
	r->rev.node.link = out_id;
	r->rev.node.label = r->node.label;
	label_insert(&e->reverse, &r->rev.node);
}

void row_destroy(struct engine *e, struct row *r)
{
	e->changes++;
	label_remove(&e->rows, &r->node);
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

void rows_link_gone(struct engine *e, uint32_t link)
{
	struct label_iter it = {0};
	for (struct label_node *n; (n = label_each(&e->rows, &it));) {
		struct row *r = LABEL_ENTRY(n, struct row, node);
		if (r->node.link == link) {
			row_destroy(e, r);
		} else if (r->out_id == link) {
			r->out = NULL;
			r->out_worker = ENGINE_LOCAL;
		}
	}
}
