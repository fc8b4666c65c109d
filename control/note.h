/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control leaves with the data plane for whoever adopts it (SEAM_A_NOTE): who a link leads to,
 * what a channel is. Never keys. Only control reads it again, perhaps of another version: a note of
 * another one is -EBADMSG, and its object is not adopted. Pure.
 */
#ifndef OCKAM_NOTE_H
#define OCKAM_NOTE_H

#include "channel.h"

enum { NOTE_NAMES_MAX = 128 };

/* A relay name that a channel holds. */
struct note_name {
	char name[WIRE_NAME_MAX + 1];
	uint64_t lease_end_ms;
};

struct note_names {
	unsigned n;
	struct note_name name[NOTE_NAMES_MAX];
};

/* Length, or -EMSGSIZE. */
int note_link_encode(const struct link *l, uint8_t *dst, size_t cap);
/* Sets kind, dialled, address, peer and target of *l. 0 or -EBADMSG. */
int note_link_decode(const uint8_t *p, size_t len, struct link *l);
/* Names beyond what fits are left out. `up_before`: the channel was up before this session. */
int note_channel_encode(const struct channel *ch, bool up_before, const struct note_names *names,
	uint8_t *dst, size_t cap);
/* Sets all of *ch that a channel is beside its session. 0 or -EBADMSG. */
int note_channel_decode(const uint8_t *p, size_t len, struct channel *ch, bool *up_before,
	struct note_names *names);

#endif
