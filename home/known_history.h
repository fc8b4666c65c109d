/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The longest change history that nodes of this home have seen of each identity they talk to, so
 * that a retired key does not come back by a history that is cut off before it was retired. Errors
 * as in home.h.
 */
#ifndef OCKAM_KNOWN_HISTORY_H
#define OCKAM_KNOWN_HISTORY_H

#include "home.h"
#include "identity.h"

/* When there are so many, others are judged but not kept: those that are known are never pushed
 * out. */
enum { KNOWN_HISTORIES_MAX = 4096 };

/* Judges a verified history, and keeps it when it is longer than what is known: 0; -ESTALE it is
 * shorter, -EKEYREJECTED it contradicts. One change alone is part of every longer history: not
 * kept. */
int known_history_check(
	struct home *h, const struct identity *id, const uint8_t *history, size_t len);

#endif
