/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load of frames through a pair: a source that never rests and a sink that throws away, each a
 * thread. Over TCP the source heeds PAUSE and RESUME, and frames take the paths in turn. Over UDP
 * it sends super-packets (UDP_SEGMENT), each of one path, the paths in turn, and has a window of
 * bytes under way, as an end with loss recovery would; what has not come when nothing comes any
 * more counts as lost. Errors are negative errno.
 */
#ifndef OCKAM_BENCH_FLOW_H
#define OCKAM_BENCH_FLOW_H

#include "pair.h"

struct flow;

/* What moved between two points in time, and what it took. */
struct flow_cost {
	uint64_t bytes, wall_ns, relay_ns, own_ns, machine_ns;
};

int flow_start(struct pair *p, uint32_t frame_len, struct flow **out);
/* Waits until windows have grown, then takes what moves in so long. */
int flow_take(struct flow *f, double seconds, struct flow_cost *out);
/* Ends with a whole frame, waits until all has arrived, frees it. -EIO: over TCP not all did.
 * `lost`: the share that did not, of all that was sent; may be NULL. */
int flow_stop(struct flow *f, double *lost);

#endif
