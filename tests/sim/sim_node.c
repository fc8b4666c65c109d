// SPDX-License-Identifier: Apache-2.0
#include "sim.h"
#include "sim_alloc.h"
#include "sim_world.h"

#include "adopt.h"
#include "end.h"
#include "link_private.h"
#include "listener.h"
#include "log.h"
#include "message_private.h"
#include "path.h"
#include "path_key.h"
#include "relay_private.h"
#include "seam_client.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sim_node {
	struct sim *sim;
	char name[32];
	unsigned home;
	uint16_t port;
	struct handshake_keys keys;
	struct node *node; /* NULL: killed */
	struct sim_dp *dp; /* NULL: killed */
	unsigned life;	   /* what was on its way to an earlier life is dropped */
	unsigned seam;	   /* the same of the seam */
	struct adoption *adoption; /* while its dump comes */
	int64_t clock_s;
	bool no_transit;
	unsigned long wakes;
	unsigned unanswered; /* commands to the data plane */
};

static uint64_t unix_of(const struct sim_node *sn)
{
	return (uint64_t)((int64_t)(1800000000 + sim_now(sn->sim) / 1000) + sn->clock_s);
}

static void enter(struct sim_node *sn)
{
	if (log_enabled(LOG_DEBUG)) /* tracing: the line says whose it is */
		log_init(STDERR_FILENO, LOG_DEBUG, false, sn->name);
	node_enter(sn->node, sim_now(sn->sim), unix_of(sn));
}

static void wake_soon(struct sim_node *sn)
{
	sim_wake(sn->sim, sn, sim_node_deadline(sn));
}

struct parcel {
	unsigned life;
	bool to_control;
	int fd;
	size_t len;
	uint8_t msg[];
};

static void close_fd(struct sim_node *sn, int fd)
{
	if (sim_udp_is(fd))
		sim_udp_attach(sim_udp_by_fd(sn->sim, fd), NULL);
	else
		sim_end_close(sim_end_by_fd(sn->sim, fd));
}

static void seam_arrives(void *a, void *b)
{
	struct sim_node *sn = a;
	struct parcel *p = b;
	if (p->life == sn->seam) {
		enter(sn);
		if (p->to_control)
			seam_input(sn->node, p->msg, p->len);
		else
			sim_dp_command(sn->dp, p->msg, p->len, p->fd);
		wake_soon(sn);
	} else if (p->fd >= 0) {
		close_fd(sn, p->fd);
	}
	sim_drop(p);
}

static struct parcel *parcel_new(
	const struct sim_node *sn, const void *msg, size_t len, bool to_control)
{
	struct parcel *p = sim_alloc(sizeof *p + len);
	p->life = sn->seam;
	p->to_control = to_control;
	p->fd = -1;
	p->len = len;
	memcpy(p->msg, msg, len);
	return p;
}

void sim_node_seam(struct sim_node *sn, const uint8_t *msg, size_t len)
{
	struct seam_msg m;
	if (sn->adoption) {
		if (seam_decode(&m, msg, len, true) < 0 || adoption_take(sn->adoption, &m) < 0)
			abort();
		return;
	}
	if (!sn->node)
		return; /* nobody hears it */
	struct nlmsghdr head;
	memcpy(&head, msg, sizeof head);
	sn->unanswered -= head.nlmsg_type == SEAM_ACK;
	sim_at(sn->sim, sim_now(sn->sim), seam_arrives, sn, parcel_new(sn, msg, len, true));
}

static int io_seam_send(void *ctx, const struct seam_msg *m)
{
	struct sim_node *sn = ctx;
	uint8_t buf[SEAM_MSG_MAX];
	int len = sn->dp ? seam_encode(m, buf, sizeof buf) : -ENOTCONN;
	if (len < 0 && m->fd >= 0)
		close_fd(sn, m->fd);
	if (len < 0)
		return len;
	struct parcel *p = parcel_new(sn, buf, (size_t)len, false);
	p->fd = m->fd;
	sn->unanswered += m->want_ack;
	sim_at(sn->sim, sim_now(sn->sim), seam_arrives, sn, p);
	return 0;
}

enum { CONNECT_MS = 20000 };

struct dialling {
	unsigned life;
	uint32_t id;
	uint16_t port;
	bool udp;
};

static void dial_arrives(void *a, void *b)
{
	struct sim_node *sn = a;
	struct dialling d = *(struct dialling *)b;
	sim_drop(b);
	if (!sn->node || d.life != sn->life)
		return;
	struct sim_node *to = sim_node_at(sn->sim, d.port);
	enter(sn);
	if (d.udp) { /* nobody is asked */
		links_on_connected(sn->node, d.id, sim_udp_dial(sn->sim, sn, d.port), 0);
	} else if (to && sim_separated(sn->sim, sn, to)) {
		links_on_connected(sn->node, d.id, -1, -ETIMEDOUT);
	} else if (to && to->node && to->dp) {
		struct sim_end *e = sim_wire_new(sn->sim, sn, to);
		char peer[32];
		snprintf(peer, sizeof peer, "127.0.0.1:%d", 20000 + sim_end_fd(e));
		sim_dp_accept(to->dp, sim_end_peer(e), peer);
		enter(sn);
		links_on_connected(sn->node, d.id, sim_end_fd(e), 0);
	} else {
		links_on_connected(sn->node, d.id, -1, -ECONNREFUSED);
	}
	if (sn->node)
		wake_soon(sn);
}

static void io_connect(void *ctx, uint32_t id, const struct link_target *t)
{
	struct sim_node *sn = ctx, *to = sim_node_at(sn->sim, t->port);
	/* nobody says no on the other side of a partition: the kernel gives up some time */
	bool udp = t->kind == LINK_UDP, silent = !udp && to && sim_separated(sn->sim, sn, to);
	struct dialling *d = sim_alloc(sizeof *d);
	*d = (struct dialling){sn->life, id, t->port, udp};
	sim_at(sn->sim, sim_now(sn->sim) + (silent ? CONNECT_MS : 1), dial_arrives, sn, d);
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
	struct sim_node *other;
	for (uint16_t port = 1; (other = sim_node_at(sn->sim, port)); port++) {
		if (other->home == sn->home && identifier_equal(&other->keys.identity.id, id))
			return true;
	}
	return false;
}

static bool io_is_own_listener(void *ctx, const struct link_target *t)
{
	const struct sim_node *sn = ctx;
	return !sn->no_transit;
}

static const struct node_io io = {
	.seam_send = io_seam_send,
	.resolve = io_resolve,
	.connect = io_connect,
	.cancel = io_cancel,
	.is_own = io_is_own,
	.is_own_listener = io_is_own_listener,
};

/* Of an identity with so many changes more. */
static void make_keys(struct handshake_keys *k, unsigned changes, uint64_t now)
{
	struct secret32 secret, next;
	uint8_t longer[IDENTITY_HISTORY_MAX];
	int len = identity_create(&secret, k->history, sizeof k->history, now - 100);
	for (; len > 0 && changes; changes--) {
		len = identity_rotate(
			k->history, (size_t)len, &secret, false, now - 100, &next, longer, sizeof longer);
		memcpy(k->history, longer, len > 0 ? (size_t)len : 0);
		secret = next;
	}
	k->history_len = (size_t)len;
	if (len < 0 || identity_verify(k->history, k->history_len, now, &k->identity) < 0)
		abort();
	randombytes_buf(&k->static_key, sizeof k->static_key);
	crypto_scalarmult_base(k->static_public, k->static_key.b);
	len = attestation_create(&k->identity, &secret, k->static_public, now - 100,
		now + 365 * 86400, k->attestation, sizeof k->attestation);
	if (len < 0)
		abort();
	k->attestation_len = (size_t)len;
	k->suites[0] = SUITE_CHACHAPOLY;
	k->suites_n = 1;
}

/* A node's keys depend on its number alone, so all worlds of a process share them. */
static const struct handshake_keys *keys_of(const struct sim_node *sn)
{
	static struct handshake_keys *known[SIM_NODES_MAX];
	unsigned i = sim_node_number(sn);
	if (!known[i]) {
		uint64_t before = sim_dice_swap(i + 1);
		known[i] = sim_alloc(sizeof *known[i]);
		make_keys(known[i], 0, unix_of(sn));
		sim_dice_swap(before);
	}
	return known[i];
}

void sim_node_rotate(struct sim_node *sn, unsigned changes)
{
	uint64_t before = sim_dice_swap(sim_node_number(sn) + 1);
	make_keys(&sn->keys, changes, unix_of(sn));
	sim_dice_swap(before);
	sn->node->keys = sn->keys;
}

void sim_node_set_suites(struct sim_node *sn, uint8_t first, uint8_t second)
{
	sn->keys.suites[0] = first;
	sn->keys.suites[1] = second;
	sn->keys.suites_n = second ? 2 : 1;
	sn->node->keys = sn->keys;
}

static void start_control(struct sim_node *sn)
{
	struct trust none = {0};
	struct listener *api;
	sn->life++;
	sn->seam++;
	sn->unanswered = 0;
	sn->node = node_new(sn->name, &sn->keys, &io, sn);
	if (!sn->node || listener_add(sn->node, "api", &none, NULL, NULL, &api) < 0)
		abort();
	enter(sn);
}

void sim_node_start(struct sim_node *sn)
{
	start_control(sn);
	sn->dp = sim_dp_new(sn->sim, sn, sim_random(sn->sim));
	wake_soon(sn);
}

void sim_node_kill_dataplane(struct sim_node *sn)
{
	struct sim_dp *dp = sn->dp;
	sim_wires_of_node_die(sn->sim, sn);
	sim_udps_of_node_die(sn->sim, sn);
	sn->dp = NULL;
	sn->seam++;
	sn->unanswered = 0;
	sim_dp_free(dp);
	enter(sn);
	node_dataplane_lost(sn->node);
	wake_soon(sn);
}

void sim_node_start_dataplane(struct sim_node *sn)
{
	sn->dp = sim_dp_new(sn->sim, sn, sim_random(sn->sim));
	enter(sn);
	node_dataplane_back(sn->node);
	wake_soon(sn);
}

void sim_node_kill_control(struct sim_node *sn)
{
	struct sim_dp *dp = sn->dp;
	struct node *n = sn->node;
	sn->life++;
	sn->seam++;
	sn->dp = NULL; /* it says nothing any more */
	enter(sn);
	n->detached = true;
	node_free(n);
	sn->node = NULL;
	sn->dp = dp;
	wake_soon(sn);
}

void sim_node_adopt(struct sim_node *sn)
{
	const struct seam_msg dump = {.cmd = SEAM_DUMP, .seq = 1, .fd = -1};
	struct adopt_highest top = {0};
	uint8_t buf[64];
	start_control(sn);
	struct adoption *a = sn->adoption = adoption_new();
	sim_dp_command(sn->dp, buf, (size_t)seam_encode(&dump, buf, sizeof buf), -1);
	sn->adoption = NULL;
	sim_dp_highest(sn->dp, &top.serial, &top.link, &top.session);
	adopt_numbers(sn->node, &top);
	adopt_apply(sn->node, a, NULL, NULL);
	adoption_free(a);
	wake_soon(sn);
}

struct sim_node *sim_node_new(struct sim *s, const char *name, unsigned home, uint16_t port)
{
	struct sim_node *sn = sim_alloc(sizeof *sn);
	sn->sim = s;
	snprintf(sn->name, sizeof sn->name, "%s", name);
	sn->home = home;
	sn->port = port;
	sn->keys = *keys_of(sn);
	sim_add_node(s, sn);
	sim_node_start(sn);
	return sn;
}

void sim_node_kill(struct sim_node *sn)
{
	struct node *n = sn->node;
	struct sim_dp *dp = sn->dp;
	if (!n && !dp)
		return;
	sim_wires_of_node_die(sn->sim, sn);
	sim_udps_of_node_die(sn->sim, sn);
	sn->life++;
	sn->seam++;
	sn->dp = NULL;
	if (n) {
		enter(sn);
		n->detached = true;
		node_free(n);
	}
	sn->node = NULL;
	if (dp)
		sim_dp_free(dp);
	sim_wake(sn->sim, sn, UINT64_MAX);
}

void sim_node_free(struct sim_node *sn)
{
	sim_node_kill(sn);
	sim_drop(sn);
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

void sim_node_set_clock(struct sim_node *sn, int64_t seconds)
{
	sn->clock_s = seconds;
}

void sim_node_set_transit(struct sim_node *sn, bool admit)
{
	sn->no_transit = !admit;
}

const char *sim_node_name(const struct sim_node *sn)
{
	return sn->name;
}

unsigned sim_node_life(const struct sim_node *sn)
{
	return sn->life;
}

unsigned sim_node_number(const struct sim_node *sn)
{
	return sn->port - 1u;
}

const struct handshake_keys *sim_node_keys(const struct sim_node *sn)
{
	return &sn->keys;
}

unsigned long sim_node_wakes(const struct sim_node *sn)
{
	return sn->wakes;
}

uint64_t sim_node_deadline(struct sim_node *sn)
{
	uint64_t a = sn->node ? node_deadline(sn->node) : UINT64_MAX;
	uint64_t b = sn->dp ? sim_dp_deadline(sn->dp) : UINT64_MAX;
	return a < b ? a : b;
}

uint64_t sim_node_session_print(const struct sim_node *sn, uint32_t session)
{
	return sn->dp ? sim_dp_session_print(sn->dp, session) : 0;
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
	sn->wakes++;
	if (sn->node) {
		enter(sn);
		if (node_deadline(sn->node) <= sim_now(sn->sim))
			node_tick(sn->node);
	}
	if (sn->dp && sim_dp_deadline(sn->dp) <= sim_now(sn->sim))
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

static unsigned count_links(const struct node *n, char *first, size_t len)
{
	unsigned count = 0;
	for (const struct link *l = n->links->first; l; l = l->next)
		if (!count++)
			snprintf(first, len, " (%s, %u users)", l->peer, l->users);
	for (const struct link *l = n->links->gone; l; l = l->next)
		if (!count++)
			snprintf(first, len, " (gone, %u users)", l->users);
	return count;
}

static unsigned count_ends(const struct node *n)
{
	unsigned count = 0;
	for (const struct channel_end *e = n->channels->ends; e; e = e->next)
		count++;
	return count;
}

static unsigned count_handles(const struct node *n)
{
	unsigned count = 0;
	for (const struct handle *h = n->messages->handles.first; h; h = h->next)
		count++;
	return count;
}

/* Invariant: nothing is left in any table when all is closed. */
bool sim_node_bare(struct sim_node *sn, char *why, size_t len)
{
	if (!sim_node_empty(sn, why, len))
		return false;
	if (!sn->node)
		return true;
	const struct node *n = sn->node;
	const struct messages *ms = n->messages;
	char link[200] = "";
	unsigned links = count_links(n, link, sizeof link), ends = count_ends(n);
	unsigned handles = count_handles(n), half_open = n->channels->half_open.total;
	bool requests = ms->requests || ms->forwards || ms->secure_done || ms->reassembly.first;
	bool relays = n->relays->regs || n->relays->dying, seam = sn->unanswered;
	if (!links && !ends && !handles && !half_open && !requests && !ms->forwards_n &&
		!ms->reassembly.bytes && !relays && !seam)
		return sim_dp_bare(sn->dp, why, len);
	snprintf(why, len,
		"%s: %u links%s, %u ends, %u half-open, %u handles, %zu bytes in reassembly%s%s%s",
		sn->name, links, link, ends, half_open, handles, ms->reassembly.bytes,
		requests ? ", requests" : "", relays ? ", registrations" : "",
		seam ? ", unanswered commands" : "");
	return false;
}
