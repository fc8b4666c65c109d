/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bytes can go through on their way from a source to a sink: nothing, a relay that splices
 * without looking, proxies in TCP mode, a TURN server, a relay node. A kind is a row of a table;
 * each of a set is started once. Errors are negative errno after a sentence on standard error.
 */
#ifndef OCKAM_BENCH_VIA_H
#define OCKAM_BENCH_VIA_H

#include "bench.h"

#include <sys/types.h>

enum { VIA_MAX = 12, VIA_ROOTS = 4 };

enum via_carrier { VIA_TCP, VIA_UDP };

/* What the ends of a connection through it speak. */
enum via_speech {
	VIA_PLAIN,  /* nothing: what goes in comes out */
	VIA_FRAMES, /* the protocol of nodes: HELLO, INIT, paths */
	VIA_TURN,   /* the source TURN, with a channel; the sink nothing */
};

struct via_set;
struct via;

struct via_kind {
	const char *name;
	enum via_carrier carrier;
	enum via_speech speech;
	const char *program; /* without which it is left out; NULL: none */
	int (*open)(struct bench *b, const struct via_set *s, struct via *v);
	const char *const *node_options; /* of `node create`, for a relay node; NULL: none */
	bool forks;			 /* has processes that are not among its roots */
	bool in_kernel;			 /* what does not pass in the kernel does not count */
};

extern const struct via_kind via_bare, via_splice, via_haproxy, via_nginx, via_socat, via_node,
	via_bare_udp, via_coturn, via_node_udp, via_node_tc;

struct via {
	const struct via_kind *kind;
	uint16_t port;		/* where to connect; 0: at the sink itself */
	pid_t roots[VIA_ROOTS]; /* the processes in between; descendants count as well */
	bool ours[VIA_ROOTS];	/* a child to end */
	unsigned n;
	char node[16]; /* its name, if it is one */
};

struct via_set {
	struct via v[VIA_MAX];
	unsigned n;
	int listener; /* of the sink, for plain TCP */
	uint16_t sink_port;
};

/* Up to NULL; what is not installed is left out. */
int via_open(struct bench *b, struct via_set *s, const struct via_kind *const kinds[]);
void via_close(struct bench *b, struct via_set *s);
uint64_t via_cpu_ns(const struct via *v);
uint64_t via_memory_kib(const struct via *v);

/* For the kinds. */

/* Starts a program ($PATH is searched). */
int via_start(struct via *v, const char *const argv[]);
/* A process that somebody else ends, or that was forked here. */
void via_adopt(struct via *v, pid_t pid, bool ours);

#endif
