/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways from an application to a service: none in between, a portal, what others use for it. Each
 * kind makes a tunnel from a loopback port to the target's, with nothing but authenticated
 * encryption between its ends; relayed ones have a third station in the middle. The processes of a
 * tunnel are real programs with keys and configurations made here. Errors are negative errno after
 * a sentence on standard error.
 */
#ifndef OCKAM_BENCH_TUNNEL_H
#define OCKAM_BENCH_TUNNEL_H

#include "bench.h"

#include <sys/types.h>

enum { TUNNEL_ROOTS_MAX = 8 };

struct tunnel {
	const struct tunnel_kind *kind;
	const char *name;
	bool relayed;
	uint16_t port;		       /* where applications connect */
	uint16_t target;	       /* where it leads */
	pid_t roots[TUNNEL_ROOTS_MAX]; /* its processes; descendants count as well */
	bool ours[TUNNEL_ROOTS_MAX];   /* a child to end */
	unsigned n;
};

struct tunnel_kind {
	const char *key;      /* for the command line */
	const char *names[2]; /* without and with a relay; NULL: there is none such */
	const char *programs[4];
	int (*open)(struct bench *b, struct tunnel *t);
};

extern const struct tunnel_kind tunnel_bare, tunnel_ockam, tunnel_ssh, tunnel_stunnel,
	tunnel_haproxy, tunnel_socat, tunnel_spiped;

/* Bare TCP, ours, then the peers. */
extern const struct tunnel_kind *const tunnel_kinds[];
extern const unsigned tunnel_kinds_count;
enum { TUNNEL_PEERS_FROM = 2 };

/* Whether a kind takes part: a peer only if it is in the list of keys (by comma; NULL: all). */
bool tunnel_wanted(const char *peers, const struct tunnel_kind *kind);
/* -EINVAL: something in the list is no peer. */
int tunnel_peers_check(const char *peers);

/* Starts it and waits until a byte comes back through it. -ENOENT: a program is not installed. */
int tunnel_open(struct bench *b, struct tunnel *t, const struct tunnel_kind *kind, bool relayed,
	uint16_t target);
void tunnel_close(struct tunnel *t);
uint64_t tunnel_cpu_ns(const struct tunnel *t);
uint64_t tunnel_memory_kib(const struct tunnel *t);

/* For the kinds. */

/* Starts a program ($PATH is searched) as part of the tunnel. */
int tunnel_start(struct tunnel *t, const char *const argv[]);
/* A process that somebody else ends. */
void tunnel_adopt(struct tunnel *t, pid_t pid);
/* A file `name` in the tunnel's directory `dir`, made where it is missing; only we may read it. */
int tunnel_write(const char *dir, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int tunnel_dir(const struct bench *b, const struct tunnel *t, char *dst, size_t cap);
/* A port that nobody listens on, below those of outgoing connections, and never the same one. */
uint16_t tunnel_free_port(void);

#endif
