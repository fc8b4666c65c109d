/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over a data plane that an earlier control process has left: its dump is collected, then the
 * tables of a fresh node are filled from it, so that what is there goes on under its addresses and
 * with the sessions it has. What cannot be understood, or was only half made, is deleted there.
 * Listening sockets are kept for whoever restores the node's listeners.
 */
#ifndef OCKAM_ADOPT_H
#define OCKAM_ADOPT_H

#include "channel.h"

struct adoption;

/* Keys of another identity of the home (heap), for a channel that was opened with them; NULL. */
typedef struct handshake_keys *adopt_keys_fn(void *ctx, const char *identity);

/* The highest numbers that the data plane has seen, from its answer to SEAM_HELLO. */
struct adopt_highest {
	uint64_t serial;
	uint32_t link, session, listener;
};

struct adoption *adoption_new(void);
void adoption_free(struct adoption *a); /* closes what was not taken; NULL allowed */
/* One answer of SEAM_DUMP; takes m->fd. -ENOMEM. */
int adoption_take(struct adoption *a, const struct seam_msg *m);
/* Goes on with numbers above those: before anything else is done with a node. */
void adopt_numbers(struct node *n, const struct adopt_highest *top);
/* Fills the node's tables. */
void adopt_apply(struct node *n, const struct adoption *a, adopt_keys_fn *keys, void *ctx);
/* After everything was restored: channels that nobody has asked for again are closed. */
void adopt_done(struct node *n);
/* The next listening socket, with its number: the caller's now. -1: no more. */
int adoption_listener(struct adoption *a, uint32_t *id);
/* The same for those of inlets, with the number of the portal, each once. */
int adoption_portal(struct adoption *a, uint32_t *portal);

/* What the data plane keeps about a channel's session is written anew. */
void adopt_note_changed(struct node *n, struct channel *ch);
/* A hidden channel there that serves this portal and that nobody has claimed yet, or NULL. */
struct channel *adopt_claim_portal(struct node *n, uint32_t portal);
/* One that a relay has kept up. It keeps its state. */
/* `lane`: one on a link of its own. */
struct channel *adopt_claim(struct node *n, const struct route *to, const struct trust *trust, bool lane);

#endif
