// SPDX-License-Identifier: Apache-2.0
/*
 * What a controller that has not made it must know of this worker: its links, the rows between
 * links, its sessions. Never keys.
 */
#include "engine_private.h"

static void emit(struct engine *e, struct seam_msg *m, uint32_t seq)
{
	m->seq = seq;
	e->cfg.ops->event(e->cfg.ctx, m);
}

static void dump_link(struct engine *e, const struct link *l, uint32_t seq)
{
	struct seam_msg m = event_of(SEAM_DUMP_LINK,
		SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX));
	m.link = link_id(l);
	m.up = l->up;
	m.frame_max = l->frame_max;
	if (l->session) {
		m.has |= SEAM_HAS(SEAM_A_SESSION);
		m.session = l->session->node.link;
	}
	note_get(&l->note, &m);
	emit(e, &m, seq);
}

static void dump_row(struct engine *e, const struct row *r, uint32_t seq)
{
	struct seam_msg m =
		event_of(SEAM_DUMP_LABEL, SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL));
	m.link = r->node.link;
	m.label = r->node.label;
	if (r->out_id) {
		m.has |= SEAM_HAS(SEAM_A_OUT_LINK) | SEAM_HAS(SEAM_A_LABEL_TX);
		m.out_link = r->out_id;
		m.label_tx = r->other;
	}
	emit(e, &m, seq);
}

static void dump_session(struct engine *e, struct endpoint *ep, uint32_t seq)
{
	struct seam_msg m = event_of(SEAM_DUMP_SESSION,
		SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_LABEL) | SEAM_HAS(SEAM_A_LABEL_TX) |
			SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX));
	m.frame_max = session_mtu(ep->session);
	m.session = ep->node.link;
	m.label = session_label_rx(ep->session);
	m.label_tx = session_label_tx(ep->session);
	m.up = ep->up_told;
	if (ep->link) {
		m.has |= SEAM_HAS(SEAM_A_LINK);
		m.link = link_id(ep->link);
	}
	if (ep->broken) {
		m.has |= SEAM_HAS(SEAM_A_ERROR);
		m.error = session_broken_errno(ep->session);
	}
	if (!session_is_open(ep->session) && !ep->broken) {
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
		m.close = session_close_code(ep->session);
	}
	note_get(&ep->note, &m);
	emit(e, &m, seq);
	portals_dump(e, ep, seq);
}

void engine_dump(struct engine *e, uint32_t seq)
{
	struct label_iter links = {0}, rows = {0}, sessions = {0};
	struct label_node *n;
	while ((n = label_each(&e->links, &links)))
		dump_link(e, LABEL_ENTRY(n, struct link, node), seq);
	while ((n = label_each(&e->rows, &rows))) {
		const struct row *r = LABEL_ENTRY(n, struct row, node);
		if (!r->endpoint)
			dump_row(e, r, seq);
	}
	while ((n = label_each(&e->endpoints, &sessions)))
		dump_session(e, LABEL_ENTRY(n, struct endpoint, node), seq);
}
