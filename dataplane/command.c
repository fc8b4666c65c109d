// SPDX-License-Identifier: Apache-2.0
#include "engine_private.h"

#include <errno.h>
#include <stdlib.h>

static int cmd_hello(struct engine *e, const struct seam_msg *m, struct seam_msg *answer)
{
	if (m->version != SEAM_VERSION)
		return -EPROTO;
	*answer = event_of(SEAM_HELLO,
		SEAM_HAS(SEAM_A_VERSION) | SEAM_HAS(SEAM_A_WORKERS) | SEAM_HAS(SEAM_A_SUITES));
	answer->version = SEAM_VERSION;
	answer->workers = e->cfg.workers;
	answer->suites = aead_suites();
	return 0;
}

static int cmd_link_add(struct engine *e, struct seam_msg *m)
{
	if (!m->link || engine_link(e, m->link))
		return -EEXIST;
	if (m->has & SEAM_HAS(SEAM_A_SESSION))
		return channel_add(e, m);
	bool at = m->has & SEAM_HAS(SEAM_A_LISTENER);
	if (at ? !(m->has & SEAM_HAS(SEAM_A_ADDRESS)) || !(m->has & SEAM_HAS(SEAM_A_TAG_RX))
	       : m->fd < 0)
		return -EBADF;
	struct link *l = link_create(e, m->link, 0);
	int rc = -ENOMEM;
	if (!l)
		return rc;
	l->datagram = m->has & SEAM_HAS(SEAM_A_TAG_RX);
	l->dialled = !at;
	l->tag_rx = m->tag_rx;
	if (!at) {
		l->io = e->cfg.ops->link_open(e->cfg.ctx, l, m->fd);
		m->fd = -1;
	} else if (e->cfg.ops->link_open_at) {
		l->io = e->cfg.ops->link_open_at(e->cfg.ctx, l, m->listener, &m->address, &rc);
	} else {
		rc = -EOPNOTSUPP;
	}
	if (!l->io) {
		timer_remove(&e->timers, &l->timer);
		link_tenant_leave(e, l);
		free(l);
		return rc;
	}
	l->peer = peer_copy(m);
	label_insert(&e->links, &l->node);
	if (m->has & SEAM_HAS(SEAM_A_ORIGIN) && m->origin)
		origin_join(e, l, m->origin);
	return 0;
}

static int cmd_link_set(struct engine *e, const struct seam_msg *m)
{
	struct link *l = engine_link(e, m->link);
	if (!l)
		return -ENOENT;
	if (m->frame_max < WIRE_FRAME_MIN)
		return -EINVAL;
	int rc = note_set(&l->note, m);
	if (rc == 0 && m->has & SEAM_HAS(SEAM_A_ADDRESS))
		rc = !l->datagram || !e->cfg.ops->link_move
			     ? -EOPNOTSUPP
			     : e->cfg.ops->link_move(e->cfg.ctx, l, &m->address);
	if (rc < 0)
		return rc;
	if (m->has & SEAM_HAS(SEAM_A_ORIGIN) && !m->origin)
		origin_leave(e, l);
	if (m->has & SEAM_HAS(SEAM_A_TENANT))
		link_tenant_set(e, l, m->tenant);
	l->up = m->up;
	l->frame_max = m->frame_max;
	if (m->has & SEAM_HAS(SEAM_A_TAG_TX))
		l->tag_tx = m->tag_tx;
	if (l->datagram)
		datagram_heard(e, l); /* its HELLO was */
	if (l->datagram && l->up && e->cfg.ops->way_set)
		e->cfg.ops->way_set(e->cfg.ctx, l, l->frame_max);
	if (l->up)
		timer_nearer(&e->timers, &l->timer,
			e->now_ms + (l->datagram ? WIRE_UDP_PING_DIALLED_MS : WIRE_LINK_PING_MS));
	return 0;
}

static int cmd_link_del(struct engine *e, const struct seam_msg *m)
{
	struct link *l = engine_link(e, m->link);
	if (!l)
		return -ENOENT;
	link_destroy(e, l, 0, false);
	return 0;
}

static int cmd_link_get(struct engine *e, const struct seam_msg *m, struct seam_msg *answer)
{
	const struct link *l = engine_link(e, m->link);
	if (!l)
		return -ENOENT;
	*answer = event_of(
		SEAM_LINK_GET, SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) |
				       SEAM_HAS(SEAM_A_FRAMES_RX) | SEAM_HAS(SEAM_A_FRAMES_TX) |
				       SEAM_HAS(SEAM_A_BYTES_RX) | SEAM_HAS(SEAM_A_BYTES_TX) |
				       SEAM_HAS(SEAM_A_DROPPED) | SEAM_HAS(SEAM_A_LIMITED) |
				       SEAM_HAS(SEAM_A_BYTES_THROUGH));
	answer->bytes_through = l->bytes_through;
	answer->link = m->link;
	answer->up = l->up;
	answer->frames_rx = l->frames_rx;
	answer->frames_tx = l->frames_tx;
	answer->bytes_rx = l->bytes_rx;
	answer->bytes_tx = l->bytes_tx;
	answer->dropped = l->dropped;
	answer->limited = l->allowance ? atomic_load(&l->allowance->limited) : 0;
	if (l->datagram && e->cfg.ops->link_passed) {
		struct passed in, out;
		e->cfg.ops->link_passed(e->cfg.ctx, m->link, &in, &out);
		answer->frames_rx += in.frames;
		answer->bytes_rx += in.bytes;
		answer->frames_tx += out.frames;
		answer->bytes_tx += out.bytes;
	}
	return 0;
}

static int cmd_label_add(struct engine *e, const struct seam_msg *m, int out_worker)
{
	uint32_t out_id = m->has & SEAM_HAS(SEAM_A_OUT_LINK) ? m->out_link : 0;
	struct link *out = out_id && out_worker == ENGINE_LOCAL ? engine_link(e, out_id) : NULL;
	if (!engine_link(e, m->link) || (out_id && !out && out_worker == ENGINE_LOCAL))
		return -ENOENT;
	if (!m->label || ((m->has & SEAM_HAS(SEAM_A_OUT_LINK)) && !out_id))
		return -EINVAL;
	struct row *r = row_find(e, m->link, m->label);
	if (r)
		return !r->endpoint && r->out_id == out_id ? 0 : -EEXIST;
	r = row_create(e, engine_link(e, m->link), m->label);
	if (!r)
		return -ENOMEM;
	if (out_id && row_forward_to(e, r, out_id, out, out_worker) < 0) {
		row_destroy(e, r);
		return -ENOMEM;
	}
	r->other = m->has & SEAM_HAS(SEAM_A_LABEL_TX) ? m->label_tx : 0;
	return 0;
}

/* The row of an open session goes with SESSION_DEL only. */
static int cmd_label_del(struct engine *e, const struct seam_msg *m)
{
	struct row *r = row_find(e, m->link, m->label);
	if (!r || r->endpoint)
		return -ENOENT;
	row_destroy(e, r);
	return 0;
}

static int cmd_label_get(struct engine *e, const struct seam_msg *m, struct seam_msg *answer)
{
	struct row *r = row_find(e, m->link, m->label);
	struct passed p;
	if (!r)
		return -ENOENT;
	*answer = event_of(SEAM_LABEL_GET,
		SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL) | SEAM_HAS(SEAM_A_IDLE_MS));
	if (e->cfg.ops->row_passed && e->cfg.ops->row_passed(e->cfg.ctx, m->link, m->label, &p)) {
		answer->has |= SEAM_HAS(SEAM_A_FRAMES_RX) | SEAM_HAS(SEAM_A_BYTES_RX);
		answer->frames_rx = p.frames;
		answer->bytes_rx = p.bytes;
		if (p.last_ms > r->last_ms)
			r->last_ms = p.last_ms;
	}
	answer->link = m->link;
	answer->label = m->label;
	uint64_t idle = e->now_ms > r->last_ms ? e->now_ms - r->last_ms : 0;
	answer->idle_ms = idle < UINT32_MAX ? (uint32_t)idle : UINT32_MAX;
	return 0;
}

static int cmd_session(struct engine *e, const struct seam_msg *m, struct seam_msg *answer)
{
	struct endpoint *ep = endpoint_find(e, m->session);
	if (!ep)
		return -ENOENT;
	switch (m->cmd) {
	case SEAM_SESSION_DEL:
		return endpoint_del(e, ep, m->has & SEAM_HAS(SEAM_A_CLOSE), m->close);
	case SEAM_SESSION_PING: /* the hop that asked to hold back may have forgotten the path */
		session_pause(ep->session, false, e->now_ms);
		session_ping(ep->session, e->now_ms);
		endpoint_update(e, ep);
		return 0;
	case SEAM_SESSION_SET:
		return note_set(&ep->note, m);
	default:
		*answer = event_of(SEAM_SESSION_GET, 0);
		session_stats(ep->session, answer);
		answer->has |= SEAM_HAS(SEAM_A_SESSION);
		answer->session = m->session;
		return 0;
	}
}

static int cmd_msg(struct engine *e, const struct seam_msg *m)
{
	struct endpoint *ep = endpoint_find(e, m->session);
	if (!ep)
		return -ENOENT;
	if (!ep->link)
		return -EPIPE;
	bool more = m->has & SEAM_HAS(SEAM_A_MORE) && m->more;
	int rc = session_msg(ep->session, m->message, more, m->frame, m->frame_len);
	endpoint_update(e, ep);
	return rc;
}

/* A RESET that ends what this link sends goes behind the frames that still wait. */
static struct backlog *backlog_to_end(struct link *l, const struct frame_header *h)
{
	if (h->type == WIRE_RESET && !(h->sub & WIRE_RESET_SENT))
		for (struct flow *f = l->first; f; f = f->next)
			if (!f->is_session) {
				struct backlog *b = LABEL_ENTRY(f, struct backlog, flow);
				if (b->node.label == h->label)
					return b;
			}
	return NULL;
}

static int cmd_frame(struct engine *e, const struct seam_msg *m)
{
	struct link *l = engine_link(e, m->link);
	if (!l)
		return -ENOENT;
	if (m->frame_len < WIRE_HEADER)
		return -EINVAL;
	struct frame_header h = frame_header_decode(m->frame);
	if (h.version != WIRE_VERSION || h.len != m->frame_len || h.type == WIRE_DATA)
		return -EINVAL;
	if (h.type != WIRE_LINK && !l->up)
		return -ENETDOWN;
	if (l->up && h.len > l->frame_max)
		return -EMSGSIZE;
	struct backlog *b = backlog_to_end(l, &h);
	if (b)
		return backlog_push_own(e, l, b, m->frame, m->frame_len);
	tx_ctl(e, l, m->frame, m->frame_len);
	return 0;
}

static int apply(struct engine *e, struct seam_msg *m, int out_worker, struct seam_msg *answer)
{
	switch (m->cmd) {
	case SEAM_HELLO:
		return cmd_hello(e, m, answer);
	case SEAM_LINK_ADD:
		return cmd_link_add(e, m);
	case SEAM_LINK_SET:
		return cmd_link_set(e, m);
	case SEAM_LINK_DEL:
		return cmd_link_del(e, m);
	case SEAM_LINK_GET:
		return cmd_link_get(e, m, answer);
	case SEAM_LABEL_ADD:
		return cmd_label_add(e, m, out_worker);
	case SEAM_LABEL_DEL:
		return cmd_label_del(e, m);
	case SEAM_LABEL_GET:
		return cmd_label_get(e, m, answer);
	case SEAM_SESSION_ADD:
		return endpoint_add(e, m);
	case SEAM_SESSION_SET:
	case SEAM_SESSION_DEL:
	case SEAM_SESSION_PING:
	case SEAM_SESSION_GET:
		return cmd_session(e, m, answer);
	case SEAM_PORTAL_ADD:
		return portal_add(e, m);
	case SEAM_PORTAL_DEL:
		return portal_del(e, m);
	case SEAM_STREAM_ACCEPT:
	case SEAM_STREAM_REFUSE:
		return portal_stream_answer(e, m);
	case SEAM_STATS_GET:
		engine_counters(e, m, answer);
		return 0;
	case SEAM_FRAME:
		return cmd_frame(e, m);
	case SEAM_MSG:
		return cmd_msg(e, m);
	case SEAM_DUMP:
		engine_dump(e, m->seq);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

int engine_apply(struct engine *e, struct seam_msg *m, int out_worker, struct seam_msg *answer,
	uint64_t now_ms)
{
	e->now_ms = now_ms;
	answer->cmd = 0;
	int rc = apply(e, m, out_worker, answer);
	secret_wipe(&m->chain_rx, sizeof m->chain_rx);
	secret_wipe(&m->chain_tx, sizeof m->chain_tx);
	secret_wipe(&m->exporter, sizeof m->exporter);
	return rc;
}
