/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that pass a relay without being copied: who receives shows the engine the header of each,
 * while it still lies in the socket, and moves those that the engine lets through into a conduit.
 * Everything else goes by engine_rx. The order of what comes by a link, and of each path, is that
 * in which the engine is told. Same thread as the engine's.
 */
#ifndef OCKAM_THROUGH_H
#define OCKAM_THROUGH_H

#include "conduit.h"
#include "engine.h"

enum {
	THROUGH_FRAME_MIN = 24 << 10,  /* smaller ones cost less when they are copied */
	THROUGH_WAITING_MAX = 4 << 20, /* bytes that may wait for one link, in conduits and else */
};

/* How many bytes the incomplete frame at the end of what came still needs (its header first); 0:
 * what comes next is the begin of a frame. */
size_t engine_rx_need(const struct link *l);
/* Where frames go: a link, and ENGINE_LOCAL or the other worker that has it. */
struct through_way {
	uint32_t link;
	int worker;
};
/* Some path uses the link on its way to another: it is worth looking at headers. */
bool engine_rx_forwards(const struct engine *e, const struct link *l);
/*
 * `head`: the WIRE_HEADER bytes of the frame that comes next. YES: it may pass, by *way; what is in
 * the same conduit must go there too. BUSY: it could, when what waits there has gone.
 */
enum through_may { THROUGH_NO, THROUGH_BUSY, THROUGH_YES };
enum through_may engine_rx_way(
	struct engine *e, struct link *l, const uint8_t *head, struct through_way *way);
/* A frame that passes has begun to come, and must end in time; or it is whole. */
void engine_rx_passes(struct engine *e, struct link *l, bool begun, uint64_t now_ms);
/*
 * `frames` whole frames of one path, the largest of `biggest` bytes, `len` bytes in all, lie in c
 * and go by `way`, which is the same while anything lies in c. Takes over one reference of c.
 */
struct through {
	struct conduit *c;
	struct through_way way;
	uint32_t label;
	size_t len;
	unsigned frames;
	uint32_t biggest;
};
void engine_rx_through(struct engine *e, struct link *l, const struct through *t, uint64_t now_ms);
/* One path alone uses the link now, so that who receives may wait for it as long as it moves. */
bool engine_rx_alone(const struct engine *e, const struct link *l);
/* The link is behind: what lies in c for it goes to memory. Takes over one reference of c. */
void engine_through_release(
	struct engine *e, const struct through_way *way, struct conduit *c, uint64_t now_ms);

/*
 * When engine_tx_take gives nothing: the conduit of which *len bytes leave next; engine_tx_done
 * tells how many went, before anything else is asked. NULL: nothing.
 */
struct conduit *engine_tx_conduit(struct engine *e, struct link *l, size_t *len);
uint64_t link_bytes_through(const struct link *l); /* received so */

#endif
