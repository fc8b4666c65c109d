// SPDX-License-Identifier: Apache-2.0
#include "world_udp.h"

#include "fuzz.h"

#include <errno.h>

enum { PORT_FIRST = 20000, LISTENER = 1 };

static struct udp_address address_of(uint16_t port)
{
	return (struct udp_address){.family = 4, .port = port, .remote = {127, 0, 0, 1}};
}

/* The link of a node that is for the far end at `port`; NULL: none. */
static struct world_link *accepted_from(struct world_node *wn, uint16_t port)
{
	for (unsigned i = 0; i < WORLD_LINKS; i++) {
		struct world_link *l = &wn->links[i];
		if (l->id && l->udp && !l->dialled && l->port == port)
			return l;
	}
	return NULL;
}

/* Who dials from there, to that node. */
static struct world_link *dialled_from(
	struct world *w, uint16_t port, unsigned to, struct world_node **at)
{
	for (unsigned k = 0; k < WORLD_NODES; k++)
		for (unsigned i = 0; i < WORLD_LINKS; i++) {
			struct world_link *l = &w->node[k].links[i];
			if (l->id && l->dialled && l->port == port && l->peer == to) {
				*at = &w->node[k];
				return l;
			}
		}
	return NULL;
}

int world_udp_add(struct world *w, struct world_link *l, const struct seam_msg *m, unsigned to)
{
	l->udp = true;
	if (m->has & SEAM_HAS(SEAM_A_LISTENER)) {
		l->port = m->address.port;
		return m->listener == LISTENER ? 0 : -ENOENT;
	}
	l->dialled = true;
	l->peer = to;
	l->port = (uint16_t)(PORT_FIRST + w->udp_ports++);
	return 0;
}

int world_udp_set(
	struct world *w, struct world_node *wn, struct world_link *l, const struct seam_msg *m)
{
	if (!(m->has & SEAM_HAS(SEAM_A_ADDRESS)))
		return 0;
	struct world_link *there = accepted_from(wn, m->address.port);
	if (l->dialled || !l->udp)
		return -EOPNOTSUPP;
	if (there && there != l)
		return -EADDRINUSE;
	l->port = m->address.port;
	return 0;
}

static void arrives(struct world_node *wn, uint32_t link, const uint8_t *frame, uint32_t len)
{
	world_tell(wn, &(struct seam_msg){.cmd = SEAM_FRAME,
			       .fd = -1,
			       .link = link,
			       .frame = frame,
			       .frame_len = len,
			       .has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME)});
}

void world_udp_inject(struct world_node *wn, uint16_t from, const uint8_t *p, size_t len)
{
	world_tell(wn, &(struct seam_msg){.cmd = SEAM_DGRAM,
			       .fd = -1,
			       .listener = LISTENER,
			       .address = address_of(from),
			       .frame = p,
			       .frame_len = (uint32_t)len,
			       .has = SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_ADDRESS) |
				      SEAM_HAS(SEAM_A_FRAME)});
}

void world_udp_frame(struct world *w, struct world_node *wn, const struct world_link *l,
	const struct seam_msg *m)
{
	struct frame_header h = frame_header_decode(m->frame);
	struct world_node *at;
	struct world_link *other;
	if (!l->dialled) {
		other = dialled_from(w, l->port, wn->index, &at);
	} else if (h.type == WIRE_LINK && h.sub == LINK_HELLO) {
		world_udp_inject(&w->node[l->peer], l->port, m->frame, m->frame_len);
		return;
	} else {
		at = &w->node[l->peer];
		other = accepted_from(at, l->port);
	}
	if (other)
		arrives(at, other->id, m->frame, m->frame_len);
}

void world_udp_datagram(struct world *w, struct world_node *wn, const struct seam_msg *m)
{
	struct world_node *at;
	struct world_link *l = dialled_from(w, m->address.port, wn->index, &at);
	if (l)
		arrives(at, l->id, m->frame, m->frame_len);
}

void world_udp_rebind(struct world *w, struct world_node *wn)
{
	for (unsigned i = 0; i < WORLD_LINKS; i++) {
		struct world_link *l = &wn->links[i];
		if (!l->id || !l->dialled)
			continue;
		l->port = (uint16_t)(PORT_FIRST + w->udp_ports++);
		world_tell(wn, &(struct seam_msg){.cmd = SEAM_LINK_SILENT,
				       .fd = -1,
				       .link = l->id,
				       .has = SEAM_HAS(SEAM_A_LINK)});
	}
}
