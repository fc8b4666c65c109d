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
