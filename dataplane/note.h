/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control wants to be told again of an object by the dump: bytes that nobody looks into here.
 */
#ifndef OCKAM_DATAPLANE_NOTE_H
#define OCKAM_DATAPLANE_NOTE_H

#include "seam.h"

struct note {
	uint8_t *p; /* heap */
	uint32_t len;
};

/* Takes a copy of the note in m, if there is one. 0, -EMSGSIZE, -ENOMEM. */
int note_set(struct note *n, const struct seam_msg *m);
/* Adds it to m, borrowed. */
void note_get(const struct note *n, struct seam_msg *m);
void note_fini(struct note *n);

#endif
