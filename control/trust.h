/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom one end of a channel accepts: identities of the own home, always, and those listed; or any.
 * None of them with a history that is shorter than the one it showed before.
 */
#ifndef OCKAM_TRUST_H
#define OCKAM_TRUST_H

#include "handshake.h"
#include "node.h"

enum { TRUST_MAX = 64 };

struct trust {
	bool any;
	unsigned n;
	struct identifier ids[TRUST_MAX];
};

/* Adds "any" or an identifier. -EINVAL, -E2BIG. */
int trust_add(struct trust *t, const char *text);
bool trust_admits(const struct node *n, const struct trust *t, const struct identifier *id);
/* False when an admitted peer shows less than was seen of its history before, or another one.
 * Remembers a longer one in the home. */
bool trust_history(struct node *n, const struct handshake_result *r);

#endif
