// SPDX-License-Identifier: Apache-2.0
#include "engine_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { PINNED_MAX = 8 << 20 }; /* of other workers' receive buffers, by links that are blocked */

struct seam_msg event_of(uint16_t cmd, uint64_t has)
{
	struct seam_msg m;
	memset(&m, 0, sizeof m);
	m.cmd = cmd;
	m.has = has;
	m.fd = -1;
	return m;
}

void event_link(struct engine *e, uint16_t cmd, uint32_t link, int error)
{
	struct seam_msg m = event_of(cmd, SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_ERROR));
	m.link = link;
	m.error = error;
	e->cfg.ops->event(e->cfg.ctx, &m);
}

void event_session(struct engine *e, uint16_t cmd, uint32_t session, int error, uint8_t close)
{
	struct seam_msg m = event_of(cmd, SEAM_HAS(SEAM_A_SESSION));
	m.session = session;
	if (cmd == SEAM_SESSION_BROKEN)
		m.has |= SEAM_HAS(SEAM_A_ERROR);
	if (cmd == SEAM_SESSION_CLOSED)
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
	m.error = error;
	m.close = close;
	e->cfg.ops->event(e->cfg.ctx, &m);
}

void event_label(struct engine *e, uint16_t cmd, uint32_t link, uint32_t label, uint8_t code)
{
	struct seam_msg m = event_of(cmd, SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL));
	if (cmd == SEAM_LABEL_LOST)
		m.has |= SEAM_HAS(SEAM_A_CODE);
	m.link = link;
	m.label = label;
	m.code = code;
	e->cfg.ops->event(e->cfg.ctx, &m);
}

void event_frame(struct engine *e, struct link *l, const uint8_t *frame, uint32_t len)
{
	struct seam_msg m = event_of(SEAM_FRAME, SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME));
	m.link = link_id(l);
	m.frame = frame;
	m.frame_len = len;
	e->cfg.ops->event(e->cfg.ctx, &m);
}

void drops(struct engine *e, struct link *l, enum drop_reason why, uint64_t frames)
{
	e->stats.drops[why] += frames;
	if (l)
		l->dropped += frames;
}

void drop(struct engine *e, struct link *l, enum drop_reason why)
{
	drops(e, l, why, 1);
}

void engine_drop_strange(struct engine *e, enum drop_reason why)
{
	e->stats.stage[STAGE_RX]++;
	drop(e, NULL, why);
}

void engine_unsent(struct engine *e, struct link *l, enum drop_reason why, unsigned frames)
{
	e->stats.unsent[why] += frames;
	l->dropped += frames;
}

void engine_mail_drop(const struct engine_mail *m)
{
	if (m->kind == MAIL_FRAMES)
		buf_put(m->frames);
	else if ((m->kind == MAIL_THROUGH || m->kind == MAIL_RELEASE) && m->conduit)
		m->conduit->put(m->conduit, m->kind == MAIL_THROUGH ? CONDUIT_SPOIL : 0);
}

void mail_all(struct engine *e, const struct engine_mail *m)
{
	for (unsigned w = 0; w < e->cfg.workers; w++)
		if (w != e->cfg.worker)
			e->cfg.ops->post(e->cfg.ctx, w, m);
}

struct engine *engine_new(const struct engine_config *cfg)
{
	struct engine *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->cfg = *cfg;
	if (!e->cfg.queue_max)
		e->cfg.queue_max = (size_t)WIRE_QUEUE_NODE_MAX / cfg->workers;
	if (!e->cfg.held_max)
		e->cfg.held_max = (size_t)WIRE_QUEUE_NODE_MAX / cfg->workers;
	bufpool_init(&e->pool);
	bufpool_init(&e->ctl_pool);
	bufpool_init(&e->partial_pool);
	e->partials_tail = &e->partials;
	bufpool_init_of(&e->app_pool, STREAM_BLOCK, STREAM_SPARE_BLOCKS);
	stream_hub_init(&e->hub, &e->app_pool, e->cfg.held_max, e->cfg.held_max);
	e->hub.collects = cfg->collects;
	e->limits = cfg->allowances ? allowances_limits(cfg->allowances) : NULL;
	if (cfg->streams_max)
		e->hub.streams_max = cfg->streams_max;
	e->ready_tail = &e->ready;
	if (crowd_init(&e->partials_of, PARTIALS_MAX, PARTIALS_MAX) < 0) {
		engine_free(e);
		return NULL;
	}
	struct label_table *tables[] = {&e->links, &e->rows, &e->reverse, &e->egresses, &e->held,
		&e->endpoints, &e->backlogs, &e->origins};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (label_table_init(tables[i], cfg->seed + i) < 0) {
			engine_free(e);
			return NULL;
		}
	return e;
}

/* An op that says nothing, for when nobody wants to hear any more. */
static bool no_event(void *ctx, const struct seam_msg *m)
{
	(void)ctx;
	(void)m;
	return false;
}

static void no_post(void *ctx, unsigned worker, const struct engine_mail *m)
{
	(void)ctx;
	(void)worker;
	engine_mail_drop(m);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	struct engine_ops quiet = *e->cfg.ops;
	quiet.event = no_event;
	quiet.post = no_post;
	e->cfg.news.tell = NULL;
	e->cfg.ops = &quiet;
	struct label_node *n;
	while (e->endpoints.slots && (n = label_each(&e->endpoints, &(struct label_iter){0})))
		endpoint_destroy(e, LABEL_ENTRY(n, struct endpoint, node));
	while (e->links.slots && (n = label_each(&e->links, &(struct label_iter){0})))
		link_destroy(e, LABEL_ENTRY(n, struct link, node), 0, false);
	for (struct stream *s; (s = stream_next_news(&e->hub));) /* those that no app serves */
		stream_free(s);
	buf_put(e->work);
	label_table_fini(&e->links);
	label_table_fini(&e->rows);
	label_table_fini(&e->reverse);
	label_table_fini(&e->egresses);
	label_table_fini(&e->held);
	label_table_fini(&e->endpoints);
	label_table_fini(&e->backlogs);
	label_table_fini(&e->origins);
	timers_fini(&e->timers);
	bufpool_fini(&e->pool);
	bufpool_fini(&e->ctl_pool);
	bufpool_fini(&e->partial_pool);
	crowd_fini(&e->partials_of);
	bufpool_fini(&e->app_pool);
	free(e);
}

struct link *engine_link(const struct engine *e, uint32_t id)
{
	struct label_node *n = label_find(&e->links, id, 0);
	return n ? LABEL_ENTRY(n, struct link, node) : NULL;
}

const struct stats *engine_stats(const struct engine *e)
{
	return &e->stats;
}

struct link *link_create(struct engine *e, uint32_t id, uint8_t nesting)
{
	struct link *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	if (timer_add(&e->timers, &l->timer, TIMER_LINK) < 0) {
		free(l);
		return NULL;
	}
	l->node.link = id;
	l->nesting = nesting;
	l->frame_max = WIRE_PATH_MIN;
	l->held_tail = &l->held;
	l->last_rx_ms = e->now_ms;
	if (e->cfg.allowances)
		l->allowance = allowance_join(e->cfg.allowances, 0);
	return l;
}

char *peer_copy(const struct seam_msg *m)
{
	return m->has & SEAM_HAS(SEAM_A_PEER) ? strndup(m->peer, ADMIN_TEXT_MAX - 1) : NULL;
}

void link_tenant_leave(struct engine *e, struct link *l)
{
	if (l->allowance)
		allowance_leave(e->cfg.allowances, l->allowance);
	l->allowance = NULL;
}

void link_tenant_set(struct engine *e, struct link *l, uint64_t tenant)
{
	if (!e->cfg.allowances)
		return;
	link_tenant_leave(e, l);
	l->allowance = allowance_join(e->cfg.allowances, tenant);
}

void link_partial_begin(struct engine *e, struct link *l, struct buf *b)
{
	l->partial = b;
	l->partial_len = 0;
	l->partial_since_ms = e->now_ms;
	l->partial_next = NULL;
	l->partial_back = e->partials_tail;
	*e->partials_tail = l;
	e->partials_tail = &l->partial_next;
	crowd_enter(&e->partials_of, l->origin ? &l->origin->partials : &l->partial_alone,
		&l->partial_item);
	timer_nearer(&e->timers, &l->timer, e->now_ms + WIRE_FRAME_TIMEOUT_MS);
}

struct buf *link_partial_take(struct engine *e, struct link *l)
{
	struct buf *b = l->partial;
	if (!b)
		return NULL;
	*l->partial_back = l->partial_next;
	if (l->partial_next)
		l->partial_next->partial_back = l->partial_back;
	else
		e->partials_tail = l->partial_back;
	l->partial = NULL;
	crowd_leave(&e->partials_of, &l->partial_item);
	return b;
}

/* Sessions that send by it stay, broken, until control deletes them. */
static void endpoints_link_gone(struct engine *e, struct link *l, int error)
{
	struct label_iter it = {0};
	for (struct label_node *n; (n = label_each(&e->endpoints, &it));) {
		struct endpoint *ep = LABEL_ENTRY(n, struct endpoint, node);
		if (ep->link == l)
			endpoint_path_gone(e, ep, error ? error : -ENOTCONN);
	}
	while (l->first && l->first->is_session) /* what is left of them is leaving */
		endpoint_destroy(e, LABEL_ENTRY(l->first, struct endpoint, flow));
}

void link_destroy(struct engine *e, struct link *l, int error, bool told)
{
	uint32_t id = link_id(l);
	if (l->closing)
		return;
	if (l->datagram && l->up && error != -ETIMEDOUT)
		datagram_bye(e, l);
	l->closing = true;
	if (l->session)
		l->session->channel = NULL;
	else
		e->cfg.ops->link_close(e->cfg.ctx, l);
	label_remove(&e->links, &l->node);
	tx_link_gone(e, l);
	endpoints_link_gone(e, l, error);
	while (l->rows)
		row_destroy(e, l->rows);
	rows_link_gone(e, id);
	if (l->datagram && e->cfg.ops->way_gone)
		e->cfg.ops->way_gone(e->cfg.ctx, id);
	struct engine_mail m = {.kind = MAIL_LINK_GONE, .link = id};
	mail_all(e, &m);
	if (told)
		event_link(e, SEAM_LINK_LOST, id, error);
	timer_remove(&e->timers, &l->timer);
	buf_put(link_partial_take(e, l));
	held_link_gone(e, l);
	origin_leave(e, l);
	link_tenant_leave(e, l);
	note_fini(&l->note);
	free(l->peer);
	free(l);
}

void link_look_at_window(struct engine *e, struct link *l)
{
	size_t w = l->session || !e->cfg.ops->rx_window ? 0 : e->cfg.ops->rx_window(e->cfg.ctx, l);
	if (w > l->rx_window)
		l->rx_window = w;
}

uint64_t link_acked(struct engine *e, struct link *l)
{
	if (l->session || !e->cfg.ops->tx_waiting)
		return UINT64_MAX;
	size_t waiting = e->cfg.ops->tx_waiting(e->cfg.ctx, l);
	return waiting < l->bytes_tx ? l->bytes_tx - waiting : 0;
}

void engine_link_gone(struct engine *e, struct link *l, int error, uint64_t now_ms)
{
	e->now_ms = now_ms;
	link_destroy(e, l, error, true);
}

static void send_ping(struct engine *e, struct link *l)
{
	uint8_t f[WIRE_HEADER + 8];
	frame_header_encode(f, WIRE_LINK, LINK_PING, sizeof f, 0, 0);
	put_be64(f + WIRE_HEADER, e->now_ms);
	tx_ctl(e, l, f, sizeof f);
	if (!l->pings++)
		l->ping_ms = e->now_ms;
}

/* An incomplete frame must end; a link that is up must say something now and then. */
void link_timer_fire(struct engine *e, struct link *l)
{
	uint64_t now = e->now_ms, next = UINT64_MAX;
	if (l->datagram) {
		datagram_timer_fire(e, l);
		return;
	}
	if (l->partial || l->kept || l->passes) {
		next = l->partial_since_ms + WIRE_FRAME_TIMEOUT_MS;
		if (next <= now) {
			link_destroy(e, l, -ETIMEDOUT, true);
			return;
		}
	}
	if (l->up && !l->session) {
		const uint64_t step = WIRE_LINK_LOST_MS / LINK_PINGS;
		uint64_t due = !l->pings ? l->last_rx_ms + WIRE_LINK_PING_MS
					 : l->ping_ms + l->pings * step;
		if (due <= now && l->pings >= LINK_PINGS) {
			link_destroy(e, l, -ETIMEDOUT, true);
			return;
		}
		if (due <= now && !l->blocked)
			send_ping(e, l);
		if (due <= now)
			due = now + step;
		next = due < next ? due : next;
	}
	timer_set(&e->timers, &l->timer, next);
}

uint64_t engine_deadline(const struct engine *e)
{
	return timers_deadline(&e->timers);
}

void engine_tick(struct engine *e, uint64_t now_ms)
{
	e->now_ms = now_ms;
	for (struct timer *t; (t = timer_first(&e->timers, now_ms));) {
		if (t->kind == TIMER_LINK)
			link_timer_fire(e, LABEL_ENTRY(t, struct link, timer));
		else
			endpoint_timer_fire(e, LABEL_ENTRY(t, struct endpoint, timer));
	}
}

static unsigned frames_in(const uint8_t *p, uint32_t len)
{
	unsigned n = 0;
	for (uint32_t off = 0; off < len; off += get_be16(p + off + 2))
		n++;
	return n;
}

static void mail_frames(struct engine *e, const struct engine_mail *m)
{
	struct link *l = engine_link(e, m->link);
	uint8_t *f = m->at;
	uint32_t run = 0, n = 0, lost = 0;
	e->mail_window = m->window;
	e->mail_from = m->from;
	buf_arrive(m->frames, &e->pinned);
	for (uint32_t len; run < m->len; run += len, n++) {
		len = get_be16(f + run + 2);
		if (!l || !l->up) {
			lost = frames_in(f + run, m->len - run);
			drops(e, l, DROP_EGRESS, lost);
			break;
		}
		if (len > l->frame_max) { /* what is in front of it has gone by then */
			lost = frames_in(f + run, m->len - run);
			drops(e, l, DROP_TOO_BIG, lost);
			if (!l->datagram)
				row_reset(e, m->from_worker, m->from_link, m->label, RESET_OVERRUN);
			break;
		}
	}
	e->stats.stage[STAGE_MAIL_IN] += n + lost;
	if (run)
		tx_run(e, l, m->from_worker, m->from_link, m->frames, f, run, n);
	buf_put(m->frames);
	if (m->from)
		allowance_leave(e->cfg.allowances, m->from);
	if (e->pinned > PINNED_MAX)
		engine_unpin(e, e->now_ms);
	struct engine_mail done = {
		.kind = MAIL_FRAMES_DONE, .link = m->from_link, .label = m->label, .len = m->len};
	e->cfg.ops->post(e->cfg.ctx, m->from_worker, &done);
}

void engine_mail(struct engine *e, const struct engine_mail *m, uint64_t now_ms)
{
	e->now_ms = now_ms;
	switch (m->kind) {
	case MAIL_FRAMES:
		mail_frames(e, m);
		break;
	case MAIL_FRAMES_DONE:
		row_mail_done(e, m->link, m->label, m->len);
		break;
	case MAIL_ROW_PAUSE:
		row_pause(e, e->cfg.worker, m->link, m->label, m->next, m->on);
		break;
	case MAIL_ROW_LOST:
		row_reset(e, e->cfg.worker, m->link, m->label, m->code);
		break;
	case MAIL_EGRESS_PAUSE:
		egress_pause(e, m->link, m->label, m->on);
		break;
	case MAIL_LINK_GONE:
		rows_link_gone(e, m->link);
		break;
	case MAIL_THROUGH:
		mail_through(e, m);
		break;
	case MAIL_RELEASE:
		mail_release(e, m);
		break;
	}
}

void engine_delivered(struct engine *e, uint32_t session, size_t bytes, uint64_t now_ms)
{
	e->now_ms = now_ms;
	struct endpoint *ep = endpoint_find(e, session);
	if (ep)
		endpoint_delivered(e, ep, bytes);
}
