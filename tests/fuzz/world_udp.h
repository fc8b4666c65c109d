/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The datagram links of world.h: who dials has a port behind a NAT, by which the other side knows
 * it and which may change at any time. HELLO goes to the listener, all else to the link.
 */
#ifndef OCKAM_FUZZ_WORLD_UDP_H
#define OCKAM_FUZZ_WORLD_UDP_H

#include "world.h"

/* SEAM_LINK_ADD and SEAM_LINK_SET: 0 or a negative errno. `to`: the index of the node that is
 * dialled. */
int world_udp_add(struct world *w, struct world_link *l, const struct seam_msg *m, unsigned to);
int world_udp_set(
	struct world *w, struct world_node *wn, struct world_link *l, const struct seam_msg *m);
/* A frame leaves by the link; a datagram of SEAM_DGRAM leaves. */
void world_udp_frame(struct world *w, struct world_node *wn, const struct world_link *l,
	const struct seam_msg *m);
void world_udp_datagram(struct world *w, struct world_node *wn, const struct seam_msg *m);
/* A datagram comes from nowhere. */
void world_udp_inject(struct world_node *wn, uint16_t from, const uint8_t *p, size_t len);
/* Every link that the node has dialled is at another port, and tells of silence. */
void world_udp_rebind(struct world *w, struct world_node *wn);

#endif
