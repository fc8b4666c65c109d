// SPDX-License-Identifier: Apache-2.0
#include "sim.h"

#include "sim_alloc.h"

#include "aead.h"
#include "datagram.h"
#include "engine_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A session that was installed here, and what tells that another end has the same. */
struct session_seen {
	uint32_t session;
	uint8_t role;
	uint64_t print;
};

struct sim_dp {
	struct sim *sim;
	struct sim_node *node;
	struct engine *engine;
	struct serials serials;
	uint32_t next_link;
	struct session_seen *seen;
	unsigned seen_n;
	uint32_t top_link, top_session;
	struct peer *peers;
};

/* The far end of a datagram link: our own socket, or a port that dialled us. */
struct peer {
	struct peer *next;
	struct link *l;
	struct sim_udp *own;
	uint16_t port;
};

static const struct session_seen *seen_find(const struct sim_dp *dp, uint32_t session)
{
	for (unsigned i = dp->seen_n; i--;)
		if (dp->seen[i].session == session)
			return &dp->seen[i];
	return NULL;
}

uint64_t sim_dp_session_print(const struct sim_dp *dp, uint32_t session)
{
	const struct session_seen *seen = seen_find(dp, session);
	return seen ? seen->print : 0;
}

static void to_control(struct sim_dp *dp, const struct seam_msg *m)
{
	uint8_t buf[SEAM_MSG_MAX];
	int len = seam_encode(m, buf, sizeof buf);
	if (len < 0)
		abort();
	sim_node_seam(dp->node, buf, (size_t)len);
}

static bool on_event(void *ctx, const struct seam_msg *m)
{
	struct sim_dp *dp = ctx;
	const struct session_seen *seen = m->cmd == SEAM_MSG ? seen_find(dp, m->session) : NULL;
	if (seen)
		sim_watch_delivered(dp->sim, seen->print, seen->role, m->message, m->more, m->frame,
			m->frame_len);
	to_control(ctx, m);
	return false;
}

static struct peer *peer_new(struct sim_dp *dp, struct link *l)
{
	struct peer *p = sim_alloc(sizeof *p);
	p->l = l;
	p->next = dp->peers;
	dp->peers = p;
	return p;
}

static struct peer *peer_at(struct sim_dp *dp, uint16_t port)
{
	struct peer *p = dp->peers;
	while (p && p->port != port)
		p = p->next;
	return p;
}

static void peer_drop(struct sim_dp *dp, struct peer *p)
{
	struct peer **pp = &dp->peers;
	while (*pp != p)
		pp = &(*pp)->next;
	*pp = p->next;
	if (p->own)
		sim_udp_attach(p->own, NULL);
	sim_drop(p);
}

static void *on_link_open_at(
	void *ctx, struct link *l, uint32_t listener, const struct udp_address *at, int *error)
{
	struct sim_dp *dp = ctx;
	*error = -EADDRINUSE;
	if (peer_at(dp, at->port))
		return NULL;
	struct peer *p = peer_new(dp, l);
	p->port = at->port;
	return p;
}

static int on_link_move(void *ctx, struct link *l, const struct udp_address *at)
{
	struct peer *p = link_io(l), *there = peer_at(ctx, at->port);
	if (there && there != p)
		return -EADDRINUSE;
	p->port = at->port;
	return 0;
}

/* All that a datagram link has to send. */
static int64_t send_datagrams(struct sim_dp *dp, struct peer *p, const struct iovec *iov, unsigned n)
{
	struct datagrams d = {iov, n, 0};
	struct datagram_run run;
	int64_t sent = 0;
	while (datagrams_next(&d, 1, &run)) {
		if (p->own)
			sim_udp_send(dp->sim, p->own, run.iov[0].iov_base, run.bytes);
		else
			sim_udp_send_from(dp->sim, dp->node, p->port, run.iov[0].iov_base, run.bytes);
		sent += (int64_t)run.bytes;
	}
	return sent;
}

static void *on_link_open(void *ctx, struct link *l, int fd)
{
	struct sim_dp *dp = ctx;
	if (link_is_datagram(l)) {
		struct peer *p = peer_new(dp, l);
		p->own = sim_udp_by_fd(dp->sim, fd);
		sim_udp_attach(p->own, l);
		return p;
	}
	struct sim_end *e = sim_end_by_fd(dp->sim, fd);
	sim_end_attach(e, dp, l);
	return e;
}

/* How many bytes the wire took. */
static int64_t send_pieces(struct sim_end *e, const struct iovec *iov, unsigned n)
{
	int64_t sent = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t took = sim_end_send(e, iov[i].iov_base, iov[i].iov_len);
		sent += (int64_t)took;
		if (took < iov[i].iov_len)
			break;
	}
	return sent;
}

static void on_link_close(void *ctx, struct link *l)
{
	struct sim_dp *dp = ctx;
	const struct iovec *iov;
	unsigned n = engine_tx_take(dp->engine, l, &iov, sim_now(dp->sim));
	if (link_is_datagram(l)) {
		send_datagrams(dp, link_io(l), iov, n);
		peer_drop(dp, link_io(l));
		return;
	}
	struct sim_end *e = link_io(l);
	send_pieces(e, iov, n);
	sim_end_close(e);
}

static size_t rx_window(void *ctx, struct link *l)
{
	return link_is_datagram(l) ? 0 : sim_end_window(sim_end_peer(link_io(l)));
}

static size_t tx_waiting(void *ctx, struct link *l)
{
	return link_is_datagram(l) ? 0 : sim_end_flying(link_io(l));
}

static const struct engine_ops ops = {
	.event = on_event,
	.link_open = on_link_open,
	.link_open_at = on_link_open_at,
	.link_move = on_link_move,
	.link_close = on_link_close,
	.rx_window = rx_window,
	.tx_waiting = tx_waiting,
};

struct sim_dp *sim_dp_new(struct sim *s, struct sim_node *sn, uint64_t seed)
{
	static bool ready;
	if (!ready)
		aead_init();
	ready = true;
	struct sim_dp *dp = sim_alloc(sizeof *dp);
	dp->sim = s;
	dp->node = sn;
	dp->next_link = 1;
	serials_init(&dp->serials);
	struct engine_config cfg = {
		.workers = 1,
		.seed = seed,
		.serials = &dp->serials,
		.ops = &ops,
		.ctx = dp,
	};
	dp->engine = engine_new(&cfg);
	if (!dp->engine)
		abort();
	return dp;
}

void sim_dp_free(struct sim_dp *dp)
{
	engine_free(dp->engine);
	serials_fini(&dp->serials);
	sim_drop(dp->seen);
	sim_drop(dp);
}

/* Everything that became ready leaves; then the node is asked when it wants to be called again. */
static void flush(struct sim_dp *dp)
{
	struct link *l;
	while ((l = engine_next_ready(dp->engine, sim_now(dp->sim)))) {
		const struct iovec *iov;
		unsigned n = engine_tx_take(dp->engine, l, &iov, sim_now(dp->sim));
		if (!n)
			continue;
		int64_t sent = link_is_datagram(l) ? send_datagrams(dp, link_io(l), iov, n)
						   : send_pieces(link_io(l), iov, n);
		engine_tx_done(dp->engine, l, sent ? sent : -EAGAIN, sim_now(dp->sim));
	}
	sim_wake(dp->sim, dp->node, sim_now(dp->sim));
}

static void answer_hello(struct sim_dp *dp, const struct seam_msg *m)
{
	struct seam_msg a = {
		.cmd = SEAM_HELLO,
		.seq = m->seq,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_VERSION) | SEAM_HAS(SEAM_A_WORKERS) |
		       SEAM_HAS(SEAM_A_SUITES),
		.version = SEAM_VERSION,
		.workers = 1,
		.suites = aead_suites(),
	};
	to_control(dp, &a);
}

/* The data plane has taken it. */
static void watch_command(struct sim_dp *dp, const struct seam_msg *m, uint64_t print)
{
	if (m->cmd == SEAM_SESSION_ADD) {
		dp->seen = sim_grow(dp->seen, (dp->seen_n + 1) * sizeof *dp->seen);
		dp->seen[dp->seen_n++] = (struct session_seen){m->session, m->role, print};
	} else if (m->cmd == SEAM_MSG) {
		const struct session_seen *seen = seen_find(dp, m->session);
		sim_watch_sent(dp->sim, seen->print, seen->role, m->message, m->more, m->frame,
			m->frame_len);
	}
}

void sim_dp_command(struct sim_dp *dp, const uint8_t *msg, size_t len, int fd)
{
	struct seam_msg m, answer = {.fd = -1};
	if (seam_decode(&m, msg, len, false) < 0)
		abort();
	m.fd = fd;
	uint32_t seq = m.seq;
	if (m.cmd == SEAM_LINK_ADD && m.link > dp->top_link)
		dp->top_link = m.link;
	if (m.cmd == SEAM_SESSION_ADD && m.session > dp->top_session)
		dp->top_session = m.session;
	bool want_ack = m.want_ack;
	uint64_t print = get_be64(m.exporter.b); /* wiped when it is installed */
	int rc = 0;
	if (m.cmd == SEAM_HELLO)
		answer_hello(dp, &m);
	else if (m.cmd == SEAM_DGRAM)
		sim_udp_send_from(dp->sim, dp->node, m.address.port, m.frame, m.frame_len);
	else
		rc = engine_apply(dp->engine, &m, ENGINE_LOCAL, &answer, sim_now(dp->sim));
	if (rc == 0)
		watch_command(dp, &m, print);
	if (answer.cmd) {
		answer.seq = seq;
		to_control(dp, &answer);
	}
	if (want_ack) {
		struct seam_msg ack = {.cmd = SEAM_ACK, .seq = seq, .error = rc, .fd = -1};
		to_control(dp, &ack);
	}
	flush(dp);
}

void sim_dp_highest(struct sim_dp *dp, uint64_t *serial, uint32_t *link, uint32_t *session)
{
	*serial = serials_highest(&dp->serials);
	*link = dp->top_link;
	*session = dp->top_session;
}

void sim_dp_accept(struct sim_dp *dp, struct sim_end *e, const char *peer)
{
	uint32_t id = dp->next_link;
	dp->next_link += 2;
	struct seam_msg add = {
		.cmd = SEAM_LINK_ADD,
		.fd = sim_end_fd(e),
		.has = SEAM_HAS(SEAM_A_LINK),
		.link = id,
	};
	struct seam_msg none = {.fd = -1};
	if (engine_apply(dp->engine, &add, ENGINE_LOCAL, &none, sim_now(dp->sim)) < 0)
		abort();
	struct seam_msg m = {
		.cmd = SEAM_LINK_NEW,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_PEER),
		.link = id,
		.listener = 1,
		.peer = peer,
	};
	to_control(dp, &m);
	flush(dp);
}

void sim_dp_rx(struct sim_dp *dp, void *link, const uint8_t *p, size_t n)
{
	struct buf *b = buf_plain((uint32_t)n);
	memcpy(b->data, p, n);
	engine_rx(dp->engine, link, b, b->data, n, sim_now(dp->sim));
	buf_put(b);
	flush(dp);
	assert(stats_missing(engine_stats(dp->engine)) == 0);
}

void sim_dp_datagrams(struct sim_dp *dp, void *link, const uint8_t *p, size_t n)
{
	struct buf *b = buf_plain((uint32_t)n);
	memcpy(b->data, p, n);
	engine_rx_datagrams(dp->engine, link, b, b->data, n, n, sim_now(dp->sim));
	buf_put(b);
	flush(dp);
}

void sim_dp_datagram(struct sim_dp *dp, uint16_t from, const uint8_t *p, size_t n)
{
	struct peer *peer = peer_at(dp, from);
	bool hello = n >= WIRE_UDP_HELLO_MIN && (p[0] & 15) == WIRE_LINK && p[1] == LINK_HELLO;
	if (peer && !hello) {
		sim_dp_datagrams(dp, peer->l, p, n);
	} else if (hello) {
		struct seam_msg m = {
			.cmd = SEAM_DGRAM,
			.fd = -1,
			.has = SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_ADDRESS) | SEAM_HAS(SEAM_A_FRAME),
			.listener = 1,
			.address = sim_udp_address(from),
			.frame = p,
			.frame_len = (uint32_t)n,
		};
		to_control(dp, &m);
	}
}

void sim_dp_room(struct sim_dp *dp, void *link)
{
	engine_tx_room(dp->engine, link);
	flush(dp);
}

void sim_dp_eof(struct sim_dp *dp, void *link)
{
	engine_link_gone(dp->engine, link, 0, sim_now(dp->sim));
	flush(dp);
}

void sim_dp_tick(struct sim_dp *dp)
{
	engine_tick(dp->engine, sim_now(dp->sim));
	flush(dp);
	assert(stats_missing(engine_stats(dp->engine)) == 0);
}

uint64_t sim_dp_deadline(const struct sim_dp *dp)
{
	return engine_deadline(dp->engine);
}

/* Invariant: nothing is left in the tables of the data plane when all is closed. */
bool sim_dp_bare(struct sim_dp *dp, char *why, size_t len)
{
	const struct engine *e = dp->engine;
	snprintf(why, len,
		"data plane: %zu links, %zu rows, %zu reverse, %zu sessions, %zu backlogs, %zu "
		"timers, "
		"%zu bytes of buffers, %u of work",
		e->links.used, e->rows.used, e->reverse.used, e->endpoints.used, e->backlogs.used,
		e->timers.n, e->pool.out, e->work ? e->work->tail : 0);
	return !e->links.used && !e->rows.used && !e->reverse.used && !e->endpoints.used &&
	       !e->backlogs.used && !e->timers.n && !e->pool.out && !(e->work && e->work->tail);
}
