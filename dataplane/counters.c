// SPDX-License-Identifier: Apache-2.0
/* What became of frames, as lines of text (SEAM_STATS_GET): the names are those of stats.h. */
#include "engine_private.h"

#include <inttypes.h>
#include <stdio.h>

static size_t line(struct engine *e, size_t at, const char *kind, uint64_t value, const char *name)
{
	size_t room = sizeof e->counters - at;
	int n = snprintf(e->counters + at, room, "%s %" PRIu64 " %s\n", kind, value, name);
	if (n > 0 && (size_t)n < room)
		return at + (size_t)n;
	e->counters[at] = 0; /* a whole line or none */
	return at;
}

void engine_counters(struct engine *e, const struct seam_msg *m, struct seam_msg *answer)
{
	const struct stats *s = engine_stats(e);
	size_t at = 0;
	for (unsigned i = 0; i < STAGES; i++)
		at = line(e, at, i == STAGE_WAITING ? "waiting" : "stage", s->stage[i],
			stage_name(i));
	for (unsigned i = 0; i < DROP_REASONS; i++)
		at = line(e, at, "drop", s->drops[i], drop_reason_name(i));
	for (unsigned i = 0; i < DROP_REASONS; i++)
		at = line(e, at, "unsent", s->unsent[i], drop_reason_name(i));
	at = line(e, at, "send", s->sends, "batches");
	line(e, at, "send", s->runs, "pieces");
	*answer = event_of(SEAM_STATS_GET, SEAM_HAS(SEAM_A_WORKER) | SEAM_HAS(SEAM_A_COUNTERS));
	answer->worker = m->worker;
	answer->counters = e->counters;
}
