// SPDX-License-Identifier: Apache-2.0
/*
 * Sessions of this worker in their place: what comes out of them goes to control (MSG) or, for a
 * channel as a link, to the work list; what they want to send takes turns on their link.
 */
#include "engine_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	DELIVERY_MAX = 4 << 20, /* bytes on their way to control, before the session is given up */
	CHANNEL_LOW = 64 << 10, /* a channel link goes on when its session has less waiting */
};

struct endpoint *endpoint_find(const struct engine *e, uint32_t session)
{
	struct label_node *n = label_find(&e->endpoints, session, 0);
	return n ? LABEL_ENTRY(n, struct endpoint, node) : NULL;
}

static int config_of(struct session_config *cfg, const struct seam_msg *m)
{
	*cfg = (struct session_config){
		.id = m->session,
		.role = m->role,
		.suite = m->suite,
		.label_rx = m->label,
		.label_tx = m->label_tx,
		.frame_max = m->frame_max,
		.path_flags = m->has & SEAM_HAS(SEAM_A_PATH_FLAGS) ? m->path_flags : 0,
		.refusing = m->has & SEAM_HAS(SEAM_A_CLOSE),
		.close = m->close,
	};
	if ((m->role != SEAM_INITIATOR && m->role != SEAM_RESPONDER) || !m->label || !m->label_tx ||
		!m->session || m->frame_max < WIRE_PATH_MIN)
		return -EINVAL;
	if (!aead_best(cfg->suite))
		return -EOPNOTSUPP;
	cfg->chain_rx = m->chain_rx;
	cfg->chain_tx = m->chain_tx;
	cfg->exporter = m->exporter;
	return 0;
}

static void config_wipe(struct session_config *cfg)
{
	secret_wipe(cfg, sizeof *cfg);
}

static struct endpoint *endpoint_new(struct engine *e, const struct seam_msg *m)
{
	struct endpoint *ep = calloc(1, sizeof *ep);
	if (!ep || timer_add(&e->timers, &ep->timer, TIMER_ENDPOINT) < 0) {
		free(ep);
		return NULL;
	}
	ep->node.link = m->session;
	ep->flow.is_session = true;
	ep->added_ms = e->now_ms;
	ep->rev.endpoint = ep;
	ep->rev.node.link = m->link;
	ep->rev.node.label = m->label_tx;
	return ep;
}

int endpoint_add(struct engine *e, const struct seam_msg *m)
{
	struct session_config cfg;
	struct link *l = engine_link(e, m->link);
	struct row *r = row_find(e, m->link, m->label);
	if (!l)
		return -ENOENT;
	if (endpoint_find(e, m->session) || (r && (r->out_id || r->endpoint)))
		return -EEXIST;
	int rc = config_of(&cfg, m);
	cfg.hub = &e->hub;
	cfg.seed = e->cfg.seed;
	if (rc < 0)
		return rc;
	struct endpoint *ep = endpoint_new(e, m);
	bool made = !r;
	if (ep)
		rc = note_set(&ep->note, m);
	if (ep && !r)
		r = row_create(e, l, m->label);
	if (!rc)
		rc = !ep || !r ? -ENOMEM : serials_take(e->cfg.serials, m->serial);
	if (!rc && !(ep->session = session_new(&cfg, e->now_ms)))
		rc = -ENOMEM;
	config_wipe(&cfg);
	if (rc < 0) {
		if (made && r)
			row_destroy(e, r);
		if (ep) {
			timer_remove(&e->timers, &ep->timer);
			note_fini(&ep->note);
			free(ep);
		}
		return rc;
	}
	ep->peer = peer_copy(m);
	e->changes++;
	r->endpoint = ep;
	ep->row = r;
	ep->link = l;
	label_insert(&e->endpoints, &ep->node);
	label_insert(&e->reverse, &ep->rev.node);
	endpoint_update(e, ep);
	return 0;
}

/* What is due at once is due at the next tick, so that a tick ends. */
static void arm(struct engine *e, struct endpoint *ep)
{
	uint64_t due = session_deadline(ep->session);
	timer_set(&e->timers, &ep->timer, due > e->now_ms ? due : e->now_ms + 1);
}

void endpoint_update(struct engine *e, struct endpoint *ep)
{
	if (ep->link && !ep->flow.active && session_wants_output(ep->session)) {
		link_flow_add(ep->link, &ep->flow);
		link_ready(e, ep->link);
	}
	if (!ep->leaving)
		arm(e, ep);
}

/* Takes the session off its link and its label. */
static void detach(struct engine *e, struct endpoint *ep)
{
	if (ep->row)
		row_destroy(e, ep->row);
	label_remove(&e->reverse, &ep->rev.node);
}

void endpoint_path_gone(struct engine *e, struct endpoint *ep, int error)
{
	detach(e, ep);
	if (ep->flow.active)
		link_flow_remove(ep->link, &ep->flow);
	ep->link = NULL;
	session_path_gone(ep->session);
	portals_end(e, ep);
	if (!ep->broken) {
		ep->broken = true;
		event_session(e, SEAM_SESSION_BROKEN, ep->node.link, error, 0);
	}
}

/* The session's number, row and channel link go now. */
static void retire(struct engine *e, struct endpoint *ep)
{
	if (ep->leaving)
		return;
	ep->leaving = true;
	portals_end(e, ep);
	detach(e, ep);
	label_remove(&e->endpoints, &ep->node);
	if (ep->channel)
		link_destroy(e, ep->channel, 0, true);
}

void endpoint_destroy(struct engine *e, struct endpoint *ep)
{
	retire(e, ep);
	if (ep->flow.active)
		link_flow_remove(ep->link, &ep->flow);
	timer_remove(&e->timers, &ep->timer);
	session_free(ep->session);
	note_fini(&ep->note);
	free(ep->peer);
	free(ep);
}

static void closed(struct engine *e, struct endpoint *ep)
{
	uint32_t id = ep->node.link;
	uint8_t code = session_close_code(ep->session);
	retire(e, ep);
	event_session(e, SEAM_SESSION_CLOSED, id, 0, code);
	if (!ep->link || !session_wants_output(ep->session)) {
		endpoint_destroy(e, ep);
		return;
	}
	endpoint_update(e, ep); /* its answer goes out, then it is gone */
	timer_set(&e->timers, &ep->timer, e->now_ms + WIRE_CLOSE_WAIT_MS);
}

/* Control hears that the session is up before it hears what came in it. */
static void tell_up(struct engine *e, struct endpoint *ep)
{
	if (ep->up_told)
		return;
	ep->up_told = true;
	event_session(e, SEAM_SESSION_UP, ep->node.link, 0, 0);
}

/* May free ep. */
static void handle_events(struct engine *e, struct endpoint *ep, unsigned ev)
{
	if (ev & SESSION_EV_UP)
		tell_up(e, ep);
	if (ev & SESSION_EV_MTU) {
		struct seam_msg m = event_of(
			SEAM_SESSION_MTU, SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_FRAME_MAX));
		m.session = ep->node.link;
		m.frame_max = session_mtu(ep->session);
		e->cfg.ops->event(e->cfg.ctx, &m);
	}
	if (ev & SESSION_EV_BROKEN && !ep->broken) {
		ep->broken = true;
		portals_end(e, ep);
		event_session(e, SEAM_SESSION_BROKEN, ep->node.link,
			session_broken_errno(ep->session), 0);
	}
	if (ev & SESSION_EV_CLOSED)
		closed(e, ep);
	else
		endpoint_update(e, ep);
}

struct sink {
	struct engine *e;
	struct endpoint *ep;
};

static void pause_sender(struct engine *e, struct endpoint *ep, bool on)
{
	ep->sender_paused = on;
	if (ep->link && ep->row)
		tx_link_u32(e, ep->link, on ? LINK_PAUSE : LINK_RESUME, ep->row->node.label);
}

static void deliver(struct engine *e, struct endpoint *ep, uint32_t message, bool more,
	const uint8_t *body, uint32_t len)
{
	struct seam_msg m =
		event_of(SEAM_MSG, SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_MESSAGE) |
					   SEAM_HAS(SEAM_A_MORE) | SEAM_HAS(SEAM_A_FRAME));
	m.session = ep->node.link;
	m.message = message;
	m.more = more;
	m.frame = body;
	m.frame_len = len;
	if (e->cfg.ops->event(e->cfg.ctx, &m))
		ep->undelivered += len;
}

static void sink_msg(void *ctx, struct session *s, uint32_t message, bool more, const uint8_t *body,
	uint32_t len)
{
	struct sink *k = ctx;
	struct endpoint *ep = k->ep;
	(void)s;
	if (ep->broken)
		return;
	tell_up(k->e, ep);
	do {
		uint32_t part = len < SEAM_BODY_MAX ? len : SEAM_BODY_MAX;
		deliver(k->e, ep, message, more || part < len, body, part);
		body += part;
		len -= part;
	} while (len);
	if (ep->undelivered >= WIRE_PAUSE_BYTES && !ep->sender_paused)
		pause_sender(k->e, ep, true);
	if (ep->undelivered > DELIVERY_MAX) {
		ep->broken = true;
		event_session(k->e, SEAM_SESSION_BROKEN, ep->node.link, -ENOBUFS, 0);
	}
}

/* Appends to the work list: the frame's own session is still in the middle of its input. */
static void sink_frame(void *ctx, struct session *s, const uint8_t *frame, uint32_t len)
{
	struct sink *k = ctx;
	struct engine *e = k->e;
	struct link *l = k->ep->channel;
	(void)s;
	if (!l || len < WIRE_HEADER || get_be16(frame + 2) != len) {
		e->stats.stage[STAGE_RX]++;
		drop(e, l, l ? DROP_SHORT : DROP_EGRESS);
		return;
	}
	uint32_t id = link_id(l), need = (uint32_t)sizeof id + len;
	struct buf *w = e->work;
	if (!w || w->cap - w->tail < need) {
		uint32_t cap = w ? 2 * w->cap : BUF_BLOCK;
		struct buf *bigger = buf_plain(cap > need ? cap : need + BUF_BLOCK);
		if (!bigger) {
			e->stats.stage[STAGE_RX]++;
			drop(e, l, DROP_MEMORY);
			return;
		}
		if (w)
			memcpy(bigger->data, w->data, w->tail);
		bigger->tail = w ? w->tail : 0;
		buf_put(w);
		e->work = w = bigger;
	}
	memcpy(w->data + w->tail, &id, sizeof id);
	memcpy(w->data + w->tail + sizeof id, frame, len);
	w->tail += need;
}

/* What became of n frames that a session was given. */
static void count_input(
	struct engine *e, const struct session *s, const struct session_counts *was, unsigned n)
{
	const struct session_counts now = session_counts(s);
	const uint64_t opened = now.opened - was->opened, replays = now.replays - was->replays,
		       forged = now.forged - was->forged, bad = now.malformed - was->malformed;
	e->stats.stage[STAGE_OPENED] += opened;
	e->stats.stage[STAGE_REPLAY] += replays;
	e->stats.stage[STAGE_FORGED] += forged;
	e->stats.stage[STAGE_MALFORMED] += bad;
	e->stats.stage[STAGE_UNWANTED] += n - opened - replays - forged - bad;
}

/* An operator hears of new keys. */
static void look_at_epochs(struct engine *e, struct endpoint *ep)
{
	uint32_t tx, rx;
	session_epochs(ep->session, &tx, &rx);
	if (tx == ep->epoch_tx && rx == ep->epoch_rx)
		return;
	ep->epoch_tx = tx;
	ep->epoch_rx = rx;
	if (!e->cfg.news.tell)
		return;
	struct admin_msg m = {0};
	admin_set_text(&m, ADMIN_A_EVENT, "rekeyed");
	admin_set(&m, ADMIN_A_SESSION, ep->node.link);
	admin_set(&m, ADMIN_A_EPOCH_TX, tx);
	admin_set(&m, ADMIN_A_EPOCH_RX, rx);
	e->cfg.news.tell(e->cfg.news.ctx, ADMIN_SESSION, &m);
}

void endpoint_input(
	struct engine *e, struct endpoint *ep, struct aead_op *ops, unsigned n, struct buf *b)
{
	struct sink k = {e, ep};
	const struct session_sink sink = {
		.ctx = &k, .buf = b, .msg = sink_msg, .frame = sink_frame};
	const struct session_counts was = session_counts(ep->session);
	unsigned ev = session_input(ep->session, ops, n, e->now_ms, &sink);
	count_input(e, ep->session, &was, n);
	look_at_epochs(e, ep);
	if (!session_unheard(ep->session))
		ep->tx_ping = 0;
	handle_events(e, ep, ev);
}

void endpoint_delivered(struct engine *e, struct endpoint *ep, size_t bytes)
{
	if (!bytes) {
		ep->untold -= ep->untold > 0;
		return;
	}
	ep->undelivered -= bytes < ep->undelivered ? bytes : ep->undelivered;
	if (ep->sender_paused && ep->undelivered <= WIRE_RESUME_BYTES)
		pause_sender(e, ep, false);
}

void endpoint_sent(struct engine *e, struct endpoint *ep)
{
	struct link *ch = ep->channel;
	if (ch && ch->blocked && session_queued(ep->session) < CHANNEL_LOW)
		engine_tx_room(e, ch);
	if (!ep->leaving)
		arm(e, ep);
	else if (!ep->flow.active)
		endpoint_destroy(e, ep);
}

/*
 * While the link is still busy with a PING, or with what is before the first one, the peer cannot have
 * answered. What leaves behind that PING proves nothing: a hop that swallows frames takes them all.
 */
static void look_at_progress(struct engine *e, struct endpoint *ep)
{
	uint64_t acked = ep->link ? link_acked(e, ep->link) : UINT64_MAX;
	if (acked > ep->tx_seen && acked < (ep->tx_ping ? ep->tx_ping : ep->tx_end))
		session_progress(ep->session, e->now_ms);
	ep->tx_seen = acked;
}

void endpoint_timer_fire(struct engine *e, struct endpoint *ep)
{
	if (ep->leaving) {
		endpoint_destroy(e, ep);
		return;
	}
	look_at_progress(e, ep);
	handle_events(e, ep, session_tick(ep->session, e->now_ms));
}

int endpoint_del(struct engine *e, struct endpoint *ep, bool say, uint8_t close)
{
	if (!say || !ep->link) {
		uint32_t id = ep->node.link;
		endpoint_destroy(e, ep);
		if (say)
			event_session(e, SEAM_SESSION_CLOSED, id, 0, close);
		return 0;
	}
	portals_end(e, ep);
	session_close(ep->session, (enum close_code)close, e->now_ms);
	endpoint_update(e, ep);
	return 0;
}

int channel_add(struct engine *e, const struct seam_msg *m)
{
	struct endpoint *ep = endpoint_find(e, m->session);
	if (!ep || !ep->link)
		return -ENOENT;
	if (ep->channel)
		return -EEXIST;
	if (ep->link->nesting >= WIRE_NESTING_MAX)
		return -ELOOP;
	struct link *l = link_create(e, m->link, (uint8_t)(ep->link->nesting + 1));
	if (!l)
		return -ENOMEM;
	l->session = ep;
	l->frame_max = (uint16_t)(session_path_max(ep->session) - WIRE_CHANNEL_LINK_OVERHEAD);
	l->peer = peer_copy(m);
	ep->channel = l;
	label_insert(&e->links, &l->node);
	return 0;
}
