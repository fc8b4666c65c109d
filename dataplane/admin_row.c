// SPDX-License-Identifier: Apache-2.0
#include "admin_row.h"

#include "ledger.h"
#include "session_state.h"

#include <stdio.h>

#define N(name, value) admin_set(m, ADMIN_A_##name, (uint64_t)(value))
#define S(name, value) admin_set_text(m, ADMIN_A_##name, (value))

static void row_init(struct admin_msg *m, const struct engine *e)
{
	*m = (struct admin_msg){0};
	N(WORKER, e->cfg.worker);
}

static uint64_t sum(const uint64_t *v, unsigned n)
{
	uint64_t all = 0;
	while (n)
		all += v[--n];
	return all;
}

void admin_row_worker(struct admin_msg *m, const struct engine *e, unsigned ring_entries)
{
	const uint64_t *stage = e->stats.stage;
	row_init(m, e);
	N(LINKS, e->links.used);
	N(SESSIONS, e->endpoints.used);
	N(LABELS, e->rows.used);
	N(STREAMS, e->hub.count);
	N(FRAMES_RX, stage[STAGE_RX]);
	N(FRAMES_TX, stage[STAGE_FORWARDED] + stage[STAGE_SEALED] + stage[STAGE_OWN]);
	N(DROPPED, sum(e->stats.drops, DROP_REASONS));
	N(QUEUED, e->pool.out);
	N(RING, ring_entries);
	S(VERSION, OCKAM_VERSION);
}

/* What waits to leave by a link. */
static size_t link_queued(const struct link *l)
{
	size_t n = l->tx_bytes + l->ctl.bytes;
	for (struct flow *f = l->first; f; f = f->next)
		if (!f->is_session)
			n += LABEL_ENTRY(f, struct backlog, flow)->q.bytes;
	return n;
}

static const char *link_transport(const struct link *l)
{
	if (l->session)
		return "channel";
	if (l->datagram)
		return "udp";
	return l->peer && (!strncmp(l->peer, "unix", 4) || l->peer[0] == '/') ? "unix" : "tcp";
}

void admin_row_link(struct admin_msg *m, const struct engine *e, const struct link *l)
{
	unsigned labels = 0;
	row_init(m, e);
	for (const struct row *r = l->rows; r; r = r->in_next)
		labels++;
	N(LINK, l->node.link);
	S(TRANSPORT, link_transport(l));
	S(STATE, l->up ? "up" : "down");
	if (l->peer)
		S(PEER, l->peer);
	if (l->session) {
		N(SESSION, l->session->node.link);
		N(NESTING, l->nesting);
	}
	N(FRAME_MAX, l->frame_max);
	N(LABELS, labels);
	N(FRAMES_RX, l->frames_rx);
	N(FRAMES_TX, l->frames_tx);
	N(BYTES_RX, l->bytes_rx);
	N(BYTES_TX, l->bytes_tx);
	N(DROPPED, l->dropped);
	N(USELESS, l->useless);
	N(QUEUED, link_queued(l));
	N(BLOCKED, l->blocked);
	N(IDLE_MS, e->now_ms - l->last_rx_ms);
}

static const char *session_state(const struct endpoint *ep)
{
	static const char *const names[] = {
		[SESSION_OPEN] = "established",
		[SESSION_CLOSING] = "closing",
		[SESSION_PARTING] = "closing",
		[SESSION_ENDED] = "ended",
		[SESSION_BROKEN] = "broken",
	};
	const struct session *s = ep->session;
	return ep->broken			    ? "broken"
	       : s->refusing			    ? "refusing"
	       : s->state == SESSION_OPEN && !s->up ? "opening"
						    : names[s->state];
}

static void session_counters(struct admin_msg *m, const struct session *s)
{
	N(EPOCH_TX, s->tx.epoch);
	N(EPOCH_RX, s->rx.epoch);
	N(FRAMES_RX, s->frames_rx);
	N(FRAMES_TX, s->frames_tx);
	N(BYTES_RX, s->bytes_rx);
	N(BYTES_TX, s->bytes_tx);
	N(REPLAYS, s->replays);
	N(FORGED, s->auth_failures);
	N(MALFORMED, s->dropped);
}

void admin_row_session(struct admin_msg *m, const struct engine *e, const struct endpoint *ep)
{
	const struct session *s = ep->session;
	unsigned portals = 0;
	row_init(m, e);
	for (const struct portal *p = ep->portals; p; p = portal_next(p))
		portals++;
	N(SESSION, ep->node.link);
	if (ep->link)
		N(LINK, ep->link->node.link);
	S(ROLE, s->role == SEAM_INITIATOR ? "initiator" : "responder");
	S(SUITE, s->tx.aead->suite == SUITE_AESGCM ? "aes256-gcm" : "chacha20-poly1305");
	S(STATE, session_state(ep));
	if (ep->peer)
		S(PEER, ep->peer);
	N(LABEL, s->label_rx);
	N(LABEL_TX, s->label_tx);
	N(FRAME_MAX, s->mtu.now);
	N(STREAMS, s->streams.own + s->streams.peers);
	N(PORTALS, portals);
	if (s->live.rtt_known)
		N(RTT_US, s->live.rtt_us < UINT32_MAX ? s->live.rtt_us : UINT32_MAX);
	session_counters(m, s);
	N(QUEUED, session_queued(s));
	N(UNDELIVERED, ep->undelivered);
	N(PAUSED, s->live.paused);
	N(AGE_MS, e->now_ms - ep->added_ms);
}

static const char *label_state(const struct row *r)
{
	if (r->endpoint)
		return "session";
	if (!r->out_id)
		return "half-open";
	if (!r->out && r->out_worker == ENGINE_LOCAL)
		return "no way out";
	return r->used ? "used" : "installed";
}

/* Between datagram links: the kernel's way, or why not. */
static void label_kernel(struct admin_msg *m, const struct engine *e, const struct row *r)
{
	static _Thread_local char why[ADMIN_TEXT_MAX]; /* until the next row */
	const uint32_t link = r->node.link, label = r->node.label;
	struct passed p;
	bool served = false;
	snprintf(why, sizeof why, "this data plane has no way in the kernel");
	if (e->cfg.ops->row_served)
		served = e->cfg.ops->row_served(e->cfg.ctx, link, label, why, sizeof why);
	S(PATH, served ? "tc" : "uring");
	S(WHY, served ? "the kernel forwards it: nothing costs less" : why);
	if (e->cfg.ops->row_passed && e->cfg.ops->row_passed(e->cfg.ctx, link, label, &p)) {
		N(FRAMES_RX, p.frames);
		N(BYTES_RX, p.bytes);
	}
}

enum { SPLICED_MS = 5000 }; /* so long a path counts as one whose frames pass uncopied */

static bool is_spliced(const struct engine *e, const struct row *r)
{
	return r->through_ms && e->now_ms < r->through_ms + SPLICED_MS;
}

/* Which way frames with this label take, and why none that costs less. */
static void label_path(struct admin_msg *m, const struct engine *e, const struct row *r)
{
	const struct link *in = engine_link(e, r->node.link), *out = r->out;
	if (r->endpoint) {
		S(PATH, "session");
		S(WHY, "its frames are opened here");
	} else if (!r->out_id) {
		S(PATH, "control");
		S(WHY, "a handshake is under way");
	} else if (is_spliced(e, r)) {
		S(PATH, "splice");
		S(WHY, "it is bulk: large frames pass without being copied");
	} else if (r->out_worker != ENGINE_LOCAL) {
		S(PATH, "workers");
		S(WHY, "its links belong to two workers");
	} else if (out && ((in && in->session) || out->session)) {
		S(PATH, "channel");
		S(WHY, "one of its links is a channel of this node");
	} else if (out && in && in->datagram && out->datagram) {
		label_kernel(m, e, r);
	} else if (out) {
		S(PATH, "uring");
		S(WHY, "no bulk came by it of late, which would pass by splice");
	}
}

void admin_row_label(struct admin_msg *m, const struct engine *e, const struct row *r)
{
	const struct label_node *n = label_find(&e->backlogs, r->node.link, r->node.label);
	row_init(m, e);
	N(LINK, r->node.link);
	N(LABEL, r->node.label);
	S(STATE, label_state(r));
	if (r->out_id)
		N(EGRESS, r->out_id);
	if (r->other)
		N(LABEL_TX, r->other);
	if (r->endpoint)
		N(SESSION, r->endpoint->node.link);
	label_path(m, e, r);
	N(QUEUED, r->in_mail + (n ? LABEL_ENTRY(n, struct backlog, node)->q.bytes : 0));
	N(PAUSED, r->paused_here || r->paused_next || r->paused_mail);
	N(IDLE_MS, e->now_ms - r->last_ms);
}

void admin_row_stream(struct admin_msg *m, const struct engine *e, const struct stream *s)
{
	static const char *const states[] = {
		[STREAM_OPENING] = "opening",
		[STREAM_ASKED] = "asked",
		[STREAM_OPEN] = "established",
		[STREAM_LEAVING] = "leaving",
		[STREAM_ENDED] = "ended",
	};
	row_init(m, e);
	N(SESSION, s->session);
	N(STREAM, s->node.link);
	if (s->portal)
		N(PORTAL, s->portal);
	if (s->name[0])
		S(SERVICE, s->name);
	S(STATE, states[s->state]);
	N(BYTES_RX, s->delivered);
	N(BYTES_TX, s->tx_next - s->fin_sent);
	N(QUEUED, s->held.bytes + (s->tx_queued - s->tx_next));
	N(WINDOW, s->rx.window);
	N(PAUSED, s->full);
}

void admin_row_portal(struct admin_msg *m, const struct engine *e, const struct endpoint *ep,
	const struct portal *p, struct ledger *ledger)
{
	const struct ledger_sum all = ledger_sum(ledger, portal_number(p), NULL);
	row_init(m, e);
	N(SESSION, ep->node.link);
	N(PORTAL, portal_number(p));
	S(SERVICE, portal_service(p));
	N(STREAMS, all.open);
	N(BYTES_RX, all.rx);
	N(BYTES_TX, all.tx);
}

static const char *stage_group(enum stage s)
{
	return s < STAGE_LINK	     ? "in"
	       : s < STAGE_FORWARDED ? "used"
	       : s < STAGE_SEALED    ? "on"
				     : "made";
}

bool admin_row_counter(struct admin_msg *m, const struct engine *e, unsigned i)
{
	row_init(m, e);
	if (i < STAGES) {
		S(STAGE, stage_group((enum stage)i));
		S(NAME, stage_name((enum stage)i));
		N(VALUE, e->stats.stage[i]);
		return true;
	}
	i -= STAGES;
	if (i >= 2 * DROP_REASONS)
		return false;
	const bool unsent = i >= DROP_REASONS;
	i -= unsent ? DROP_REASONS : 0;
	S(STAGE, unsent ? "unsent" : "dropped");
	S(NAME, drop_reason_name((enum drop_reason)i));
	N(VALUE, unsent ? e->stats.unsent[i] : e->stats.drops[i]);
	return true;
}

bool admin_row_limit(struct admin_msg *m, const struct engine *e, unsigned i)
{
	const unsigned workers = e->cfg.workers ? e->cfg.workers : 1;
	const uint64_t *drops = e->stats.drops;
	const struct {
		const char *name;
		uint64_t value, max, hits;
	} limits[] = {
		{"path queues", e->pool.out, e->cfg.queue_max, drops[DROP_QUEUE]},
		{"control queues", e->ctl_pool.out, CTL_NODE_MAX / workers,
			e->stats.unsent[DROP_QUEUE]},
		{"incomplete frames", e->partial_pool.out, PARTIAL_NODE_MAX / workers, 0},
		{"held for applications", e->hub.held, e->hub.held_max, 0},
		{"stream windows", e->hub.given + e->hub.tuned, e->hub.grown_max, 0},
		{"paused labels", e->held.used, HELD_NODE_MAX / workers, drops[DROP_PAUSE]},
		{"frames for control", e->stats.stage[STAGE_CONTROL], 0, drops[DROP_RATE]},
	};
	row_init(m, e);
	if (i >= sizeof limits / sizeof *limits)
		return false;
	S(NAME, limits[i].name);
	N(VALUE, limits[i].value);
	if (limits[i].max)
		N(MAX, limits[i].max);
	N(HITS, limits[i].hits);
	return true;
}
