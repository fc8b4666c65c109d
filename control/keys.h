/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node proves with: identity, static key and a fresh attestation that binds them, made at
 * start and renewed daily. Secrets are wiped on every exit; a failure has a reason.
 */
#ifndef OCKAM_KEYS_H
#define OCKAM_KEYS_H

#include "program.h"

/* Suites that both the data plane (bits of SEAM_HELLO) and this plane have, best first. */
unsigned keys_suites(uint32_t suites, uint8_t dst[static 4]);
/* The node's own, by p->identity (empty: the default one, its name is stored) and p->static_key. A
 * temporary node of a home without identities gets one that is not stored. `suites` of SEAM_HELLO.
 */
int keys_load_node(
	struct program *p, uint32_t suites, struct handshake_keys *out, struct reason *why);
/* Of another identity, with a static key of its own, so that the two cannot be linked: heap, or
 * NULL and 0 when `identity` is the node's (or NULL). */
int keys_load_other(
	struct program *p, const char *identity, struct handshake_keys **out, struct reason *why);
/* New attestations for the node and its listeners. */
void keys_renew(struct program *p);

#endif
