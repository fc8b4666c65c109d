// SPDX-License-Identifier: Apache-2.0
/*
 * Datagrams: lost, twice, late and out of order, by the dice. A node listens at its own number; a
 * socket that dials has a port behind a NAT, which may give it another one at any time.
 */
#include "sim_world.h"

#include "udp_address.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { FD_BASE = 1 << 24, PORT_FIRST = 10000 };

struct sim_udp {
	struct sim_node *node;
	uint16_t port, to; /* as the others see it; whom it dials */
	void *link;	   /* of the data plane; NULL: closed */
	bool open;
};

struct sim_udps {
	struct sim_udp **all;
	unsigned n;
	uint16_t next_port;
};

struct flying {
	struct sim *sim;
	uint16_t from, to;
	size_t len;
	uint8_t p[];
};

static struct sim_udps *udps_of(struct sim *s)
{
	if (!s->udp) {
		s->udp = sim_alloc(sizeof *s->udp);
		s->udp->next_port = PORT_FIRST;
	}
	return s->udp;
}

void sim_udps_free(struct sim *s)
{
	if (!s->udp)
		return;
	for (unsigned i = 0; i < s->udp->n; i++)
		sim_drop(s->udp->all[i]);
	sim_drop(s->udp->all);
	sim_drop(s->udp);
}

int sim_udp_dial(struct sim *s, struct sim_node *sn, uint16_t to)
{
	struct sim_udps *u = udps_of(s);
	u->all = sim_grow(u->all, (u->n + 1) * sizeof *u->all);
	struct sim_udp *x = u->all[u->n] = sim_alloc(sizeof *x);
	*x = (struct sim_udp){.node = sn, .port = u->next_port++, .to = to, .open = true};
	return FD_BASE + (int)u->n++;
}

bool sim_udp_is(int fd)
{
	return fd >= FD_BASE;
}

struct sim_udp *sim_udp_by_fd(struct sim *s, int fd)
{
	return s->udp->all[fd - FD_BASE];
}

void sim_udp_attach(struct sim_udp *u, void *link)
{
	u->link = link;
	u->open = link != NULL;
}

void sim_udp_rebind(struct sim *s, struct sim_node *sn)
{
	struct sim_udps *u = udps_of(s);
	for (unsigned i = 0; i < u->n; i++)
		if (u->all[i]->node == sn && u->all[i]->open)
			u->all[i]->port = u->next_port++;
}

void sim_udp_set_mtu(struct sim *s, unsigned mtu)
{
	s->o.udp_mtu = mtu;
}

void sim_udps_of_node_die(struct sim *s, struct sim_node *sn)
{
	for (unsigned i = 0; s->udp && i < s->udp->n; i++)
		if (s->udp->all[i]->node == sn)
			sim_udp_attach(s->udp->all[i], NULL);
}

struct udp_address sim_udp_address(uint16_t port)
{
	return (struct udp_address){.family = 4, .port = port, .remote = {127, 0, 0, 1}};
}

static struct sim_udp *at_port(struct sim *s, uint16_t port)
{
	for (unsigned i = 0; s->udp && i < s->udp->n; i++)
		if (s->udp->all[i]->port == port && s->udp->all[i]->open)
			return s->udp->all[i];
	return NULL;
}

static struct sim_node *owner(struct sim *s, uint16_t port)
{
	if (port < PORT_FIRST)
		return sim_node_at(s, port);
	struct sim_udp *u = at_port(s, port);
	return u ? u->node : NULL;
}

static void arrives(void *a, void *b)
{
	struct sim *s = a;
	struct flying *f = b;
	struct sim_node *from = owner(s, f->from), *to = owner(s, f->to);
	struct sim_udp *u = f->to < PORT_FIRST ? NULL : at_port(s, f->to);
	struct sim_dp *dp = to ? sim_node_dp(to) : NULL;
	if (dp && (!from || !sim_separated(s, from, to))) {
		if (!u)
			sim_dp_datagram(dp, f->from, f->p, f->len);
		else if (u->link && u->to == f->from)
			sim_dp_datagrams(dp, u->link, f->p, f->len);
	}
	sim_drop(f);
}

static void fly(struct sim *s, uint16_t from, uint16_t to, const uint8_t *p, size_t len)
{
	struct flying *f = sim_alloc(sizeof *f + len);
	unsigned spread = s->o.delay_max_ms - s->o.delay_min_ms + s->o.jitter_ms;
	f->sim = s;
	f->from = from;
	f->to = to;
	f->len = len;
	memcpy(f->p, p, len);
	uint64_t delay = s->o.delay_min_ms + (spread ? sim_roll(&s->dice) % (spread + 1) : 0);
	sim_at(s, s->now + delay, arrives, s, f);
}

static void send_from(struct sim *s, uint16_t from, uint16_t to, const uint8_t *p, size_t len)
{
	sim_watch_frame(s, p, len);
	s->frames[p[0] & 15]++;
	if (len > s->o.udp_mtu && s->o.udp_mtu)
		return;
	if (sim_roll(&s->dice) % 1000 < s->o.udp_lose)
		return;
	fly(s, from, to, p, len);
	if (sim_roll(&s->dice) % 1000 < s->o.udp_twice)
		fly(s, from, to, p, len);
}

void sim_udp_send(struct sim *s, struct sim_udp *u, const uint8_t *p, size_t len)
{
	if (u->open)
		send_from(s, u->port, u->to, p, len);
}

void sim_udp_send_from(struct sim *s, struct sim_node *sn, uint16_t to, const uint8_t *p, size_t len)
{
	send_from(s, (uint16_t)(sim_node_number(sn) + 1), to, p, len);
}
