// SPDX-License-Identifier: Apache-2.0
#include "note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int note_set(struct note *n, const struct seam_msg *m)
{
	if (!(m->has & SEAM_HAS(SEAM_A_NOTE)))
		return 0;
	if (m->note_len > SEAM_NOTE_MAX)
		return -EMSGSIZE;
	uint8_t *p = malloc(m->note_len ? m->note_len : 1);
	if (!p)
		return -ENOMEM;
	if (m->note_len)
		memcpy(p, m->note, m->note_len);
	free(n->p);
	n->p = p;
	n->len = m->note_len;
	return 0;
}

void note_get(const struct note *n, struct seam_msg *m)
{
	if (!n->p)
		return;
	m->has |= SEAM_HAS(SEAM_A_NOTE);
	m->note = n->p;
	m->note_len = n->len;
}

void note_fini(struct note *n)
{
	free(n->p);
	*n = (struct note){0};
}
