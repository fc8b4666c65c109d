/* SPDX-License-Identifier: Apache-2.0 */
/* A peer whose key is changed twice: its history before, between and after. */
#ifndef OCKAM_STORAGE_PEER_H
#define OCKAM_STORAGE_PEER_H

#include "home.h"
#include "identity.h"
#include "secret.h"

enum { PEER_HISTORIES = 3, PEER_SINCE = 1700000000 };

struct peer_history {
	struct identity id;
	uint8_t history[IDENTITY_HISTORY_MAX];
	size_t len;
	struct secret32 secret;
};

extern struct peer_history peer[PEER_HISTORIES];

void peer_init(void);
/* A home is shown history i. */
int peer_check(struct home *h, unsigned i);

#endif
