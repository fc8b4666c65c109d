// SPDX-License-Identifier: Apache-2.0
#include "sim.h"

#include "channel.h"
#include "listener.h"
#include "path.h"
#include "path_key.h"
#include "relay.h"
#include "seam_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

struct sim_node {
	struct sim *sim;
	char name[32];
	unsigned home;
	uint16_t port;
	struct handshake_keys keys;
	struct node *node; /* NULL: killed */
	struct sim_dp *dp;
	unsigned life; /* what was on its way to an earlier life is dropped */
	int64_t clock_s;
};

static uint64_t unix_of(const struct sim_node *sn)
{
	return (uint64_t)((int64_t)(1800000000 + sim_now(sn->sim) / 1000) + sn->clock_s);
}

static void enter(struct sim_node *sn)
{
	node_enter(sn->node, sim_now(sn->sim), unix_of(sn));
}

static void wake_soon(struct sim_node *sn)
{
	uint64_t a = node_deadline(sn->node), b = sim_dp_deadline(sn->dp);
	sim_wake(sn->sim, sn, a < b ? a : b);
}

struct parcel {
	unsigned life;
	bool to_control;
	int fd;
	size_t len;
	uint8_t msg[];
};

static void seam_arrives(void *a, void *b)
{
	struct sim_node *sn = a;
	struct parcel *p = b;
	if (sn->node && p->life == sn->life) {
		enter(sn);
		if (p->to_control)
			seam_input(sn->node, p->msg, p->len);
		else
			sim_dp_command(sn->dp, p->msg, p->len, p->fd);
		if (sn->node)
			wake_soon(sn);
	}
	free(p);
}

static struct parcel *parcel_new(const struct sim_node *sn, const void *msg, size_t len, bool to_control)
{
	struct parcel *p = calloc(1, sizeof *p + len);
	p->life = sn->life;
	p->to_control = to_control;
	p->fd = -1;
	p->len = len;
	memcpy(p->msg, msg, len);
	return p;
}

void sim_node_seam(struct sim_node *sn, const uint8_t *msg, size_t len)
{
	sim_at(sn->sim, sim_now(sn->sim), seam_arrives, sn, parcel_new(sn, msg, len, true));
}

static int io_seam_send(void *ctx, const struct seam_msg *m)
{
	struct sim_node *sn = ctx;
	uint8_t buf[SEAM_MSG_MAX];
	int len = seam_encode(m, buf, sizeof buf);
	if (len < 0)
		return len;
	struct parcel *p = parcel_new(sn, buf, (size_t)len, false);
	p->fd = m->fd;
	sim_at(sn->sim, sim_now(sn->sim), seam_arrives, sn, p);
	return 0;
}

struct dialling {
	unsigned life;
	uint32_t id;
	uint16_t port;
};

static void dial_arrives(void *a, void *b)
{
	struct sim_node *sn = a;
	struct dialling d = *(struct dialling *)b;
	free(b);
	if (!sn->node || d.life != sn->life)
		return;
	struct sim_node *to = sim_node_at(sn->sim, d.port);
	enter(sn);
	if (to && to->node) {
		struct sim_end *e = sim_wire_new(sn->sim, sn, to);
		char peer[32];
		snprintf(peer, sizeof peer, "127.0.0.1:%d", 20000 + sim_end_fd(e));
		links_on_connected(sn->node, d.id, sim_end_fd(e), 0);
		sim_dp_accept(to->dp, sim_end_peer(e), peer);
	} else {
		links_on_connected(sn->node, d.id, -1, -ECONNREFUSED);
	}
	if (sn->node)
		wake_soon(sn);
}

static void io_connect(void *ctx, uint32_t id, const struct link_target *t)
{
	struct sim_node *sn = ctx;
	struct dialling *d = calloc(1, sizeof *d);
	*d = (struct dialling){sn->life, id, t->port};
	sim_at(sn->sim, sim_now(sn->sim) + 1, dial_arrives, sn, d);
}

static void io_resolve(void *ctx, uint32_t id, const char *host, uint16_t port)
{
	abort(); /* scenarios use addresses */
}

static void io_cancel(void *ctx, uint32_t id)
{
	/* links_on_connected ignores an id it does not know */
}

static bool io_is_own(void *ctx, const struct identifier *id)
{
	struct sim_node *sn = ctx;
	for (uint16_t port = 1; port < 1000; port++) {
		struct sim_node *other = sim_node_at(sn->sim, port);
		if (!other)
			break;
		if (other->home == sn->home && identifier_equal(&other->keys.identity.id, id))
			return true;
	}
	return false;
}

static bool io_is_own_listener(void *ctx, const struct link_target *t)
{
	return true;
}

static const struct node_io io = {
	.seam_send = io_seam_send,
	.resolve = io_resolve,
	.connect = io_connect,
	.cancel = io_cancel,
	.is_own = io_is_own,
	.is_own_listener = io_is_own_listener,
};

static void make_keys(struct sim_node *sn)
{
	struct secret32 secret;
	struct handshake_keys *k = &sn->keys;
	uint64_t now = unix_of(sn);
	int len = identity_create(&secret, k->history, sizeof k->history, now - 100);
	k->history_len = (size_t)len;
	if (len < 0 || identity_verify(k->history, k->history_len, now, &k->identity) < 0)
		abort();
	randombytes_buf(&k->static_key, sizeof k->static_key);
	crypto_scalarmult_base(k->static_public, k->static_key.b);
	len = attestation_create(&k->identity, &secret, k->static_public, now - 100, now + 365 * 86400,
		k->attestation, sizeof k->attestation);
	if (len < 0)
		abort();
	k->attestation_len = (size_t)len;
	k->suites[0] = SUITE_CHACHAPOLY;
	k->suites_n = 1;
}

void sim_node_start(struct sim_node *sn)
{
	sn->life++;
	sn->node = node_new(sn->name, &sn->keys, &io, sn);
	sn->dp = sim_dp_new(sn->sim, sn, sim_random(sn->sim));
	enter(sn);
	struct trust none = {0};
	struct listener *api;
	if (!sn->node || listener_add(sn->node, "api", &none, NULL, NULL, &api) < 0)
		abort();
	wake_soon(sn);
}

struct sim_node *sim_node_new(struct sim *s, const char *name, unsigned home, uint16_t port)
{
	struct sim_node *sn = calloc(1, sizeof *sn);
	sn->sim = s;
	snprintf(sn->name, sizeof sn->name, "%s", name);
	sn->home = home;
	sn->port = port;
	make_keys(sn);
	sim_add_node(s, sn);
	sim_node_start(sn);
	return sn;
}

void sim_node_kill(struct sim_node *sn)
{
	if (!sn->node)
		return;
	struct node *n = sn->node;
	struct sim_dp *dp = sn->dp;
	sim_wires_of_node_die(sn->sim, sn);
	enter(sn);
	sn->life++;
	node_free(n);
	sn->node = NULL;
	sim_dp_free(dp);
	sn->dp = NULL;
	sim_wake(sn->sim, sn, UINT64_MAX);
}

void sim_node_free(struct sim_node *sn)
{
	sim_node_kill(sn);
	free(sn);
}

struct node *sim_node_control(struct sim_node *sn)
{
	if (sn->node)
		enter(sn);
	return sn->node;
}

bool sim_node_alive(const struct sim_node *sn)
{
	return sn->node != NULL;
}

void sim_node_shift_clock(struct sim_node *sn, int64_t seconds)
{
	sn->clock_s += seconds;
}

struct sim_dp *sim_node_dp(struct sim_node *sn)
{
	return sn->dp;
}

struct sim *sim_node_sim(struct sim_node *sn)
{
	return sn->sim;
}

void sim_node_wake(struct sim_node *sn)
{
	if (!sn->node)
		return;
	enter(sn);
	if (node_deadline(sn->node) <= sim_now(sn->sim))
		node_tick(sn->node);
	if (sim_dp_deadline(sn->dp) <= sim_now(sn->sim))
		sim_dp_tick(sn->dp);
	wake_soon(sn);
}

bool sim_node_empty(struct sim_node *sn, char *why, size_t len)
{
	if (!sn->node)
		return true;
	unsigned channels = 0;
	for (struct channel *ch = channels_first(sn->node); ch; ch = ch->next)
		channels++;
	unsigned keys = path_keys_count(sn->node->keys_in_use), paths = paths_count(sn->node);
	snprintf(why, len, "%s: %u channels, %u paths, %u labels", sn->name, channels, paths, keys);
	return !channels && !keys && !paths;
}
