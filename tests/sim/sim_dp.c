// SPDX-License-Identifier: Apache-2.0
#include "sim.h"

#include "aead.h"
#include "engine.h"

#include <stdlib.h>
#include <string.h>

struct sim_dp {
	struct sim *sim;
	struct sim_node *node;
	struct engine *engine;
	struct serials serials;
	uint32_t next_link;
};

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
	to_control(ctx, m);
	return false;
}

static void *on_link_open(void *ctx, struct link *l, int fd)
{
	struct sim_dp *dp = ctx;
	struct sim_end *e = sim_end_by_fd(dp->sim, fd);
	sim_end_attach(e, dp, l);
	return e;
}

static void send_pieces(struct sim_end *e, const struct iovec *iov, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sim_end_send(e, iov[i].iov_base, iov[i].iov_len);
}

static void on_link_close(void *ctx, struct link *l)
{
	struct sim_dp *dp = ctx;
	struct sim_end *e = link_io(l);
	const struct iovec *iov;
	unsigned n = engine_tx_take(dp->engine, l, &iov, sim_now(dp->sim));
	send_pieces(e, iov, n);
	sim_end_close(e);
}

static const struct engine_ops ops = {
	.event = on_event,
	.link_open = on_link_open,
	.link_close = on_link_close,
};

struct sim_dp *sim_dp_new(struct sim *s, struct sim_node *sn, uint64_t seed)
{
	static bool ready;
	if (!ready)
		aead_init();
	ready = true;
	struct sim_dp *dp = calloc(1, sizeof *dp);
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
	free(dp);
}

/* Everything that became ready leaves; then the node is asked when it wants to be called again. */
static void flush(struct sim_dp *dp)
{
	struct link *l;
	while ((l = engine_next_ready(dp->engine, sim_now(dp->sim)))) {
		const struct iovec *iov;
		int64_t sent = 0;
		unsigned n = engine_tx_take(dp->engine, l, &iov, sim_now(dp->sim));
		if (!n)
			continue;
		for (unsigned i = 0; i < n; i++)
			sent += (int64_t)iov[i].iov_len;
		send_pieces(link_io(l), iov, n);
		engine_tx_done(dp->engine, l, sent, sim_now(dp->sim));
	}
	sim_wake(dp->sim, dp->node, sim_now(dp->sim));
}

static void answer_hello(struct sim_dp *dp, const struct seam_msg *m)
{
	struct seam_msg a = {
		.cmd = SEAM_HELLO,
		.seq = m->seq,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_VERSION) | SEAM_HAS(SEAM_A_WORKERS) | SEAM_HAS(SEAM_A_SUITES),
		.version = SEAM_VERSION,
		.workers = 1,
		.suites = aead_suites(),
	};
	to_control(dp, &a);
}

void sim_dp_command(struct sim_dp *dp, const uint8_t *msg, size_t len, int fd)
{
	struct seam_msg m, answer = {.fd = -1};
	if (seam_decode(&m, msg, len, false) < 0)
		abort();
	m.fd = fd;
	uint32_t seq = m.seq;
	bool want_ack = m.want_ack;
	int rc = 0;
	if (m.cmd == SEAM_HELLO)
		answer_hello(dp, &m);
	else
		rc = engine_apply(dp->engine, &m, ENGINE_LOCAL, &answer, sim_now(dp->sim));
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
}

uint64_t sim_dp_deadline(const struct sim_dp *dp)
{
	return engine_deadline(dp->engine);
}
