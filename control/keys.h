/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node proves with: identity, static key and a fresh attestation that binds them, made at
 * start and renewed daily. Secrets are wiped on every exit; a failure has a reason.
 */
#ifndef OCKAM_KEYS_H
#define OCKAM_KEYS_H

#include "program.h"

/* The node's own, by p->identity (empty: the default one, its name is stored) and p->static_key. A
 * temporary node of a home without identities gets one that is not stored. No suites yet. */
int keys_load_node(struct program *p, struct handshake_keys *out, struct reason *why);
/* Suites that both the data plane (`suites` of SEAM_HELLO) and this plane have, best first. */
int keys_set_suites(struct handshake_keys *k, uint32_t suites, struct reason *why);
/* Of another identity, with a static key of its own, so that the two cannot be linked: heap, or
 * NULL and 0 when `identity` is the node's (or NULL). */
int keys_load_other(
	struct program *p, const char *identity, struct handshake_keys **out, struct reason *why);
/* New attestations for the node and its listeners. */
void keys_renew(struct program *p);

#endif
