// SPDX-License-Identifier: Apache-2.0
#include "stats.h"

const char *drop_reason_name(enum drop_reason r)
{
	static const char *const name[DROP_REASONS] = {
		[DROP_TYPE] = "unknown type",
		[DROP_LINK_DOWN] = "link down",
		[DROP_LABEL] = "unknown label",
		[DROP_HALF_OPEN] = "half-open",
		[DROP_EGRESS] = "egress gone",
		[DROP_TOO_BIG] = "too big",
		[DROP_QUEUE] = "overrun",
		[DROP_RATE] = "too many",
		[DROP_PAUSE] = "no change",
		[DROP_SHORT] = "too short",
		[DROP_STRANGER] = "no link",
		[DROP_TAG] = "wrong tag",
		[DROP_MEMORY] = "no memory",
	};
	return (unsigned)r < DROP_REASONS && name[r] ? name[r] : "?";
}

const char *stage_name(enum stage s)
{
	static const char *const name[STAGES] = {
		[STAGE_RX] = "received",
		[STAGE_MAIL_IN] = "from other workers",
		[STAGE_TOLD] = "resets of control",
		[STAGE_LINK] = "link upkeep",
		[STAGE_CONTROL] = "to control",
		[STAGE_OPENED] = "opened",
		[STAGE_REPLAY] = "replayed",
		[STAGE_FORGED] = "forged",
		[STAGE_MALFORMED] = "malformed",
		[STAGE_UNWANTED] = "unwanted",
		[STAGE_FORWARDED] = "forwarded",
		[STAGE_MAIL_OUT] = "to other workers",
		[STAGE_WAITING] = "waiting",
		[STAGE_SEALED] = "sealed",
		[STAGE_OWN] = "own",
		[STAGE_PASSED] = "passed uncopied",
	};
	return (unsigned)s < STAGES && name[s] ? name[s] : "?";
}

int64_t stats_missing(const struct stats *s)
{
	uint64_t in = 0, out = 0;
	for (unsigned i = STAGE_RX; i < STAGE_LINK; i++)
		in += s->stage[i];
	for (unsigned i = STAGE_LINK; i < STAGE_SEALED; i++)
		out += s->stage[i];
	for (unsigned i = 0; i < DROP_REASONS; i++)
		out += s->drops[i];
	return (int64_t)(in - out);
}
