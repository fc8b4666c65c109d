// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

#define A(name) ADMIN_A_##name

const struct layout layouts[ADMIN_OBJECTS_END] = {
	[ADMIN_WORKER] = {"a thread of the data plane, with what belongs to it",
		{A(WORKER), A(LINKS), A(SESSIONS), A(LABELS), A(STREAMS), A(FRAMES_RX),
			A(FRAMES_TX), A(DROPPED)},
		{A(QUEUED)}, {A(RING), A(VERSION)}},
	[ADMIN_LINK] = {"a connection to a neighbour, or a channel that is used as one",
		{A(LINK), A(STATE), A(TRANSPORT), A(PEER), A(LABELS), A(QUEUED)},
		{A(FRAMES_RX), A(FRAMES_TX), A(BYTES_RX), A(BYTES_TX), A(DROPPED)},
		{A(WORKER), A(SESSION), A(NESTING), A(FRAME_MAX), A(USELESS), A(BLOCKED),
			A(IDLE_MS)}},
	[ADMIN_SESSION] = {"a secure channel that ends here",
		{A(SESSION), A(STATE), A(ROLE), A(LINK), A(STREAMS), A(RTT_US), A(PEER)},
		{A(FRAMES_RX), A(FRAMES_TX), A(BYTES_RX), A(BYTES_TX), A(REPLAYS), A(FORGED),
			A(MALFORMED)},
		{A(WORKER), A(SUITE), A(LABEL), A(LABEL_TX), A(FRAME_MAX), A(PORTALS), A(EPOCH_TX),
			A(EPOCH_RX), A(QUEUED), A(UNDELIVERED), A(PAUSED), A(AGE_MS)}},
	[ADMIN_LABEL] = {"a path: where frames go that come by a link with a label, and how",
		{A(LINK), A(LABEL), A(STATE), A(EGRESS), A(LABEL_TX), A(SESSION), A(PATH)},
		{A(FRAMES_RX), A(BYTES_RX), A(QUEUED), A(PAUSED), A(IDLE_MS)}, {A(WORKER), A(WHY)}},
	[ADMIN_STREAM] = {"a connection of an application that a session carries",
		{A(SESSION), A(STREAM), A(STATE), A(SERVICE), A(BYTES_RX), A(BYTES_TX)},
		{A(QUEUED), A(WINDOW), A(PAUSED)}, {A(WORKER), A(PORTAL)}},
	[ADMIN_PORTAL] =
		{"an inlet, on each session that serves it; the bytes are of all that are open",
			{A(SESSION), A(PORTAL), A(SERVICE), A(STREAMS), A(BYTES_RX), A(BYTES_TX)},
			{0}, {A(WORKER)}},
	[ADMIN_COUNTER] = {"what became of frames", {A(STAGE), A(NAME), A(VALUE)}, {0},
		{A(WORKER)}},
	[ADMIN_LIMIT] = {"what is bounded, how much of it is used, and how often it was not enough",
		{A(NAME), A(VALUE), A(MAX), A(HITS)}, {0}, {A(WORKER)}},
	[ADMIN_EVENT] = {"what happens",
		{A(NAME), A(EVENT), A(LINK), A(SESSION), A(LABEL), A(STREAM), A(PORTAL), A(WORKER),
			A(EGRESS), A(PEER), A(SERVICE), A(REASON)},
		{A(VALUE), A(FRAME_MAX), A(EPOCH_TX), A(EPOCH_RX), A(BYTES_RX), A(BYTES_TX)}, {0}},
};

static unsigned add(uint8_t *dst, unsigned n, const uint8_t *list, unsigned max)
{
	for (unsigned i = 0; i < max && list[i]; i++)
		dst[n++] = list[i];
	return n;
}

unsigned layout_columns(enum admin_object o, bool stats, bool details, uint8_t dst[LAYOUT_MAX])
{
	const struct layout *l = &layouts[o];
	unsigned n = add(dst, 0, l->brief, sizeof l->brief);
	if (stats || details)
		n = add(dst, n, l->stats, sizeof l->stats);
	return details ? add(dst, n, l->details, sizeof l->details) : n;
}

uint64_t layout_all(enum admin_object o)
{
	uint8_t columns[LAYOUT_MAX];
	uint64_t all = 0;
	for (unsigned n = layout_columns(o, true, true, columns); n;)
		all |= ADMIN_HAS(columns[--n]);
	return all;
}
