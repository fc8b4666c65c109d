/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bytes can go through on their way from a source to a sink: nothing, a relay that splices
 * without looking, HAProxy in TCP mode if it is installed, a relay node. Each is started once and
 * leads to the same listening socket.
 */
#ifndef OCKAM_BENCH_VIA_H
#define OCKAM_BENCH_VIA_H

#include "node.h"

enum { VIA_MAX = 4 };

struct via {
	const char *name;
	uint16_t port;	/* where to connect; the sink's own for no relay */
	bool is_node;	/* it speaks the protocol: see pair.h */
	pid_t pids[2];	/* of the processes in between; 0: none */
	pid_t child;	/* ours to end; 0: none */
};

struct via_set {
	struct via v[VIA_MAX];
	unsigned n;
	int listener;
	uint16_t sink_port;
};

/* Without a relay node when `plain`. 0, or negative errno after saying why. */
int via_open(struct bench *b, struct via_set *s, bool plain);
void via_close(struct bench *b, struct via_set *s);
uint64_t via_cpu_ns(const struct via *v);

#endif
